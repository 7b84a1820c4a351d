"""A subtype model fitted anew to labels and a genomic table, with real features of small studies."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.measure import measure
from gliomics.errors import GliomicsError, InputError, UnknownNameError
from gliomics.features.config import load_config
from gliomics.models import ModelStore
from gliomics.server.store.datastore import StudyDatastore
from gliomics.server.tasks.train_subtype import GENOMICS, SubtypeTraining
from gliomics.study import Study, Volume, label_path, list_studies, write_mask, write_study_json, write_volume
from gliomics.subtype.fit import Cohort, FitOptions, fit_model
from tests.server.studies import a_lesion_case

pytestmark = pytest.mark.slow

CASES = 34
SIGNAL = {"bright": 60, "dark": 0}
"""What FLAIR has in the lesion besides, by class."""


def class_of(seed: int) -> str:
    return "bright" if seed % 2 else "dark"


def add_labelled(root: Path, seed: int) -> None:
    volumes, mask = a_lesion_case(seed)
    array = volumes["flair"].array + SIGNAL[class_of(seed)] * (mask.array > 0)
    folder = root / f"case-{seed:02d}"
    write_volume(Volume(array.astype("float32"), mask.affine), folder / "flair.nii.gz")
    write_study_json(folder, [Study(folder.name, f"patient_{seed}", folder, {"flair": folder / "flair.nii.gz"})])
    write_mask(mask, label_path(root, folder.name))


def add_champion(root: Path) -> None:
    """A model that takes one class for the other."""
    extraction = Extraction(load_config("panel"))
    rows = [measure(StudyFiles(study, label_path(root, study.id)), extraction).rows[0] for study in list_studies(root)]
    wrong = {f"patient-{seed}": class_of(seed + 1) for seed in range(CASES)}
    options = FitOptions(
        "subtype_flair", "FLAIR signal", "A test model", "invented patients", repeats=1, permutations=1
    )
    models = root / ".gliomics" / "models"
    fit_model(Cohort(rows, wrong), models / "subtype_flair" / "1", options)
    ModelStore(models).publish("subtype_flair", "1", "a test model")


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled studies whose subtype shows on FLAIR, without a genomic table."""
    root = tmp_path_factory.mktemp("studies")
    for seed in range(CASES):
        add_labelled(root, seed)
    add_champion(root)
    return root


@pytest.fixture
def training(studies: Path, monkeypatch: pytest.MonkeyPatch) -> SubtypeTraining:
    """Its models are validated only roughly, to save time."""
    monkeypatch.setattr("gliomics.subtype.retrain.REPEATS", 1)
    monkeypatch.setattr("gliomics.subtype.retrain.PERMUTATIONS", 1)
    store = StudyDatastore(studies)
    (studies / GENOMICS).unlink(missing_ok=True)
    return SubtypeTraining("subtype_flair", ModelStore(store.workspace.models), store)


def write_genomics(studies: Path, values: dict[str, str], column: str = "FLAIR signal") -> None:
    with (studies / GENOMICS).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["patient_id", column])
        table.writerows(values.items())


def test_model_is_fitted_anew_to_labels_and_table_and_serves_because_it_is_better(
    training: SubtypeTraining, studies: Path
) -> None:
    write_genomics(studies, {f"patient_{seed}": class_of(seed)[0].upper() for seed in range(CASES - 1)}, "status")
    options = {"column": "status", "classes": {"B": "bright", "D": "dark"}}
    state = training(options, StudyDatastore(studies))
    assert (state["state"], state["published"], state["new_labels"]) == ("finished", True, 0)
    assert state["skipped"] == {f"case-{CASES - 1}": f"genomics.csv says nothing of patient 'patient_{CASES - 1}'"}
    assert len(state["before"]) == len(state["after"]) == CASES - 1
    assert state["verdict"]["outcome"] == "better"
    card = ModelStore(studies / ".gliomics" / "models").current("subtype_flair").card
    assert (card.version, card.parent) == ("2", "1")
    assert card.training.n_patients == CASES - 1
    stamps = {path: path.stat().st_mtime_ns for path in (studies / ".gliomics" / "features").rglob("*.json")}
    again = training(options, StudyDatastore(studies))
    assert (again["version"], again["published"]) == ("3", False)
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


def test_label_that_cannot_be_measured_is_left_out_with_the_reason(training: SubtypeTraining, studies: Path) -> None:
    write_genomics(studies, {f"patient_{seed}": class_of(seed) for seed in range(CASES)})
    label = label_path(studies, "case-00")
    content = label.read_bytes()
    label.write_bytes(content[: len(content) // 2])
    try:
        skipped = training({}, StudyDatastore(studies))["skipped"]
    finally:
        label.write_bytes(content)
    assert list(skipped) == ["case-00"]
    assert "case-00" in skipped["case-00"]


def test_too_few_patients_are_told_to_clients(training: SubtypeTraining, studies: Path) -> None:
    write_genomics(studies, {f"patient_{seed}": class_of(seed) for seed in range(8)})
    with pytest.raises(InputError, match="too few patients in a class"):
        training({}, StudyDatastore(studies))
    assert "too few patients in a class" in training.stats()["reason"]


def test_folder_without_a_genomic_table_is_refused_before_a_training_begins(training: SubtypeTraining) -> None:
    with pytest.raises(InputError, match=r"has no genomics.csv; .* columns patient_id and 'FLAIR signal'"):
        training.check({})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"column": "grade"}, UnknownNameError, "genomics.csv has no column 'grade'; it has patient_id, FLAIR signal"),
        ({"column": 3}, InputError, "column is 3; expected the name"),
        ({"classes": ["bright"]}, InputError, r"classes is \['bright'\]; expected"),
        ({"classes": {"1": "green"}}, InputError, "with the classes bright, dark"),
    ],
)
def test_unusable_options_are_refused(
    training: SubtypeTraining, studies: Path, options: dict[str, Any], error: type[GliomicsError], message: str
) -> None:
    write_genomics(studies, {"patient_1": "bright"})
    with pytest.raises(error, match=message):
        training.check(options)
