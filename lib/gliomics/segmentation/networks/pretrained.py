"""Weights of networks that were trained on other images, from a file that the user has."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch

from gliomics.errors import InputError
from gliomics.files import sha256_of

MOST_BYTES = 1 << 32


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name from a safetensors file or a PyTorch file of tensors only (nothing else is unpickled)."""
    _check(path)
    try:
        if path.suffix == ".safetensors":
            return dict(safetensors.torch.load_file(path))
        weights = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # both readers raise whatever the bytes lead them to
        raise InputError(f"{path} is not a file of network weights: {error}") from error
    if not isinstance(weights, dict) or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        raise InputError(f"{path} holds something else than tensors by name; save the network's state_dict")
    return weights


def weights_hash(path: Path) -> str:
    """Hex SHA-256 of a file of weights; :class:`InputError` for what is no file, or is larger than any weights."""
    _check(path)
    return sha256_of(path)


def _check(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"there is no file of pretrained weights at {path}")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path} is larger than {MOST_BYTES // 2**30} GB, which no encoder's weights are")


def load_into(module: torch.nn.Module, weights: dict[str, torch.Tensor], path: Path) -> None:
    """Load weights whose names and shapes are the module's; others in the file are not needed.

    Raises :class:`InputError` that names the first one that the file lacks or has in another shape.
    """
    expected = module.state_dict()
    for name, value in expected.items():
        if name.endswith("num_batches_tracked"):
            weights.setdefault(name, value)
        weight = weights.get(name)
        if weight is None or weight.shape != value.shape:
            content = "nothing" if weight is None else f"shape {tuple(weight.shape)}"
            raise InputError(
                f"{path} is not of this encoder: it has {content} under '{name}', "
                f"shape {tuple(value.shape)} was expected"
            )
    module.load_state_dict({name: weights[name] for name in expected})


def widen(weight: torch.Tensor, inputs: int) -> torch.Tensor:
    """A first layer's weights (out, 3, h, w) for ``inputs`` channels: the mean over colours, scaled to keep the sum."""
    return weight.mean(dim=1, keepdim=True).repeat(1, inputs, 1, 1) * (weight.shape[1] / inputs)
