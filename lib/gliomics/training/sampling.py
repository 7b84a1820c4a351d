"""Which slices a network trains on in an epoch, and the tensors of a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from gliomics.segmentation.inputs import LabelledCase
from gliomics.segmentation.settings import InputSettings, TrainSettings


class SliceWindow(NamedTuple):
    """Slices that a network answers for at once: the case by its number, and the first of them."""

    case: int
    first_slice: int


@dataclass(frozen=True)
class Batch:
    """What a network is shown and what it should answer.

    ``images`` are (n, channels, size, size), ``targets`` (n, depth, size, size), and ``annotated`` (n, depth) says of
    which slices the target is known. ``emphasised``, of the shape of ``targets``, are pixels whose loss counts twice.
    """

    images: torch.Tensor
    targets: torch.Tensor
    annotated: torch.Tensor
    emphasised: torch.Tensor | None = None


def draw_batches(
    cases: Sequence[LabelledCase], inputs: InputSettings, settings: TrainSettings, generator: torch.Generator
) -> list[Sequence[SliceWindow]]:
    """The batches of an epoch: every window with lesion once, and a random share of the others.

    A network in the plane has a window for each slice; one in space has windows of ``depth`` slices, half a window
    apart and shifted at random. A window of which no slice was annotated is left out.
    """
    lesion: list[SliceWindow] = []
    empty: list[SliceWindow] = []
    for number, case in enumerate(cases):
        inside = case.lesion_slices
        for first in _first_slices(len(inside), inputs.depth, generator):
            if not case.answerable([first], inputs.depth).any():
                continue
            slices = inside[max(0, first) : first + inputs.depth]
            (lesion if bool(slices.any()) else empty).append(SliceWindow(number, first))
    n_empty = min(len(empty), math.ceil(settings.empty_slices * len(lesion)))
    windows = lesion + [empty[i] for i in torch.randperm(len(empty), generator=generator)[:n_empty].tolist()]
    order = torch.randperm(len(windows), generator=generator).tolist()
    size = settings.batch
    batches = [[windows[i] for i in order[start : start + size]] for start in range(0, len(order), size)]
    if len(batches) > 1 and len(batches[-1]) == 1:  # batch norm needs two
        batches.pop()
    return list(batches)


def _first_slices(count: int, depth: int, generator: torch.Generator) -> list[int]:
    if depth == 1:
        return list(range(count))
    step = depth // 2
    shift = int(torch.randint(step, (1,), generator=generator))
    return list(range(-shift, max(1, count - step), step))


def load_images(windows: Sequence[SliceWindow], cases: Sequence[LabelledCase], inputs: InputSettings) -> torch.Tensor:
    """What a network is shown of windows, (n, sequences * slices, size, size)."""
    return torch.cat([cases[case].inputs.windows([first], inputs) for case, first in windows])


def load_targets(windows: Sequence[SliceWindow], cases: Sequence[LabelledCase], inputs: InputSettings) -> torch.Tensor:
    """What a network should answer for windows, (n, depth, size, size)."""
    return torch.cat([cases[case].targets([first], inputs.depth) for case, first in windows]).float()


def annotated_slices(
    windows: Sequence[SliceWindow], cases: Sequence[LabelledCase], inputs: InputSettings
) -> torch.Tensor:
    """Which slices (n, depth) of windows were annotated."""
    return torch.cat([cases[case].answerable([first], inputs.depth) for case, first in windows])


def visible_sequences(
    windows: Sequence[SliceWindow],
    cases: Sequence[LabelledCase],
    optional: Sequence[bool],
    *,
    dropout: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """Which sequences (n, sequences) each window shows: those its case has, less optional ones at random."""
    visible = torch.tensor([cases[case].inputs.present for case, _ in windows])
    if dropout and any(optional):
        dropped = (torch.rand(visible.shape, generator=generator) < dropout) & torch.tensor(list(optional))
        visible &= ~dropped
    return visible
