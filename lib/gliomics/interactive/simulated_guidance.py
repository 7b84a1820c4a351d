"""Simulated interactions for training: a mask with errors, and what a user says of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from gliomics.interactive.guidance import CHANNELS, REACH, add_spot
from gliomics.interactive.simulated_user import draw_place

_EMPTY, _BITTEN, _DRAWN = 0.2, 0.3, 0.25
"""How often the mask until now is empty or has a disc added or taken away, and how often a neighbour is drawn."""

_ALONE = 0.6
"""How often a drawn neighbour is all that there is."""

_CLICKS = (0.1, 0.45, 0.25, 0.2)
"""How often there are 0, 1, 2 and 3 clicks."""


def interactions(target: torch.Tensor, previous: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Guidance (n, CHANNELS * slices, height, width) for training slices.

    ``target`` and ``previous`` (n, slices, height, width) are what is true and what a network made of it, the slice
    that is answered for in the middle. Clicks are on errors; on all slices within reach, so that the network learns
    what a click on a neighbour means. Now and then a neighbour is drawn in full, to be continued.
    """
    seed = int(torch.randint(2**31, (1,), generator=generator, device=generator.device))
    rng = np.random.default_rng(seed)
    n, slices, height, width = target.shape
    truth = (target > 0.5).cpu().numpy()
    maps = torch.zeros(n, CHANNELS, slices, height, width)
    for item in range(n):
        shown = _mask_until_now(previous[item].cpu(), rng)
        maps[item, 0] = shown
        if rng.random() < _DRAWN:
            _draw_neighbour(maps[item], target[item].cpu(), rng)
        wrong = (maps[item, 0].numpy() > 0.5) != truth[item]
        for _ in range(rng.choice(len(_CLICKS), p=_CLICKS)):
            _click(maps[item], wrong, truth[item], rng)
    return maps.flatten(1, 2).to(target.device)


def _mask_until_now(previous: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    if rng.random() < _EMPTY:
        return torch.zeros_like(previous)
    if rng.random() < _BITTEN:
        size = previous.shape[-1]
        row, column = (torch.arange(size) - rng.uniform(0.2, 0.8) * size for _ in range(2))
        disc = row[:, None] ** 2 + column**2 < (rng.uniform(0.02, 0.1) * size) ** 2
        return torch.where(disc, float(rng.random() < 0.5), previous)
    return previous


def _draw_neighbour(maps: torch.Tensor, target: torch.Tensor, rng: np.random.Generator) -> None:
    middle = len(target) // 2
    number = middle + int(rng.choice([-1, 1])) * int(rng.integers(1, REACH + 1))
    if rng.random() < _ALONE:
        maps[0] = 0
    maps[0, number] = maps[1, number] = target[number]
    maps[2, number] = 1 - target[number]


def _click(
    maps: torch.Tensor, wrong: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_], rng: np.random.Generator
) -> None:
    """A click on an error of the middle slice, or of a neighbour; larger errors are seen more often."""
    middle = len(wrong) // 2
    number = middle if rng.random() < 0.5 else int(rng.integers(len(wrong)))
    components, count = ndimage.label(wrong[number])
    if count == 0:
        return
    sizes = np.bincount(components.ravel())[1:].astype(float)
    inside = components == 1 + rng.choice(count, p=sizes / sizes.sum())
    missing = np.count_nonzero(inside & truth[number]) * 2 >= np.count_nonzero(inside)
    row, column = draw_place(inside & (truth[number] == missing), rng)
    add_spot(maps[1 if missing else 2], (number, row, column))
