"""Time and memory of associations and survival for thousands of synthetic patients, on as many processes as are given.

``python -m tests.benchmarks.test_cohort_scale PATIENTS FEATURES`` measures one size on a Dask cluster of two processes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import distributed

from gliomics.association.associate import Plan, associate, questions
from gliomics.cohort.patient_table import PatientTable
from gliomics.survival.figures import figures, rows_over_time
from gliomics.survival.hazards import hazard_rows
from gliomics.survival.validation import validate
from tests.conftest import PROJECT
from tests.unit.survival.cohorts import a_table

CLASSES = ("a", "b", "c", "d")
PROCESSES = 2


def measured(patients: int, features: int) -> dict[str, float]:
    """Seconds of each part, and the most memory of this process and of its workers, in MB."""
    survival = a_table(patients, of_feature=0.5, of_age=0.5, features=features)
    table = PatientTable(survival.patients, survival.patients, survival.names, survival.values)
    labels = {patient: CLASSES[k % len(CLASSES)] for k, patient in enumerate(table.patients)}
    answer: dict[str, float] = {}
    with distributed.LocalCluster(
        n_workers=PROCESSES, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
    ) as cluster:
        address = cluster.scheduler_address
        begin = time.perf_counter()
        associate(table, questions(table, {"target": labels}), Plan(), scheduler=address)
        answer["associations"], begin = time.perf_counter() - begin, time.perf_counter()
        validation = validate(survival, repeats=1, scheduler=address)
        answer["validation"], begin = time.perf_counter() - begin, time.perf_counter()
        with distributed.Client(address) as client:
            answer["worker"] = max(client.run(most_memory).values())
    figures(validation)
    rows_over_time(validation)
    hazard_rows(validation)
    answer["figures"] = time.perf_counter() - begin
    answer["here"] = most_memory()
    return answer


def most_memory() -> float:
    """Of this process so far, in MB; what Python tells of it is inherited from the process that started it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1e3


def test_four_times_as_many_patients_take_no_more_than_in_proportion() -> None:
    """Of 300 features; the training of a fold and the pairs of the C-index grow faster than the patients, a little."""
    few, many = (in_a_process(patients, 300) for patients in (500, 2000))
    assert many["associations"] < 6 * few["associations"]
    assert many["validation"] < 8 * few["validation"]
    assert many["worker"] < few["worker"] + 400


def in_a_process(patients: int, features: int) -> dict[str, float]:
    """Measured in a process of its own, whose memory is that of this size alone."""
    words = [sys.executable, "-m", "tests.benchmarks.test_cohort_scale", str(patients), str(features)]
    run = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]), int(sys.argv[2]))))
