"""The correction model that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.bundled import bundled
from gliomics.files import read_json
from gliomics.interactive.click_benchmark import run_trial
from gliomics.interactive.fit_correction import CONFIG
from gliomics.interactive.refine import Refiner
from gliomics.models import ModelFolder, ModelStore, patient_hash
from gliomics.segmentation.settings import SegmentationSettings
from gliomics.segmentation.weights import WEIGHTS
from gliomics.study import list_studies, load_sequences, read_mask
from gliomics.training.config import load_training_config

pytestmark = pytest.mark.slow

DOCS = Path(__file__).resolve().parents[3] / "docs" / "models"


@pytest.fixture(scope="module")
def shipped() -> ModelFolder:
    return ModelStore().current("correction")


def test_model_is_its_configuration(shipped: ModelFolder) -> None:
    config = load_training_config(str(CONFIG))
    assert SegmentationSettings.model_validate(shipped.card.settings) == config.model
    assert shipped.card.sequences == config.sequences
    assert shipped.file(WEIGHTS).stat().st_size < 16e6


def test_figures_are_of_patients_that_it_never_saw(shipped: ModelFolder) -> None:
    first_fold = read_json(DOCS / "lgg_folds.json")["folds"][0]
    split = shipped.card.training.split
    tested = {patient_hash(patient) for patient in first_fold}
    assert set(split["test"]) == tested
    assert not set(split["training"]) & tested
    assert {metric.n for metric in shipped.card.metrics} == {len(first_fold)}


def test_card_in_the_docs_has_the_figures_of_the_model(shipped: ModelFolder) -> None:
    page = (DOCS / "correction.md").read_text(encoding="utf-8")
    for metric in shipped.card.metrics:
        if metric.name.startswith("mean_dice"):
            assert f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})" in page, metric.name


def test_three_clicks_mend_a_mask_that_was_moved(shipped: ModelFolder) -> None:
    refiner, root = Refiner(shipped), Path(bundled("sample_studies"))
    study = list_studies(root)[0]
    truth = read_mask(root / "truth" / f"{study.id}.nii.gz")
    moved = truth.with_array(np.roll(truth.array, 5, axis=0))
    trial = run_trial(
        refiner,
        load_sequences(study, [name for name in refiner.sequences if name in study.sequences]),
        moved,
        truth,
        study_id=study.id,
        patient_id=study.patient_id,
    )
    assert trial.after(3) > trial.dice[0]
    assert trial.after(20) > trial.after(3)
