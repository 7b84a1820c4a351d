"""What a replay with asked slices says: curves over drawn slices, and how many slices are needed for one Dice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import integrate
from scipy.optimize import isotonic_regression

from gliomics.active.curves import interval_columns
from gliomics.statistics.arrays import Array
from gliomics.statistics.bootstrap import bootstrap_interval, drawn_seeds_and_patients, over_seeds_and_patients

if TYPE_CHECKING:
    from gliomics.active.slice_simulation import Arm, SliceRound

_RESAMPLES = 1000


def slice_curve_rows(rounds: Sequence[SliceRound]) -> list[dict[str, Any]]:
    """One row per arm, seed and round: mean Dice of the ``n`` test patients, 95 % bootstrap over them."""
    rows = []
    for round_ in rounds:
        mean = bootstrap_interval(list(round_.dice.values()))
        rows.append(
            {
                "strategy": round_.strategy,
                "slices": round_.arm.amount,
                "seed": round_.seed,
                "drawn_slices": round_.drawn,
                "patients": len(round_.labels),
                "mean_dice": mean.value,
                "low": mean.low,
                "high": mean.high,
                "n": mean.n,
            }
        )
    return rows


def slice_curves(rounds: Sequence[SliceRound]) -> tuple[npt.NDArray[np.int64], dict[Arm, Array]]:
    """Numbers of drawn slices, and of each arm the Dice (seed, test patient, number) there.

    The numbers are all those that every arm and seed has drawn; between two rounds, the Dice runs in a straight line.
    """
    curves: dict[Arm, dict[int, list[SliceRound]]] = {}
    for round_ in sorted(rounds, key=lambda round_: round_.drawn):
        curves.setdefault(round_.arm, {}).setdefault(round_.seed, []).append(round_)
    ends = [(curve[0].drawn, curve[-1].drawn) for seeds in curves.values() for curve in seeds.values()]
    numbers = np.arange(max(first for first, _ in ends), min(last for _, last in ends) + 1)
    patients = list(rounds[0].dice)
    by_arm = {}
    for arm in dict.fromkeys(round_.arm for round_ in rounds):
        seeds = [curve for _, curve in sorted(curves[arm].items())]
        by_arm[arm] = np.array([[_dice_at(numbers, curve, patient) for patient in patients] for curve in seeds])
    return numbers, by_arm


def _dice_at(numbers: npt.NDArray[np.int64], curve: Sequence[SliceRound], patient: str) -> Array:
    return np.interp(numbers, [round_.drawn for round_ in curve], [round_.dice[patient] for round_ in curve])


def slice_summary_rows(rounds: Sequence[SliceRound]) -> list[dict[str, Any]]:
    """One row per arm: area, what it is more than that of whole studies by the same strategy, and slices needed.

    ``needed`` are the drawn slices at which the mean Dice reaches what whole studies reach at ``until``, and ``saved``
    by how much these are fewer than those that whole studies need; None where the Dice is not reached. All arms must
    have the same seeds. Intervals are of :func:`drawn_seeds_and_patients`.
    """
    numbers, curves = slice_curves(rounds)
    rising = {arm: never_falling(_mean_curves(dice)) for arm, dice in curves.items()}
    rows = []
    for arm, dice in curves.items():
        whole = arm._replace(slices=None)
        area = _areas(dice, numbers)
        row: dict[str, Any] = {"strategy": arm.strategy, "slices": arm.amount, "seeds": len(dice)}
        row |= interval_columns("area", over_seeds_and_patients(area))
        row |= interval_columns("minus_whole", over_seeds_and_patients(area - _areas(curves[whole], numbers)))
        needed, needed_by_whole = (slices_needed(rising[each], rising[whole], numbers) for each in (arm, whole))
        row |= _reached("needed", needed) | _reached("saved", needed_by_whole - needed)
        rows.append(row | {"from": int(numbers[0]), "until": int(numbers[-1]), "n": area.shape[1]})
    return rows


def never_falling(curves: Array) -> Array:
    """The nearest curves (n, number) that never fall (isotonic regression).

    One lucky round is not taken for the Dice that so many labels give.

    >>> never_falling(np.array([[0.5, 0.7, 0.6, 0.8]]))
    array([[0.5 , 0.65, 0.65, 0.8 ]])
    """
    return np.array([isotonic_regression(curve).x for curve in curves])


def slices_needed(curves: Array, whole: Array, numbers: npt.NDArray[np.int64]) -> Array:
    """The first number of slices at which each curve (n, number) reaches the last Dice of its ``whole`` (n, number).

    Infinite where it does not.

    >>> numbers = np.arange(10, 15)
    >>> slices_needed(np.array([[0.5, 0.6, 0.7, 0.8, 0.8]]), np.array([[0.5, 0.55, 0.6, 0.65, 0.7]]), numbers)
    array([12.])
    """
    reached = curves >= whole[:, -1:] - 1e-9
    return np.where(reached.any(axis=1), numbers[reached.argmax(axis=1)], np.inf)


def _areas(dice: Array, numbers: npt.NDArray[np.int64]) -> Array:
    """Mean Dice along the way (seed, test patient), by trapezoids."""
    areas: Array = integrate.trapezoid(dice, numbers, axis=2) / (numbers[-1] - numbers[0])
    return areas


def _mean_curves(dice: Array) -> Array:
    """The mean curve of all seeds and patients, then that of each resample, (1 + resamples, number)."""
    seeds, patients = dice.shape[:2]
    seed_counts, patient_counts = drawn_seeds_and_patients(seeds, patients, _RESAMPLES)
    seed_weights = np.vstack([np.ones(seeds), seed_counts]) / seeds
    patient_weights = np.vstack([np.ones(patients), patient_counts]) / patients
    means: Array = np.einsum("rs,rp,spx->rx", seed_weights, patient_weights, dice, optimize=True)
    return means


def _reached(name: str, values: Array) -> dict[str, int | None]:
    """A figure and its interval from the resamples after it; without arithmetic, as some may be infinite."""
    low, high = np.quantile(values[1:], (0.025, 0.975), method="inverted_cdf")
    columns = {name: values[0], f"{name}_low": low, f"{name}_high": high}
    return {column: int(value) if np.isfinite(value) else None for column, value in columns.items()}
