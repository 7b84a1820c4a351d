from __future__ import annotations

import numpy as np
import pytest

from gliomics.active.slice_curves import never_falling, slice_curves, slice_summary_rows, slices_needed
from gliomics.active.slice_simulation import Arm, SliceRound
from gliomics.report.asked_slices import needed_text, saved_text, slice_summary_text


def a_round(slices: int | None, seed: int, drawn: int, a: float, b: float) -> SliceRound:
    return SliceRound(
        strategy="random", slices=slices, seed=seed, labels={}, drawn=drawn, steps=9, dice={"a": a, "b": b}, chosen=[]
    )


WHOLE = [a_round(None, seed, drawn, 0.4 + gain, 0.2 + gain) for seed in (0, 1) for drawn, gain in ((10, 0), (30, 0.2))]
TWO = [
    a_round(2, seed, drawn, 0.4 + gain, 0.2 + gain)
    for seed in (0, 1)
    for drawn, gain in ((10, 0), (20, 0.4), (30, 0.4))
]
FOUR = [a_round(4, seed, drawn, 0.4 + gain, 0.2) for seed in (0, 1) for drawn, gain in ((10, 0), (31, 0.1))]
ROUNDS = [*WHOLE, *TWO, *FOUR]


def test_curves_run_straight_between_rounds_over_what_every_arm_has_drawn() -> None:
    late_start = [a_round(None, 2, 12, 0.4, 0.2), a_round(None, 2, 30, 0.6, 0.4)]
    numbers, curves = slice_curves([*WHOLE, *late_start])
    assert numbers.tolist() == [*range(12, 31)]
    assert curves[Arm("random")].shape == (3, 2, 19)
    assert curves[Arm("random")][0, :, 8] == pytest.approx([0.5, 0.3])


def test_summary_compares_areas_with_those_of_whole_studies() -> None:
    whole, two, _ = slice_summary_rows(ROUNDS)
    assert whole["area"] == pytest.approx(0.4)
    assert whole["minus_whole"] == whole["minus_whole_low"] == 0
    assert [two[name] for name in ("minus_whole", "minus_whole_low", "minus_whole_high")] == pytest.approx([0.2] * 3)
    assert (two["strategy"], two["slices"], two["seeds"], two["n"]) == ("random", "2", 2, 2)


def test_slices_needed_are_those_at_which_the_last_dice_of_whole_studies_is_reached() -> None:
    whole, two, four = slice_summary_rows(ROUNDS)
    assert (whole["needed"], whole["saved"]) == (30, 0)
    assert (two["needed"], two["needed_low"], two["needed_high"], two["saved"]) == (15, 15, 15, 15)
    assert four["needed"] is four["saved"] is None
    assert (needed_text(four), saved_text(four)) == ("more than 30", "none")
    assert "| random | 2 | 0.600 (0.500 to 0.700) | +0.200 (+0.200 to +0.200) | 15 | +15 |" in slice_summary_text(
        ROUNDS, [whole, two, four]
    )


def test_interval_of_slices_needed_is_over_seeds_too() -> None:
    unlucky = [a_round(2, 1, drawn, 0.4, 0.2) for drawn in (10, 30)]
    _, two = slice_summary_rows([*WHOLE, *TWO[:3], *unlucky])
    assert two["needed"] == 20
    assert (two["needed_low"], two["needed_high"]) == (15, None)
    assert needed_text(two) == "20 (15 to more than 30)"
    assert saved_text(two) == "+10 (none to +15)"


def test_one_lucky_round_is_not_taken_for_what_the_labels_give() -> None:
    numbers = np.arange(5)
    lucky, whole = never_falling(np.array([[0.5, 0.9, 0.5, 0.6, 0.7], [0.5, 0.6, 0.7, 0.8, 0.8]]))[:, None]
    assert slices_needed(lucky, whole, numbers) == np.inf
    assert slices_needed(whole, lucky, numbers) == 2
