"""Every configuration that comes with Gliomics, and the page that lists them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import gliomics.training.config
from gliomics.segmentation.networks import SegmentationNetwork, build_network
from gliomics.training.config import load_training_config

from .checks import parameters_of

pytestmark = pytest.mark.slow

NAMES = sorted(path.stem for path in (Path(gliomics.training.config.__file__).parent / "configs").glob("*.yaml"))
PAGE = Path(__file__).parents[4] / "docs" / "reference" / "networks.md"


def network_of(name: str) -> SegmentationNetwork:
    """The configuration's network without memory behind it."""
    config = load_training_config(name)
    sequences = [*config.sequences.required, *config.sequences.optional]
    with torch.device("meta"):
        regions = len(config.model.regions)
        return build_network(config.model.network, len(sequences), config.model.input.slices, regions)


@pytest.mark.parametrize("name", NAMES)
def test_configuration_builds_a_network_that_answers_for_its_slices(name: str) -> None:
    config = load_training_config(name)
    inputs = config.model.input
    channels = inputs.slices * len([*config.sequences.required, *config.sequences.optional])
    logits = network_of(name)(torch.zeros(2, channels, inputs.size, inputs.size, device="meta"))
    pixels = (2, inputs.depth * len(config.model.regions), inputs.size, inputs.size)
    assert logits.shape == ((2, 2) if config.model.network.task == "slice_classification" else pixels)


@pytest.mark.parametrize("name", NAMES)
def test_configuration_is_named_as_its_file_and_described(name: str) -> None:
    config = load_training_config(name)
    assert config.name == name
    assert config.title
    assert config.description.strip().endswith(".")


@pytest.mark.parametrize(
    ("name", "sequences"),
    [
        ("gbm_unet_t1", ["t1"]),
        ("gbm_unet_t2", ["t2"]),
        ("gbm_unet_flair", ["flair"]),
        ("gbm_unet_stack", ["t1", "t2", "flair"]),
    ],
)
def test_gbm_systems_inputs_are_all_there(name: str, sequences: list[str]) -> None:
    config = load_training_config(name)
    assert (config.sequences.required, config.sequences.optional) == (sequences, [])
    assert (config.model.network.base, config.model.network.dropout) == (64, 0.3)
    assert (config.model.input.size, config.model.input.context, config.training.loss) == (256, 0, "bce")


@pytest.mark.parametrize("name", NAMES)
def test_page_lists_the_configuration_with_its_number_of_parameters(name: str) -> None:
    row = re.search(rf"^\| `{name}` \|.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert row, f"docs/reference/networks.md has no row of {name}"
    assert f"| {parameters_of(network_of(name)) / 1e6:.1f} |" in row.group()
