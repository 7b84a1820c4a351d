"""The model of tumour parts that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.bundled import bundled
from gliomics.evaluation import dice
from gliomics.models import ModelFolder, ModelStore
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import SegmentationSettings
from gliomics.segmentation.weights import WEIGHTS
from gliomics.study import list_studies, load_sequences, read_mask
from gliomics.study.numbering import CORE, ENHANCING, OEDEMA
from gliomics.training.config import load_training_config

CARD = Path(__file__).resolve().parents[3] / "docs" / "models" / "segmentation_parts.md"
MOST_BYTES = 16e6

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> ModelFolder:
    return ModelStore().current("segmentation_parts")


def test_model_is_its_configuration_and_small(model: ModelFolder) -> None:
    config = load_training_config("segmentation_parts")
    settings = SegmentationSettings.model_validate(model.card.settings)
    parts = {"network", "input", "mirror"}
    assert settings.model_dump(include=parts) == config.model.model_dump(include=parts)
    assert settings.regions == config.model.regions
    assert model.card.sequences == config.sequences
    assert model.card.labels == {CORE: 1, OEDEMA: 2, ENHANCING: 3}
    assert model.file(WEIGHTS).stat().st_size <= MOST_BYTES


def test_card_in_the_docs_has_the_figures_of_the_model(model: ModelFolder) -> None:
    page = CARD.read_text(encoding="utf-8")
    for metric in model.card.metrics:
        assert f"{metric.value:.3f}" in page, metric.name
        if metric.low is not None and metric.high is not None:
            assert f"({metric.low:.3f} to {metric.high:.3f})" in page, metric.name


@pytest.mark.parametrize("sources", [("BraTS2021_00006", "TCGA-DU-7294"), ("BraTS2021_01483", "TCGA-CS-6665")])
def test_patients_of_all_its_sources_are_known_to_it(model: ModelFolder, sources: tuple[str, str]) -> None:
    assert all(model.card.training.learned_from(patient) for patient in sources)


def test_parts_of_synthetic_tumours_are_found_in_thick_slices(model: ModelFolder) -> None:
    """The studies are unlike real ones; a model that lost its weights, or has them in another order, finds nothing."""
    root, segmenter = Path(bundled("sample_studies")), Segmenter(model)
    whole, core = [], []
    for study in list_studies(root)[:3]:
        mask = segmenter.segment(load_sequences(study, segmenter.sequences)).mask.array
        truth = read_mask(root / "truth" / f"{study.id}.nii.gz").array
        whole.append(dice(mask, truth))
        core.append(dice(np.isin(mask, [1, 3]), np.isin(truth, [1, 4])))
    assert np.mean(whole) > 0.7, whole
    assert np.mean(core) > 0.5, core
