"""A network's weights on disk: one safetensors file, in half precision."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError

from gliomics.errors import InputError
from gliomics.models import ModelFolder

WEIGHTS = "weights.safetensors"
State = dict[str, torch.Tensor]
"""A network's weights by name."""


def load_weights(model: ModelFolder) -> State:
    """The network's weights in single precision, from the hash-verified safetensors file."""
    path = model.file(WEIGHTS)
    try:
        stored = safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise InputError(f"{path} is not a safetensors file: {error}; copy the model folder again") from error
    return {name: value.float() if value.is_floating_point() else value for name, value in stored.items()}


def save_weights(state: State, path: Path) -> None:
    """Write weights in half precision (half the size; Dice changes in the fourth decimal)."""
    safetensors.torch.save_file({name: value.contiguous() for name, value in _halved(state).items()}, path)


def as_saved(state: State) -> State:
    """The weights as they will be read back: what is compared is what would serve."""
    return {name: value.float() if value.is_floating_point() else value for name, value in _halved(state).items()}


def _halved(state: State) -> State:
    return {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
