from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gliomics.errors import InputError
from gliomics.models import ModelFolder, load_model_folder, patient_hash
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.segmentation.settings import SegmentationSettings
from gliomics.training.card import TrainingPlan
from gliomics.training.config import TrainingConfig, load_training_config
from gliomics.training.fit import fit
from gliomics.training.split import Split
from tests.unit.tiny_networks import FAST, TINY

pytestmark = pytest.mark.slow

BRIEF = {**FAST.model_dump(), "epochs": 1}


def a_config(name: str, optional: list[str], **more: object) -> TrainingConfig:
    return TrainingConfig.model_validate(
        {
            "name": name,
            "title": "A tiny test model",
            "description": "Trained in a test.",
            "sequences": {"required": ["flair"], "optional": optional},
            "model": TINY.model_dump(),
            "training": FAST.model_dump(),
            **more,
        }
    )


def fitted(
    labelled: list[LabelledStudy], config: TrainingConfig, split: Split, run: Path
) -> tuple[ModelFolder, dict[str, float]]:
    result = fit(labelled, TrainingPlan(config, "six test cases", split), run)
    assert result is not None  # this is the only process
    return result


def test_unknown_configuration_is_refused_with_those_that_exist() -> None:
    with pytest.raises(InputError, match="give a YAML file or one of "):
        load_training_config("nothing")


def test_misspelt_setting_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ntitel: typo\n")
    with pytest.raises(InputError, match=r"mine\.yaml: "):
        load_training_config(str(path))


@pytest.mark.parametrize(
    ("network", "given", "error"),
    [
        ({"kind": "dynunet"}, {"depth": 18}, "input.depth that is a multiple of 4; found 18"),
        ({"kind": "dynunet"}, {"depth": 1}, "needs input.depth above 1"),
        ({"kind": "dynunet"}, {"depth": 16, "context": 1}, "set input.context to 0"),
        ({"kind": "gbm_unet"}, {"depth": 16}, "needs input.depth 1; found 16"),
    ],
)
def test_depth_that_a_network_cannot_have_is_refused_with_what_is_possible(
    tmp_path: Path, network: dict[str, Any], given: dict[str, int], error: str
) -> None:
    content = load_training_config("segmentation_flair").model_dump()
    content["model"] |= {"network": network, "input": {"size": 64, **given}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(content))))
    with pytest.raises(InputError, match=error):
        load_training_config(str(path))


def test_figures_are_those_of_the_test_patients(labelled: list[LabelledStudy], tmp_path: Path) -> None:
    split = Split(validation=("patient-3",), test=("patient-4", "patient-5"))
    _, scores = fitted(labelled, a_config("tiny", []), split, tmp_path)
    card = load_model_folder(tmp_path / "model").card
    assert set(scores) == {"case-4", "case-5"}
    assert [metric.n for metric in card.metrics] == [2, 2]
    assert card.metrics[0].value == pytest.approx(sum(scores.values()) / 2)
    assert card.metrics[0].value > 0.8
    assert "test patients" in card.metrics[0].how
    hashes = [patient_hash(f"patient-{number}") for number in range(6)]
    assert card.training.split == {"training": hashes[:3], "validation": hashes[3:4], "test": hashes[4:]}
    assert card.training.patients == sorted(hashes[:4])
    settings = SegmentationSettings.model_validate(card.settings)
    assert settings.calibration.slope != 1


def test_figures_of_validation_patients_say_what_was_chosen_on_them(
    labelled: list[LabelledStudy], tmp_path: Path
) -> None:
    model, _ = fitted(labelled, a_config("tiny", [], training=BRIEF), Split(("patient-5",)), tmp_path)
    assert "chosen on the same patients" in model.card.metrics[0].how


def test_without_patients_kept_apart_there_are_no_figures(labelled: list[LabelledStudy], tmp_path: Path) -> None:
    model, scores = fitted(labelled, a_config("tiny", [], training=BRIEF), Split(), tmp_path)
    assert (model.card.metrics, scores) == ([], {})
    assert model.card.training.n_patients == 6


def test_trained_model_is_never_overwritten(labelled: list[LabelledStudy], tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(InputError, match="exists already"):
        fitted(labelled, a_config("tiny", []), Split(), tmp_path)


def test_validation_patient_without_a_study_is_named(labelled: list[LabelledStudy], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="patient-99"):
        fitted(labelled, a_config("tiny", []), Split(("patient-99",)), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
