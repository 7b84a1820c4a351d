"""A network's weights on disk: one safetensors file, in half precision or packed.

Packed kernels of convolutions are whole numbers of steps. Each output channel has a step of its own, by which its
largest weight is the largest whole number (Gholami 2022, "A survey of quantization methods", section III: uniform,
symmetric, by channel, after training). Large kernels, which hold most of a network's weights and feel it least, have
six bits, four of these in three bytes; the others eight. All else, and computing, stays in floating point.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError

from gliomics.errors import InputError
from gliomics.models import ModelFolder

WEIGHTS = "weights.safetensors"
State = dict[str, torch.Tensor]
"""A network's weights by name."""

BITS, BITS_OF_LARGE = 8, 6
LARGE = 50_000
"""A kernel with as many weights is large."""
STEP, SHAPE = "::step", "::shape"
"""End the names of what is stored beside a packed kernel."""


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

    Training changes weights by less than a packed one can tell.
    """
    safetensors.torch.save_file({name: value.contiguous() for name, value in packed(_halved(state)).items()}, path)


def as_saved(state: State) -> State:
    """The weights as they will be read back: what is compared is what would serve."""
    return _exact(_halved(state))


def _halved(state: State) -> State:
    return {name: value.half() if value.is_floating_point() else value for name, value in state.items()}


def _exact(state: Mapping[str, torch.Tensor]) -> State:
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}


def packed(state: Mapping[str, torch.Tensor]) -> State:
    """Kernels (output, input, ...) as bytes with their step and shape; everything else as it is."""
    stored: State = {}
    for name, value in state.items():
        if value.ndim < 4:
            stored[name] = value
            continue
        bits = _bits(value.shape)
        weights, half = value.float().flatten(1), 2 ** (bits - 1)
        largest = weights.abs().amax(dim=1, keepdim=True)
        step = torch.where(largest > 0, largest, 1) / (half - 1)
        levels = ((weights / step).round() + half).to(torch.uint8).flatten()
        stored[name] = levels if bits == BITS else _four_in_three(levels)
        stored[name + STEP] = step.flatten()
        stored[name + SHAPE] = torch.tensor(value.shape, dtype=torch.int32)
    return stored


def unpacked(stored: Mapping[str, torch.Tensor]) -> State:
    """What was packed; a state without packed kernels is returned as it is."""
    state: State = {}
    for name, value in stored.items():
        if name.endswith((STEP, SHAPE)):
            continue
        if name + SHAPE not in stored:
            state[name] = value
            continue
        shape = torch.Size(stored[name + SHAPE].tolist())
        bits = _bits(shape)
        levels = value if bits == BITS else _three_as_four(value)[: math.prod(shape)]
        steps = levels.float().reshape(shape[0], -1) - 2 ** (bits - 1)
        state[name] = (steps * stored[name + STEP].float()[:, None]).reshape(shape)
    return state


def _bits(shape: torch.Size) -> int:
    return BITS_OF_LARGE if math.prod(shape) >= LARGE else BITS


def _four_in_three(levels: torch.Tensor) -> torch.Tensor:
    a, b, c, d = torch.nn.functional.pad(levels, (0, -len(levels) % 4)).reshape(-1, 4).T
    return torch.stack([a << 2 | b >> 4, (b & 15) << 4 | c >> 2, (c & 3) << 6 | d], dim=1).flatten()


def _three_as_four(stored: torch.Tensor) -> torch.Tensor:
    a, b, c = stored.reshape(-1, 3).T
    return torch.stack([a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63], dim=1).flatten()
