from __future__ import annotations

import numpy as np
import pytest
import torch

from gliomics.training.augment import augment


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def a_batch(n: int = 16, channels: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """A head of 0 in air of -1 with a lesion of 2, the same in every channel, and the lesion's fractions."""
    i, j = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    head = ((i - 32) ** 2 + (j - 32) ** 2 < 24**2).float()
    lesion = ((i - 26) ** 2 + (j - 38) ** 2 < 6**2).float()
    image = head - 1 + 2 * lesion
    return image.expand(n, channels, 64, 64).clone(), lesion.expand(n, 1, 64, 64).clone()


def test_target_moves_with_the_image() -> None:
    """The brightest pixels of every changed image are its lesion still."""
    images, target = augment(*a_batch(), generator())
    assert (target != a_batch()[1]).flatten(1).any(dim=1).all()
    for image, lesion in zip(images[:, 0], target[:, 0], strict=True):
        inside = lesion > 0.5
        brightest = image >= torch.quantile(image, 1 - inside.float().mean())
        assert (brightest & inside).sum() > 0.8 * inside.sum()


def test_left_and_right_are_exchanged_in_about_half_of_the_images() -> None:
    _, target = augment(*a_batch(200), generator())
    rows = torch.arange(64.0)[:, None]
    side = (target[:, 0] * rows).sum(dim=(1, 2)) / target[:, 0].sum(dim=(1, 2)) > 32
    assert 0.35 < side.float().mean() < 0.65


def test_target_stays_a_fraction_and_keeps_its_size() -> None:
    _, target = augment(*a_batch(200), generator())
    assert target.min() >= 0
    assert target.max() <= 1
    area = target.sum(dim=(1, 2, 3)) / a_batch(1)[1].sum()
    assert area.min() > 0.8**2 * 0.95
    assert area.max() < 1.25**2 * 1.05


def test_all_channels_of_an_item_change_alike_but_for_noise() -> None:
    images, _ = augment(*a_batch(64, channels=2), generator())
    difference = (images[:, 0] - images[:, 1]).flatten(1).std(dim=1)
    assert difference.max() < 0.13  # two noises of 0.08
    assert (difference < 1e-5).float().mean() > 0.4


def test_items_change_differently_and_the_generator_repeats_them() -> None:
    images, target = augment(*a_batch(), generator(1))
    again, target_again = augment(*a_batch(), generator(1))
    assert torch.equal(images, again)
    assert torch.equal(target, target_again)
    assert all(not torch.equal(images[0], image) for image in images[1:])


def test_some_images_lose_resolution() -> None:
    """A pattern as fine as the pixels vanishes in about a fifth of the images."""
    pattern = torch.arange(64) % 2
    image = (pattern[:, None] ^ pattern[None, :]).float()
    contrasts = []
    for seed in range(60):
        changed, _ = augment(image.expand(4, 1, 64, 64).clone(), torch.zeros(4, 1, 64, 64), generator(seed))
        contrasts += changed[:, 0, 16:48, 16:48].flatten(1).std(dim=1).tolist()
    assert 0.1 < np.mean(np.array(contrasts) < 0.12) < 0.4


@pytest.mark.parametrize("depth", [1, 4])
def test_every_slice_of_a_window_is_moved(depth: int) -> None:
    images, lesion = a_batch(2, channels=depth)
    _, target = augment(images, lesion.expand(2, depth, 64, 64).clone(), generator())
    assert target.shape == (2, depth, 64, 64)
    for number in range(depth):
        assert torch.equal(target[:, number], target[:, 0])
