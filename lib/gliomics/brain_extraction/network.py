"""The network of deepbet: a LinkNet in space (Fisch 2024, Computers in Biology and Medicine 179:108845).

Built here for its weights, so that no code of the package runs.
"""

from __future__ import annotations

import torch
from torch import nn


class LinkNet(nn.Module):
    """Of an image (n, 1, i, j, k), whose sides are multiples of 32, the probability of brain (n, i, j, k).

    What its deepest levels see is added to what shallower ones see, step by step, up to the size of the image.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_convolution(1, 16, 7, step=2), nn.ReLU(), nn.MaxPool3d(3, 2, 1))
        self.down0 = _down(16, 16, step=1)
        self.down1 = _down(16, 32, step=2)
        self.down2 = _down(32, 64, step=2)
        self.down3 = _down(64, 128, step=2)
        self.up0 = _up(128, 64, step=2)
        self.up1 = _up(64, 32, step=2)
        self.up2 = _up(32, 16, step=2)
        self.up3 = _up(16, 16, step=1)
        self.grow = nn.Sequential(nn.ConvTranspose3d(16, 8, 3, 2, 1, 1), nn.InstanceNorm3d(8), nn.ReLU())
        self.refine = nn.Sequential(nn.Conv3d(8, 8, 3, padding=1), nn.InstanceNorm3d(8), nn.ReLU())
        self.classify = nn.ConvTranspose3d(8, 2, 2, 2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """The probability that each voxel is brain."""
        first = self.stem(image)
        second = self.down0(first)
        third = self.down1(second)
        fourth = self.down2(third)
        deep = self.up0(self.down3(fourth)) + fourth
        deep = self.up2(self.up1(deep) + third) + second
        deep = self.up3(deep) + first
        classes: torch.Tensor = self.classify(self.refine(self.grow(deep)))
        return classes.softmax(dim=1)[:, 1]


class _Block(nn.Module):
    """Two convolutions whose result is added to what came in."""

    def __init__(self, channels: int, features: int, step: int) -> None:
        super().__init__()
        first, second = _convolution(channels, features, 3, step=step), _convolution(features, features, 3)
        self.convolutions = nn.Sequential(*first, nn.ReLU(), *second)
        self.shortcut = nn.Sequential(*_convolution(channels, features, 1, step=step)) if step > 1 else nn.Identity()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.convolutions(image) + self.shortcut(image))


def _down(channels: int, features: int, *, step: int) -> nn.Sequential:
    return nn.Sequential(_Block(channels, features, step), _Block(features, features, 1))


def _up(channels: int, features: int, *, step: int) -> nn.Sequential:
    narrow = channels // 4
    grown = nn.ConvTranspose3d(narrow, narrow, 3, step, padding=1, output_padding=step - 1, bias=False)
    return nn.Sequential(
        *_convolution(channels, narrow, 1), nn.ReLU(),
        grown, nn.InstanceNorm3d(narrow), nn.ReLU(),
        *_convolution(narrow, features, 1), nn.ReLU(),
    )  # fmt: skip


def _convolution(channels: int, features: int, size: int, *, step: int = 1) -> list[nn.Module]:
    convolution = nn.Conv3d(channels, features, size, step, padding=size // 2, bias=False)
    return [convolution, nn.InstanceNorm3d(features)]
