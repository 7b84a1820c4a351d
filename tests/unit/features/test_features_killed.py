"""``gliomics features`` as processes of the system: killed and run again, interrupted, twice at once, on a cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gliomics.study import write_study_json
from tests.processes import Process
from tests.unit.features.heads import write_study

pytestmark = pytest.mark.slow

CONFIG = """
imageType: {Original: {}, LoG: {sigma: [1.0, 3.0]}, Wavelet: {}}
featureClass: {shape: , firstorder: , glcm: [Contrast, Id]}
setting: {binWidth: 10}
normalisation: {method: zscore}
"""
STUDIES = 8
SCRIPT = [str(Path(sys.executable).with_name("gliomics"))]
MODULE = [sys.executable, "-m", "gliomics"]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``studies`` that take a few seconds, their masks and ``config.yaml``."""
    root = tmp_path_factory.mktemp("cohort")
    for number in range(STUDIES):
        write_study(root / "studies", f"case-{number:02d}", seed=number)
    (root / "config.yaml").write_text(CONFIG)
    return root


def arguments(cohort: Path, out: Path, cache: Path, *options: str) -> list[str]:
    given = ["--masks", cohort / "studies" / "labels" / "final", "--config", cohort / "config.yaml"]
    return list(map(str, ["features", cohort / "studies", *given, "--out", out, "--cache", cache, *options]))


def forked(cohort: Path, out: Path, cache: Path, *options: str) -> Process:
    """The command, where its start and its end are for other tests."""
    return Process(*arguments(cohort, out, cache, *options), own_session=True)


