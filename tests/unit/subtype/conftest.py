from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gliomics.models import ModelFolder
from gliomics.records import FeatureRow
from gliomics.subtype.fit import Cohort, FitOptions, fit_model
from tests.unit.subtype.cohorts import outcomes, patients

COUNTS = (30, 14, 16)
CLASSES = ("coc1", "coc2", "coc3")


@pytest.fixture(scope="session")
def a_model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """A model of three classes that show in the features, fitted to 60 patients, six of them without T1c."""
    options = FitOptions(
        name="subtype_test",
        target="cluster",
        title="A cluster",
        population="60 drawn patients",
        classes={"1": "coc1", "2": "coc2", "3": "coc3"},
        repeats=2,
        permutations=2,
        members=4,
    )
    cohort = Cohort(
        patients(COUNTS, effect=1.0, without_t1c=6),
        outcomes(COUNTS, ("1", "2", "3")),
        other_masks={"other masks": patients(COUNTS, effect=1.0, seed=5)},
    )
    return fit_model(cohort, tmp_path_factory.mktemp("models") / "subtype_test", options).folder


@pytest.fixture
def a_copy(a_model: ModelFolder, tmp_path: Path) -> Path:
    """The model's folder, free to be damaged."""
    return Path(shutil.copytree(a_model.path, tmp_path / "copy"))


@pytest.fixture
def a_study() -> FeatureRow:
    """A study of a patient that the model has not seen."""
    row = patients((5, 5, 5), effect=1.0, seed=11)[0]
    return replace(row, study_id="a-study", diagnostics={"patient_id": "a-patient"})
