from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from gliomics.errors import InputError
from gliomics.segmentation.networks import EfficientNetUNet, EfficientNetUNetSettings
from gliomics.segmentation.networks.efficientnet_unet import EfficientNetLite

from .checks import parameters_of, saved, without_gradient

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("variant", "count", "blocks"), [("lite0", 4_462_145, 16), ("lite1", 5_226_817, 21)])
def test_number_of_parameters(variant: str, count: int, blocks: int) -> None:
    with torch.device("meta"):
        network = EfficientNetUNet(3, 3, EfficientNetUNetSettings.model_validate({"variant": variant}))
    assert (parameters_of(network), len(network.encoder._blocks)) == (count, blocks)


def test_feature_maps_halve_from_one_to_the_next() -> None:
    with torch.device("meta"):
        maps = EfficientNetLite(1, "lite0")(torch.zeros(1, 1, 64, 96))
    assert [tuple(x.shape[1:]) for x in maps] == [
        (w, 32 // 2**n, 48 // 2**n) for n, w in enumerate((16, 24, 40, 112, 320))
    ]


def test_strided_convolution_is_padded_less_before_than_after() -> None:
    """As in TensorFlow: with an even size, the first window begins at the first pixel."""
    stem = EfficientNetLite(1, "lite0")._conv_stem
    nn.init.zeros_(stem.weight)
    with torch.no_grad():
        stem.weight[0, 0, 0, 0] = 1
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert stem(x)[0, 0].tolist() == [[0, 2], [8, 10]]


def test_output_is_one_logit_per_pixel() -> None:
    with torch.device("meta"):
        network = EfficientNetUNet(2, 3, EfficientNetUNetSettings())
        assert network(torch.zeros(2, 6, 64, 96)).shape == (2, 1, 64, 96)


def test_network_that_answers_says_the_same_without_batch_normalisation() -> None:
    """With statistics that are not those of a new network; the network itself is left as it was."""
    network = EfficientNetUNet(1, 1, EfficientNetUNetSettings()).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                nn.init.uniform_(values, 0.5, 1.5)
    answering, x = network.for_inference(torch.float32), torch.randn(2, 1, 64, 96)
    with torch.inference_mode():
        torch.testing.assert_close(answering(x), network(x), rtol=1e-4, atol=1e-4)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in answering.modules())
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()) > 50


def test_dropout_acts_on_channels_with_its_probability() -> None:
    with torch.device("meta"):
        network = EfficientNetUNet(1, 1, EfficientNetUNetSettings(dropout=0.2))
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout2d)] == [0.2] * 4


def test_every_parameter_learns() -> None:
    network = EfficientNetUNet(1, 1, EfficientNetUNetSettings(dropout=0))
    assert without_gradient(network, torch.randn(2, 1, 64, 64)) == []


def test_encoder_takes_weights_for_colour_images_and_needs_no_classifier(tmp_path: Path) -> None:
    colour = EfficientNetLite(3, "lite0")
    weights = colour.state_dict() | {"_fc.weight": torch.zeros(1000, 1280)}
    torch.save(weights, tmp_path / "lite0.pth")
    network = EfficientNetUNet(3, 3, EfficientNetUNetSettings())
    network.load_encoder(tmp_path / "lite0.pth")
    last = network.encoder._blocks[15]._project_conv.weight
    torch.testing.assert_close(last, colour._blocks[15]._project_conv.weight)
    x = torch.randn(1, 1, 8, 8)
    torch.testing.assert_close(
        network.encoder._conv_stem(x.expand(1, 9, 8, 8)), colour._conv_stem(x.expand(1, 3, 8, 8)), rtol=1e-4, atol=1e-5
    )


def test_weights_of_the_other_variant_are_refused_by_name(tmp_path: Path) -> None:
    path = saved(EfficientNetLite(3, "lite0"), tmp_path / "lite0.pth")
    with pytest.raises(InputError, match=r"lite0\.pth is not of this encoder: .*'_blocks\.\d+\."):
        EfficientNetUNet(3, 3, EfficientNetUNetSettings(variant="lite1")).load_encoder(path)
