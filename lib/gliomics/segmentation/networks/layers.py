"""Layers that several networks share, and the activations and poolings among which the LGG thesis chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import nn

ActivationName = Literal["relu", "leaky_relu", "sigmoid", "elu"]
PoolingName = Literal["max", "average"]

_ACTIVATIONS: dict[ActivationName, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "leaky_relu": lambda: nn.LeakyReLU(inplace=True),
    "sigmoid": nn.Sigmoid,
    "elu": lambda: nn.ELU(inplace=True),
}


def activation(name: ActivationName) -> nn.Module:
    """A layer of its own, so that what one block does in place never reaches another."""
    return _ACTIVATIONS[name]()


def pooling(name: PoolingName, size: int = 2, padding: int = 0) -> nn.Module:
    """Halve the resolution over windows of ``size`` pixels."""
    if name == "max":
        return nn.MaxPool2d(size, 2, padding)
    # With the padding counted, the average of a window at the border would be drawn to zero.
    return nn.AvgPool2d(size, 2, padding, count_include_pad=False)


def double_convolution(inputs: int, outputs: int, act: ActivationName) -> nn.Sequential:
    """Twice: 3x3 convolution (no bias), batch norm, activation."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), activation(act)]
    return nn.Sequential(*layers)
