"""Weights on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gliomics.segmentation.weights import (
    BITS,
    BITS_OF_LARGE,
    LARGE,
    State,
    packed,
    read_weights,
    save_packed_weights,
    save_weights,
    unpacked,
)


@pytest.fixture(scope="module")
def state() -> State:
    generator = torch.Generator().manual_seed(3)
    shapes = {"wide": (5, 7, 3, 3), "depthwise": (6, 1, 5, 5), "large": (41, 137, 3, 3), "space": (2, 3, 3, 3, 3)}
    kernels = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    kernels["wide"][2] = 0  # a channel that training switched off
    return {**kernels, "bias": torch.randn(5, generator=generator), "batches": torch.tensor(70_000)}


def test_packed_weights_are_as_near_as_their_bits_allow(state: State, tmp_path: Path) -> None:
    save_packed_weights(state, tmp_path / "packed")
    restored = read_weights(tmp_path / "packed")
    assert set(restored) == set(state)
    assert restored["batches"] == 70_000
    torch.testing.assert_close(restored["bias"], state["bias"], rtol=1e-3, atol=1e-3)
    for name in ("wide", "depthwise", "large", "space"):
        kernel, found = state[name].flatten(1), restored[name].flatten(1)
        bits = BITS_OF_LARGE if kernel.numel() >= LARGE else BITS
        step = kernel.abs().amax(dim=1) / (2 ** (bits - 1) - 1)
        assert restored[name].shape == state[name].shape
        assert torch.all((found - kernel).square().mean(dim=1) <= step**2 / 8), name  # evenly spread errors: 1 / 12
    assert not restored["wide"][2].any()


def test_packing_is_smaller_and_changes_nothing_the_second_time(state: State, tmp_path: Path) -> None:
    large = {"kernel": state["large"]}
    save_weights(large, tmp_path / "halved")
    save_packed_weights(large, tmp_path / "packed")
    assert (tmp_path / "packed").stat().st_size < 0.4 * (tmp_path / "halved").stat().st_size
    once = unpacked(packed(state))
    assert all(torch.equal(once[name], again) for name, again in unpacked(packed(once)).items())


def test_weights_that_are_not_packed_are_read_as_before(state: State, tmp_path: Path) -> None:
    save_weights(state, tmp_path / "halved")
    restored = read_weights(tmp_path / "halved")
    assert set(restored) == set(state)
    assert restored["batches"] == 70_000
    torch.testing.assert_close(restored["wide"], state["wide"], rtol=1e-3, atol=1e-3)
