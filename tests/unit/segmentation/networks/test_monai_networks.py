from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gliomics.errors import InputError
from gliomics.segmentation.networks import (
    DynUNet,
    DynUNetSettings,
    FlexibleUNet,
    FlexibleUNetSettings,
    SegResNetSettings,
    build_network,
)
from gliomics.segmentation.networks.resnet import ResNet

from .checks import parameters_of, saved, without_gradient

pytestmark = pytest.mark.slow

SMALL = DynUNetSettings(filters=(4, 8, 16), in_plane_levels=1)


def on_meta(settings: Any, sequences: int, slices: int) -> Any:
    with torch.device("meta"):
        return build_network(settings, sequences, slices)


def test_flexible_unet_has_the_size_counted_by_hand() -> None:
    """A decoder stage halves the channels (1x1, bias), joins the skip and convolves twice; the last has no skip."""

    def stage(deep: int, skip: int, width: int) -> int:
        halved = deep // 2 if skip else deep
        halve = deep * halved + halved if skip else 0
        return halve + 9 * (halved + skip) * width + 9 * width * width + 4 * width

    stages = [(512, 256, 256), (256, 128, 128), (128, 64, 64), (64, 64, 32), (32, 0, 16)]
    by_hand = 21_284_672 + sum(stage(*sizes) for sizes in stages) + 9 * 16 + 1
    assert parameters_of(on_meta(FlexibleUNetSettings(), 3, 1)) == by_hand == 23_827_569


def test_flexible_unet_sees_all_neighbours_and_answers_for_the_middle() -> None:
    network = on_meta(FlexibleUNetSettings(), 4, 3)
    assert network(torch.zeros(2, 12, 64, 96, device="meta")).shape == (2, 1, 64, 96)
    assert [x.shape[1] for x in network.encode(torch.zeros(1, 12, 64, 64, device="meta"))] == [64, 64, 128, 256, 512]


def test_flexible_unet_drops_out_with_its_probability() -> None:
    network = on_meta(FlexibleUNetSettings(dropout=0.25), 1, 1)
    assert {layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)} == {0.25}


def test_every_parameter_of_flexible_unet_learns() -> None:
    network = FlexibleUNet(1, 3, FlexibleUNetSettings(dropout=0))
    assert without_gradient(network, torch.randn(2, 3, 64, 64)) == []


def test_flexible_unet_takes_torchvisions_weights(tmp_path: Path) -> None:
    colour = ResNet(3, "resnet34")
    network = FlexibleUNet(3, 3, FlexibleUNetSettings())
    network.load_encoder(saved(colour, tmp_path / "resnet34.pth"))
    torch.testing.assert_close(network.network.encoder.layer4[2].conv2.weight, colour.layer4[2].conv2.weight)


def test_flexible_unet_refuses_the_weights_of_another_encoder(tmp_path: Path) -> None:
    path = saved(ResNet(3, "resnet34"), tmp_path / "resnet34.pth")
    with pytest.raises(InputError, match=r"is not of this encoder: .*'layer1\.0\.conv1\.weight'"):
        FlexibleUNet(3, 1, FlexibleUNetSettings(backbone="resnet50")).load_encoder(path)


def test_dynunet_has_the_size_counted_by_hand() -> None:
    """Convolutions have no bias; an instance norm with two numbers per channel follows each but the upward ones."""
    filters = (32, 64, 128, 256, 320)
    taps, steps = (9, 9, 27, 27, 27), (4, 4, 8, 8)

    def block(a: int, b: int, k: int) -> int:
        return k * a * b + k * b * b + 4 * b

    down = sum(block(a, b, k) for a, b, k in zip((4, *filters), filters, taps, strict=False))
    finer = zip(filters[1:], filters, steps, taps[1:], strict=False)
    up = sum(deep * fine * step + block(2 * fine, fine, k) for deep, fine, step, k in finer)
    assert parameters_of(on_meta(DynUNetSettings(), 4, 16)) == down + up + 32 + 1 == 16_318_625


def test_dynunet_halves_in_the_plane_first() -> None:
    network = on_meta(DynUNetSettings(), 1, 16)
    assert network.network.strides == [(1, 1, 1), (1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2)]
    assert network.network.kernel_size == [(1, 3, 3), (1, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)]
    kinds = [type(layer) for layer in network.modules()]
    assert nn.InstanceNorm3d in kinds
    assert not network.network.deep_supervision


