from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from gliomics.errors import InputError
from gliomics.segmentation.networks import GbmUNet, GbmUNetSettings
from gliomics.segmentation.networks.gbm_unet import ConvBlock, Down, Up

from .checks import parameters_of, without_gradient


def test_original_width_has_the_layers_of_the_gbm_system() -> None:
    with torch.device("meta"):
        network = GbmUNet(3, 1, GbmUNetSettings())
    widths = [block[0].out_channels for block in network.encoder]
    assert widths == [64, 128, 256, 512, 1024]
    assert [up.halve.out_channels for up in network.up] == [512, 256, 128, 64]
    assert all(up.halve.kernel_size == (1, 1) and up.upsample.mode == "nearest" for up in network.up)
    assert network.head.kernel_size == (3, 3)
    assert {layer.p for layer in network.modules() if isinstance(layer, nn.Dropout2d)} == {0.3}


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


def by_hand(inputs: int, widths: list[int]) -> int:
    """3x3 convolutions without bias (9 a b) and batch norms (2 b); up by 1x1 convolution with bias; head 3x3."""

    def block(a: int, b: int) -> int:
        return 9 * a * b + 9 * b * b + 4 * b

    down = sum(9 * width * width + 2 * width for width in widths[:-1])
    encoder = sum(block(a, b) for a, b in zip([inputs, *widths], widths, strict=False))
    decoder = sum(block(2 * width, width) + 2 * width * width + width for width in widths[:-1])
    return encoder + down + decoder + 9 * widths[0] + 1


@pytest.mark.parametrize(
    ("sequences", "slices", "base", "count"), [(1, 1, 64, 32_083_393), (3, 1, 64, 32_084_545), (1, 3, 16, 2_008_465)]
)
def test_number_of_parameters(sequences: int, slices: int, base: int, count: int) -> None:
    with torch.device("meta"):
        network = GbmUNet(sequences, slices, GbmUNetSettings(base=base))
    assert parameters_of(network) == by_hand(sequences * slices, [base * 2**level for level in range(5)]) == count


def test_output_is_one_logit_per_pixel() -> None:
    network = GbmUNet(3, 1, GbmUNetSettings(base=4, levels=3))
    assert network(torch.randn(2, 3, 32, 48)).shape == (2, 1, 32, 48)


def test_every_parameter_learns() -> None:
    network = GbmUNet(3, 1, GbmUNetSettings(base=4, dropout=0))
    assert without_gradient(network, torch.randn(2, 3, 64, 64)) == []


def test_pretrained_encoder_is_refused() -> None:
    with pytest.raises(InputError, match=r"GbmUNet has no pretrained encoder; resnet\.pth cannot be used"):
        GbmUNet(1, 1, GbmUNetSettings(base=4)).load_encoder(Path("resnet.pth"))
