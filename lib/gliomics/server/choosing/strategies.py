"""Active learning strategies: which study a client should label next, and why."""

from __future__ import annotations

import contextlib
import random
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic

from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.strategy import Strategy

from gliomics.active.choices import Choice, choose_highest, nothing_left
from gliomics.active.scores import AcquisitionScores
from gliomics.active.slice_choice import choose_slices
from gliomics.active.strategies import MODEL_BASED, MODEL_FREE, LabellingState
from gliomics.answers.options import text_option
from gliomics.errors import InputError
from gliomics.models import ModelCard
from gliomics.segmentation.segmenter import Segmenter
from gliomics.server.choosing.scoring import ScoreKeeper, Scores
from gliomics.server.choosing.subtype_change import SubtypeChange
from gliomics.server.model_cache import ModelCache
from gliomics.server.store.datastore import FINAL, StudyDatastore
from gliomics.server.store.leases import Leases
from gliomics.server.store.reviews import Review

MOST_SLICES = 100
"""Slices that one request may ask for."""

BUDGET_SECONDS = 10.0
"""How long one request waits for studies to be scored; those without a score wait for the next request."""

_POLL_SECONDS = 0.05


class StudyStrategy(Strategy):
    """Chooses among the studies without a final label; answers with id, score and reason.

    A study that was handed out to another annotator is left out while others are left. One whose label was returned
    comes before those without a label, first to whoever saved that label.
    """

    names_slices = False
    """Whether it answers, where ``slices`` of the request says how many, which slices of the study are worth most."""

    def __init__(self, description: str, leases: Leases) -> None:
        super().__init__(description)
        self._leases = leases

    def info(self) -> dict[str, Any]:
        """What ``/info/`` says of it."""
        return {**super().info(), "names_slices": self.names_slices}

    def ask(self, request: dict[str, Any], datastore: Datastore) -> Callable[[], bool]:
        """Have made what the choice depends on; what is returned tells, at no cost, whether all of it is there."""
        return lambda: True

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
        """The choice as JSON; ``id`` is None, and ``reason`` says why, when nothing is left.

        Scores are waited for at most the ``budget_seconds`` of the request.
        """
        end = time.monotonic() + budget_seconds(request)
        scored = self.ask(request, datastore)
        while not scored() and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
        candidates = datastore.get_unlabeled_images()
        if not candidates:
            return nothing_left(len(datastore.list_images())).to_json()
        seed = request.get("seed")
        if seed is not None and not isinstance(seed, int):
            raise InputError(f"seed is {seed!r}; expected a whole number")
        user = text_option(request, "client_id") or text_option(request, "user")
        with self._leases.choosing:  # two annotators who ask at once get different studies
            leases = self._leases.current()
            free = [name for name in candidates if name not in leases or leases[name].user == user]
            returned = _returned(datastore, free or candidates, user)
            choice = self.choose([*returned] or free or candidates, request, datastore, random.Random(seed))
            if choice.id in returned:
                choice = replace(choice, reason=_sent_back(returned[choice.id]))
            if user is not None and choice.id is not None:
                self._leases.take(choice.id, user)
        if choice.id not in returned and not scored():
            choice = replace(choice, reason=f"{choice.reason}; not all were scored in time, scoring goes on")
        if not free:
            choice = replace(choice, reason=f"{choice.reason}; all {len(candidates)} left are with other annotators")
        held = leases.get(choice.id or "")
        return {**choice.to_json(), **({"held": held.to_json()} if held is not None and held.user != user else {})}

    @abstractmethod
    def choose(
        self, candidates: list[str], request: dict[str, Any], datastore: Datastore, rng: random.Random
    ) -> Choice:
        """One of the candidates, of which there is at least one."""


def _returned(datastore: Datastore, candidates: Sequence[str], user: str | None) -> dict[str, Review]:
    """The candidates whose label was returned, with what was said; only the user's own, if there are any."""
    if not isinstance(datastore, StudyDatastore):
        return {}
    reviews = datastore.reviews.returned(FINAL)
    returned = {name: reviews[name] for name in candidates if name in reviews}
    savers = datastore.review_list.savers(returned)
    return {name: review for name, review in returned.items() if savers[name] == user} or returned


def _sent_back(review: Review) -> str:
    by = f" by {review.user}" if review.user else ""
    return f"sent back{by}: {review.comment}"


class ServingModels:
    """The segmentation models that a strategy may ask, the preferred first."""

    def __init__(self, segmenters: ModelCache[Segmenter], names: Sequence[str]) -> None:
        self._segmenters, self._names = segmenters, names

    def asked_for(self, request: dict[str, Any]) -> ModelCard | None:
        """Card of the request's ``model``, else of the first that can be used; None where none can."""
        name = text_option(request, "model") or next((n for n in self._names if self._segmenters.usable(n)), None)
        return None if name is None else self._segmenters.get(name).card


