"""The U-Net with a feature pyramid of the LGG thesis, in the two readings that the thesis allows.

It names a ResNet-34 encoder in one place, and in another a plain encoder of 64 to 1024 channels with a pyramid of 256
channels and GroupNorm blocks. Here the pyramid and its blocks are the same for both, those of the semantic feature
pyramid (Kirillov 2019), and ``encoder`` says which reading is meant. The plain encoder halves the resolution after
each of its five double convolutions, so that both pyramids stand at 1/4 to 1/32 of the input's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from gliomics.errors import InputError
from gliomics.segmentation.networks.layers import (
    ActivationName,
    PoolingName,
    activation,
    double_convolution,
    pooling,
)
from gliomics.segmentation.networks.network import NetworkShape, SegmentationNetwork
from gliomics.segmentation.networks.resnet import ResNet

_PYRAMID, _BRANCH, _GROUPS = 256, 128, 32


class FpnUNetSettings(NetworkShape):
    """``merge`` says how the pyramid's levels are joined at its finest; ``pooling`` is the encoder's."""

    kind: Literal["fpn_unet"] = "fpn_unet"
    encoder: Literal["resnet34", "plain"] = "resnet34"
    merge: Literal["sum", "concatenate"] = "sum"
    activation: ActivationName = "relu"
    pooling: PoolingName = "max"


class PlainEncoder(nn.Module):
    """Double convolutions with batch norm, each followed by pooling; ``widths`` are 64, 128, 256, 512, 1024."""

    def __init__(self, inputs: int, act: ActivationName, pool: PoolingName) -> None:
        super().__init__()
        self.widths = [64 * 2**level for level in range(5)]
        self.blocks = nn.ModuleList(
            double_convolution(before, width, act)
            for before, width in zip([inputs, *self.widths[:-1]], self.widths, strict=True)
        )
        self.pool = pooling(pool)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input's size."""
        maps = []
        for block in self.blocks:
            x = self.pool(block(x))
            maps.append(x)
        return maps


class Pyramid(nn.Module):
    """Brings feature maps to one width and adds to each what the deeper ones say (Lin 2017).

    Its levels are not convolved once more, because the branches that follow begin with a 3x3 convolution.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(width, _PYRAMID, 1) for width in widths)

    def forward(self, maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Levels (N, 256, h, w) of the sizes of ``maps``, from the finest to the deepest."""
        levels = [lateral(x) for lateral, x in zip(self.lateral, maps, strict=True)]
        for finer in range(len(levels) - 2, -1, -1):
            levels[finer] = levels[finer] + functional.interpolate(levels[finer + 1], scale_factor=2, mode="nearest")
        return levels


class Branch(nn.Sequential):
    """Doubles the resolution ``doublings`` times: 3x3 convolution, GroupNorm, activation, bilinear upsampling."""

    def __init__(self, doublings: int, act: ActivationName) -> None:
        layers: list[nn.Module] = []
        for number in range(max(doublings, 1)):
            inputs = _PYRAMID if number == 0 else _BRANCH
            layers += [nn.Conv2d(inputs, _BRANCH, 3, padding=1, bias=False), nn.GroupNorm(_GROUPS, _BRANCH)]
            layers.append(activation(act))
            if doublings:
                layers.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
        super().__init__(*layers)


class FpnUNet(SegmentationNetwork):
    """An encoder, a pyramid over its four deeper maps, a branch for each level, and a 1x1 convolution as head.

    The logits are made at a quarter of the input's size and interpolated.
    """

    def __init__(self, sequences: int, slices: int, settings: FpnUNetSettings, regions: int = 1) -> None:
        super().__init__()
        inputs = sequences * slices
        self.encoder = (
            PlainEncoder(inputs, settings.activation, settings.pooling)
            if settings.encoder == "plain"
            else ResNet(inputs, settings.encoder, settings.activation, settings.pooling)
        )
        widths = self.encoder.widths[1:]
        self.pyramid = Pyramid(widths)
        self.branches = nn.ModuleList(Branch(level, settings.activation) for level in range(len(widths)))
        self.concatenates = settings.merge == "concatenate"
        self.head = nn.Conv2d(_BRANCH * (len(widths) if self.concatenates else 1), regions, 1)

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps: list[torch.Tensor] = self.encoder(x)
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        levels = self.pyramid(self.encode(x)[1:])
        branches = [branch(level) for branch, level in zip(self.branches, levels, strict=True)]
        joined = torch.cat(branches, dim=1) if self.concatenates else torch.stack(branches).sum(dim=0)
        return functional.interpolate(self.head(joined), scale_factor=4, mode="bilinear", align_corners=False)

    def load_encoder(self, path: Path) -> None:
        if not isinstance(self.encoder, ResNet):
            raise InputError(
                f"the plain encoder has no pretrained weights; {path} cannot be used, set encoder: resnet34"
            )
        self.encoder.load(path)
