"""How much a study's subtype estimate would change with its mask: where a corrected mask tells most about subtypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gliomics.errors import GliomicsError, InputError
from gliomics.features.config import load_config
from gliomics.features.extract import StudyImages, extract_features
from gliomics.models import ModelStore
from gliomics.records import SubtypeEstimate
from gliomics.segmentation.labelled import load_volumes
from gliomics.segmentation.postprocess import to_mask
from gliomics.segmentation.segmenter import Segmenter
from gliomics.server.model_cache import ModelCache
from gliomics.study.geometry import load_sequences
from gliomics.study.records import Study
from gliomics.study.volumes import Mask
from gliomics.subtype.predict import SubtypeModel


@dataclass(frozen=True)
class SubtypeChange:
    """Total variation distance, 0 to 1, between the estimates on the automatic mask and on others, by subtype model."""

    by_model: dict[str, float]

    @property
    def mean(self) -> float:
        """The mean over the models."""
        return float(np.mean(list(self.by_model.values()))) if self.by_model else 0.0

    def to_json(self) -> dict[str, Any]:
        """The scores as JSON-ready values."""
        return asdict(self)


class SubtypeScoring:
    """Scores studies by how much the subtype estimates change when doubtful voxels are counted in or left out.

    The automatic mask is where the lesion's probability is above the model's threshold t. Above t / 2 what is doubtful
    is counted in, above (1 + t) / 2 it is left out. Of both changes, the larger counts.
    """

    def __init__(self, store: ModelStore, names: Sequence[str]) -> None:
        self._names = names
        self._models = ModelCache(store, SubtypeModel)

    def key(self, segmenter: Segmenter) -> str:
        """The versions of the segmentation model and of the subtype models."""
        usable = [self._models.get(name).card for name in self._names if self._models.usable(name)]
        return "+".join(f"{card.name}-{card.version}" for card in (segmenter.card, *usable))

    def score(self, segmenter: Segmenter, study: Study) -> SubtypeChange:
        """Scores of one study; without a lesion found, there is nothing to change."""
        segmented = segmenter.segment(load_volumes(study, segmenter.card))
        if not segmented.mask.array.any():
            return SubtypeChange({})
        rule = segmenter.settings.postprocess
        estimates = self._estimates(study, segmented.mask)
        change = dict.fromkeys(estimates, 0.0)
        for threshold in (rule.threshold / 2, (1 + rule.threshold) / 2):
            changed_mask = to_mask(segmented.probability.array, rule.model_copy(update={"threshold": threshold}))
            if changed_mask.any():
                for name, estimate in self._estimates(study, segmented.mask.with_array(changed_mask)).items():
                    change[name] = max(change.get(name, 0.0), distance(estimates[name], estimate))
        return SubtypeChange(change)

    def read(self, value: Mapping[str, Any]) -> SubtypeChange:
        """Scores from their JSON."""
        return SubtypeChange(**value)

    def _estimates(self, study: Study, mask: Mask) -> dict[str, SubtypeEstimate]:
        images = StudyImages(study.id, load_sequences(study, study.sequences), spacing_known=study.spacing_known)
        features = extract_features(images, mask, load_config("panel"), region="tumour")
        estimates, reason = {}, "there is no subtype model"
        for name in self._names:
            try:
                estimates[name] = self._models.get(name).estimate(features)
            except GliomicsError as error:
                reason = str(error)
        if not estimates:
            raise InputError(f"the subtype of study '{study.id}' cannot be estimated: {reason}")
        return estimates


def distance(a: SubtypeEstimate, b: SubtypeEstimate) -> float:
    """Total variation distance of two estimates by one model: the share of probability that moves, 0 to 1."""
    return 0.5 * sum(abs(a.probabilities[name] - b.probabilities[name]) for name in a.probabilities)
