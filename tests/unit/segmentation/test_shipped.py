"""The segmentation models that ship."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.bundled import bundled
from gliomics.evaluation import dice
from gliomics.files import read_json
from gliomics.models import ModelFolder, ModelStore, patient_hash
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import SegmentationSettings
from gliomics.segmentation.weights import WEIGHTS
from gliomics.study import list_studies, load_sequences, read_mask
from gliomics.training.config import load_training_config
from gliomics.training.crossvalidate import CrossValidationRecord, read_cross_validation

NAMES = ["segmentation_flair", "segmentation_multi"]
DOCS = Path(__file__).resolve().parents[3] / "docs" / "models"
MOST_BYTES = 16e6

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("name", NAMES)]


def shipped(name: str) -> ModelFolder:
    return ModelStore().current(name)


def validation(name: str) -> CrossValidationRecord:
    return read_cross_validation(DOCS / "validation" / name)


def test_shipped_model_is_its_configuration_with_the_rules_of_its_cross_validation(name: str) -> None:
    card, config = shipped(name).card, load_training_config(name)
    settings = SegmentationSettings.model_validate(card.settings)
    record = validation(name)
    assert record.config == config
    assert settings == config.model.model_copy(
        update={"calibration": record.calibration, "postprocess": record.postprocess}
    )
    assert card.sequences == config.sequences


def test_figures_are_of_all_patients_each_unseen_by_its_network(name: str) -> None:
    card, record = shipped(name).card, validation(name)
    assert record.folds == [sorted(fold) for fold in read_json(DOCS / "lgg_folds.json")["folds"]]
    assert card.metrics == record.metrics
    assert {metric.n for metric in card.metrics} == {88}
    mean = next(metric for metric in card.metrics if metric.name == "mean_dice")
    assert mean.value == pytest.approx(np.mean(list(record.scores.values())))


def test_patients_kept_out_were_not_trained_on(name: str) -> None:
    kept_out = {patient_hash(patient) for patient in read_json(DOCS / "lgg_kept_out.json")["test"]}
    split = shipped(name).card.training.split
    assert kept_out == set(split["test"])
    assert not kept_out & set(split["training"])
    assert len(split["training"]) == 88 - len(kept_out)


def test_weights_are_small_enough_to_ship(name: str) -> None:
    assert shipped(name).file(WEIGHTS).stat().st_size <= MOST_BYTES


def test_card_in_the_docs_has_the_figures_of_the_model(name: str) -> None:
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    for metric in shipped(name).card.metrics:
        assert f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})" in page, metric.name


def test_sample_lesions_are_found(name: str) -> None:
    """The synthetic studies are unlike real ones; a model that lost its weights would find nothing in them."""
    root = Path(bundled("sample_studies"))
    segmenter = Segmenter(shipped(name))
    scores = []
    for study in list_studies(root)[:3]:
        mask = segmenter.segment(load_sequences(study, segmenter.sequences)).mask
        scores.append(dice(mask.array, read_mask(root / "truth" / f"{study.id}.nii.gz").array))
    assert np.mean(scores) > 0.5, scores
