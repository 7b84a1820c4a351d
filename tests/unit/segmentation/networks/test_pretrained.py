from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from gliomics.errors import InputError
from gliomics.segmentation.networks.pretrained import load_into, read_weights, widen


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_tensors_are_read_by_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights.{suffix}"
    save = safetensors.torch.save_file if suffix == "safetensors" else torch.save
    save({"weight": torch.arange(3.0)}, path)
    assert read_weights(path)["weight"].tolist() == [0, 1, 2]


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file of pretrained weights at .*none\.pth"):
        read_weights(tmp_path / "none.pth")


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_other_bytes_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights.{suffix}"
    path.write_bytes(b"not weights")
    with pytest.raises(InputError, match="is not a file of network weights"):
        read_weights(path)


def test_checkpoint_around_the_weights_is_refused_with_the_remedy(tmp_path: Path) -> None:
    torch.save({"state_dict": {"weight": torch.zeros(1)}}, tmp_path / "checkpoint.pth")
    with pytest.raises(InputError, match="save the network's state_dict"):
        read_weights(tmp_path / "checkpoint.pth")


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    torch.save(nn.Linear(1, 1), tmp_path / "module.pth")
    with pytest.raises(InputError, match="is not a file of network weights"):
        read_weights(tmp_path / "module.pth")


def test_weights_are_loaded_and_others_left() -> None:
    layer = nn.Linear(2, 1)
    weights = {"weight": torch.tensor([[1.0, 2.0]]), "bias": torch.tensor([3.0]), "fc": torch.zeros(9)}
    load_into(layer, weights, Path("file.pth"))
    assert layer(torch.tensor([1.0, 1.0])).item() == 6


@pytest.mark.parametrize(
    ("weights", "found"),
    [({}, "nothing under 'weight'"), ({"weight": torch.zeros(3, 1)}, r"shape \(3, 1\) under 'weight'")],
)
def test_weight_that_is_missing_or_of_another_shape_is_named(weights: dict[str, torch.Tensor], found: str) -> None:
    with pytest.raises(
        InputError, match=rf"file\.pth is not of this encoder: it has {found}, shape \(1, 2\) was expected"
    ):
        load_into(nn.Linear(2, 1), weights, Path("file.pth"))


def test_old_files_without_a_count_of_batches_are_loaded() -> None:
    layer = nn.BatchNorm2d(2)
    old = {name: value + 1 for name, value in layer.state_dict().items() if name != "num_batches_tracked"}
    load_into(layer, old, Path("file.pth"))
    assert layer.running_mean is not None
    assert layer.running_mean.tolist() == [1, 1]


def test_widened_layer_answers_to_a_grey_image_as_before() -> None:
    weight, grey = torch.randn(4, 3, 3, 3), torch.randn(1, 1, 8, 8)
    before = nn.functional.conv2d(grey.expand(1, 3, 8, 8), weight)
    after = nn.functional.conv2d(grey.expand(1, 9, 8, 8), widen(weight, 9))
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
