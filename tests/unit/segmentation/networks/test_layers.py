from __future__ import annotations

import pytest
import torch
from torch import nn

from gliomics.segmentation.networks.layers import ActivationName, activation, double_convolution, pooling


@pytest.mark.parametrize(
    ("name", "kind", "at_minus_one"),
    [
        ("relu", nn.ReLU, 0.0),
        ("leaky_relu", nn.LeakyReLU, -0.01),
        ("sigmoid", nn.Sigmoid, 0.2689),
        ("elu", nn.ELU, -0.6321),
    ],
)
def test_activation_is_the_one_named(name: ActivationName, kind: type[nn.Module], at_minus_one: float) -> None:
    layer = activation(name)
    assert type(layer) is kind
    assert layer(torch.tensor([-1.0])).item() == pytest.approx(at_minus_one, abs=1e-4)


def test_pooling_takes_the_largest_or_the_mean() -> None:
    x = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])
    assert pooling("max")(x).item() == 6
    assert pooling("average")(x).item() == 3


def test_average_pooling_leaves_the_padding_out() -> None:
    assert torch.equal(pooling("average", size=3, padding=1)(torch.ones(1, 1, 8, 8)), torch.ones(1, 1, 4, 4))


def test_double_convolution_is_twice_convolution_norm_activation() -> None:
    block = double_convolution(3, 8, "elu")
    assert [type(layer) for layer in block] == [nn.Conv2d, nn.BatchNorm2d, nn.ELU] * 2
    assert [(layer.in_channels, layer.out_channels) for layer in block if isinstance(layer, nn.Conv2d)] == [
        (3, 8),
        (8, 8),
    ]
