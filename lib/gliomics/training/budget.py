"""Configurations changed to fit a budget: smaller slices, and a chosen number of optimiser steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gliomics.errors import InputError
from gliomics.segmentation.inputs import LabelledCase
from gliomics.segmentation.losses import LossName
from gliomics.training.config import TrainingConfig
from gliomics.training.sampling import draw_batches
from gliomics.validated import validated

_FIRST_WEIGHTS = 1e-3
"""What the weights that a training began with may still be in the averaged ones."""


def with_overrides(
    config: TrainingConfig,
    *,
    size: int | None = None,
    base: int | None = None,
    epochs: int | None = None,
    loss: LossName | None = None,
) -> TrainingConfig:
    """A configuration for slices of ``size`` pixels, a first level of at most ``base`` channels, epochs and a loss.

    Raises :class:`InputError` for what the network cannot have.
    """
    content = config.model_dump()
    if size is not None:
        if size % 32:
            raise InputError(f"slices of {size} pixels are not possible; give a multiple of 32")
        content["model"]["input"]["size"] = size
    network = content["model"]["network"]
    if base is not None and "base" in network:
        network["base"] = min(network["base"], base)
    if epochs is not None:
        content["training"]["epochs"] = epochs
    if loss is not None:
        content["training"]["loss"] = loss
    return validated(TrainingConfig, content, f"configuration '{config.name}' cannot be so changed")


def batches_per_epoch(cases: Sequence[LabelledCase], config: TrainingConfig) -> int:
    """Optimiser steps in an epoch."""
    return len(draw_batches(cases, config.model.input, config.training, torch.Generator().manual_seed(0)))


def with_epochs(config: TrainingConfig, epochs: int, steps: int) -> TrainingConfig:
    """The configuration with so many epochs, and an average of the weights short enough for their ``steps``."""
    ema = min(config.training.ema, _FIRST_WEIGHTS ** (1 / steps))
    training = config.training.model_copy(update={"epochs": epochs, "ema": ema})
    return config.model_copy(update={"training": training})
