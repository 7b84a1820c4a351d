"""Scores of studies under a model, made in the background and kept per version of the model."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from gliomics.active.scores import AcquisitionScores, score_study
from gliomics.errors import GliomicsError
from gliomics.files import FileStamp
from gliomics.segmentation.labelled import load_volumes
from gliomics.segmentation.segmenter import Segmenter
from gliomics.server.lanes import give_way
from gliomics.server.model_cache import ModelCache
from gliomics.server.store.datastore import StudyDatastore
from gliomics.study.records import Study

_RECHECK_SECONDS = 30.0
"""How often, while strategies ask, the times of all images are compared with those of the scores."""

_log = logging.getLogger(__name__)

Times = dict[str, int]
"""When the image of each sequence was modified, in ns."""


@dataclass(frozen=True)
class _Record:
    images: Times
    scores: dict[str, Any]


class Jsonable(Protocol):
    """Scores that can be written to a file."""

    def to_json(self) -> dict[str, Any]:
        """The scores as JSON-ready values."""


Scores = TypeVar("Scores", bound=Jsonable)
Scores_co = TypeVar("Scores_co", bound=Jsonable, covariant=True)


class Scoring(Protocol[Scores_co]):
    """A way to score studies by what a segmentation model makes of them."""

    def key(self, segmenter: Segmenter) -> str:
        """A name that changes with everything that scores depend on but the study."""

    def score(self, segmenter: Segmenter, study: Study) -> Scores_co:
        """The scores of one study."""

    def read(self, value: Mapping[str, Any]) -> Scores_co:
        """Scores from their JSON."""


class ModelScoring:
    """How sure the segmentation model is of a study, and what the study is like."""

    def key(self, segmenter: Segmenter) -> str:
        """Model and version."""
        return f"{segmenter.card.name}-{segmenter.card.version}"

    def score(self, segmenter: Segmenter, study: Study) -> AcquisitionScores:
        """By :func:`score_study`."""
        return score_study(segmenter, load_volumes(study, segmenter.card))

    def read(self, value: Mapping[str, Any]) -> AcquisitionScores:
        """Scores from their JSON."""
        return AcquisitionScores.from_json(value)


class ScoreKeeper(Generic[Scores]):
    """Scores every study of a store under the models that strategies ask about, one after the other.

    A thread works while there is something to score; for each study it waits for its ``turn`` to compute. Scores lie in
    ``<folder>/<key>/<study id>.json``, with the times of the images they are of. A study that cannot be scored is tried
    again when its images change.
    """

    def __init__(
        self,
        scoring: Scoring[Scores],
        segmenters: ModelCache[Segmenter],
        store: StudyDatastore,
        folder: Path,
        turn: Callable[[str], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._scoring, self._segmenters, self._store, self._folder = scoring, segmenters, store, folder
        self._turn = turn
        self._by_key: dict[str, dict[str, tuple[Times, Scores | None]]] = {}
        self._models_to_score: set[str] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._passes = 0
        self._last_pass = -_RECHECK_SECONDS

    def ask(self, model: str, candidates: Sequence[str]) -> Callable[[], bool]:
        """Have the candidates scored under the version of ``model`` that serves.

        What is returned tells, at no cost, whether each of them was scored, or cannot be.
        """
        key = self._scoring.key(self._segmenters.get(model))
        with self._lock:
            by_study = self._by_key.setdefault(key, {})
            missing = [name for name in candidates if name not in by_study]
            passes = self._passes
            if missing or time.monotonic() - self._last_pass > _RECHECK_SECONDS:
                self._have_scored(model)

        def over() -> bool:
            while missing and missing[-1] in by_study:
                missing.pop()
            return not missing or passes != self._passes

        return over

    def scores(self, model: str) -> Mapping[str, Scores]:
        """The scores known by now of all studies under the version of ``model`` that serves."""
        by_study = self._by_key.get(self._scoring.key(self._segmenters.get(model)), {})
        return {name: scores for name, (_, scores) in list(by_study.items()) if scores is not None}

    def _have_scored(self, model: str) -> None:
        """Have a thread score the studies under ``model``; the caller holds the lock."""
        self._models_to_score.add(model)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="scoring", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        """Score what is missing or out of date, those without a label first, until nothing is left."""
        give_way()
        while True:
            with self._lock:
                if not self._models_to_score:
                    self._thread = None
                    return
                model = self._models_to_score.pop()
            try:
                self._score_all(model)
            except GliomicsError as error:
                _log.warning("no study can be scored under '%s': %s", model, error)
            except Exception:  # noqa: BLE001 - the label is safe, and whoever saved it can do nothing about this
                _log.exception("scoring under '%s' failed", model)
            with self._lock:
                self._passes += 1
                self._last_pass = time.monotonic()

    def _score_all(self, model: str) -> None:
        segmenter = self._segmenters.get(model)
        key = self._scoring.key(segmenter)
        with self._lock:
            by_study = self._by_key.setdefault(key, {})
        if not by_study:
            for path in sorted((self._folder / key).glob("[!.]*.json")):
                if (record := self._read(path)) is not None:  # what is broken is set aside and made anew
                    by_study[path.stem] = record
        for name in [*self._store.get_unlabeled_images(), *self._store.get_labeled_images()]:
            if self._store.is_waiting(name):
                continue  # nothing is fetched to be scored
            times: Times = {}
            scores: Scores | None = None
            try:
                study = self._store.study(name)
                times = {sequence: FileStamp.of(path).modified_ns for sequence, path in study.sequences.items()}
                if by_study.get(name, ({}, None))[0] == times:
                    continue
                with self._turn(f"scoring under {model}"):
                    scores = self._scoring.score(segmenter, study)
                content = {"images": times, "scores": scores.to_json()}
                self._store.records.write(self._folder / key / f"{name}.json", content)
            except (GliomicsError, OSError) as error:
                _log.warning("study '%s' has no scores: %s", name, error)
            by_study[name] = (times, scores)

    def _read(self, path: Path) -> tuple[Times, Scores] | None:
        record = self._store.records.read(path, _Record)
        try:
            return None if record is None else (record.images, self._scoring.read(record.scores))
        except (TypeError, ValueError, LookupError) as error:
            self._store.records.note(path, f"{path} holds no scores: {error}")
            return None
