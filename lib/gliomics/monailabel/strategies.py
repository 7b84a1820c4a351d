"""Active learning strategies: which study a client should label next, and why."""

from __future__ import annotations

import logging
import random
import time
from abc import abstractmethod
from pathlib import Path
from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from gliomics.active import Choice, choose_highest, choose_random, nothing_left
from gliomics.errors import GliomicsError, InputError
from gliomics.files import read_json, write_json
from gliomics.monailabel.datastore import StudyDatastore
from gliomics.monailabel.infer import text_option
from gliomics.monailabel.models import ModelCache
from gliomics.segmentation.labelled import load_volumes
from gliomics.segmentation.predict import Segmenter

BUDGET_SECONDS = 10.0
"""How long one request may spend on scoring studies; those without a score wait for the next request."""

_log = logging.getLogger(__name__)


class StudyStrategy(Strategy):
    """Chooses among the studies without a final label; answers with id, score and reason."""

    def __call__(self, request: dict[str, Any], datastore: StudyDatastore) -> dict[str, Any]:
        """The choice as JSON; ``id`` is None, and ``reason`` says why, when nothing is left."""
        candidates = datastore.get_unlabeled_images()
        if not candidates:
            return nothing_left(len(datastore.list_images())).to_json()
        seed = request.get("seed")
        if seed is not None and not isinstance(seed, int):
            raise InputError(f"seed is {seed!r}; expected a whole number")
        return self.choose(candidates, request, datastore, random.Random(seed)).to_json()

    @abstractmethod
    def choose(
        self, candidates: list[str], request: dict[str, Any], datastore: StudyDatastore, rng: random.Random
    ) -> Choice:
        """One of the candidates, of which there is at least one."""


class RandomStrategy(StudyStrategy):
    """Any study without a final label."""

    def __init__(self) -> None:
        super().__init__("A study without a final label, drawn at random")

    def choose(
        self, candidates: list[str], request: dict[str, Any], datastore: StudyDatastore, rng: random.Random
    ) -> Choice:
        """A uniform draw."""
        return choose_random(candidates, rng)


class EpistemicStrategy(StudyStrategy):
    """The study on whose lesion the model disagrees most with itself under Monte Carlo dropout.

    Scores are kept per model version. A request scores new studies, in random order, for at
    most ``budget_seconds``, at least one, and then chooses among all that have a score.
    """

    def __init__(self, segmenters: ModelCache[Segmenter], models: list[str]) -> None:
        super().__init__("The study the segmentation model is least sure about (Monte Carlo dropout)")
        self._segmenters = segmenters
        self._models = models

    def choose(
        self, candidates: list[str], request: dict[str, Any], datastore: StudyDatastore, rng: random.Random
    ) -> Choice:
        """The candidate with the highest mean mutual information; a random one if none can be scored."""
        name = text_option(request, "model") or self._default_model()
        if name is None:
            return choose_highest(candidates, {}, rng, score="epistemic uncertainty")
        segmenter = self._segmenters.get(name)
        folder = datastore.workspace.scores / "epistemic" / f"{name}-{segmenter.card.version}"
        scores = self._scores(folder, candidates, segmenter, datastore, rng, _budget(request))
        unit = f"epistemic uncertainty (nats, {name} version {segmenter.card.version})"
        return choose_highest(candidates, scores, rng, score=unit)

    def _default_model(self) -> str | None:
        return next((name for name in self._models if self._segmenters.usable(name)), None)

    def _scores(
        self,
        folder: Path,
        candidates: list[str],
        segmenter: Segmenter,
        datastore: StudyDatastore,
        rng: random.Random,
        budget: float,
    ) -> dict[str, float]:
        scores: dict[str, float] = {}
        waiting = []
        for name in candidates:
            path = folder / f"{name}.json"
            kept = read_json(path) if path.is_file() else {}
            if kept and kept["images"] == _image_stamps(datastore, name):
                scores[name] = float(kept["score"])
            else:
                waiting.append(name)
        rng.shuffle(waiting)
        end = time.monotonic() + budget
        for name in waiting:
            if scores and time.monotonic() > end:
                break
            try:
                scores[name] = segmenter.uncertainty(load_volumes(datastore.study(name), segmenter.card))
            except GliomicsError as error:
                _log.warning("study '%s' has no epistemic score: %s", name, error)
            else:
                write_json(folder / f"{name}.json", {"score": scores[name], "images": _image_stamps(datastore, name)})
        return scores


def _image_stamps(datastore: StudyDatastore, image_id: str) -> dict[str, int]:
    """Times of a study's images, which tell whether a score is still about them."""
    return {name: path.stat().st_mtime_ns for name, path in datastore.study(image_id).sequences.items()}


def _budget(request: dict[str, Any]) -> float:
    value = request.get("budget_seconds", BUDGET_SECONDS)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 600:
        raise InputError(f"budget_seconds is {value!r}; expected a number from 0 to 600")
    return float(value)
