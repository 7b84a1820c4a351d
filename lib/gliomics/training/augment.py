"""Random changes of training slices that a scanner, a protocol or a patient could have made."""

from __future__ import annotations

import math

import torch
from torch.nn import functional


def augment(
    images: torch.Tensor, target: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Flip, rotate, scale, shift and change the intensities of a batch (N, C, H, W) and its target (N, D, H, W).

    All channels of an item change alike. The generator is on the device of the images.
    """
    images, target = _move(images, target, generator)
    return _change_intensities(images, generator), target


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(n, generator=generator, device=generator.device) * (high - low) + low


def _move(images: torch.Tensor, target: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """One affine transform per slice: left-right flip, +-20 degrees, scale 0.8 to 1.25, shift up to 6 %."""
    n = len(images)
    angle = _uniform(n, -math.radians(20), math.radians(20), generator)
    scale = torch.exp(_uniform(n, math.log(0.8), math.log(1.25), generator))
    flip = torch.where(_uniform(n, 0, 1, generator) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3, device=images.device)
    # Rows of an axial slice run left-right (i), columns back-front (j): grid_sample's y is i.
    theta[:, 0, 0] = torch.cos(angle) * scale
    theta[:, 0, 1] = torch.sin(angle) * scale
    theta[:, 1, 0] = -torch.sin(angle) * scale * flip
    theta[:, 1, 1] = torch.cos(angle) * scale * flip
    theta[:, :, 2] = torch.stack([_uniform(n, -0.06, 0.06, generator) for _ in range(2)], dim=1)
    grid = functional.affine_grid(theta, [n, 1, *images.shape[2:]], align_corners=False)
    floor = images.amin(dim=(2, 3), keepdim=True)
    moved = functional.grid_sample(images - floor, grid, align_corners=False) + floor
    return moved, functional.grid_sample(target, grid, align_corners=False)


def _change_intensities(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Gamma, a smooth bias field, contrast, brightness, a lower resolution and noise."""
    n, _, height, width = images.shape

    def in_some(probability: float) -> torch.Tensor:
        return (_uniform(n, 0, 1, generator) < probability).float().view(n, 1, 1, 1)

    low, high = images.amin(dim=(2, 3), keepdim=True), images.amax(dim=(2, 3), keepdim=True)
    span = (high - low).clamp(min=1e-3)
    gamma = torch.exp(_uniform(n, -0.35, 0.35, generator)).view(n, 1, 1, 1)
    images = ((images - low) / span).clamp(min=0) ** gamma * span + low

    coarse = torch.randn(n, 1, 3, 3, generator=generator, device=images.device)
    field = functional.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=True)
    images = (images - low) * torch.exp(0.12 * in_some(0.5) * field) + low

    contrast = _uniform(n, 0.8, 1.25, generator).view(n, 1, 1, 1)
    shift = _uniform(n, -0.15, 0.15, generator).view(n, 1, 1, 1)
    images = images * contrast + shift

    coarser = functional.avg_pool2d(images, 2)
    coarser = functional.interpolate(coarser, size=(height, width), mode="bilinear", align_corners=False)
    lower = in_some(0.2)
    images = images * (1 - lower) + coarser * lower
    return images + 0.08 * in_some(0.4) * torch.randn(images.shape, generator=generator, device=images.device)
