"""The U-Net of the LGG thesis over a ResNeXt-50 (32x4d) encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from gliomics.segmentation.networks.layers import ActivationName, PoolingName, double_convolution
from gliomics.segmentation.networks.network import NetworkShape, SegmentationNetwork
from gliomics.segmentation.networks.resnet import ResNet


class ResNeXtUNetSettings(NetworkShape):
    """``pooling`` is that of the encoder's stem; ``decoder`` are the widths from deep to fine."""

    kind: Literal["resnext_unet"] = "resnext_unet"
    decoder: tuple[int, int, int, int, int] = (256, 128, 64, 32, 16)
    activation: ActivationName = "relu"
    pooling: PoolingName = "max"


class ResNeXtUNet(SegmentationNetwork):
    """A U-Net whose decoder doubles the resolution five times, four of them with a skip.

    The thesis names the encoder only. The decoder is that of the library segmentation_models.pytorch (Iakubovskii
    2019) at its default widths: nearest neighbour, concatenated skip, double convolution; a 3x3 convolution as head.
    """

    def __init__(self, sequences: int, slices: int, settings: ResNeXtUNetSettings, regions: int = 1) -> None:
        super().__init__()
        self.encoder = ResNet(sequences * slices, "resnext50", settings.activation, settings.pooling)
        *skips, deep = self.encoder.widths
        blocks = []
        for skip, width in zip([*reversed(skips), 0], settings.decoder, strict=True):
            blocks.append(double_convolution(deep + skip, width, settings.activation))
            deep = width
        self.decoder = nn.ModuleList(blocks)
        self.head = nn.Conv2d(deep, regions, 3, padding=1)

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps: list[torch.Tensor] = self.encoder(x)
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        *skips, x = self.encode(x)
        for block in self.decoder:
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = block(torch.cat((x, skips.pop()), dim=1) if skips else x)
        logits: torch.Tensor = self.head(x)
        return logits

    def load_encoder(self, path: Path) -> None:
        self.encoder.load(path)
