"""Many studies at once: in one process, in several and on a Dask cluster, with the same rows and the same refusals."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gliomics.cohort import measure as measuring
from gliomics.cohort import runner
from gliomics.cohort.cache_key import cache_key
from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.measure import measure, measure_piece
from gliomics.cohort.pieces import PieceFeatures, StudyFeatures
from gliomics.cohort.row_store import RowStore
from gliomics.cohort.runner import StudyOutcome, measure_cohort
from gliomics.errors import DependencyError, InputError, UnknownNameError
from gliomics.features.config import parse_config
from gliomics.study import write_mask
from tests.unit.features.heads import SHAPE, lesion, write_study

pytestmark = pytest.mark.slow

dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")

MEAN = {"featureClass": {"firstorder": ["Mean"]}, "imageType": {"Original": {}, "Square": {}}}
WHOLE = Extraction(parse_config(MEAN, "mine.yaml"))
DOOMED = "case-2"


@pytest.fixture
def cohort(tmp_path: Path) -> list[StudyFiles]:
    """Six studies, of which ``case-4`` has an empty mask."""
    studies = [write_study(tmp_path, f"case-{number}", seed=number) for number in range(6)]
    masks = tmp_path / "labels" / "final"
    write_mask(lesion().with_array(np.zeros(SHAPE, np.uint8)), masks / "case-4.nii.gz")
    return [StudyFiles(study, masks / f"{study.id}.nii.gz") for study in studies]


@pytest.fixture
def store(tmp_path: Path) -> RowStore:
    return RowStore(tmp_path / "cache")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Dask cluster of one process, in another folder than the tests, that never tries a task on a second worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        with (
            dask.config.set({"distributed.scheduler.allowed-failures": 0}),
            distributed.LocalCluster(
                n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0", silence_logs=50
            ) as started,
        ):
            patch.undo()
            yield started


def run(cohort: list[StudyFiles], extraction: Extraction, store: RowStore, **options: Any) -> dict[str, StudyOutcome]:
    return {outcome.files.study.id: outcome for outcome in measure_cohort(cohort, extraction, store, **options)}


def rows(outcomes: dict[str, StudyOutcome], store: RowStore) -> dict[str, StudyFeatures | None]:
    return {name: store.get(outcome.key) for name, outcome in sorted(outcomes.items())}


def failures(outcomes: dict[str, StudyOutcome]) -> dict[str, str]:
    return {name: str(outcome.error) for name, outcome in sorted(outcomes.items()) if outcome.error is not None}


def die_on_the_doomed(files: StudyFiles, piece: Extraction) -> PieceFeatures:
    """As if the system had run out of memory on one study."""
    if files.study.id == DOOMED:
        os.kill(os.getpid(), signal.SIGKILL)
    return measure_piece(files, piece)


def die_there_on_the_doomed(_: str, files: StudyFiles, piece: Extraction) -> PieceFeatures:
    return die_on_the_doomed(files, piece)


def fail_on_the_doomed(files: StudyFiles, piece: Extraction) -> PieceFeatures:
    if files.study.id == DOOMED:
        raise RuntimeError("something\nunforeseen")
    return measure_piece(files, piece)


def take_long_on_the_doomed(files: StudyFiles, piece: Extraction) -> PieceFeatures:
    if files.study.id == DOOMED:
        time.sleep(60)
    return measure_piece(files, piece)


def test_processes_measure_what_one_process_measures(cohort: list[StudyFiles], store: RowStore, tmp_path: Path) -> None:
    expected = run(cohort, WHOLE, store, workers=1)
    outcomes = run(cohort, WHOLE, (other := RowStore(tmp_path / "other")), workers=2)
    assert rows(outcomes, other) == rows(expected, store)
    assert failures(outcomes) == failures(expected)
    assert list(failures(outcomes)) == ["case-4"]
    assert "mask case-4.nii.gz" in failures(outcomes)["case-4"] and "is empty" in failures(outcomes)["case-4"]


def test_study_in_pieces_is_the_study_in_one(cohort: list[StudyFiles], store: RowStore, tmp_path: Path) -> None:
    config = parse_config({**MEAN, "imageType": {"Original": {}, "Wavelet": {}}}, "mine.yaml")
    whole = Extraction(config, ("whole", "peritumoral", "enhancing"))
    expected = run(cohort[:1], whole, store, workers=1)
    outcomes = run(cohort[:1], whole, (other := RowStore(tmp_path / "other")), workers=2)
    assert rows(outcomes, other) == rows(expected, store)
    assert list(outcomes["case-0"].missing) == ["enhancing"]


def test_what_is_stored_is_not_measured_again(
    cohort: list[StudyFiles], store: RowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(cohort[:4], WHOLE, store, workers=1)
    assert not any(outcome.stored for outcome in first.values())
    write_mask(lesion(3), cohort[1].mask)
    measured = []
    monkeypatch.setattr(runner, "measure", lambda files, whole: measured.append(files) or measure(files, whole))
    again = run(cohort[:4], WHOLE, store, workers=1)
    assert measured == [cohort[1]]
    assert [name for name, outcome in sorted(again.items()) if outcome.stored] == ["case-0", "case-2", "case-3"]
    assert again["case-1"].key != first["case-1"].key


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_wrong_for_every_study_is_raised_once(cohort: list[StudyFiles], store: RowStore, workers: int) -> None:
    with pytest.raises(UnknownNameError, match="region 'core' is unknown"):
        run(cohort, replace(WHOLE, regions=("core",)), store, workers=workers)


def test_death_of_a_process_costs_the_study_that_it_died_of(
    cohort: list[StudyFiles], store: RowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "measure_piece", die_on_the_doomed)
    outcomes = run(cohort, WHOLE, store, workers=2)
    assert list(failures(outcomes)) == [DOOMED, "case-4"]
    assert failures(outcomes)[DOOMED] == (
        "study 'case-2': the process that measured it died, perhaps for want of memory; try fewer --workers"
    )
    assert all(store.get(outcomes[name].key) for name in ("case-0", "case-1", "case-3", "case-5"))


@pytest.mark.parametrize("workers", [1, 2])
def test_unforeseen_error_is_that_of_one_study_in_one_line(
    cohort: list[StudyFiles], store: RowStore, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    for module in (runner, measuring):  # in processes, and in this one
        monkeypatch.setattr(module, "measure_piece", fail_on_the_doomed)
    outcomes = run(cohort, WHOLE, store, workers=workers)
    assert list(failures(outcomes)) == [DOOMED, "case-4"]
    assert failures(outcomes)[DOOMED] == "study 'case-2': RuntimeError: something unforeseen"


def test_file_that_vanished_is_that_of_one_study(cohort: list[StudyFiles], store: RowStore) -> None:
    cohort[0].mask.unlink()
    outcomes = run(cohort[:2], WHOLE, store, workers=1)
    assert failures(outcomes)["case-0"] == f"{cohort[0].mask} does not exist"
    assert outcomes["case-1"].error is None


def test_leaving_early_ends_the_processes_whatever_they_are_at(
    cohort: list[StudyFiles], store: RowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "measure_piece", take_long_on_the_doomed)
    before = set(active_children())
    outcomes = measure_cohort(cohort, WHOLE, store, workers=2)
    next(iter(outcomes))
    assert set(active_children()) - before
    began = time.monotonic()
    outcomes.close()
    assert time.monotonic() - began < 20
    assert set(active_children()) - before == set()


def test_dask_measures_what_this_computer_measures(
    cohort: list[StudyFiles], store: RowStore, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run(cohort, WHOLE, store, workers=1)
    monkeypatch.chdir(tmp_path)
    relative = [replace(files, mask=files.mask.relative_to(tmp_path)) for files in cohort]
    other = RowStore(tmp_path / "other")
    outcomes = run(relative, WHOLE, other, scheduler=cluster.scheduler_address)
    assert rows(outcomes, other) == rows(expected, store)
    assert failures(outcomes) == failures(expected)
    again = run(relative, WHOLE, other, scheduler=cluster.scheduler_address)
    assert [name for name, outcome in again.items() if not outcome.stored] == ["case-4"]


def test_dask_measures_a_study_in_pieces(
    cohort: list[StudyFiles], store: RowStore, tmp_path: Path, cluster: Any
) -> None:
    whole = replace(WHOLE, regions=("whole", "peritumoral"))
    expected = run(cohort[:1], whole, store, workers=1)
    other = RowStore(tmp_path / "other")
    cluster.scale(2)
    cluster.wait_for_workers(2)
    assert rows(run(cohort[:1], whole, other, scheduler=cluster.scheduler_address), other) == rows(expected, store)


def test_death_of_a_dask_worker_costs_the_study_that_it_died_of(
    cohort: list[StudyFiles], store: RowStore, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.wait_for_workers(1)
    monkeypatch.setattr(runner, "_measure_there", die_there_on_the_doomed)
    outcomes = run(cohort[:4], WHOLE, store, scheduler=cluster.scheduler_address)
    assert failures(outcomes) == {
        DOOMED: "study 'case-2': the Dask workers that measured it died, perhaps for want of memory"
    }


def test_dask_worker_with_other_code_is_refused(
    cohort: list[StudyFiles], store: RowStore, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.wait_for_workers(1)  # one may have died just now
    monkeypatch.setattr(runner, "environment", lambda deep: "another")
    outcomes = run(cohort[:1], WHOLE, store, scheduler=cluster.scheduler_address)
    assert failures(outcomes)["case-0"].startswith("a Dask worker has another version of Gliomics, or of a library")
    assert store.get(cache_key(cohort[0], WHOLE)) is None


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:9", r"no Dask scheduler answers at 127\.0\.0\.1:9: Connection refused"),
        ("tcp://127.0.0.1:9", r"no Dask scheduler answers at tcp://127\.0\.0\.1:9: Connection refused"),
        ("tcp://no-such-host.invalid:8786", "no Dask scheduler answers at tcp://no-such-host.invalid:8786: .*known"),
        ("nonsense", "no Dask scheduler answers at nonsense: missing port number"),
        ("", "the address of the Dask scheduler is empty; give e.g. tcp://host:8786"),
    ],
)
def test_scheduler_that_does_not_answer_is_told(
    cohort: list[StudyFiles], store: RowStore, address: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run(cohort, WHOLE, store, scheduler=address)


def test_scheduler_without_workers_is_told(cohort: list[StudyFiles], store: RowStore) -> None:
    with (
        distributed.LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=":0", silence_logs=50) as empty,
        pytest.raises(InputError, match=r"has no workers; start some with: dask worker tcp://127"),
    ):
        run(cohort, WHOLE, store, scheduler=empty.scheduler_address)


def test_scheduler_without_dask_here_is_told(
    cohort: list[StudyFiles], store: RowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(DependencyError, match=r'needs Dask; install it: pip install "\.\[cluster\]"'):
        run(cohort, WHOLE, store, scheduler="tcp://127.0.0.1:9")
