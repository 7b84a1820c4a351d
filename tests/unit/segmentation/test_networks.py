from __future__ import annotations

import pytest
import torch
from torch import nn

from gliomics.segmentation.networks import ConvBlock, Down, GbmUNet, NetworkSettings, Up


def test_original_width_has_the_layers_of_the_gbm_system() -> None:
    network = GbmUNet(3, NetworkSettings())
    widths = [block[0].out_channels for block in network.encoder]
    assert widths == [64, 128, 256, 512, 1024]
    assert [up.halve.out_channels for up in network.up] == [512, 256, 128, 64]
    assert all(up.halve.kernel_size == (1, 1) and up.upsample.mode == "nearest" for up in network.up)
    assert network.head.kernel_size == (3, 3)


def test_conv_block_is_twice_convolution_norm_dropout_activation() -> None:
    block = ConvBlock(3, 8, 0.3)
    kinds = [nn.Conv2d, nn.BatchNorm2d, nn.Dropout2d, nn.LeakyReLU] * 2
    assert [type(layer) for layer in block] == kinds
    convolutions = [layer for layer in block if isinstance(layer, nn.Conv2d)]
    assert all(layer.padding_mode == "reflect" and layer.bias is None for layer in convolutions)
    assert [layer.p for layer in block if isinstance(layer, nn.Dropout2d)] == [0.3, 0.3]


def test_down_and_up_halve_and_double_the_resolution() -> None:
    x = torch.zeros(1, 8, 16, 16)
    halved = Down(8)(x)
    assert halved.shape == (1, 8, 8, 8)
    assert Up(16)(torch.zeros(1, 16, 8, 8), x).shape == (1, 16, 16, 16)


@pytest.mark.parametrize(("inputs", "base", "millions"), [(1, 64, 32.1), (3, 16, 2.0), (9, 16, 2.0)])
def test_number_of_parameters(inputs: int, base: int, millions: float) -> None:
    network = GbmUNet(inputs, NetworkSettings(base=base))
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.1)


def test_output_is_one_logit_per_pixel() -> None:
    network = GbmUNet(3, NetworkSettings(base=4, levels=3))
    assert network(torch.randn(2, 3, 32, 48)).shape == (2, 1, 32, 48)
