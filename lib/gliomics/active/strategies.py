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
    from gliomics.active.scores import StudyScores


@dataclass(frozen=True)
class Known:
    """What a strategy chooses by; ``scores`` are those of ``model`` and may lack studies."""

    candidates: Sequence[str]
    labelled: Sequence[str]
    scores: Mapping[str, StudyScores]
    model: str

    def of(self, name: str) -> dict[str, float]:
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


NamedStrategy = Callable[[Known, random.Random], Choice]
"""Chooses one of the candidates, of which there is at least one. Its docstring says to annotators what it chooses."""


def at_random(known: Known, rng: random.Random) -> Choice:
    """A study without a final label, drawn at random."""
    return choose_random(known.candidates, rng)


def first_by_id(known: Known, rng: random.Random) -> Choice:
    """The first study without a final label."""
    return choose_first(known.candidates)


def by_epistemic(known: Known, rng: random.Random) -> Choice:
    """The study on whose lesion the model disagrees most with itself under Monte Carlo dropout."""
    unit = f"epistemic uncertainty (nats, {known.model})"
    return choose_highest(known.candidates, known.of("epistemic"), rng, score=unit)


def by_disagreement(known: Known, rng: random.Random) -> Choice:
    """The study whose mask changes most with the image's contrast."""
    unit = f"disagreement between contrasts (1 - Dice, {known.model})"
    return choose_highest(known.candidates, known.of("disagreement"), rng, score=unit)


def by_diversity(known: Known, rng: random.Random) -> Choice:
    """The study least like those that are labelled."""
    return choose_farthest(known.candidates, known.embeddings, known.labelled, rng)


def by_power(known: Known, rng: random.Random) -> Choice:
    """ClaSP PE: predictive entropy of one class, ever less at random."""
    classes = {"lesion": known.of("entropy_lesion"), "its surroundings": known.of("entropy_rest")}
    return choose_by_power(known.candidates, classes, known.progress, rng)


def by_uncertainty_and_diversity(known: Known, rng: random.Random) -> Choice:
    """Of the more uncertain half, the study least like those that are labelled."""
    return choose_uncertain_and_new(known.candidates, known.of("entropy_lesion"), known.embeddings, known.labelled, rng)


def at_random_with_lesion(known: Known, rng: random.Random) -> Choice:
    """A study in which the model finds a lesion, drawn at random."""
    found = [study for study, scores in known.scores.items() if scores.finds_lesion]
    return choose_random_with_lesion(known.candidates, found, rng)


PLAIN: dict[str, NamedStrategy] = {"random": at_random, "first": first_by_id}
"""Strategies that ask no model, by name."""

SCORED: dict[str, NamedStrategy] = {
    "epistemic": by_epistemic,
    "disagreement": by_disagreement,
    "diversity": by_diversity,
    "clasp_pe": by_power,
    "hybrid": by_uncertainty_and_diversity,
}
"""Strategies that ask a model, by name."""

DEFAULT = "hybrid"
"""The strategy where none is asked for."""

STRATEGIES: dict[str, NamedStrategy] = {**PLAIN, "random_foreground": at_random_with_lesion, **SCORED}
"""All that can be compared: those that annotators are offered, and a random draw that knows the lesions found."""


def described(strategy: NamedStrategy) -> str:
    """What a strategy chooses, for annotators: its docstring without the full stop."""
    return str(strategy.__doc__).strip().rstrip(".")
