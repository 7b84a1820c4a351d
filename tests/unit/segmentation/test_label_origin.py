"""Labels that were made from an automatic mask, and labels that only agree with it."""

from __future__ import annotations

import numpy as np
import pytest

from gliomics.segmentation.label_origin import MADE_FROM, changed_share, kept_edge, was_made_from


def a_lesion(seed: int, shift: float = 0.0) -> np.ndarray:
    """A lesion with a wavy edge in 12 slices; the waves are those of the seed."""
    rng = np.random.default_rng(seed)
    i, j = np.indices((96, 96)) - 48
    angle, radius = np.arctan2(j, i), np.hypot(i, j)
    slices = []
    for _ in range(12):
        waves = sum(rng.normal(0, 0.6) * np.cos(k * angle + rng.uniform(0, 6)) for k in range(2, 12))
        slices.append(radius < 24 + shift + waves)
    return np.stack(slices, axis=2)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def test_label_drawn_without_the_mask_is_not_taken_for_made_from_it() -> None:
    label, automatic = a_lesion(1), a_lesion(2)
    assert dice(label, automatic) > 0.9
    assert not was_made_from(label, automatic)


def test_mask_that_was_accepted_is_kept_whole() -> None:
    assert kept_edge(a_lesion(2), a_lesion(2)) == 1
    assert changed_share(a_lesion(2), a_lesion(2)) == 0


@pytest.mark.parametrize("redrawn", [1, 6, 10])
def test_label_of_which_slices_were_drawn_anew_was_made_from_the_mask(redrawn: int) -> None:
    automatic = a_lesion(2)
    label = automatic.copy()
    label[:, :, :redrawn] = a_lesion(1)[:, :, :redrawn]
    assert was_made_from(label, automatic)
    assert kept_edge(label, automatic) == pytest.approx(1 - redrawn / 12, abs=0.06)


def test_label_of_which_a_side_was_brushed_was_made_from_the_mask() -> None:
    automatic = a_lesion(2)
    label = automatic.copy()
    label[:48] = a_lesion(1)[:48]
    assert was_made_from(label, automatic)


def test_mask_that_was_drawn_anew_everywhere_is_not_kept() -> None:
    assert kept_edge(a_lesion(3, shift=2.0), a_lesion(2)) < MADE_FROM


def test_empty_mask_was_not_kept_by_anything() -> None:
    assert kept_edge(a_lesion(1), np.zeros((96, 96, 12), bool)) == 0
    assert changed_share(np.zeros((9, 9, 2)), np.zeros((9, 9, 2))) == 0


def test_share_that_changed_is_of_the_lesion_by_either() -> None:
    automatic, label = np.zeros((10, 10, 1), np.uint8), np.zeros((10, 10, 1), np.uint8)
    automatic[:4, :5], label[:4, 1:6] = 1, 2
    assert changed_share(label, automatic) == pytest.approx(8 / 24)
