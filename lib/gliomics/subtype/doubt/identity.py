"""Whether the images of a study are of the sequences that they are given as.

An image in the wrong place makes an estimate that nothing else about it gives away. How bright a lesion is beside the
patient's own tissue, and how that changes across its edge, tells FLAIR from T1 with contrast or without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gliomics.features.glioma.measure import INTENSITY
from gliomics.reading.feature_words import sequence_title
from gliomics.statistics.arrays import Array, Classes
from gliomics.subtype.blocks import GLIOMA
from gliomics.subtype.classifier import FOLDS
from gliomics.subtype.doubt.calibration import softmax
from gliomics.subtype.ensemble import Ensemble, Scaling, ridge_logistic

MOST_BRIGHTER = 2.5
"""How many times as bright as before contrast the head is after it, at most; 1.6 is the most among 88 patients."""
_STRENGTH = 1.0
"""Inverse of the L2 penalty: there are three images of each patient and few features."""
_KIND = {"t1c": "t1"}
"""Sequences that count as another one: where nothing enhances, T1 with contrast shows what T1 shows."""


@dataclass(frozen=True)
class SequenceIdentity:
    """Tells the sequence of an image by what was measured in it: multinomial logistic regression.

    T1 with contrast and without are not held apart. ``thresholds`` are, by sequence, the lowest probabilities of its
    kind that the training patients' images were given, by models without the patient.
    """

    sequences: Sequence[str]
    regression: Ensemble
    thresholds: Mapping[str, float]

    @classmethod
    def fit(cls, sequences: Sequence[str], values: Mapping[str, Array]) -> SequenceIdentity:
        """Learn from the images of patients, (patients, features) of :func:`columns` by sequence, NaN where missing."""
        images = np.concatenate([values[name] for name in sequences])
        outcome = np.repeat(np.arange(len(sequences)), [len(values[name]) for name in sequences])
        patient = np.concatenate([np.arange(len(values[name])) for name in sequences])
        measured = ~np.isnan(images).all(axis=1)
        images, outcome, patient = images[measured], outcome[measured], patient[measured]
        kind_of = _same_kind(sequences)
        own = np.zeros(outcome.size)
        for fold in range(FOLDS):
            test = patient % FOLDS == fold
            regression = _fitted(images[~test], outcome[~test])
            probability = softmax(regression.scores(images[test]))
            own[test] = (probability * kind_of[outcome[test]]).sum(axis=1)
        thresholds = {name: float(own[outcome == k].min()) for k, name in enumerate(sequences)}
        return cls(sequences, _fitted(images, outcome), thresholds)

    def mistaken(self, values: Mapping[str, float]) -> dict[str, str]:
        """The sequences of a study whose image is probably another, and which it looks like."""
        mistaken = {}
        for k, name in enumerate(self.sequences):
            row = np.array([values.get(column, np.nan) for column in columns(name)])
            if np.isnan(row).all():
                continue
            probability = softmax(self.regression.scores(row[None]))[0]
            same_kind = _same_kind(self.sequences)[k]
            if probability[same_kind].sum() < self.thresholds[name]:
                mistaken[name] = self.sequences[int(np.where(same_kind, -1.0, probability).argmax())]
        return mistaken


def _same_kind(sequences: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether two sequences are of one kind, (sequences, sequences)."""
    kinds = np.array([_KIND.get(name, name) for name in sequences])
    return np.asarray(kinds[:, None] == kinds[None, :])


def describe_mistaken(mistaken: Mapping[str, str]) -> list[str]:
    """What is said of images that are probably of another sequence."""
    return [
        f"the image given as {sequence_title(name)} looks like {sequence_title(other)} to the model: check it"
        for name, other in mistaken.items()
    ]


def describe_brightness(diagnostics: Mapping[str, object]) -> list[str]:
    """What is said where T1 after contrast and T1 before it are on other scales, which one examination does not give.

    ``diagnostics`` are those of a row of features, which have the mean of each image within the head.
    """
    means = [diagnostics.get(f"{name}_normalisation") for name in ("t1c", "t1")]
    after, before = (float(mean[0]) if isinstance(mean, list) and mean else 0.0 for mean in means)
    if after <= 0 or before <= 0 or 1 / MOST_BRIGHTER <= after / before <= MOST_BRIGHTER:
        return []
    return [
        f"the head in T1 contrast is {after / before:.2g} times as bright as in T1, where {1 / MOST_BRIGHTER:.1f} to "
        f"{MOST_BRIGHTER:g} is usual: are both of one examination, on one scale?"
    ]


def columns(sequence: str) -> list[str]:
    """The features that tell a sequence."""
    return [f"{sequence}_{GLIOMA}{name}" for name in INTENSITY]


def _fitted(images: Array, outcome: Classes) -> Ensemble:
    scaling = Scaling.fit(images)
    coefficients, intercepts = ridge_logistic(scaling.apply(images), outcome, _STRENGTH)
    return Ensemble(scaling, coefficients[None], intercepts[None])
