"""The ResNet-50 of the LGG thesis that says whether a slice shows tumour."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from gliomics.segmentation.networks.layers import ActivationName, PoolingName, activation
from gliomics.segmentation.networks.network import NetworkShape, SegmentationNetwork
from gliomics.segmentation.networks.resnet import ResNet


class SliceClassifierSettings(NetworkShape):
    """``hidden`` are the widths of the two dense layers; ``dropout`` follows each."""

    task: ClassVar[Literal["segmentation", "slice_classification"]] = "slice_classification"
    kind: Literal["slice_classifier"] = "slice_classifier"
    hidden: tuple[int, int] = (256, 256)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    activation: ActivationName = "relu"
    pooling: PoolingName = "max"


class SliceClassifier(SegmentationNetwork):
    """Maps neighbouring axial slices (N, sequences * slices, H, W) to logits (N, 2): no tumour, tumour."""

    def __init__(self, sequences: int, slices: int, settings: SliceClassifierSettings) -> None:
        super().__init__()
        self.encoder = ResNet(sequences * slices, "resnet50", settings.activation, settings.pooling)
        layers: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        before = self.encoder.widths[-1]
        for width in settings.hidden:
            layers += [nn.Linear(before, width), activation(settings.activation), nn.Dropout(settings.dropout)]
            before = width
        self.classify = nn.Sequential(*layers, nn.Linear(before, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.classify(self.encoder(x)[-1])
        return logits

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps at 1/2 to 1/32 of the input's size."""
        maps: list[torch.Tensor] = self.encoder(x)
        return maps

    def load_encoder(self, path: Path) -> None:
        """Take the encoder's weights from a torchvision file of ResNet-50."""
        self.encoder.load(path)
