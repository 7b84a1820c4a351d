"""Many studies measured in parallel: on this machine's cores or on a Dask cluster."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass, field

from gliomics.cluster import connected
from gliomics.cohort import processes
from gliomics.cohort.cache_key import cache_key, environment
from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.measure import measure, measure_piece
from gliomics.cohort.pieces import PieceFeatures, StudyFeatures, merge, split
from gliomics.cohort.row_store import RowStore
from gliomics.errors import GliomicsError, InputError

_WORTH_A_POOL = 10
"""Starting processes takes about as long as measuring so many filtered images."""
_AHEAD = 2
"""Studies under way per worker: enough that none waits, few enough that memory does not grow with the cohort."""
_FILTERED_IMAGES = {"Wavelet": 8, "LoG": 3}


@dataclass(frozen=True)
class StudyOutcome:
    """What became of one study: the key of its stored rows, or the error; ``missing`` regions with their reasons."""

    files: StudyFiles
    key: str = ""
    error: GliomicsError | None = None
    missing: dict[str, str] = field(default_factory=dict)
    stored: bool = False


class _WorkerDiedError(Exception):
    """A worker of a cluster died while a study was with it, which need not be the one that it died of."""


class StudyFailedError(GliomicsError):
    """A study could not be measured for a reason that lies outside of its data."""


def measure_cohort(
    studies: Sequence[StudyFiles],
    extraction: Extraction,
    store: RowStore,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
) -> Generator[StudyOutcome, None, None]:
    """Measure every study and keep its rows in ``store``; outcomes come as they are ready, in no particular order.

    Rows that ``store`` holds already are not measured again. A study that cannot be measured, or whose process dies, is
    an outcome with an error. ``workers`` is the number of processes (all cores when None); ``scheduler`` is the address
    of a Dask cluster whose workers see the same files, to be used instead. Whoever leaves before the last outcome
    closes the generator, which ends the processes.
    """
    extraction.check()
    workers = workers or processes.cores()
    waiting = deque(studies)
    if scheduler is not None:
        yield from _on_dask(waiting, extraction, store, scheduler)
    elif workers == 1 or _filtered_images(studies, extraction) < _WORTH_A_POOL:
        for files in studies:
            key, outcome = _stored(files, extraction, store)
            yield outcome or _outcome(files, key, functools.partial(measure, files, extraction), store)
    else:
        yield from _in_processes(waiting, extraction, store, workers)


def _in_processes(
    waiting: deque[StudyFiles], extraction: Extraction, store: RowStore, workers: int
) -> Iterator[StudyOutcome]:
    """In processes of this machine. When one dies, each study that was under way is tried in a process of its own."""
    while waiting:
        with processes.pool(workers) as executor:
            run = _Run(waiting, extraction, store, executor=executor, slots=workers, measuring=measure_piece)
            yield from run.outcomes()
        for files in run.unfinished:
            with processes.pool(1) as executor:
                alone = _Run(deque([files]), extraction, store, executor=executor, slots=1, measuring=measure_piece)
                yield from alone.outcomes()
            if alone.unfinished:
                why = "the process that measured it died, perhaps for want of memory; try fewer --workers"
                yield StudyOutcome(files, error=_failed(files, why))


def _on_dask(
    waiting: deque[StudyFiles], extraction: Extraction, store: RowStore, address: str
) -> Iterator[StudyOutcome]:
    """On a Dask cluster. Studies that a worker died with are tried again one by one: it died of one of them."""
    # Workers have folders of their own, from which a relative path would lead elsewhere.
    waiting = deque(files.absolute() for files in waiting)
    extraction = extraction.absolute()
    measuring = functools.partial(_measure_there, environment(extraction.deep_model is not None))
    with connected(address) as (executor, slots):
        run = _Run(waiting, extraction, store, executor=executor, slots=slots, measuring=measuring)
        yield from run.outcomes()
        for files in run.unfinished:
            alone = _Run(deque([files]), extraction, store, executor=executor, slots=1, measuring=measuring)
            yield from alone.outcomes()
            if alone.unfinished:
                why = "the Dask workers that measured it died, perhaps for want of memory"
                yield StudyOutcome(files, error=_failed(files, why))


def _measure_there(expected: str, files: StudyFiles, piece: Extraction) -> PieceFeatures:
    """:func:`measure_piece` on a worker of a cluster, if what it measures with is what the row's key says."""
    if environment(piece.deep_model is not None) != expected:
        raise InputError(
            "a Dask worker has another version of Gliomics, or of a library that decides a feature's value, than this "
            "computer; install the same on both"
        )
    return measure_piece(files, piece)


