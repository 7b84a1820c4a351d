from __future__ import annotations

import pytest
import torch
from torch import nn

from gliomics.segmentation.networks import LggUNet, LggUNetSettings
from gliomics.segmentation.networks.layers import ActivationName

from .checks import kinds_of, parameters_of, without_gradient


def test_default_has_the_number_of_parameters_that_was_published() -> None:
    """Buda 2019 in PyTorch has three input channels."""
    assert parameters_of(LggUNet(3, 1, LggUNetSettings())) == 7_763_041


def test_it_pools_down_and_convolves_up() -> None:
    network = LggUNet(1, 1, LggUNetSettings())
    assert [block[0].out_channels for block in network.encoder] == [32, 64, 128, 256, 512]
    assert isinstance(network.pool, nn.MaxPool2d)
    ups = [(up.in_channels, up.out_channels, up.kernel_size, up.stride) for up in network.up]
    assert ups == [(2 * width, width, (2, 2), (2, 2)) for width in (256, 128, 64, 32)]
    assert all(isinstance(up, nn.ConvTranspose2d) for up in network.up)
    assert network.head.kernel_size == (1, 1)


@pytest.mark.parametrize(("name", "kind"), [("leaky_relu", nn.LeakyReLU), ("sigmoid", nn.Sigmoid), ("elu", nn.ELU)])
def test_activation_and_pooling_are_switched_throughout(name: ActivationName, kind: type[nn.Module]) -> None:
    kinds = kinds_of(LggUNet(1, 1, LggUNetSettings(base=4, activation=name, pooling="average")))
    assert {kind, nn.AvgPool2d} <= kinds
    assert not {nn.ReLU, nn.MaxPool2d} & kinds


def test_output_is_one_logit_per_pixel() -> None:
    network = LggUNet(2, 3, LggUNetSettings(base=4))
    assert network(torch.randn(2, 6, 32, 48)).shape == (2, 1, 32, 48)


def test_feature_maps_run_from_the_finest_to_the_deepest() -> None:
    maps = LggUNet(1, 1, LggUNetSettings(base=4)).encode(torch.randn(1, 1, 32, 64))
    assert [tuple(x.shape[1:]) for x in maps] == [(4 * 2**n, 32 // 2**n, 64 // 2**n) for n in range(5)]


@pytest.mark.parametrize("name", ["relu", "sigmoid"])
def test_every_parameter_learns(name: ActivationName) -> None:
    network = LggUNet(1, 1, LggUNetSettings(base=4, activation=name))
    assert without_gradient(network, torch.randn(2, 1, 64, 64)) == []
