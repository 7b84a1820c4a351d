"""The U-Net of the LGG FLAIR system."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import nn

from gliomics.segmentation.networks.layers import ActivationName, PoolingName, double_convolution, pooling
from gliomics.segmentation.networks.network import NetworkShape, SegmentationNetwork


class LggUNetSettings(NetworkShape):
    """Shape of the LGG U-Net; the defaults are those that Buda 2019 published, 32-64-128-256-512."""

    kind: Literal["lgg_unet"] = "lgg_unet"
    base: int = Field(default=32, ge=4, le=128)
    levels: int = Field(default=5, ge=2, le=6)
    activation: ActivationName = "relu"
    pooling: PoolingName = "max"


class LggUNet(SegmentationNetwork):
    """Double convolutions with batch norm, pooling down, transposed convolutions up, a 1x1 convolution as head."""

    def __init__(self, sequences: int, slices: int, settings: LggUNetSettings, regions: int = 1) -> None:
        super().__init__()
        widths = [settings.base * 2**level for level in range(settings.levels)]
        self.encoder = nn.ModuleList(
            double_convolution(before, width, settings.activation)
            for before, width in zip([sequences * slices, *widths[:-1]], widths, strict=True)
        )
        self.pool = pooling(settings.pooling)
        finer = list(reversed(widths[:-1]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * width, width, 2, 2) for width in finer)
        self.decoder = nn.ModuleList(double_convolution(2 * width, width, settings.activation) for width in finer)
        self.head = nn.Conv2d(widths[0], regions, 1)

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps = [self.encoder[0](x)]
        for block in self.encoder[1:]:
            maps.append(block(self.pool(maps[-1])))
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        *skips, x = self.encode(x)
        for up, block in zip(self.up, self.decoder, strict=True):
            x = block(torch.cat((up(x), skips.pop()), dim=1))
        logits: torch.Tensor = self.head(x)
        return logits
