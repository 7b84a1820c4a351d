"""A network's weights on disk: one safetensors file, in half precision or packed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError

from gliomics.errors import InputError
from gliomics.models import ModelFolder
from gliomics.segmentation.packing import packed, unpacked

WEIGHTS = "weights.safetensors"
State = dict[str, torch.Tensor]
"""A network's weights by name."""


def load_weights(model: ModelFolder) -> State:
    """The network's weights in single precision, from the hash-verified safetensors file."""
    path = model.file(WEIGHTS)
    try:
        return read_weights(path)
    except SafetensorError as error:
        raise InputError(f"{path} is not a safetensors file: {error}; copy the model folder again") from error


def read_weights(path: Path) -> State:
    """Weights that :func:`save_weights` or :func:`save_packed_weights` wrote, in single precision."""
    return _exact(unpacked(safetensors.torch.load_file(path)))


def save_weights(state: State, path: Path) -> None:
    """Write weights in half precision (half the size; Dice changes in the fourth decimal)."""
    safetensors.torch.save_file({name: value.contiguous() for name, value in _halved(state).items()}, path)


def save_packed_weights(state: State, path: Path) -> None:
    """Write weights in a fifth of the size, for a network that ships and is not trained further.

    See :mod:`gliomics.segmentation.packing`. Training changes weights by less than a packed one can tell.
    """
    safetensors.torch.save_file({name: value.contiguous() for name, value in packed(_halved(state)).items()}, path)


def as_saved(state: State) -> State:
    """The weights as they will be read back: what is compared is what would serve."""
    return _exact(_halved(state))


def _halved(state: State) -> State:
    return {name: value.half() if value.is_floating_point() else value for name, value in state.items()}


def _exact(state: Mapping[str, torch.Tensor]) -> State:
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
