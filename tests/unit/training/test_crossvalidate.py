from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.evaluation import dice
from gliomics.files import write_json
from gliomics.models import load_model_folder
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import SegmentationSettings
from gliomics.study import load_sequences, read_label_names, read_mask, write_mask
from gliomics.study.numbering import CORE, ENHANCING, OEDEMA
from gliomics.training.config import TrainingConfig
from gliomics.training.crossvalidate import (
    RECORD,
    CrossValidationRecord,
    cross_validate,
    fit_validated,
    read_cross_validation,
)
from gliomics.training.split import Split
from tests.unit.ring_tumours import NEEDS, PARTS, a_labelled_ring
from tests.unit.tiny_networks import FAST, TINY

pytestmark = pytest.mark.slow

FOLDS = [[f"patient-{i}" for i in range(3)], [f"patient-{i}" for i in range(3, 6)]]


def a_config(epochs: int = 40) -> TrainingConfig:
    return TrainingConfig.model_validate(
        {
            "name": "tiny",
            "title": "A tiny test model",
            "description": "Trained in a test.",
            "sequences": {"required": ["flair"], "optional": ["t1"]},
            "model": TINY.model_dump(),
            "training": {**FAST.model_dump(), "epochs": epochs, "sequence_dropout": 0.3},
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, labelled: list[LabelledStudy]) -> Path:
    folder = tmp_path_factory.mktemp("cross-validation")
    cross_validate(labelled, a_config(), FOLDS, folder)
    return folder


@pytest.fixture(scope="module")
def record(run: Path) -> CrossValidationRecord:
    return read_cross_validation(run)


def test_every_patient_has_a_mask_that_scores_what_the_record_says(
    run: Path, record: CrossValidationRecord, labelled: list[LabelledStudy]
) -> None:
    for item in labelled:
        mask, label = read_mask(run / "masks" / f"{item.study.id}.nii.gz"), read_mask(item.label)
        np.testing.assert_array_equal(mask.affine, label.affine)
        assert dice(mask.array, label.array) == pytest.approx(record.scores[item.study.id])
    assert record.metrics[0].n == 6
    assert record.metrics[0].value == pytest.approx(np.mean(list(record.scores.values())))
    assert record.metrics[0].value > 0.7


def test_masks_without_the_optional_sequence_are_others(run: Path, labelled: list[LabelledStudy]) -> None:
    folders = (run / "masks", run / "masks_required_only")
    masks = [[read_mask(folder / f"{item.study.id}.nii.gz").array for item in labelled] for folder in folders]
    assert any((a != b).any() for a, b in zip(*masks, strict=True))


def test_fold_is_predicted_by_a_network_that_never_saw_it(tmp_path: Path, labelled: list[LabelledStudy]) -> None:
    """Other labels in fold 1 change nothing in what is said of fold 1, and all in what is said of fold 2."""
    changed = []
    for item in labelled:
        path = item.label
        if item.study.patient_id in FOLDS[0]:
            mask = read_mask(item.label)
            path = tmp_path / "labels" / item.label.name
            write_mask(mask.with_array(np.roll(mask.array, 8, axis=0)), path)
        changed.append(LabelledStudy(item.study, path))
    cross_validate(labelled, a_config(2), FOLDS, tmp_path / "first")
    cross_validate(changed, a_config(2), FOLDS, tmp_path / "second")
    for fold, same in (("fold-1", True), ("fold-2", False)):
        files = sorted((tmp_path / "first" / fold / "all").iterdir())
        again = [(tmp_path / "second" / fold / "all" / file.name).read_bytes() for file in files]
        assert ([file.read_bytes() for file in files] == again) is same


def test_finished_folds_are_not_trained_again(tmp_path: Path, labelled: list[LabelledStudy]) -> None:
    seen: list[tuple[int, int]] = []
    for _ in range(2):
        cross_validate(
            labelled,
            a_config(2),
            FOLDS,
            tmp_path,
            on_epoch=lambda fold: lambda records, _: seen.append((fold, len(records))),
        )
    assert seen == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_model_of_all_patients_has_the_rules_and_figures_of_the_cross_validation(
    tmp_path: Path, record: CrossValidationRecord, labelled: list[LabelledStudy]
) -> None:
    fit_validated(labelled, record, Split(), tmp_path, population="six test cases")
    model = load_model_folder(tmp_path / "model")
    settings = SegmentationSettings.model_validate(model.card.settings)
    assert settings.calibration == record.calibration
    assert settings.postprocess == record.postprocess
    assert model.card.metrics == record.metrics
    assert model.card.training.n_patients == 6
    study = labelled[0].study
    assert Segmenter(model).segment(load_sequences(study, ["flair"])).mask.array.any()


def test_other_labels_than_the_cross_validation_had_are_refused(
    tmp_path: Path, record: CrossValidationRecord, labelled: list[LabelledStudy]
) -> None:
    with pytest.raises(InputError, match="other studies or other labels"):
        fit_validated(labelled[:5], record, Split(), tmp_path, population="five test cases")


def test_folder_without_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=RECORD):
        read_cross_validation(tmp_path)


def test_damaged_record_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / RECORD, {"folds": 3})
    with pytest.raises(InputError, match=RECORD):
        read_cross_validation(tmp_path)


def test_parts_are_judged_by_region_and_written_with_their_names(tmp_path: Path) -> None:
    labelled = [a_labelled_ring(tmp_path / "studies", seed) for seed in range(2)]
    config = a_config(epochs=2).model_copy(update={"model": PARTS, "sequences": NEEDS})
    record = cross_validate(labelled, config, [["ring-0"], ["ring-1"]], tmp_path / "run")
    assert record is not None
    assert [item.region for item in record.inner] == ["tumour-core", "enhancing"]
    assert {metric.name for metric in record.metrics} >= {"mean_dice", "mean_dice, whole", "mean_dice, enhancing"}
    for folder, values in (("masks", {0, 1, 2, 3}), ("masks_required_only", {0, 1, 3})):
        path = tmp_path / "run" / folder / "ring-1.seg.nrrd"
        assert read_label_names(path) == {1: CORE, 2: OEDEMA, 3: ENHANCING}
        assert set(np.unique(read_mask(path).array)) <= values
