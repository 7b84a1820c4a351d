from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.interactive.click_benchmark import Trial, trial_metrics
from gliomics.interactive.fit_correction import CONFIG, fit_correction
from gliomics.interactive.refine import Refiner
from gliomics.models import load_model_folder, patient_hash
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.study import read_mask, write_mask
from gliomics.training.card import TrainingPlan
from gliomics.training.config import load_training_config
from gliomics.training.split import Split
from tests.server.studies import CORRECTING, ENOUGH

pytestmark = pytest.mark.slow

TEST = Split(test=("patient-4", "patient-5"))


@pytest.fixture(scope="module")
def masks(labelled: list[LabelledStudy], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Masks that are shifted, as if by a poor network."""
    folder = tmp_path_factory.mktemp("masks")
    for number, item in enumerate(labelled):
        truth = read_mask(item.label)
        write_mask(truth.with_array(np.roll(truth.array, 4, axis=number % 2)), folder / f"{item.study.id}.nii.gz")
    return folder


def a_plan(epochs: int = 40) -> TrainingPlan:
    config = load_training_config(str(CONFIG))
    training = ENOUGH.model_copy(update={"epochs": epochs})
    config = config.model_copy(
        update={
            "sequences": config.sequences.model_copy(update={"optional": ["t1"]}),
            "model": CORRECTING,
            "training": training,
        }
    )
    return TrainingPlan(config, "six test cases", TEST)


def test_clicks_improve_the_masks_of_patients_never_trained_on(
    labelled: list[LabelledStudy], masks: Path, tmp_path: Path
) -> None:
    model = fit_correction(labelled, masks, a_plan(), tmp_path / "run")
    assert model is not None
    card = load_model_folder(model.path).card
    tested = [patient_hash("patient-4"), patient_hash("patient-5")]
    assert (card.task, card.training.split["test"]) == ("refinement", tested)
    figures = {metric.name: metric for metric in card.metrics}
    assert figures["mean_dice_after_10_clicks"].value > figures["mean_dice_after_0_clicks"].value + 0.05
    assert {metric.n for metric in card.metrics} == {2}
    assert Refiner(model).sequences == ["flair", "t1"]


def test_study_without_a_mask_is_named_before_anything_is_trained(
    labelled: list[LabelledStudy], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"has no mask case-0\.nii\.gz"):
        fit_correction(labelled, tmp_path, a_plan(1), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_configuration_that_comes_with_gliomics_reaches_as_far_as_a_click() -> None:
    config = load_training_config(str(CONFIG))
    assert config.model.input.context == CORRECTING.input.context
    assert config.model.network.task == "segmentation"


def test_clicks_that_never_were_enough_count_as_more_than_the_most() -> None:
    trials = [
        Trial("a", "a", [0.5, 0.8, 0.91, 0.96], [0.1] * 3),
        Trial("b", "b", [0.5, 0.92, 0.93], [0.1] * 2),
        Trial("c", "c", [0.1] * 21, [0.1] * 20),
    ]
    figures = {metric.name: metric.value for metric in trial_metrics(trials, "how")}
    assert figures["median_clicks_to_0.90"] == 2
    assert figures["median_clicks_to_0.95"] == 21
    assert figures["share_that_reach_0.90"] == pytest.approx(2 / 3)
    assert figures["mean_dice_after_1_clicks"] == pytest.approx((0.8 + 0.92 + 0.1) / 3)
    assert figures["mean_dice_after_20_clicks"] == pytest.approx((0.96 + 0.93 + 0.1) / 3)
