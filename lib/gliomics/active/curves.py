"""What a replay says of its strategies: curves over the labelled patients, and the areas under them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import integrate

from gliomics.segmentation.evaluation.bootstrap import Interval, bootstrap_interval

if TYPE_CHECKING:
    from gliomics.active.simulation import Round

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

    All strategies must have the same seeds and rounds. Intervals are 95 % bootstrap over test patients, paired.
    """
    areas = area_by_patient(rounds)
    rows = []
    for strategy, own in areas.items():
        row: dict[str, Any] = {"strategy": strategy, "seeds": len({r.seed for r in rounds if r.strategy == strategy})}
        row |= _columns("area", bootstrap_interval(list(own.values())))
        for baseline in BASELINES:
            found = paired_difference(own, areas[baseline]) if baseline in areas else None
            row |= _columns(f"minus_{baseline}", found)
        rows.append(row | {"n": len(own)})
    return rows


def area_by_patient(rounds: Sequence[Round]) -> dict[str, dict[str, float]]:
    """By strategy and test patient: area under the Dice over the labelled patients, the mean over seeds.

    Trapezoids, divided by the width, so that a curve that stays at one Dice has that Dice for its area.
    """
    curves: dict[str, dict[int, list[Round]]] = {}
    for one in rounds:
        curves.setdefault(one.strategy, {}).setdefault(one.seed, []).append(one)
    return {
        strategy: {
            patient: float(np.mean([_area(curve, patient) for curve in by_seed.values()])) for patient in rounds[0].dice
        }
        for strategy, by_seed in curves.items()
    }


def paired_difference(own: Mapping[str, float], other: Mapping[str, float]) -> Interval:
    """Mean over patients of ``own`` less ``other``, with its 95 % bootstrap interval over patients."""
    return bootstrap_interval([own[patient] - other[patient] for patient in own])


def _area(curve: Sequence[Round], patient: str) -> float:
    ordered = sorted(curve, key=lambda one: len(one.labelled))
    patients = [len(one.labelled) for one in ordered]
    area = integrate.trapezoid([one.dice[patient] for one in ordered], patients)
    return float(area / (patients[-1] - patients[0]))


def _columns(name: str, found: Interval | None) -> dict[str, float | None]:
    if found is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
