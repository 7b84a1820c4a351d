"""Training of a network that corrects masks by what a user says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gliomics.errors import InputError
from gliomics.preprocess import to_canonical
from gliomics.segmentation.augment import augment
from gliomics.segmentation.cases import Case
from gliomics.segmentation.interactive.guidance import CHANNELS
from gliomics.segmentation.interactive.practice import interactions
from gliomics.segmentation.sampling import Batch
from gliomics.segmentation.train import Run
from gliomics.study import Mask, check_same_grid


@dataclass(frozen=True)
class CorrectedCase(Case):
    """A labelled study with the mask of a network that never saw it: ``previous`` (slice, size, size)."""

    previous: torch.Tensor

    @classmethod
    def of(cls, case: Case, mask: Mask) -> CorrectedCase:
        """``case`` with a mask on the grid of its study's image."""
        canonical = to_canonical(mask)
        check_same_grid(canonical, case.inputs.canonical, f"the mask of study '{case.study_id}'", "its image")
        sampled = case.inputs.grid.sample((canonical.array > 0).astype(np.float32)).astype(np.float16)
        return cls(**vars(case), previous=torch.from_numpy(sampled))


def with_masks(cases: Sequence[Case], masks: Mapping[str, Mask]) -> list[Case]:
    """Cases with their masks, by study; :class:`InputError` for a case without one."""
    missing = [case.study_id for case in cases if case.study_id not in masks]
    if missing:
        raise InputError(
            f"no mask of {', '.join(missing[:5])}; segment every labelled study with a network "
            "that never saw it, as a cross-validation does"
        )
    return [CorrectedCase.of(case, masks[case.study_id]) for case in cases]


class CorrectionRun(Run):
    """A training on simulated interactions, over cases of :func:`with_masks`."""

    extra_channels = CHANNELS

    def examples(
        self, batch: Batch, blanking: torch.Generator, changes: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A batch's images with guidance, and targets."""
        settings = self.model.input
        images = torch.cat([self.cases[case].inputs.windows([first], settings) for case, first in batch])
        both = []
        for number, first in batch:
            case = self.cases[number]
            assert isinstance(case, CorrectedCase)
            around = case.inputs.numbers([first - settings.context], torch.arange(settings.slices))
            both.append(torch.cat([case.target[around], case.previous[around]], dim=1))
        images, masks = augment(images.to(self.device), torch.cat(both).float().to(self.device), changes)
        images = self.without_some_sequences(images, batch, blanking)
        target, previous = masks.chunk(2, dim=1)
        told = interactions(target, previous, blanking)
        return torch.cat([images, told], dim=1), target[:, settings.context : settings.context + 1]
