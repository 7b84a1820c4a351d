from __future__ import annotations

import math

import pytest
import torch

from gliomics.segmentation.losses import LOSSES, LossName, slice_cross_entropy


def a_target() -> torch.Tensor:
    target = torch.zeros(2, 1, 8, 8)
    target[:, :, 2:5, 2:5] = 1
    return target


@pytest.mark.parametrize("name", list(LOSSES))
def test_loss_is_small_only_for_the_right_mask(name: LossName) -> None:
    target = a_target()
    right, wrong = 20 * (target - 0.5), -20 * (target - 0.5)
    assert LOSSES[name](right, target) < 0.01
    assert LOSSES[name](wrong, target) > 0.9


def test_undecided_network_costs_one_bit_per_pixel() -> None:
    target = a_target()
    assert LOSSES["bce"](torch.zeros_like(target), target).item() == pytest.approx(math.log(2))


def test_soft_dice_by_hand() -> None:
    """18 of 128 pixels are lesion; a probability of 1/2 everywhere overlaps 9 of 18 + 64."""
    target = a_target()
    assert LOSSES["dice"](torch.zeros_like(target), target).item() == pytest.approx(1 - (2 * 9 + 1) / (64 + 18 + 1))


def test_sum_is_the_sum() -> None:
    target = a_target()
    logits = torch.randn(target.shape, generator=torch.Generator().manual_seed(0))
    total = LOSSES["bce"](logits, target) + LOSSES["dice"](logits, target)
    assert LOSSES["dice_bce"](logits, target).item() == pytest.approx(total.item())


def test_cross_entropy_of_slices_asks_whether_any_pixel_is_lesion() -> None:
    target = torch.zeros(2, 1, 8, 8)
    target[1, 0, 3, 4] = 0.1  # a lesion that covers a tenth of one pixel
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    assert slice_cross_entropy(logits, target).item() == pytest.approx(math.log1p(math.exp(-2)))
    assert slice_cross_entropy(logits.flip(1), target).item() == pytest.approx(math.log1p(math.exp(2)))
    assert slice_cross_entropy(torch.zeros(2, 2), target).item() == pytest.approx(math.log(2))