class PlainStrategy(StudyStrategy):
    """A strategy that needs to know nothing but which studies are left."""

    def __init__(self, name: str, leases: Leases) -> None:
        self._strategy = MODEL_FREE[name]
        super().__init__(self._strategy.text, leases)

    def choose(
        self, candidates: list[str], request: dict[str, Any], datastore: Datastore, rng: random.Random
    ) -> Choice:
        """The candidate that the strategy prefers."""
        _name_no_slices(request)
        return self._strategy.choose(LabellingState(candidates, datastore.get_labeled_images(), {}, "no model"), rng)


class ModelStrategy(StudyStrategy, Generic[Scores]):
    """A strategy that chooses by scores of the studies, made with a segmentation model."""

    def __init__(self, description: str, keeper: ScoreKeeper[Scores], models: ServingModels, leases: Leases) -> None:
        super().__init__(description, leases)
        self._keeper, self._models = keeper, models

    def ask(self, request: dict[str, Any], datastore: Datastore) -> Callable[[], bool]:
        """Have the studies without a final label scored; a model that cannot be used scores none."""
        card = self._models.asked_for(request)
        if card is None:
            return super().ask(request, datastore)
        return self._keeper.ask(card.name, datastore.get_unlabeled_images())

    def scores(self, card: ModelCard | None) -> Mapping[str, Scores]:
        """The scores that are there."""
        return {} if card is None else self._keeper.scores(card.name)


class ScoredStrategy(ModelStrategy[AcquisitionScores]):
    """A strategy that chooses by what a segmentation model thinks of the studies."""

    names_slices = True

    def __init__(
        self, name: str, keeper: ScoreKeeper[AcquisitionScores], models: ServingModels, leases: Leases
    ) -> None:
        self._strategy = MODEL_BASED[name]
        super().__init__(self._strategy.text, keeper, models, leases)

    def ask(self, request: dict[str, Any], datastore: Datastore) -> Callable[[], bool]:
        """As :meth:`ModelStrategy.ask`."""
        _slices_option(request)
        return super().ask(request, datastore)

    def choose(
        self, candidates: list[str], request: dict[str, Any], datastore: Datastore, rng: random.Random
    ) -> Choice:
        """The candidate that the strategy prefers; a random one if none has a score."""
        number = _slices_option(request)
        card = self._models.asked_for(request)
        model = "no model" if card is None else f"{card.name} version {card.version}"
        scores = self.scores(card)
        choice = self._strategy.choose(LabellingState(candidates, datastore.get_labeled_images(), scores, model), rng)
        return choice if number is None else self._with_slices(choice, scores, number, datastore)

    def _with_slices(
        self, choice: Choice, scores: Mapping[str, AcquisitionScores], number: int, datastore: Datastore
    ) -> Choice:
        """The choice with the slices of its study about which the model is least sure."""
        if choice.id is None or choice.id not in scores:
            return choice
        annotated: list[int] = []
        if isinstance(datastore, StudyDatastore):
            with contextlib.suppress(InputError):  # a record that does not say which: all are offered again
                annotated = datastore.slices_done(choice.id)
        slices = choose_slices(scores[choice.id].slices, number, annotated=annotated)
        listed = ", ".join(map(str, slices)) or "none, all are done"
        return replace(choice, slices=slices, reason=f"{choice.reason}; slices in which it is least sure: {listed}")


class SubtypeStrategy(ModelStrategy[SubtypeChange]):
    """Chooses the study whose subtype estimates depend most on what is doubtful in its mask."""

    def __init__(self, keeper: ScoreKeeper[SubtypeChange], models: ServingModels, leases: Leases) -> None:
        super().__init__("The study whose subtype estimates would change most with its mask", keeper, models, leases)

    def ask(self, request: dict[str, Any], datastore: Datastore) -> Callable[[], bool]:
        """As :meth:`ModelStrategy.ask`."""
        _name_no_slices(request)
        return super().ask(request, datastore)

    def choose(
        self, candidates: list[str], request: dict[str, Any], datastore: Datastore, rng: random.Random
    ) -> Choice:
        """The candidate whose estimates change most; a random one if none has a score."""
        scores = self.scores(self._models.asked_for(request))
        changes = {name: change.mean for name, change in scores.items()}
        unit = "change of the subtype estimates with doubtful voxels in or out (total variation, 0 to 1)"
        return choose_highest(candidates, changes, rng, score=unit)


def budget_seconds(request: dict[str, Any]) -> float:
    """How long a request waits for scores; :class:`InputError` where it says so wrongly."""
    value = request.get("budget_seconds", BUDGET_SECONDS)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 600:
        raise InputError(f"budget_seconds is {value!r}; expected a number from 0 to 600")
    return float(value)


def _slices_option(request: dict[str, Any]) -> int | None:
    value = request.get("slices")
    if value is not None and (type(value) is not int or not 1 <= value <= MOST_SLICES):
        raise InputError(f"slices is {value!r}; expected how many slices to name, 1 to {MOST_SLICES}")
    return value


def _name_no_slices(request: dict[str, Any]) -> None:
    if _slices_option(request) is not None:
        raise InputError(f"slices is an option of {', '.join(MODEL_BASED)}; this strategy scores no slices")
