"""The brain of a study from its files, with the tumour in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_fill_holes

from gliomics.brain_extraction.extract import SEQUENCES, BrainExtractor
from gliomics.errors import InputError
from gliomics.preprocess import lesion_mask
from gliomics.preprocess.brain import brain_mask
from gliomics.study import Mask, Study, load_sequences, read_mask

MOST_ADDED = 0.5
"""Share of a tumour outside the brain from which on it is not this study's, or the brain was not found."""


@dataclass(frozen=True)
class OutlinedBrain:
    """The brain of a study as 1, the sequences that were looked at, and the share of the tumour that was added."""

    mask: Mask
    sequences: list[str]
    added: float

    @property
    def millilitres(self) -> float:
        """Its volume."""
        return float(np.count_nonzero(self.mask.array) * np.prod(self.mask.spacing) / 1000)


def outline_brain(
    study: Study, extractor: BrainExtractor, *, tumour: Path | None = None, resample_to: str | None = None
) -> OutlinedBrain:
    """Outline the brain in the images of a study, and add what its ``tumour``'s mask has more.

    The networks learned from healthy people: a tumour at the brain's surface may be left out. ``resample_to`` brings
    sequences on different grids to that of one. Raises :class:`InputError` where no brain is found, or none of a
    brain's size, and where most of the tumour lies outside.
    """
    names = [name for name in SEQUENCES if name in study.sequences] or [next(iter(study.sequences))]
    volumes = load_sequences(study, names, grid_of=resample_to)
    brain = extractor.brain(volumes, name=f"study '{study.id}'")
    added = 0.0
    if tumour is not None:
        lesion = lesion_mask(read_mask(tumour), volumes[names[0]], f"mask {tumour.name}", f"sequence '{names[0]}'")
        brain, added = with_tumour(brain, lesion, f"mask {tumour.name}", study.id)
    name = f"the brain found in study '{study.id}'"
    checked = brain_mask(brain, volumes[names[0]], name, f"sequence '{names[0]}'", spacing_known=study.spacing_known)
    return OutlinedBrain(checked, names, added)


def with_tumour(brain: Mask, lesion: Mask, name: str, study_id: str) -> tuple[Mask, float]:
    """A brain with the tumour that lies on its grid, and the share of the tumour that was added.

    Raises :class:`InputError`, in which ``name`` says which mask it is, where most of the tumour lies outside.
    """
    inside = lesion.array > 0
    added = float((brain.array[inside] == 0).mean())
    if added > MOST_ADDED:
        raise InputError(
            f"{added:.0%} of {name} lies outside the brain that the images of study '{study_id}' show; "
            f"expected at most {MOST_ADDED:.0%}: is it the mask of this study?"
        )
    return brain.with_array(binary_fill_holes((brain.array > 0) | inside).astype(np.uint8)), added
