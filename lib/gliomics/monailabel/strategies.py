"""Active learning strategies: which study a client should label next, and why."""

from __future__ import annotations

import random
from abc import abstractmethod
from dataclasses import replace
from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from gliomics.active.named import PLAIN, SCORED, Known, described
from gliomics.active.strategies import Choice, nothing_left
from gliomics.errors import InputError
from gliomics.monailabel.datastore import StudyDatastore
from gliomics.monailabel.infer import text_option
from gliomics.monailabel.leases import Leases
from gliomics.monailabel.models import ModelCache
from gliomics.monailabel.scoring import ScoreKeeper
from gliomics.segmentation.predict import Segmenter

BUDGET_SECONDS = 10.0
"""How long one request waits for studies to be scored; those without a score wait for the next request."""


class StudyStrategy(Strategy):
    """Chooses among the studies without a final label; answers with id, score and reason.

    A study that was handed out to another annotator is left out while others are left.
    """

    def __init__(self, description: str, leases: Leases) -> None:
        super().__init__(description)
        self._leases = leases

    def __call__(self, request: dict[str, Any], datastore: StudyDatastore) -> dict[str, Any]:
        """The choice as JSON; ``id`` is None, and ``reason`` says why, when nothing is left."""
        candidates = datastore.get_unlabeled_images()
        if not candidates:
            return nothing_left(len(datastore.list_images())).to_json()
        seed = request.get("seed")
        if seed is not None and not isinstance(seed, int):
            raise InputError(f"seed is {seed!r}; expected a whole number")
        user = text_option(request, "client_id") or text_option(request, "user")
        held = self._leases.holders()
        free = [name for name in candidates if held.get(name, user) == user]
        choice = self.choose(free or candidates, request, datastore, random.Random(seed))
        if not free:
            choice = replace(choice, reason=f"{choice.reason}; all {len(candidates)} left are with other annotators")
        if user is not None and choice.id is not None:
            self._leases.take(choice.id, user)
        return choice.to_json()

    @abstractmethod
    def choose(
        self, candidates: list[str], request: dict[str, Any], datastore: StudyDatastore, rng: random.Random
    ) -> Choice:
        """One of the candidates, of which there is at least one."""


class PlainStrategy(StudyStrategy):
    """A strategy that needs to know nothing but which studies are left."""

    def __init__(self, name: str, leases: Leases) -> None:
        self._choose = PLAIN[name]
        super().__init__(described(self._choose), leases)

    def choose(
        self, candidates: list[str], request: dict[str, Any], datastore: StudyDatastore, rng: random.Random
    ) -> Choice:
        """The candidate that the strategy prefers."""
        return self._choose(Known(candidates, datastore.get_labeled_images(), {}, "no model"), rng)


class ScoredStrategy(StudyStrategy):
    """A strategy that chooses by what a segmentation model thinks of the studies."""

    def __init__(
        self, name: str, keeper: ScoreKeeper, segmenters: ModelCache[Segmenter], models: list[str], leases: Leases
    ) -> None:
        self._choose = SCORED[name]
        super().__init__(described(self._choose), leases)
        self._keeper, self._segmenters, self._models = keeper, segmenters, models

    def choose(
        self, candidates: list[str], request: dict[str, Any], datastore: StudyDatastore, rng: random.Random
    ) -> Choice:
        """The candidate that the strategy prefers; a random one if none can be scored."""
        name = text_option(request, "model") or self._default_model()
        labelled = datastore.get_labeled_images()
        if name is None:
            return self._choose(Known(candidates, labelled, {}, "no model"), rng)
        scores = self._keeper.scores(name, candidates, wait=_budget(request))
        version = self._segmenters.get(name).card.version
        return self._choose(Known(candidates, labelled, scores, f"{name} version {version}"), rng)

    def _default_model(self) -> str | None:
        return next((name for name in self._models if self._segmenters.usable(name)), None)


def _budget(request: dict[str, Any]) -> float:
    value = request.get("budget_seconds", BUDGET_SECONDS)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 600:
        raise InputError(f"budget_seconds is {value!r}; expected a number from 0 to 600")
    return float(value)