def test_dynunet_computes_what_monais_does_with_the_same_weights() -> None:
    from monai.networks.nets import DynUNet as MonaiDynUNet

    ours = DynUNet(2, 4, SMALL).eval()
    steps = [(1, 2, 2), (2, 2, 2)]
    kernels = [(1, 3, 3), (3, 3, 3), (3, 3, 3)]
    theirs = MonaiDynUNet(3, 2, 1, kernels, [(1, 1, 1), *steps], steps, filters=(4, 8, 16)).eval()
    theirs.load_state_dict(ours.network.state_dict(), strict=False)
    x = torch.randn(1, 2, 4, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(ours(x.flatten(1, 2)), theirs(x)[:, 0])


def test_weights_of_dynunet_are_kept_once() -> None:
    network = DynUNet(1, 4, SMALL)
    assert sum(value.numel() for value in network.state_dict().values()) == parameters_of(network)


@pytest.mark.parametrize("settings", [DynUNetSettings(), SegResNetSettings()])
def test_network_in_space_answers_for_every_slice(settings: Any) -> None:
    network = on_meta(settings, 3, 16)
    assert network(torch.zeros(2, 48, 64, 96, device="meta")).shape == (2, 16, 64, 96)


def test_sequences_are_channels_and_slices_are_an_axis_of_space() -> None:
    """Sequence 1, slice 2 lies at 1 * slices + 2 in what the network is given."""
    x = torch.zeros(1, 8, 32, 32)
    x[:, 6] = 1
    volume = DynUNet(2, 4, SMALL).volume(x)
    assert volume.shape == (1, 2, 4, 32, 32)
    assert volume[0, 1, 2].min() == 1
    assert volume.sum() == 32 * 32


def test_feature_maps_of_a_network_in_space_are_those_of_the_middle_slice() -> None:
    network = DynUNet(1, 16, DynUNetSettings(filters=(4, 4, 8, 8, 8)))
    x = torch.randn(1, 16, 32, 32)
    with torch.inference_mode():
        maps, volumes = network.encode(x), network.encode_space(x[:, None])
    assert [volume.shape[2] for volume in volumes] == [16, 16, 16, 8, 4]
    for number, middle in enumerate((7, 7, 7, 3, 1)):
        assert torch.equal(maps[number], volumes[number][:, :, middle])


@pytest.mark.parametrize("settings", [SMALL, SegResNetSettings(dropout=0)])
def test_every_parameter_of_a_network_in_space_learns(settings: Any) -> None:
    assert without_gradient(build_network(settings, 2, 8), torch.randn(2, 16, 32, 32)) == []


def test_segresnet_has_the_size_counted_by_hand() -> None:
    """A residual block is two 3x3x3 convolutions without bias and two group norms; widths double downwards."""

    def residual(width: int) -> int:
        return 2 * (27 * width * width + 2 * width)

    widths = (16, 32, 64, 128)
    down = sum(repeats * residual(width) for repeats, width in zip((1, 2, 2, 4), widths, strict=True))
    strided = sum(27 * width * 2 * width for width in widths[:3])
    up = sum(2 * width * width + residual(width) for width in widths[:3])
    by_hand = 27 * 4 * 16 + down + strided + up + 2 * 16 + 16 + 1
    assert parameters_of(on_meta(SegResNetSettings(), 4, 16)) == by_hand == 4_702_193


def test_segresnet_has_group_norms_and_its_dropout() -> None:
    network = on_meta(SegResNetSettings(dropout=0.4), 1, 8)
    assert any(isinstance(layer, nn.GroupNorm) for layer in network.modules())
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout3d)] == [0.4]


@pytest.mark.parametrize(
    ("settings", "depth", "message"),
    [
        (DynUNetSettings(), 6, "'dynunet' needs input.depth to be a multiple of 4, found 6; use 4 or 8"),
        (DynUNetSettings(), 3, "found 3; use 4"),
        (SegResNetSettings(), 12, "'segresnet' needs input.depth to be a multiple of 8, found 12; use 8 or 16"),
    ],
)
def test_depth_that_cannot_be_halved_is_refused_with_one_that_can(settings: Any, depth: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_network(settings, 1, depth)


def test_more_levels_in_the_plane_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="in_plane_levels must be below the 3 filters; found 3"):
        DynUNetSettings(filters=(8, 16, 32), in_plane_levels=3)


def test_network_in_space_has_no_pretrained_encoder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="DynUNet has no pretrained encoder"):
        DynUNet(1, 4, SMALL).load_encoder(tmp_path / "resnet34.pth")
