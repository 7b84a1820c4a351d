"""The subtype models that ship."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.bundled import bundled
from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.measure import measure
from gliomics.features.config import load_config
from gliomics.files import read_json
from gliomics.intake import import_folder
from gliomics.models import ModelStore
from gliomics.records import FeatureRow
from gliomics.study import label_path, list_studies
from gliomics.subtype.predict import SubtypeModel

pytestmark = pytest.mark.slow

NAMES = ["subtype_coc2", "subtype_codeletion", "subtype_idh"]
DOCS = Path(__file__).resolve().parents[3] / "docs" / "models"


@pytest.fixture(scope="module")
def sample_features() -> dict[str, FeatureRow]:
    root = Path(bundled("sample_studies"))
    panel = Extraction(load_config("panel"))
    return {s.id: measure(StudyFiles(s, root / "truth" / f"{s.id}.nii.gz"), panel).rows[0] for s in list_studies(root)}


def opened(name: str) -> SubtypeModel:
    return SubtypeModel(ModelStore().current(name))


@pytest.mark.parametrize("name", NAMES)
def test_shipped_model_uses_features_of_the_panel_as_it_is_today(name: str) -> None:
    """A change of the preset would make the model's numbers meaningless: fit it anew, then."""
    assert opened(name).settings.config_sha256 == load_config("panel").digest


@pytest.mark.parametrize("name", NAMES)
def test_card_in_the_docs_has_the_figures_of_the_model(name: str) -> None:
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    for metric in opened(name).card.metrics:
        if metric.low is not None and metric.high is not None and metric.name.startswith("AUC"):
            assert f"{metric.value:.2f} ({metric.low:.2f} to {metric.high:.2f})" in page, metric.name


@pytest.mark.parametrize("name", NAMES)
def test_shipped_model_knows_more_than_the_class_frequencies(name: str) -> None:
    figures = {metric.name: metric for metric in opened(name).card.metrics}
    for variant in ("images", "images and age", "FLAIR", "FLAIR and age"):
        assert figures[f"Brier score, {variant}"].value < figures["Brier score of the class frequencies"].value
    assert figures["permutation p-value"].value < 0.05


@pytest.mark.parametrize(
    ("name", "target", "rare"), [("subtype_coc2", "COC", "coc2"), ("subtype_idh", "IDH", "wildtype")]
)
def test_sample_studies_planted_as_idh_wild_type_rank_highest(
    name: str, target: str, rare: str, sample_features: dict[str, FeatureRow]
) -> None:
    planted = {
        entry["id"]: entry["subtype"][target]
        for entry in read_json(Path(bundled("sample_studies")) / "manifest.json")["studies"]
    }
    model = opened(name)
    probability = {study: model.estimate(table).probabilities[rare] for study, table in sample_features.items()}
    lowest_true = min(p for study, p in probability.items() if planted[study] == rare)
    highest_other = max(p for study, p in probability.items() if planted[study] != rare)
    assert lowest_true > highest_other, probability


@pytest.mark.realdata
def test_real_patients_are_measured_and_estimated(lgg_kaggle: Path, tmp_path: Path) -> None:
    studies = import_folder(lgg_kaggle, tmp_path / "studies")
    panel = Extraction(load_config("panel"))
    tables = [
        measure(StudyFiles(study, label_path(tmp_path / "studies", study.id)), panel).rows[0] for study in studies
    ]
    assert len(tables) >= 5
    bins = [
        levels["original"] for table in tables for name, levels in table.diagnostics.items() if name.endswith("_bins")
    ]
    assert np.mean([16 <= count <= 128 for count in bins]) > 0.8, bins
    for table in tables:
        assert any("voxel size is unknown" in warning for warning in table.warnings)
        for name in NAMES:
            estimate = opened(name).estimate(table)
            assert sum(estimate.probabilities.values()) == pytest.approx(1)
            assert estimate.inside_training_range, estimate.reasons
