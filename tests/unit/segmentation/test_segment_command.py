"""``gliomics segment`` as a person runs it, with a model of some patients."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gliomics.files import sha256_of
from gliomics.models import ModelCard, load_model_folder, patient_hash, write_model_folder
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.segmentation.mask_record import MaskRecord
from gliomics.segmentation.weights import WEIGHTS
from tests.unit.features.command import Done, gliomics
from tests.unit.tiny_networks import a_labelled_study, make_store

Run = Callable[..., Done]


@pytest.fixture
def cohort(tmp_path: Path) -> list[LabelledStudy]:
    """Three studies, of which the model learned from the first."""
    return [a_labelled_study(tmp_path / "studies", seed) for seed in range(3)]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], cohort: list[LabelledStudy], tmp_path: Path) -> Run:
    """Segment the studies with a model that learned from patient-0."""
    make_store(tmp_path / "made")
    untold = load_model_folder(tmp_path / "made" / "shipped" / "tiny")
    record = untold.card.training.model_copy(update={"n_patients": 1, "patients": [patient_hash("patient_0")]})
    card: ModelCard = untold.card.model_copy(update={"training": record})
    models = tmp_path / "models"
    write_model_folder(models / "tiny" / "1", card, {WEIGHTS: lambda path: shutil.copyfile(untold.file(WEIGHTS), path)})
    (models / "tiny" / "current.json").write_text(
        json.dumps({"version": "1", "history": [{"version": "1", "reason": "a test", "when": ""}]})
    )
    options = ["--model", "tiny", "--models", models, "--out", tmp_path / "masks"]
    return lambda: gliomics(capsys, "segment", tmp_path / "studies", *options)


def test_mask_of_a_patient_that_the_model_learned_from_is_told(run: Run, tmp_path: Path) -> None:
    done = run()
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.replace("\n  ", " ").splitlines() if "learned from this patient" in line]
    assert len(said) == 1 and said[0].startswith("case-0: tiny version 1 learned from this patient")


def test_masks_are_recorded_with_their_model_for_the_evaluation(run: Run, tmp_path: Path) -> None:
    run()
    record = json.loads((tmp_path / "masks" / "masks.json").read_text())["masks"]
    assert {name: made["in_sample"] for name, made in record.items()} == {
        "case-0.nii.gz": True, "case-1.nii.gz": False, "case-2.nii.gz": False
    }  # fmt: skip
    assert record["case-1.nii.gz"]["sha256"] == sha256_of(tmp_path / "masks" / "case-1.nii.gz")
    masks = MaskRecord(tmp_path / "masks")
    assert masks.in_sample(tmp_path / "masks" / "case-0.nii.gz") == "tiny version 1"
    assert masks.in_sample(tmp_path / "masks" / "case-1.nii.gz") is None
