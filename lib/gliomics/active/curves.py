"""What a replay says of its strategies: curves over the labelled patients, and the areas under them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import integrate

from gliomics.statistics.arrays import Array
from gliomics.statistics.bootstrap import Interval, bootstrap_interval, over_seeds_and_patients

if TYPE_CHECKING:
    from gliomics.active.simulation import Round

BASELINES = ("random", "random_foreground")
"""The strategies that others are compared with."""


def curve_rows(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """One row per strategy, seed and round: mean Dice of the ``n`` test patients, 95 % bootstrap over them."""
    rows = []
    for round_ in rounds:
        mean = bootstrap_interval(list(round_.dice.values()))
        rows.append(
            {
                "strategy": round_.strategy,
                "seed": round_.seed,
                "patients": len(round_.labelled),
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
    area_by_strategy = areas(rounds)
    rows = []
    for strategy, area in area_by_strategy.items():
        row: dict[str, Any] = {"strategy": strategy, "seeds": len(area)}
        row |= interval_columns("area", over_seeds_and_patients(area))
        for baseline in BASELINES:
            other = area_by_strategy.get(baseline)
            difference = None if other is None else over_seeds_and_patients(area - other)
            row |= interval_columns(f"minus_{baseline}", difference)
        rows.append(row | {"n": area.shape[1]})
    return rows


def areas(rounds: Sequence[Round]) -> dict[str, Array]:
    """By strategy, the area under the Dice over the labelled patients, (seed, test patient).

    Trapezoids, divided by the width, so that a curve that stays at one Dice has that Dice for its area.
    """
    curves: dict[str, dict[int, list[Round]]] = {}
    for round_ in rounds:
        curves.setdefault(round_.strategy, {}).setdefault(round_.seed, []).append(round_)
    return {
        strategy: np.array(
            [[_area(curve, patient) for patient in rounds[0].dice] for _, curve in sorted(seeds.items())]
        )
        for strategy, seeds in curves.items()
    }


def _area(curve: Sequence[Round], patient: str) -> float:
    ordered = sorted(curve, key=lambda round_: len(round_.labelled))
    patients = [len(round_.labelled) for round_ in ordered]
    area = integrate.trapezoid([round_.dice[patient] for round_ in ordered], patients)
    return float(area / (patients[-1] - patients[0]))


def interval_columns(name: str, interval: Interval | None) -> dict[str, float | None]:
    """A figure and its interval as columns of a table; empty for none."""
    if interval is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
