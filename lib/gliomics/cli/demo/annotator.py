"""An annotator for the demonstration: corrects automatic masks with the help of the known truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gliomics.client import GliomicsClient
from gliomics.files import write_bytes
from gliomics.reading.record import Reading
from gliomics.records import FeatureRow
from gliomics.study import Mask, read_mask, write_mask

GOOD_SLICE = 0.9
"""Slices whose Dice with the truth is lower are drawn anew."""


@dataclass
class Annotation:
    """One study on its way from the automatic mask to the saved label."""

    study_id: str
    reason: str
    automatic: Path
    corrected: Path
    redrawn: int
    slices: int
    dice_before: float
    dice_after: float
    features: FeatureRow | None = None
    reading: Reading | None = None


class Annotator:
    """Works through studies as a person with the Slicer panel does, by the same requests."""

    def __init__(self, client: GliomicsClient, truth: Path, work: Path, model: str) -> None:
        self.client = client
        self._truth = truth
        self._work = work
        self._model = model

    def segment(self, study_id: str, name: str) -> tuple[Path, float]:
        """Ask for the automatic mask; returns its file and its Dice with the truth."""
        from gliomics.evaluation import dice

        result = self.client.infer(self._model, study_id)
        path = self._work / f"{study_id}_{name}.nii.gz"
        write_bytes(path, result.label or b"")
        return path, dice(read_mask(path).array, self.truth(study_id).array)

    def correct(self, study_id: str, reason: str) -> Annotation:
        """Segment a study and draw anew every slice that is not good enough."""
        from gliomics.evaluation import dice

        automatic, before = self.segment(study_id, "automatic")
        mask, truth = read_mask(automatic), self.truth(study_id)
        poor_slices = [k for k in range(mask.shape[2]) if dice(mask.array[:, :, k], truth.array[:, :, k]) < GOOD_SLICE]
        array = mask.array.copy()
        array[:, :, poor_slices] = truth.array[:, :, poor_slices]
        corrected = self._work / f"{study_id}_corrected.nii.gz"
        write_mask(mask.with_array(array), corrected)
        slices = int(np.count_nonzero((array > 0).any(axis=(0, 1))))
        after = dice(array, truth.array)
        return Annotation(study_id, reason, automatic, corrected, len(poor_slices), slices, before, after)

    def estimate(self, annotation: Annotation) -> None:
        """Features of the corrected segment, and what is read of it with every subtype model's estimate."""
        annotation.features = self.client.features(annotation.study_id, label=annotation.corrected)
        annotation.reading = self.client.read(annotation.study_id, label=annotation.corrected)

    def save(self, annotation: Annotation) -> None:
        """Save the corrected segment as the study's final label."""
        self.client.save_label(annotation.study_id, annotation.corrected, params={"model": self._model})

    def truth(self, study_id: str) -> Mask:
        """The whole lesion of a sample study, as label 1."""
        mask = read_mask(self._truth / f"{study_id}.nii.gz")
        return mask.with_array((mask.array > 0).astype(np.uint8))
