"""Which slices a network trains on in an epoch, and the tensors of a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from gliomics.segmentation.inputs import Case
from gliomics.segmentation.settings import InputSettings, TrainSettings

Batch = Sequence[tuple[int, int]]
"""Windows by (case, first slice that the network answers for)."""


def draw_batches(
    cases: Sequence[Case], inputs: InputSettings, settings: TrainSettings, generator: torch.Generator
) -> list[Batch]:
    """The batches of an epoch: every window with lesion once, and a random share of the others.

    A network in the plane has a window for each slice; one in space has windows of ``depth`` slices, half a window
    apart and shifted at random. A window of which no slice was annotated is left out.
    """
    lesion: list[tuple[int, int]] = []
    empty: list[tuple[int, int]] = []
    for index, case in enumerate(cases):
        inside = case.lesion_slices
        for first in _first_slices(len(inside), inputs.depth, generator):
            if not case.answerable([first], inputs.depth).any():
                continue
            window = inside[max(0, first) : first + inputs.depth]
            (lesion if bool(window.any()) else empty).append((index, first))
    wanted = min(len(empty), math.ceil(settings.empty_slices * len(lesion)))
    drawn = lesion + [empty[i] for i in torch.randperm(len(empty), generator=generator)[:wanted].tolist()]
    order = torch.randperm(len(drawn), generator=generator).tolist()
    size = settings.batch
    batches = [[drawn[i] for i in order[start : start + size]] for start in range(0, len(order), size)]
    if len(batches) > 1 and len(batches[-1]) == 1:  # batch norm needs two
        batches.pop()
    return list(batches)


def _first_slices(count: int, depth: int, generator: torch.Generator) -> list[int]:
    if depth == 1:
        return list(range(count))
    step = depth // 2
    shift = int(torch.randint(step, (1,), generator=generator))
    return list(range(-shift, max(1, count - step), step))


def load_batch(batch: Batch, cases: Sequence[Case], inputs: InputSettings) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (n, sequences * slices, size, size) and targets (n, depth, size, size) of a batch."""
    images = torch.cat([cases[case].inputs.windows([first], inputs) for case, first in batch])
    targets = torch.cat([cases[case].targets([first], inputs.depth) for case, first in batch])
    return images, targets.float()


def answerable(batch: Batch, cases: Sequence[Case], inputs: InputSettings) -> torch.Tensor:
    """Which slices (n, depth) of a batch's targets were annotated."""
    return torch.cat([cases[case].answerable([first], inputs.depth) for case, first in batch])


def kept_sequences(
    batch: Batch,
    cases: Sequence[Case],
    optional: Sequence[bool],
    probability: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """Which sequences (n, sequences) each window of a batch keeps: those its case has, less optional ones at random."""
    kept = torch.tensor([cases[case].inputs.present for case, _ in batch])
    if probability and any(optional):
        dropped = (torch.rand(kept.shape, generator=generator) < probability) & torch.tensor(list(optional))
        kept &= ~dropped
    return kept
