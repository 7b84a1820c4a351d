from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from gliomics.errors import InputError
from gliomics.segmentation.networks.resnet import EncoderName, ResNet

from .checks import kinds_of, parameters_of, saved, without_gradient

pytestmark = pytest.mark.slow

NAMES: list[EncoderName] = ["resnet34", "resnet50", "resnext50"]


@pytest.mark.parametrize(
    ("name", "count", "entries"),
    [("resnet34", 21_284_672, 216), ("resnet50", 23_508_032, 318), ("resnext50", 22_979_904, 318)],
)
def test_size_is_that_of_torchvision_without_its_classifier(name: EncoderName, count: int, entries: int) -> None:
    with torch.device("meta"):
        encoder = ResNet(3, name)
    assert (parameters_of(encoder), len(encoder.state_dict())) == (count, entries)


def test_parameters_have_torchvisions_names_and_shapes() -> None:
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in ResNet(3, "resnext50").state_dict().items()}
    assert shapes["conv1.weight"] == (64, 3, 7, 7)
    assert shapes["layer1.0.conv1.weight"] == (128, 64, 1, 1)
    assert shapes["layer1.0.conv2.weight"] == (128, 4, 3, 3)
    assert shapes["layer1.0.downsample.0.weight"] == (256, 64, 1, 1)
    assert shapes["layer1.0.downsample.1.running_mean"] == (256,)
    assert shapes["layer4.2.bn3.weight"] == (2048,)


@pytest.mark.parametrize(
    ("name", "widths"), [("resnet34", (64, 64, 128, 256, 512)), ("resnet50", (64, 256, 512, 1024, 2048))]
)
def test_feature_maps_halve_from_one_to_the_next(name: EncoderName, widths: tuple[int, ...]) -> None:
    with torch.device("meta"):
        encoder = ResNet(2, name)
        maps = encoder(torch.zeros(1, 2, 64, 96))
    assert tuple(encoder.widths) == widths
    assert [tuple(x.shape[1:]) for x in maps] == [(w, 32 // 2**n, 48 // 2**n) for n, w in enumerate(widths)]


def test_resnet50_computes_what_monais_does_with_the_same_weights() -> None:
    from monai.networks.nets.resnet import ResNetFeatures

    ours = ResNet(3, "resnet50").eval()
    theirs = ResNetFeatures("resnet50", pretrained=False, spatial_dims=2, in_channels=3).eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        for our_map, their_map in zip(ours(x), theirs(x), strict=True):
            torch.testing.assert_close(our_map, their_map)


@pytest.mark.parametrize("name", NAMES)
def test_activation_and_stem_pooling_are_switched_throughout(name: EncoderName) -> None:
    with torch.device("meta"):
        kinds = kinds_of(ResNet(3, name, "sigmoid", "average"))
    assert {nn.Sigmoid, nn.AvgPool2d} <= kinds
    assert not {nn.ReLU, nn.MaxPool2d} & kinds


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_learns(name: EncoderName) -> None:
    class Deepest(ResNet):
        def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            return super().forward(x)[-1]

    assert without_gradient(Deepest(1, name), torch.randn(2, 1, 64, 64)) == []


def test_weights_for_colour_images_are_spread_over_nine_inputs(tmp_path: Path) -> None:
    colour, ours = ResNet(3, "resnet34"), ResNet(9, "resnet34")
    ours.load(saved(colour, tmp_path / "resnet34.pth"))
    torch.testing.assert_close(ours.layer4[2].conv2.weight, colour.layer4[2].conv2.weight)
    grey = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        theirs = colour.eval()(grey.expand(1, 3, 64, 64))[-1]
        torch.testing.assert_close(ours.eval()(grey.expand(1, 9, 64, 64))[-1], theirs, rtol=1e-3, atol=1e-3)


def test_weights_of_another_network_are_refused_by_name(tmp_path: Path) -> None:
    path = saved(ResNet(3, "resnet34"), tmp_path / "resnet34.pth")
    with pytest.raises(InputError, match=r"resnet34\.pth is not of this encoder: .*'layer1\.0\.conv1\.weight'"):
        ResNet(3, "resnet50").load(path)


def test_weights_of_a_deeper_network_are_refused_by_name(tmp_path: Path) -> None:
    weights = ResNet(3, "resnet50").state_dict()
    weights |= {"layer3.6.conv1.weight": torch.zeros(256, 1024, 1, 1), "fc.weight": torch.zeros(1000, 2048)}
    torch.save(weights, tmp_path / "resnet101.pth")
    with pytest.raises(InputError, match=r"resnet50 has no 'layer3\.6\.conv1\.weight'"):
        ResNet(3, "resnet50").load(tmp_path / "resnet101.pth")
