"""Which slices of a study are worth annotating, when the whole of it would be too much."""

from __future__ import annotations

from collections.abc import Collection, Sequence

_APART = 2
_WORTH = 0.25
"""A slice with this share of the highest entropy is worth more than a sure one farther away."""


def choose_slices(entropy: Sequence[float], number: int, *, done: Collection[int] = ()) -> list[int]:
    """The ``number`` slices about which the model is least sure, in their order.

    ``entropy`` is the predictive entropy of each slice; those ``done`` are not chosen. Neighbours look alike, so of the
    unsure slices first those are taken that are no neighbours of one another or of what is done.
    """
    left = sorted(set(range(len(entropy))) - set(done), key=lambda candidate: -entropy[candidate])
    worth = _WORTH * max((entropy[candidate] for candidate in left), default=0.0)
    chosen: list[int] = []
    for candidates, apart in (([c for c in left if entropy[c] >= worth], _APART), (left, 1)):
        for candidate in candidates:
            if len(chosen) < number and all(abs(candidate - other) >= apart for other in [*chosen, *done]):
                chosen.append(candidate)
    return sorted(chosen)
