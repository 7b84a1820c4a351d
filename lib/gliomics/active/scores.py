"""What a model thinks of a study that nobody labelled yet, for strategies to choose by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.preprocess import axial
from gliomics.segmentation.embedding import pooled_channels
from gliomics.segmentation.inputs import Inputs
from gliomics.segmentation.model import PreparedStudy
from gliomics.segmentation.postprocess import calibrate, entropy
from gliomics.segmentation.segmenter import Segmenter
from gliomics.study.volumes import Volume

CONTRASTS = (0.8, 1.0, 1.25)
"""Factors on the standardised intensities under which a sure model would say the same."""

SAMPLES = 4
"""Monte Carlo dropout draws."""

_DOUBT = 0.1
"""A voxel is near the lesion where some draw gives it this probability."""


@dataclass(frozen=True)
class AcquisitionScores:
    """All that strategies need of one study under one model, from some ten passes of the network.

    ``epistemic`` is the mean mutual information of Monte Carlo dropout in nats (Gal and Ghahramani 2016; Houlsby
    2011), over the voxels that any draw calls lesion or nearly so. ``disagreement`` is one minus the mean Dice of the
    masks under :data:`CONTRASTS`, two by two. ``entropy_lesion`` and ``entropy_rest`` are mean predictive entropies in
    nats, of the voxels called lesion and of the others nearby. ``embedding`` are the means of the deepest block's
    channels over the lesion found. ``slices`` is the predictive entropy of each axial slice, summed over its pixels and
    divided by their number, in the image's own order.
    """

    epistemic: float
    disagreement: float
    entropy_lesion: float
    entropy_rest: float
    embedding: list[float]
    slices: list[float]

    def to_json(self) -> dict[str, Any]:
        """The scores as JSON-ready values."""
        return asdict(self)

    @property
    def finds_lesion(self) -> bool:
        """Whether any voxel is called lesion: the entropy of one that is never vanishes."""
        return self.entropy_lesion > 0

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> AcquisitionScores:
        """What :meth:`to_json` made."""
        return cls(**value)


def score_study(segmenter: Segmenter, volumes: Mapping[str, Volume], *, seed: int = 0) -> AcquisitionScores:
    """Score a study from its sequences, which must lie on one grid. The same seed gives the same scores."""
    return score_prepared(segmenter, segmenter.prepare(volumes), seed=seed)


def score_prepared(segmenter: Segmenter, study: PreparedStudy, *, seed: int = 0) -> AcquisitionScores:
    """As :func:`score_study`, for a study that :meth:`Segmenter.prepare` made ready."""
    draws = segmenter.draws(study.inputs, samples=SAMPLES, seed=seed)
    mean = draws.mean(axis=0)
    uncertain = entropy(mean)
    lesion = mean > segmenter.rule(study.inputs).threshold
    near = np.any(draws > _DOUBT, axis=0)
    information = uncertain - entropy(draws).mean(axis=0)
    by_slice = uncertain.mean(axis=(1, 2))
    _, downwards = axial(study.image)
    return AcquisitionScores(
        epistemic=_mean(information, near),
        disagreement=_disagreement(segmenter, study.inputs),
        entropy_lesion=_mean(uncertain, lesion),
        entropy_rest=_mean(uncertain, near & ~lesion),
        embedding=pooled_channels(segmenter, study.inputs, lesion).tolist(),
        slices=(by_slice[::-1] if downwards else by_slice).astype(float).tolist(),
    )


def _disagreement(segmenter: Segmenter, inputs: Inputs) -> float:
    """One minus the mean soft Dice (Milletari 2016) of the probabilities under every two contrasts."""
    views = []
    for factor in CONTRASTS:
        logits = segmenter.logits(replace(inputs, images=inputs.images * factor, views=()))
        views.append(calibrate(logits, segmenter.rule(inputs).calibration))
    overlaps = [
        (2 * (a * b).sum() + 1e-6) / (np.square(a).sum() + np.square(b).sum() + 1e-6) for a, b in combinations(views, 2)
    ]
    return float(1 - np.mean(overlaps))


def _mean(values: npt.NDArray[np.floating], inside: npt.NDArray[np.bool_]) -> float:
    return float(values[inside].mean()) if inside.any() else 0.0
