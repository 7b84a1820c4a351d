from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gliomics.errors import InputError
from gliomics.models import ModelStore, load_model_folder
from gliomics.segmentation.config import TrainingConfig, load_training_config
from gliomics.segmentation.fit import fit
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.segmentation.predict import Segmenter, load_weights
from gliomics.study import load_sequences

from .conftest import FAST, TINY


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


@pytest.mark.parametrize(
    ("name", "base", "context"),
    [("gbm_unet_original", 64, 0), ("segmentation_flair", 16, 1), ("segmentation_multi", 16, 1)],
)
def test_configuration_that_comes_with_gliomics_is_valid(name: str, base: int, context: int) -> None:
    config = load_training_config(name)
    assert (config.model.network.base, config.model.input.context) == (base, context)


@pytest.mark.parametrize("name", ["segmentation_flair", "segmentation_multi"])
def test_shipped_model_has_the_settings_of_its_configuration(name: str) -> None:
    card = ModelStore().current(name).card
    config = load_training_config(name)
    assert card.settings == config.model.model_dump()
    assert card.sequences == config.sequences


def test_unknown_configuration_is_refused_with_those_that_exist() -> None:
    with pytest.raises(InputError, match="give a YAML file or one of gbm_unet_original, segmentation_flair"):
        load_training_config("nothing")


def test_misspelt_setting_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ntitel: typo\n")
    with pytest.raises(InputError, match=r"mine\.yaml: "):
        load_training_config(str(path))


def test_fitted_model_reports_the_patients_it_never_saw(labelled: list[LabelledStudy], tmp_path: Path) -> None:
    held_out = ["patient-4", "patient-5"]
    _, scores = fit(labelled, a_config("tiny", []), held_out, tmp_path / "tiny", population="six test cases")
    card = load_model_folder(tmp_path / "tiny").card
    assert set(scores) == {"case-4", "case-5"}
    assert [metric.n for metric in card.metrics] == [2, 2]
    assert card.metrics[0].value == pytest.approx(sum(scores.values()) / 2)
    assert card.metrics[0].value > 0.8
    assert card.training.split == {"training": [f"patient-{i}" for i in range(4)], "validation": held_out}


def test_model_with_more_sequences_starts_where_the_other_stands(
    a_store: ModelStore, labelled: list[LabelledStudy], tmp_path: Path
) -> None:
    """Before any step, the widened network ignores the sequences it did not have."""
    still = FAST.model_copy(update={"epochs": 1, "learning_rate": 1e-12, "ema": 0.0})
    config = a_config("wide", ["t1"], start_from="tiny", training=still.model_dump())
    fit(labelled[:2], config, ["patient-1"], tmp_path / "wide", population="two test cases", store=a_store)
    weights = load_weights(load_model_folder(tmp_path / "wide"))
    start = load_weights(a_store.current("tiny"))
    first = weights["encoder.0.0.weight"]
    torch.testing.assert_close(first[:, :1], start["encoder.0.0.weight"], atol=1e-3, rtol=1e-2)
    assert float(first[:, 1:].abs().max()) < 1e-6
    segmenter = Segmenter(load_model_folder(tmp_path / "wide"))
    volumes = load_sequences(labelled[0].study, ["flair", "t1"])
    assert segmenter.segment(volumes).sequences_used == ["flair", "t1"]


def test_validation_patient_without_a_study_is_named(labelled: list[LabelledStudy], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="patient-99"):
        fit(labelled, a_config("tiny", []), ["patient-99"], tmp_path / "tiny", population="six test cases")
    assert list(tmp_path.iterdir()) == []