def start(
    program: list[str], cohort: Path, out: Path, cache: Path, *options: str, folder: Path | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*program, *arguments(cohort, out, cache, *options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=folder,
    )


def finished(command: Process | subprocess.Popen[str]) -> str:
    """What a command that went well said."""
    _, errors = command.communicate(timeout=120)
    assert command.returncode == 0, errors
    return errors


def rows_in(cache: Path) -> int:
    return len([path for path in cache.glob("??/*.json") if not path.name.startswith(".")])


def wait_for(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def running_in(session: int) -> list[int]:
    processes = []
    for process in psutil.process_iter(["status"]):
        try:
            if process.info["status"] != psutil.STATUS_ZOMBIE and os.getsid(process.pid) == session:
                processes.append(process.pid)
        except ProcessLookupError:
            continue
    return processes


@pytest.mark.parametrize(("number", "workers"), [(1, 1), (1, 2), (2, 2)])
def test_studies_that_all_fail_end_in_a_line_each(tmp_path: Path, number: int, workers: int) -> None:
    """Processes that are given up at the end of the command say nothing of their own."""
    for one in range(number):
        study = write_study(tmp_path / "studies", f"case-{one}", seed=one)
        write_study_json(study.folder, [replace(study, spacing_known=False)])
    resampled = CONFIG.replace("binWidth: 10", "binWidth: 10, resampledPixelSpacing: [1, 1, 1]")
    (tmp_path / "config.yaml").write_text(resampled)
    command = start(MODULE, tmp_path, tmp_path / "out.csv", tmp_path / "cache", "--workers", str(workers))
    _, errors = command.communicate(timeout=120)
    assert command.returncode == 2
    lines = errors.splitlines()
    assert len(lines) == {1: 1, 2: 3}[number], errors
    assert all("voxel size is unknown; measure it" in line for line in lines[:number])
    assert lines[-1].startswith("error: ")


def test_outcomes_that_nobody_took_leave_no_traceback_at_the_end_of_the_interpreter(cohort: Path) -> None:
    script = (
        "from pathlib import Path\n"
        "from gliomics.cohort.extraction import Extraction, StudyFiles\n"
        "from gliomics.cohort.row_store import RowStore\n"
        "from gliomics.cohort.runner import measure_cohort\n"
        "from gliomics.features.config import load_config\n"
        "from gliomics.study import list_studies\n"
        f"root = Path({str(cohort)!r})\n"
        "masks = root / 'studies/labels/final'\n"
        "jobs = [StudyFiles(study, masks / f'{study.id}.nii.gz') for study in list_studies(root / 'studies')[:3]]\n"
        "extraction = Extraction(load_config(str(root / 'config.yaml')))\n"
        "outcomes = measure_cohort(jobs, extraction, RowStore(root / 'abandoned'), workers=2)\n"
        "print(next(outcomes).files.study.id)\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert answer.stdout.startswith("case-")
    assert answer.stderr == ""


@pytest.fixture(scope="module")
def table(cohort: Path) -> bytes:
    """The table that an uninterrupted command writes."""
    finished(forked(cohort, cohort / "whole.csv", cohort / "whole-cache"))
    return (cohort / "whole.csv").read_bytes()


@pytest.mark.parametrize("program", [SCRIPT, MODULE], ids=["script", "module"])
def test_working_folder_hides_no_module_from_the_processes_that_measure(
    cohort: Path, table: bytes, tmp_path: Path, folder_in_the_way: Path, program: list[str]
) -> None:
    out = tmp_path / "table.csv"
    options = ("--workers", "2")
    finished(start(program, cohort, out, tmp_path / "cache", *options, folder=folder_in_the_way))
    assert out.read_bytes() == table


def test_killed_and_run_again_it_goes_on_where_it_stopped(cohort: Path, table: bytes, tmp_path: Path) -> None:
    cache, out = tmp_path / "cache", tmp_path / "out.csv"
    killed = forked(cohort, out, cache, "--workers", "2")
    wait_for(lambda: rows_in(cache) >= 2, "no rows were stored")
    killed.kill()
    killed.communicate(timeout=60)
    wait_for(lambda: not running_in(killed.pid), "processes of a killed command go on")
    stored = rows_in(cache)
    assert stored < STUDIES
    assert not out.exists()
    errors = finished(forked(cohort, out, cache, "--workers", "2"))
    assert f"{STUDIES} rows in {out}, those of {stored} studies measured before" in errors
    assert out.read_bytes() == table


def test_interrupted_it_ends_at_once_in_a_word(cohort: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    command = start(MODULE, cohort, tmp_path / "out.csv", cache, "--workers", "2")
    wait_for(lambda: rows_in(cache) >= 1, "no rows were stored")
    began = time.monotonic()
    os.killpg(command.pid, signal.SIGINT)  # as Ctrl-C does
    stdout, stderr = command.communicate(timeout=60)
    assert time.monotonic() - began < 5
    assert (command.returncode, stdout, stderr) == (130, "", "stopped\n")
    wait_for(lambda: not running_in(command.pid), "processes of an interrupted command go on")
    assert not (tmp_path / "out.csv").exists()


def test_interrupted_while_processes_start_it_ends_in_a_word(cohort: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    command = start(MODULE, cohort, tmp_path / "out.csv", cache, "--workers", "2")
    wait_for(cache.exists, "measuring did not begin")  # about when processes are asked for
    os.killpg(command.pid, signal.SIGINT)
    stdout, stderr = command.communicate(timeout=60)
    assert (command.returncode, stdout, stderr) == (130, "", "stopped\n")
    wait_for(lambda: not running_in(command.pid), "processes of an interrupted command go on")


def test_two_commands_share_a_cache(cohort: Path, table: bytes, tmp_path: Path) -> None:
    both = [forked(cohort, tmp_path / f"{n}.csv", tmp_path / "cache", "--workers", "1") for n in range(2)]
    for command in both:
        finished(command)
    assert [(tmp_path / f"{n}.csv").read_bytes() for n in range(2)] == [table, table]
    assert rows_in(tmp_path / "cache") == STUDIES


def test_cluster_writes_the_same_table(cohort: Path, table: bytes, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0", silence_logs=50
    ) as cluster:
        address = cluster.scheduler_address
        errors = finished(forked(cohort, tmp_path / "out.csv", tmp_path / "cache", "--scheduler", address))
    assert (tmp_path / "out.csv").read_bytes() == table
    assert errors.splitlines()[-1] == f"{STUDIES} rows in {tmp_path / 'out.csv'}"
