from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gliomics.errors import InputError
from gliomics.segmentation.networks import FpnUNet, FpnUNetSettings
from gliomics.segmentation.networks.fpn import Branch, Pyramid
from gliomics.segmentation.networks.resnet import ResNet

from .checks import kinds_of, parameters_of, saved, without_gradient

pytestmark = pytest.mark.slow


def build(device: str = "meta", sequences: int = 3, **settings: Any) -> FpnUNet:
    with torch.device(device):
        return FpnUNet(sequences, 1, FpnUNetSettings(**settings))


def test_resnet34_reading_has_the_size_of_the_published_pyramid() -> None:
    """segmentation_models.pytorch has 23,155,393 parameters for the semantic pyramid over ResNet-34."""
    assert parameters_of(build(encoder="resnet34")) == 23_155_393


@pytest.mark.parametrize(("merge", "count"), [("sum", 20_963_649), ("concatenate", 20_964_033)])
def test_plain_reading_has_the_size_counted_by_hand(merge: str, count: int) -> None:
    widths = [3, 64, 128, 256, 512, 1024]
    encoder = sum(9 * a * b + 9 * b * b + 4 * b for a, b in pairwise(widths))
    laterals = sum(256 * width + 256 for width in widths[2:])
    branches = 4 * (9 * 256 * 128 + 256) + 3 * (9 * 128 * 128 + 256)
    head = 128 * (4 if merge == "concatenate" else 1) + 1
    network = build(encoder="plain", merge=merge)
    assert parameters_of(network) == encoder + laterals + branches + head == count


def test_plain_encoder_has_64_to_1024_channels_each_pooled() -> None:
    maps = build(encoder="plain").encode(torch.zeros(1, 3, 64, 96, device="meta"))
    assert [tuple(x.shape[1:]) for x in maps] == [(64 * 2**n, 32 // 2**n, 48 // 2**n) for n in range(5)]


def test_pyramid_adds_to_each_level_the_nearest_of_the_deeper() -> None:
    pyramid = Pyramid([1, 1])
    for lateral in pyramid.lateral:
        nn.init.ones_(lateral.weight)
        nn.init.zeros_(lateral.bias)
    deep = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, None]
    finest, deepest = pyramid([torch.full((1, 1, 4, 4), 10.0), deep])
    assert finest.shape == (1, 256, 4, 4)
    assert finest[0, 0, 0].tolist() == [11, 11, 12, 12]
    assert torch.equal(deepest[0, :1], deep[0])


@pytest.mark.parametrize(("doublings", "blocks"), [(0, 1), (1, 1), (2, 2), (3, 3)])
def test_branch_brings_its_level_to_the_finest(doublings: int, blocks: int) -> None:
    branch = Branch(doublings, "relu")
    groups = [layer.num_groups for layer in branch if isinstance(layer, nn.GroupNorm)]
    assert groups == [32] * blocks
    assert branch(torch.zeros(1, 256, 2, 3)).shape == (1, 128, 2 * 2**doublings, 3 * 2**doublings)


@pytest.mark.parametrize("encoder", ["resnet34", "plain"])
def test_activation_and_pooling_are_switched_throughout(encoder: str) -> None:
    kinds = kinds_of(build(encoder=encoder, activation="sigmoid", pooling="average"))
    assert {nn.Sigmoid, nn.AvgPool2d} <= kinds
    assert not {nn.ReLU, nn.MaxPool2d} & kinds


@pytest.mark.parametrize("merge", ["sum", "concatenate"])
@pytest.mark.parametrize("encoder", ["resnet34", "plain"])
def test_output_is_one_logit_per_pixel(encoder: str, merge: str) -> None:
    network = build(encoder=encoder, merge=merge)
    assert network(torch.zeros(2, 3, 64, 96, device="meta")).shape == (2, 1, 64, 96)


@pytest.mark.parametrize("encoder", ["resnet34", "plain"])
def test_every_parameter_learns(encoder: str) -> None:
    network = build("cpu", 1, encoder=encoder)
    assert without_gradient(network, torch.randn(2, 1, 64, 64)) == []


def test_encoder_takes_torchvisions_weights(tmp_path: Path) -> None:
    colour = ResNet(3, "resnet34")
    network = build("cpu", 9)
    network.load_encoder(saved(colour, tmp_path / "resnet34.pth"))
    assert isinstance(network.encoder, ResNet)
    torch.testing.assert_close(network.encoder.layer4[2].conv2.weight, colour.layer4[2].conv2.weight)


def test_plain_encoder_refuses_pretrained_weights_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"resnet34\.pth cannot be used, set encoder: resnet34"):
        build(encoder="plain").load_encoder(tmp_path / "resnet34.pth")