class _Run:
    """Studies going through an executor, a few ahead of those that are done.

    Ends early when the executor breaks; ``unfinished`` then holds the studies that were under way, and those with which
    a worker of a cluster died.
    """

    def __init__(
        self,
        waiting: deque[StudyFiles],
        extraction: Extraction,
        store: RowStore,
        *,
        executor: Executor,
        slots: int,
        measuring: Callable[[StudyFiles, Extraction], PieceFeatures],
    ) -> None:
        self._waiting = waiting
        self._extraction = extraction
        self._store = store
        self._executor = executor
        self._measuring = measuring
        self._most = slots * _AHEAD
        # While there are fewer studies than processes, a study is measured in pieces.
        self._parts = slots if len(waiting) < self._most else 1
        self._running: dict[str, tuple[StudyFiles, str, list[Future[PieceFeatures]]]] = {}
        self._died_with: list[StudyFiles] = []

    @property
    def unfinished(self) -> list[StudyFiles]:
        return self._died_with + [files for files, _, _ in self._running.values()]

    def outcomes(self) -> Iterator[StudyOutcome]:
        try:
            while self._waiting or self._running:
                if self._waiting and len(self._running) < self._most:
                    yield from self._next()
                else:
                    futures = [future for _, _, parts in self._running.values() for future in parts]
                    wait([future for future in futures if not future.done()], return_when=FIRST_COMPLETED)
                yield from self._finished()
        except BrokenExecutor:
            return

    def _next(self) -> Iterator[StudyOutcome]:
        """Start the next study, or give its outcome if it needs no measuring."""
        files = self._waiting.popleft()
        key, outcome = _stored(files, self._extraction, self._store)
        if outcome is not None:
            yield outcome
            return
        futures: list[Future[PieceFeatures]] = []
        self._running[files.study.id] = (files, key, futures)
        for piece in split(files, self._extraction, self._parts):
            futures.append(self._executor.submit(self._measuring, files, piece))

    def _finished(self) -> Iterator[StudyOutcome]:
        for files, key, futures in list(self._running.values()):
            if not all(future.done() for future in futures):
                continue
            try:
                outcome = _outcome(files, key, functools.partial(self._merged, futures), self._store)
            except _WorkerDiedError:
                self._died_with.append(files)
            else:
                yield outcome
            del self._running[files.study.id]

    def _merged(self, futures: list[Future[PieceFeatures]]) -> StudyFeatures:
        return merge([future.result() for future in futures], self._extraction)


def _stored(files: StudyFiles, extraction: Extraction, store: RowStore) -> tuple[str, StudyOutcome | None]:
    """The key of a study's rows, and its outcome if they are in the store or the study cannot be read."""
    try:
        key = cache_key(files, extraction)
    except GliomicsError as error:
        return "", StudyOutcome(files, error=error)
    except OSError as error:
        return "", StudyOutcome(files, error=_failed(files, f"its files cannot be read: {error}"))
    rows = store.get(key)
    return key, None if rows is None else StudyOutcome(files, key, missing=rows.missing, stored=True)


def _outcome(files: StudyFiles, key: str, measuring: Callable[[], StudyFeatures], store: RowStore) -> StudyOutcome:
    try:
        features = measuring()
    except (BrokenExecutor, CancelledError):
        raise
    except GliomicsError as error:
        return StudyOutcome(files, error=error)
    except Exception as error:  # whatever it is, it concerns one study of perhaps thousands
        if type(error).__name__ == "KilledWorker":  # Dask's, which need not be installed
            raise _WorkerDiedError from error
        return StudyOutcome(files, error=_failed(files, f"{type(error).__name__}: {error}"))
    store.put(key, features)
    return StudyOutcome(files, key, missing=features.missing)


def _failed(files: StudyFiles, why: str) -> StudyFailedError:
    return StudyFailedError(f"study '{files.study.id}': {' '.join(why.split())}")


def _filtered_images(studies: Sequence[StudyFiles], extraction: Extraction) -> int:
    config = extraction.config
    each = sum(_FILTERED_IMAGES.get(kind, 1) for kind in config.image_type) * len(extraction.regions)
    return sum(len(config.sequences or files.study.sequences) * each for files in studies)
