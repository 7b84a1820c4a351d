"""ResNet-34, ResNet-50 and ResNeXt-50 (32x4d) as encoders (He 2016; Xie 2017).

Parameters have the names of torchvision's, so that its files of ImageNet weights can be loaded; the classifier is left
out. As in torchvision, a bottleneck halves the resolution in its 3x3 convolution.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import nn

from gliomics.errors import InputError
from gliomics.segmentation.networks.layers import ActivationName, PoolingName, activation, pooling
from gliomics.segmentation.networks.pretrained import load_into, read_weights, widen

EncoderName = Literal["resnet34", "resnet50", "resnext50"]

_REPEATS = (3, 4, 6, 3)
_STEM = "conv1.weight"


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, added to the input."""

    def __init__(self, inputs: int, planes: int, stride: int, act: ActivationName) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.act1 = activation(act)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.act2 = activation(act)
        self.downsample = _shortcut(inputs, planes, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.act1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        total: torch.Tensor = self.act2(y + self.downsample(x))
        return total


class Bottleneck(nn.Module):
    """1x1, 3x3 (in groups, for ResNeXt) and 1x1 convolutions, added to the input."""

    def __init__(self, inputs: int, planes: int, stride: int, act: ActivationName, groups: int) -> None:
        super().__init__()
        width = planes if groups == 1 else planes * 4 * groups // 64  # 4 channels for each group at 64 planes
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.act1 = activation(act)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.act2 = activation(act)
        self.conv3 = nn.Conv2d(width, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.act3 = activation(act)
        self.downsample = _shortcut(inputs, 4 * planes, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.act1(self.bn1(self.conv1(x)))
        y = self.act2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        total: torch.Tensor = self.act3(y + self.downsample(x))
        return total


class ResNet(nn.Module):
    """The encoder; ``widths`` are the channels of its five feature maps."""

    def __init__(
        self, inputs: int, name: EncoderName, act: ActivationName = "relu", stem_pooling: PoolingName = "max"
    ) -> None:
        super().__init__()
        self.name = name
        self.conv1 = nn.Conv2d(inputs, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.act = activation(act)
        self.pool = pooling(stem_pooling, size=3, padding=1)
        expansion = 1 if name == "resnet34" else 4
        before, stages = 64, []
        for number, repeats in enumerate(_REPEATS):
            planes, blocks = 64 * 2**number, []
            for repeat in range(repeats):
                stride = 2 if repeat == 0 and number > 0 else 1
                blocks.append(_block(name, before, planes, stride, act))
                before = expansion * planes
            stages.append(nn.Sequential(*blocks))
        self.widths = [64, *(64 * expansion * 2**number for number in range(len(_REPEATS)))]
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input's size."""
        maps = [self.act(self.bn1(self.conv1(x)))]
        x = self.pool(maps[0])
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            maps.append(x)
        return maps

    def load(self, path: Path) -> None:
        """Take weights from a file with torchvision's names.

        A first layer for colour images is spread over the input channels. Raises :class:`InputError` for the weights
        of another network.
        """
        weights = read_weights(path)
        if _STEM in weights and weights[_STEM].shape[1:2] == (3,):
            weights[_STEM] = widen(weights[_STEM], self.conv1.in_channels)
        layers = self.state_dict()
        further = next((key for key in weights if key.startswith("layer") and key not in layers), None)
        if further is not None:  # ResNet-101 has every name of ResNet-50, and more
            raise InputError(f"{path} is not of this encoder: {self.name} has no '{further}'")
        load_into(self, weights, path)


def _block(name: EncoderName, inputs: int, planes: int, stride: int, act: ActivationName) -> nn.Module:
    if name == "resnet34":
        return BasicBlock(inputs, planes, stride, act)
    return Bottleneck(inputs, planes, stride, act, groups=32 if name == "resnext50" else 1)


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
