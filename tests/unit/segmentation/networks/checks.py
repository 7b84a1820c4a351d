"""What the tests of every network measure."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn


def parameters_of(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def kinds_of(network: nn.Module) -> set[type[nn.Module]]:
    return {type(module) for module in network.modules()}


def without_gradient(network: nn.Module, x: torch.Tensor) -> list[str]:
    """Names of the parameters that a step on a random target would leave as they are."""
    logits = network.train()(x)
    (logits * torch.randn_like(logits)).sum().backward()
    return [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


def saved(network: nn.Module, path: Path) -> Path:
    torch.save(network.state_dict(), path)
    return path
