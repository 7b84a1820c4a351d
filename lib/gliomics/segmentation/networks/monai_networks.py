"""Networks of MONAI: a U-Net over neighbouring slices (2.5-D), and two that convolve in space (3-D).

MONAI is imported when a network is made, because that takes seconds.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, model_validator

from gliomics.errors import InputError
from gliomics.segmentation.networks.network import NetworkShape, SegmentationNetwork
from gliomics.segmentation.networks.resnet import ResNet


class FlexibleUNetSettings(NetworkShape):
    """``dropout`` acts in the decoder."""

    kind: Literal["flexible_unet"] = "flexible_unet"
    backbone: Literal["resnet34", "resnet50"] = "resnet34"
    dropout: float = Field(default=0.1, ge=0, lt=1)


class FlexibleUNet(SegmentationNetwork):
    """MONAI's FlexibleUNet over our ResNet.

    MONAI's own ResNet-34 has no weights in its shortcuts and cuts their gradient, and torchvision's weights do not fit.
    """

    def __init__(self, sequences: int, slices: int, settings: FlexibleUNetSettings, regions: int = 1) -> None:
        super().__init__()
        from monai.networks.nets.flexible_unet import FlexibleUNet as MonaiFlexibleUNet

        inputs = sequences * slices
        self.network = MonaiFlexibleUNet(
            inputs, regions, settings.backbone, pretrained=False, spatial_dims=2, dropout=settings.dropout
        )
        self.network.encoder = ResNet(inputs, settings.backbone)

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps: list[torch.Tensor] = self.network.encoder(x)
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(x)
        return logits

    def load_encoder(self, path: Path) -> None:
        self.network.encoder.load(path)


class _SpaceSettings(NetworkShape):
    in_space: ClassVar[bool] = True


class _SpaceNetwork(SegmentationNetwork):
    """Handles slices as the first axis of space: (N, sequences, slices, H, W)."""

    def __init__(self, sequences: int, slices: int, kind: str, step: int) -> None:
        super().__init__()
        if slices % step:
            below = slices // step * step
            possible = f"{below} or {below + step}" if below else str(step)
            raise InputError(
                f"network '{kind}' needs input.depth to be a multiple of {step}, found {slices}; use {possible}"
            )
        self.sequences, self.slices = sequences, slices

    def volume(self, x: torch.Tensor) -> torch.Tensor:
        """(N, sequences * slices, H, W) as (N, sequences, slices, H, W)."""
        n, _, height, width = x.shape
        return x.reshape(n, self.sequences, self.slices, height, width)

    @abstractmethod
    def encode_space(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps (N, channels, d, h, w) of volumes, from the finest to the deepest."""

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        middle = (self.slices - 1) // 2
        maps = self.encode_space(self.volume(x))
        return [x[:, :, middle * x.shape[2] // self.slices] for x in maps]


class DynUNetSettings(_SpaceSettings):
    """``filters`` are the widths of the levels; the first ``in_plane_levels`` of them convolve and shrink in the slice.

    As in nnU-Net, that is until a pixel is as wide as a slice is thick: 2 levels for slices of 5 mm with pixels of
    about 1.25 mm.
    """

    kind: Literal["dynunet"] = "dynunet"
    filters: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        default=(32, 64, 128, 256, 320), min_length=3, max_length=6
    )
    in_plane_levels: int = Field(default=2, ge=0)

    @model_validator(mode="after")
    def _levels_are_there(self) -> DynUNetSettings:
        if self.in_plane_levels >= len(self.filters):
            raise ValueError(
                f"in_plane_levels must be below the {len(self.filters)} filters; found {self.in_plane_levels}"
            )
        return self

    @property
    def depth_step(self) -> int:
        return 1 << (len(self.filters) - 1 - self.in_plane_levels)


class DynUNet(_SpaceNetwork):
    """MONAI's DynUNet, the network of nnU-Net (Isensee 2021), for thick slices; without deep supervision."""

    def __init__(self, sequences: int, slices: int, settings: DynUNetSettings) -> None:
        super().__init__(sequences, slices, settings.kind, settings.depth_step)
        from monai.networks.nets.dynunet import DynUNet as MonaiDynUNet

        levels, flat = len(settings.filters), settings.in_plane_levels
        kernels = [(1, 3, 3) if level < flat else (3, 3, 3) for level in range(levels)]
        steps = [(1, 2, 2) if level <= flat else (2, 2, 2) for level in range(1, levels)]
        self.network = MonaiDynUNet(
            3,
            sequences,
            1,
            kernel_size=kernels,
            strides=[(1, 1, 1), *steps],
            upsample_kernel_size=steps,
            filters=settings.filters,
            deep_supervision=False,
        )
        # They hold every layer a second time, and would double a file of weights.
        del self.network.skip_layers

    def encode_space(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps = [self.network.input_block(x)]
        for block in (*self.network.downsamples, self.network.bottleneck):
            maps.append(block(maps[-1]))
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        *skips, x = self.encode_space(self.volume(x))
        for up in self.network.upsamples:
            x = up(x, skips.pop())
        logits: torch.Tensor = self.network.output_block(x).squeeze(1)
        return logits


class SegResNetSettings(_SpaceSettings):
    """``init_filters`` is the width of the first level; ``dropout`` follows the first convolution."""

    kind: Literal["segresnet"] = "segresnet"
    init_filters: int = Field(default=16, ge=8, le=64, multiple_of=8)
    dropout: float = Field(default=0.2, ge=0, lt=1)

    @property
    def depth_step(self) -> int:
        return 8


class SegResNet(_SpaceNetwork):
    """MONAI's SegResNet (Myronenko 2018), without its autoencoder; for slices about as thick as pixels are wide."""

    def __init__(self, sequences: int, slices: int, settings: SegResNetSettings) -> None:
        super().__init__(sequences, slices, settings.kind, settings.depth_step)
        from monai.networks.nets.segresnet import SegResNet as MonaiSegResNet

        self.network = MonaiSegResNet(
            3, settings.init_filters, in_channels=sequences, out_channels=1, dropout_prob=settings.dropout
        )

    def encode_space(self, x: torch.Tensor) -> list[torch.Tensor]:
        _, maps = self.network.encode(x)
        return list(maps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(self.volume(x)).squeeze(1)
        return logits
