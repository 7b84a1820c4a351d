"""What a replay says of its strategies: curves over the labelled patients, and the areas under them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import integrate

from gliomics.statistics.bootstrap import Interval, bootstrap_interval, over_seeds_and_patients

if TYPE_CHECKING:
    from gliomics.active.simulation import Round

Array = npt.NDArray[np.float64]

BASELINES = ("random", "random_foreground")
"""The strategies that others are compared with."""


def curve_rows(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """One row per strategy, seed and round: mean Dice of the ``n`` test patients, 95 % bootstrap over them."""
    rows = []
    for one in rounds:
        mean = bootstrap_interval(list(one.dice.values()))
        rows.append(
            {
                "strategy": one.strategy,
                "seed": one.seed,
                "patients": len(one.labelled),
                "mean_dice": mean.value,
                "low": mean.low,
                "high": mean.high,
                "n": mean.n,
            }
        )
    return rows


def summary_rows(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """One row per strategy: its area under the budget curve, and how much larger that is than each baseline's.

    All strategies must have the same seeds and rounds. Intervals are those of :func:`over_seeds_and_patients`.
    """
    found = areas(rounds)
    rows = []
    for strategy, own in found.items():
        row: dict[str, Any] = {"strategy": strategy, "seeds": len(own)}
        row |= _columns("area", over_seeds_and_patients(own))
        for baseline in BASELINES:
            difference = over_seeds_and_patients(own - found[baseline]) if baseline in found else None
            row |= _columns(f"minus_{baseline}", difference)
        rows.append(row | {"n": own.shape[1]})
    return rows


def areas(rounds: Sequence[Round]) -> dict[str, Array]:
    """By strategy, the area under the Dice over the labelled patients, (seed, test patient).

    Trapezoids, divided by the width, so that a curve that stays at one Dice has that Dice for its area.
    """
    curves: dict[str, dict[int, list[Round]]] = {}
    for one in rounds:
        curves.setdefault(one.strategy, {}).setdefault(one.seed, []).append(one)
    return {
        strategy: np.array(
            [[_area(curve, patient) for patient in rounds[0].dice] for _, curve in sorted(seeds.items())]
        )
        for strategy, seeds in curves.items()
    }


def _area(curve: Sequence[Round], patient: str) -> float:
    ordered = sorted(curve, key=lambda one: len(one.labelled))
    patients = [len(one.labelled) for one in ordered]
    area = integrate.trapezoid([one.dice[patient] for one in ordered], patients)
    return float(area / (patients[-1] - patients[0]))


def _columns(name: str, found: Interval | None) -> dict[str, float | None]:
    if found is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
