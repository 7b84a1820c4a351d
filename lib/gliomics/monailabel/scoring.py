"""Scores of studies under a model, made in the background and kept per version of the model."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from gliomics.active.scores import StudyScores, score_study
from gliomics.errors import GliomicsError
from gliomics.files import read_json, write_json
from gliomics.monailabel.datastore import StudyDatastore
from gliomics.monailabel.models import ModelCache
from gliomics.segmentation.labelled import load_volumes
from gliomics.segmentation.predict import Segmenter
from gliomics.study.records import Study

_RECHECK_SECONDS = 30.0
"""How often, while strategies ask, the times of all images are compared with those of the scores."""

_log = logging.getLogger(__name__)

Stamps = dict[str, int]


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

    def score(self, segmenter: Segmenter, study: Study) -> StudyScores:
        """By :func:`score_study`."""
        return score_study(segmenter, load_volumes(study, segmenter.card))

    def read(self, value: Mapping[str, Any]) -> StudyScores:
        """Scores from their JSON."""
        return StudyScores.from_json(value)


class ScoreKeeper(Generic[Scores]):
    """Scores every study of a store under the models that strategies ask about, one after the other.

    A thread works while there is something to score. Scores lie in ``<folder>/<key>/<study id>.json``, with the times
    of the images they are of. A study that cannot be scored is tried again when its images change.
    """

    def __init__(
        self, scoring: Scoring[Scores], segmenters: ModelCache[Segmenter], store: StudyDatastore, folder: Path
    ) -> None:
        self._scoring, self._segmenters, self._store, self._folder = scoring, segmenters, store, folder
        self._known: dict[str, dict[str, tuple[Stamps, Scores | None]]] = {}
        self._wanted: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._passes = 0
        self._last_pass = -_RECHECK_SECONDS

    def scores(self, model: str, candidates: Sequence[str], *, wait: float) -> Mapping[str, Scores]:
        """The scores known of all studies under the version of ``model`` that serves.

        Candidates without one are waited for, at most ``wait`` seconds, but until one of them has a score.
        """
        segmenter = self._segmenters.get(model)
        key = self._scoring.key(segmenter)
        end = time.monotonic() + wait
        with self._changed:
            known = self._of(key)
            missing = [name for name in candidates if name not in known]
            if missing or time.monotonic() - self._last_pass > _RECHECK_SECONDS:
                self._ask(model)
            passes = self._passes
            while missing and passes == self._passes:
                left = end - time.monotonic()
                if left <= 0 and any(known.get(name, (None, None))[1] for name in candidates):
                    break
                self._changed.wait(max(left, 0.1))
                missing = [name for name in missing if name not in known]
            return {name: scores for name, (_, scores) in known.items() if scores is not None}

    def _of(self, key: str) -> dict[str, tuple[Stamps, Scores | None]]:
        if key not in self._known:
            files = sorted((self._folder / key).glob("[!.]*.json"))
            self._known[key] = {path.stem: self._read(path) for path in files}
        return self._known[key]

    def _ask(self, model: str) -> None:
        self._wanted.add(model)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="scoring", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        """Score what is missing or out of date, those without a label first, until nothing is left."""
        while True:
            with self._changed:
                if not self._wanted:
                    self._thread = None
                    return
                model = self._wanted.pop()
            try:
                self._score_all(model)
            except GliomicsError as error:
                _log.warning("no study can be scored under '%s': %s", model, error)
            with self._changed:
                self._passes += 1
                self._last_pass = time.monotonic()
                self._changed.notify_all()

    def _score_all(self, model: str) -> None:
        segmenter = self._segmenters.get(model)
        key = self._scoring.key(segmenter)
        for name in [*self._store.get_unlabeled_images(), *self._store.get_labeled_images()]:
            stamps: Stamps = {}
            found: Scores | None
            try:
                study = self._store.study(name)
                stamps = {sequence: path.stat().st_mtime_ns for sequence, path in study.sequences.items()}
                with self._changed:
                    if self._of(key).get(name, ({}, None))[0] == stamps:
                        continue
                found = self._scoring.score(segmenter, study)
                write_json(self._folder / key / f"{name}.json", {"images": stamps, "scores": found.to_json()})
            except (GliomicsError, OSError) as error:
                _log.warning("study '%s' has no scores: %s", name, error)
                found = None
            with self._changed:
                self._of(key)[name] = (stamps, found)
                self._changed.notify_all()

    def _read(self, path: Path) -> tuple[Stamps, Scores]:
        content = read_json(path)
        return dict(content["images"]), self._scoring.read(content["scores"])
