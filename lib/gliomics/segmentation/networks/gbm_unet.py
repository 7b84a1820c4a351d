"""The U-Net of the GBM radiogenomics system."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import nn

from gliomics.segmentation.networks.network import NetworkShape, SegmentationNetwork


class GbmUNetSettings(NetworkShape):
    """Shape of the GBM radiogenomics U-Net; the defaults are the original's, 64-128-256-512-1024."""

    kind: Literal["gbm_unet"] = "gbm_unet"
    base: int = Field(default=64, ge=4, le=128)
    levels: int = Field(default=5, ge=2, le=6)
    dropout: float = Field(default=0.3, ge=0, lt=1)


class ConvBlock(nn.Sequential):
    """Twice: 3x3 convolution (reflection padding, no bias), batch norm, channel dropout, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            layers += [
                nn.Conv2d(channels, outputs, 3, padding=1, padding_mode="reflect", bias=False),
                nn.BatchNorm2d(outputs),
                nn.Dropout2d(dropout),
                nn.LeakyReLU(inplace=True),
            ]
        super().__init__(*layers)


class Down(nn.Sequential):
    """Halve the resolution: strided 3x3 convolution (reflection padding), batch norm, leaky ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.Conv2d(channels, channels, 3, stride=2, padding=1, padding_mode="reflect", bias=False),
            nn.BatchNorm2d(channels),
            nn.LeakyReLU(inplace=True),
        )


class Up(nn.Module):
    """Double the resolution: nearest neighbour, 1x1 convolution that halves the channels, then join the skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.halve = nn.Conv2d(channels, channels // 2, 1)

    def forward(self, deep: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return torch.cat((self.halve(self.upsample(deep)), skip), dim=1)


class GbmUNet(SegmentationNetwork):
    """The U-Net of the GBM radiogenomics system; with ``levels`` L, H and W may be multiples of ``2 ** (L - 1)``."""

    def __init__(self, sequences: int, slices: int, settings: GbmUNetSettings, regions: int = 1) -> None:
        super().__init__()
        widths = [settings.base * 2**level for level in range(settings.levels)]
        self.encoder = nn.ModuleList(
            ConvBlock(before, width, settings.dropout)
            for before, width in zip([sequences * slices, *widths[:-1]], widths, strict=True)
        )
        self.down = nn.ModuleList(Down(width) for width in widths[:-1])
        self.up = nn.ModuleList(Up(width) for width in reversed(widths[1:]))
        self.decoder = nn.ModuleList(ConvBlock(2 * width, width, settings.dropout) for width in reversed(widths[:-1]))
        self.head = nn.Conv2d(widths[0], regions, 3, padding=1, padding_mode="reflect")

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps = []
        for block, down in zip(self.encoder, self.down, strict=False):
            maps.append(block(x))
            x = down(maps[-1])
        return [*maps, self.encoder[-1](x)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        *skips, x = self.encode(x)
        for up, block in zip(self.up, self.decoder, strict=True):
            x = block(up(x, skips.pop()))
        logits: torch.Tensor = self.head(x)
        return logits
