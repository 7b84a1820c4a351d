"""Which slices of a study show tumour: probabilities of a slice classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from gliomics.evaluation.slice_calls import ClassifiedSlices
from gliomics.preprocess import axial
from gliomics.segmentation.forward import batches_of, forward, in_parallel
from gliomics.segmentation.inputs import Inputs, LabelledCase
from gliomics.segmentation.model import LoadedModel
from gliomics.study.volumes import Volume

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SliceProbabilities:
    """Probability of tumour in each axial slice, in the order of the image's own array along ``axis``."""

    probability: Array
    axis: int
    sequences_used: list[str]
    warnings: list[str]


class SliceClassifierModel(LoadedModel):
    """A model that says whether a slice shows tumour."""

    task = "slice_classification"
    _verb = "classified"

    def classify(self, volumes: Mapping[str, Volume]) -> SliceProbabilities:
        """Classify the axial slices of a study from its sequences, which must lie on one grid."""
        study = self.prepare(volumes)
        probability = self.probabilities(study.inputs)
        axis, downwards = axial(study.image)
        if downwards:
            probability = probability[::-1]
        return SliceProbabilities(probability, axis, study.sequences_used, study.warnings)

    def probabilities(self, inputs: Inputs) -> Array:
        """Probability of tumour in each slice of a prepared study, from inferior to superior."""

        def answer(numbers: Sequence[int]) -> torch.Tensor:
            images = inputs.windows(numbers, self.settings.input)
            logits = forward(self.answering, images)
            if self.settings.mirror:  # axis 2 of a canonical slice runs from left to right
                logits = (logits + forward(self.answering, images.flip(2))) / 2
            return logits.softmax(dim=1)[:, 1]

        probabilities = in_parallel(answer, batches_of(range(inputs.images.shape[1])))
        return np.asarray(torch.cat(list(probabilities)).numpy(), dtype=np.float64)

    def judge(self, cases: Sequence[LabelledCase]) -> list[ClassifiedSlices]:
        """Classify the slices of labelled studies; one has tumour where any voxel of its mask does."""
        return [
            ClassifiedSlices(c.patient_id, np.any(c.lesion, axis=(0, 1)), self.probabilities(c.inputs)) for c in cases
        ]
