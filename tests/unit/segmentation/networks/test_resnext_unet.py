from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from gliomics.segmentation.networks import ResNeXtUNet, ResNeXtUNetSettings
from gliomics.segmentation.networks.resnet import ResNet

from .checks import kinds_of, parameters_of, saved, without_gradient

pytestmark = pytest.mark.slow


def test_number_of_parameters_is_that_of_the_published_encoder_and_decoder() -> None:
    """The library has 32,521,105 parameters with ResNet-50, whose feature maps are as wide."""
    decoder = 32_521_105 - 23_508_032
    with torch.device("meta"):
        assert parameters_of(ResNeXtUNet(3, 1, ResNeXtUNetSettings())) == 22_979_904 + decoder == 31_992_977


def test_encoder_convolves_in_32_groups() -> None:
    with torch.device("meta"):
        network = ResNeXtUNet(1, 1, ResNeXtUNetSettings())
    grouped = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d) and layer.groups > 1]
    assert [layer.groups for layer in grouped] == [32] * 16
    assert [layer.out_channels // 32 for layer in grouped[::4]] == [4, 8, 16, 16]


def test_decoder_joins_a_skip_at_each_stage_but_the_last() -> None:
    with torch.device("meta"):
        network = ResNeXtUNet(1, 1, ResNeXtUNetSettings())
    shapes = [(block[0].in_channels, block[0].out_channels) for block in network.decoder]
    assert shapes == [(2048 + 1024, 256), (256 + 512, 128), (128 + 256, 64), (64 + 64, 32), (32, 16)]


def test_activation_and_pooling_are_switched_throughout() -> None:
    with torch.device("meta"):
        kinds = kinds_of(ResNeXtUNet(1, 1, ResNeXtUNetSettings(activation="leaky_relu", pooling="average")))
    assert {nn.LeakyReLU, nn.AvgPool2d} <= kinds
    assert not {nn.ReLU, nn.MaxPool2d} & kinds


def test_output_is_one_logit_per_pixel() -> None:
    with torch.device("meta"):
        network = ResNeXtUNet(2, 3, ResNeXtUNetSettings())
        assert network(torch.zeros(2, 6, 64, 96)).shape == (2, 1, 64, 96)


def test_every_parameter_learns() -> None:
    network = ResNeXtUNet(1, 1, ResNeXtUNetSettings())
    assert without_gradient(network, torch.randn(2, 1, 64, 64)) == []


def test_encoder_takes_torchvisions_weights(tmp_path: Path) -> None:
    colour = ResNet(3, "resnext50")
    network = ResNeXtUNet(3, 3, ResNeXtUNetSettings())
    network.load_encoder(saved(colour, tmp_path / "resnext50.pth"))
    torch.testing.assert_close(network.encoder.layer4[2].conv3.weight, colour.layer4[2].conv3.weight)
