"""Strategies by name: from what is known of all studies to the one to label next."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gliomics.active.choices import (
    Choice,
    choose_by_power,
    choose_farthest,
    choose_first,
    choose_highest,
    choose_random,
    choose_random_with_lesion,
    choose_uncertain_and_new,
)

if TYPE_CHECKING:
    from gliomics.active.scores import AcquisitionScores


@dataclass(frozen=True)
class LabellingState:
    """What a strategy chooses by; ``scores`` are those of ``model`` and may lack studies."""

    candidates: Sequence[str]
    labelled: Sequence[str]
    scores: Mapping[str, AcquisitionScores]
    model: str

    def score_by_study(self, name: str) -> dict[str, float]:
        """One kind of score of every study."""
        return {study: float(getattr(scores, name)) for study, scores in self.scores.items()}

    @property
    def embeddings(self) -> dict[str, list[float]]:
        """The embedding of every study."""
        return {study: scores.embedding for study, scores in self.scores.items()}

    @property
    def progress(self) -> float:
        """The labelled share of all studies."""
        return len(self.labelled) / (len(self.labelled) + len(self.candidates))


@dataclass(frozen=True)
class NamedStrategy:
    """A way to choose; ``text`` says to annotators what it chooses.

    ``choose`` takes one of the candidates, of which there is at least one.
    """

    name: str
    text: str
    choose: Callable[[LabellingState, random.Random], Choice]
    needs_model: bool = True


def _random(state: LabellingState, rng: random.Random) -> Choice:
    return choose_random(state.candidates, rng)


def _first(state: LabellingState, rng: random.Random) -> Choice:
    return choose_first(state.candidates)


def _epistemic(state: LabellingState, rng: random.Random) -> Choice:
    doubt = f"the doubt of {state.model} about its own mask"
    return choose_highest(state.candidates, state.score_by_study("epistemic"), rng, score=doubt)


def _disagreement(state: LabellingState, rng: random.Random) -> Choice:
    change = f"how much the mask of {state.model} changes with the image's contrast"
    return choose_highest(state.candidates, state.score_by_study("disagreement"), rng, score=change)


def _diversity(state: LabellingState, rng: random.Random) -> Choice:
    return choose_farthest(state.candidates, state.embeddings, state.labelled, rng)


def _clasp_pe(state: LabellingState, rng: random.Random) -> Choice:
    entropies = {
        "lesion": state.score_by_study("entropy_lesion"),
        "its surroundings": state.score_by_study("entropy_rest"),
    }
    return choose_by_power(state.candidates, entropies, state.progress, rng)


def _hybrid(state: LabellingState, rng: random.Random) -> Choice:
    entropy = state.score_by_study("entropy_lesion")
    return choose_uncertain_and_new(state.candidates, entropy, state.embeddings, state.labelled, rng)


def _random_foreground(state: LabellingState, rng: random.Random) -> Choice:
    with_lesion = [study for study, scores in state.scores.items() if scores.finds_lesion]
    return choose_random_with_lesion(state.candidates, with_lesion, rng)


def _by_name(*strategies: NamedStrategy) -> dict[str, NamedStrategy]:
    return {strategy.name: strategy for strategy in strategies}


MODEL_FREE = _by_name(
    NamedStrategy("random", "A study without a final label, drawn at random", _random, needs_model=False),
    NamedStrategy("first", "The first study without a final label", _first, needs_model=False),
)
"""Strategies that ask no model, by name."""

MODEL_BASED = _by_name(
    NamedStrategy(
        "epistemic",
        "The study on whose lesion the model disagrees most with itself when asked again (Monte Carlo dropout)",
        _epistemic,
    ),
    NamedStrategy("disagreement", "The study whose mask changes most with the image's contrast", _disagreement),
    NamedStrategy("diversity", "The study least like those that are labelled", _diversity),
    NamedStrategy(
        "clasp_pe",
        "Drawn, the likelier the less sure the model is: first nearly at random, later hardly (ClaSP PE)",
        _clasp_pe,
    ),
    NamedStrategy("hybrid", "Of the more uncertain half, the study least like those that are labelled", _hybrid),
)
"""Strategies that annotators are offered and that ask a model, by name."""

DEFAULT = "hybrid"
"""The strategy where none is asked for."""

COMPARABLE = {
    **MODEL_FREE,
    **_by_name(
        NamedStrategy(
            "random_foreground", "A study in which the model finds a lesion, drawn at random", _random_foreground
        )
    ),
    **MODEL_BASED,
}
"""All that a replay can compare: those that annotators are offered, and a random draw that knows the lesions found."""
