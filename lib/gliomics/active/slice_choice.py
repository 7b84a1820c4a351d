"""Which slices of a study are worth annotating, when the whole of it would be too much."""

from __future__ import annotations

from collections.abc import Collection, Sequence

_APART = 2
_WORTH = 0.25
"""A slice with this share of the highest entropy is worth more than a sure one farther away."""


def choose_slices(entropy: Sequence[float], number: int, *, annotated: Collection[int] = ()) -> list[int]:
    """The ``number`` slices about which the model is least sure, in their order.

    ``entropy`` is the predictive entropy of each slice; those ``annotated`` are not chosen. Neighbours look alike, so
    of the unsure slices first those are taken that are no neighbours of one another or of what is annotated.

    >>> choose_slices([0.0, 0.1, 0.9, 0.8, 0.3, 0.7], 2)
    [2, 5]
    """
    unsure_first = sorted(set(range(len(entropy))) - set(annotated), key=lambda candidate: -entropy[candidate])
    worth = _WORTH * max((entropy[candidate] for candidate in unsure_first), default=0.0)
    slices: list[int] = []
    for candidates, apart in (([c for c in unsure_first if entropy[c] >= worth], _APART), (unsure_first, 1)):
        for candidate in candidates:
            if len(slices) < number and all(abs(candidate - neighbour) >= apart for neighbour in [*slices, *annotated]):
                slices.append(candidate)
    return sorted(slices)
