"""Which study to label next: pure choices over ids and scores, no files and no networks."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Choice:
    """A strategy's answer: the study (None when nothing is left), its score and why it was chosen."""

    id: str | None
    score: float | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        """The choice as JSON-ready values."""
        return asdict(self)


def nothing_left(labelled: int) -> Choice:
    """The answer when every study has a label; ``labelled`` is how many there are."""
    if labelled == 0:
        return Choice(None, None, "there are no studies to label; add some to the studies folder")
    return Choice(None, None, f"nothing is left to label: all {labelled} studies have a final label")


def choose_random(candidates: Sequence[str], rng: random.Random) -> Choice:
    """One of the candidates (at least one), each with the same probability."""
    chosen = rng.choice(sorted(candidates))
    return Choice(
        chosen, None, f"drawn at random from {count(len(candidates), 'study', 'studies')} without a final label"
    )


def choose_highest(candidates: Sequence[str], scores: Mapping[str, float], rng: random.Random, *, score: str) -> Choice:
    """The candidate with the highest score; among equals one at random.

    ``score`` names in the reason what is high, with its unit in the form of a suffix.
    When no candidate has a score, one is drawn at random and the reason says so.
    """
    scored = {name: scores[name] for name in sorted(candidates) if name in scores}
    if not scored:
        drawn = choose_random(candidates, rng)
        return Choice(drawn.id, None, f"no study could be scored by {score}; {drawn.reason}")
    best = max(scored.values())
    chosen = rng.choice([name for name, value in scored.items() if value == best])
    reason = f"{score} {best:.4g}, the highest of {count(len(scored), 'study', 'studies')} scored"
    unscored = len(candidates) - len(scored)
    if unscored:
        reason += f"; {unscored} without a score"
    return Choice(chosen, best, reason)


def count(number: int, singular: str, plural: str) -> str:
    """``"1 study"`` or ``"3 studies"``."""
    return f"{number} {singular if number == 1 else plural}"
