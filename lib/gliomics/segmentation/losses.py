"""The losses of the source systems, and their sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch.nn import functional

LossName = Literal["bce", "dice", "dice_bce"]


def binary_cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean binary cross-entropy of logits with a target of the same shape, in nats (the GBM system's loss)."""
    return functional.binary_cross_entropy_with_logits(logits, target)


def soft_dice(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """One minus the soft Dice of the whole batch (Milletari 2016; the LGG system's loss).

    Over the batch rather than each slice, because most slices have no lesion and a Dice of their own means little.
    """
    probability = torch.sigmoid(logits)
    overlap = 2 * (probability * target).sum() + 1
    return 1 - overlap / (probability.sum() + target.sum() + 1)


def dice_bce(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Their sum: what "Dice plus cross-entropy" is when there is one kind of lesion (Isensee 2021)."""
    return binary_cross_entropy(logits, target) + soft_dice(logits, target)


def slice_cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy in nats of two logits (N, 2) with whether a slice's target (N, 1, H, W) has lesion."""
    return functional.cross_entropy(logits, target.flatten(1).any(dim=1).long())


LOSSES: dict[LossName, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "bce": binary_cross_entropy,
    "dice": soft_dice,
    "dice_bce": dice_bce,
}
