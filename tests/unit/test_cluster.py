"""Work on a Dask cluster is what it is here, and its errors are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import distributed
import numpy as np
import pytest
from typer.testing import CliRunner

from gliomics.association.associate import Plan, associate, questions
from gliomics.association.expression import HISTOGRAM, information
from gliomics.cli.main import app
from gliomics.cluster import _there, map_over
from gliomics.cohort.patient_table import PatientTable
from gliomics.errors import InputError
from gliomics.survival.validation import BOTH, validate
from tests.conftest import PROJECT
from tests.unit.survival.cohorts import a_table

pytestmark = pytest.mark.slow
PATIENTS = [f"P-{k}" for k in range(40)]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a cluster of two threads, to which everything travels by TCP on this machine alone."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp://", host="127.0.0.1",
        dashboard_address="127.0.0.1:0", silence_logs=50,
    ) as cluster:  # fmt: skip
        yield cluster.scheduler_address


def a_patient_table(columns: int, seed: int = 0) -> PatientTable:
    values = np.random.default_rng(seed).normal(size=(40, columns))
    return PatientTable(PATIENTS, PATIENTS, [f"f{k}" for k in range(columns)], values)


def less_than_five(number: int) -> int:
    if number > 4:
        raise InputError(f"{number} is too many")
    return number


def test_results_come_in_order_and_errors_where_they_belong(address: str) -> None:
    assert [*map_over(less_than_five, range(5), address)] == [0, 1, 2, 3, 4]
    answers = map_over(less_than_five, [3, 9, 1], address)
    assert next(answers) == 3
    with pytest.raises(InputError, match="9 is too many"):
        next(answers)


def test_worker_of_another_version_is_refused() -> None:
    with pytest.raises(InputError, match=r"a Dask worker has Gliomics .*, this computer 9\.9; install the same"):
        _there("9.9", less_than_five, 1)


def test_associations_information_and_survival_are_the_same(address: str) -> None:
    table, labels = a_patient_table(25), {patient: "ab"[k % 2] for k, patient in enumerate(PATIENTS)}
    asked = questions(table, {"target": labels})
    assert associate(table, asked, Plan(), scheduler=address) == associate(table, asked, Plan())
    here, there = (
        information(table, a_patient_table(3, 1), permutations=25, scheduler=scheduler).estimates[HISTOGRAM]
        for scheduler in (None, address)
    )
    assert (here.p == there.p).all() and here.by_chance == there.by_chance
    survival = a_table(60, of_feature=0.9)
    models = validate(survival, repeats=1).models, validate(survival, repeats=1, scheduler=address).models
    assert (models[0][BOTH].risk == models[1][BOTH].risk).all()
    assert (models[0][BOTH].survival == models[1][BOTH].survival).all()


def test_studies_are_segmented_there_and_recorded_here(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = str(PROJECT / "sample_studies" / "sample-01")
    words = ["segment", study, "--model", "segmentation_flair", "--out"]
    assert CliRunner().invoke(app, [*words, "here"]).exit_code == 0
    result = CliRunner().invoke(app, [*words, "there", "--scheduler", address])
    assert result.exit_code == 0, result.output
    (mask,) = Path("here").glob("*.nii.gz")
    assert (Path("there") / mask.name).read_bytes() == mask.read_bytes()
    assert Path("there/masks.json").read_text() == Path("here/masks.json").read_text()
    both = CliRunner().invoke(app, [*words, "x", "--scheduler", address, "--server", "http://127.0.0.1:1"])
    assert "both say where to segment" in str(both.exception)
