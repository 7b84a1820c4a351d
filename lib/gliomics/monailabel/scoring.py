"""Scores of studies under a model, made in the background and kept per version of the model."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from gliomics.active.scores import StudyScores, score_study
from gliomics.errors import GliomicsError
from gliomics.files import read_json, write_json
from gliomics.monailabel.datastore import StudyDatastore
from gliomics.monailabel.models import ModelCache
from gliomics.segmentation.labelled import load_volumes
from gliomics.segmentation.predict import Segmenter

_RECHECK_SECONDS = 30.0
"""How often, while strategies ask, the times of all images are compared with those of the scores."""

_log = logging.getLogger(__name__)

Stamps = dict[str, int]


class ScoreKeeper:
    """Scores every study of a store under the models that strategies ask about, one after the other.

    A thread works while there is something to score. Scores lie in
    ``<folder>/<model>-<version>/<study id>.json``, with the times of the images they are of. A study that cannot be
    scored is tried again when its images change.
    """

    def __init__(self, segmenters: ModelCache[Segmenter], store: StudyDatastore, folder: Path) -> None:
        self._segmenters, self._store, self._folder = segmenters, store, folder
        self._known: dict[str, dict[str, tuple[Stamps, StudyScores | None]]] = {}
        self._wanted: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._passes = 0
        self._last_pass = -_RECHECK_SECONDS

    def scores(self, model: str, candidates: Sequence[str], *, wait: float) -> Mapping[str, StudyScores]:
        """The scores known of all studies under the version of ``model`` that serves.

        Candidates without one are waited for, at most ``wait`` seconds, but until one of them has a score.
        """
        segmenter = self._segmenters.get(model)
        key = f"{model}-{segmenter.card.version}"
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

    def _of(self, key: str) -> dict[str, tuple[Stamps, StudyScores | None]]:
        if key not in self._known:
            files = sorted((self._folder / key).glob("[!.]*.json"))
            self._known[key] = {path.stem: _read(path) for path in files}
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
        key = f"{model}-{segmenter.card.version}"
        for name in [*self._store.get_unlabeled_images(), *self._store.get_labeled_images()]:
            stamps: Stamps = {}
            found: StudyScores | None
            try:
                study = self._store.study(name)
                stamps = {sequence: path.stat().st_mtime_ns for sequence, path in study.sequences.items()}
                with self._changed:
                    if self._of(key).get(name, ({}, None))[0] == stamps:
                        continue
                found = score_study(segmenter, load_volumes(study, segmenter.card))
                write_json(self._folder / key / f"{name}.json", {"images": stamps, "scores": found.to_json()})
            except (GliomicsError, OSError) as error:
                _log.warning("study '%s' has no scores: %s", name, error)
                found = None
            with self._changed:
                self._of(key)[name] = (stamps, found)
                self._changed.notify_all()


def _read(path: Path) -> tuple[Stamps, StudyScores]:
    content = read_json(path)
    return dict(content["images"]), StudyScores.from_json(content["scores"])
