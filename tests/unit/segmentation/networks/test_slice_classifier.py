from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from gliomics.segmentation.networks import SliceClassifier, SliceClassifierSettings
from gliomics.segmentation.networks.resnet import ResNet

from .checks import kinds_of, parameters_of, saved, without_gradient

pytestmark = pytest.mark.slow


def test_number_of_parameters_is_that_of_the_encoder_and_three_dense_layers() -> None:
    dense = (2048 + 1) * 256 + (256 + 1) * 256 + (256 + 1) * 2
    with torch.device("meta"):
        assert parameters_of(SliceClassifier(3, 1, SliceClassifierSettings())) == 23_508_032 + dense == 24_098_882


def test_it_pools_flattens_and_has_two_dense_layers_with_dropout() -> None:
    with torch.device("meta"):
        layers = SliceClassifier(1, 1, SliceClassifierSettings()).classify
    dense = [nn.Linear, nn.ReLU, nn.Dropout]
    assert [type(layer) for layer in layers] == [nn.AdaptiveAvgPool2d, nn.Flatten, *dense, *dense, nn.Linear]
    assert [layer.p for layer in layers if isinstance(layer, nn.Dropout)] == [0.3, 0.3]


def test_activation_and_pooling_are_switched_throughout() -> None:
    with torch.device("meta"):
        kinds = kinds_of(SliceClassifier(1, 1, SliceClassifierSettings(activation="elu", pooling="average")))
    assert {nn.ELU, nn.AvgPool2d} <= kinds
    assert not {nn.ReLU, nn.MaxPool2d} & kinds


def test_output_is_two_logits_for_each_slice() -> None:
    network = SliceClassifier(2, 3, SliceClassifierSettings()).eval()
    with torch.inference_mode():
        assert network(torch.randn(2, 6, 32, 64)).shape == (2, 2)


def test_every_parameter_learns() -> None:
    network = SliceClassifier(1, 1, SliceClassifierSettings(dropout=0))
    assert without_gradient(network, torch.randn(2, 1, 64, 64)) == []


def test_encoder_takes_torchvisions_weights(tmp_path: Path) -> None:
    colour = ResNet(3, "resnet50")
    network = SliceClassifier(3, 3, SliceClassifierSettings())
    network.load_encoder(saved(colour, tmp_path / "resnet50.pth"))
    torch.testing.assert_close(network.encoder.layer4[2].conv3.weight, colour.layer4[2].conv3.weight)


def test_settings_reject_what_they_do_not_know() -> None:
    with pytest.raises(ValueError, match="hiden"):
        SliceClassifierSettings.model_validate({"hiden": [1, 2]})
