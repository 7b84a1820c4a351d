"""What the page of one examination shows, as its template ``templates/examination.html`` asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gliomics.features.provenance import SHAPE_IN_VOXELS, UNKNOWN_VOXEL_SIZE
from gliomics.reading.feature_words import read_feature_name, sequence_title
from gliomics.reading.numbers import number
from gliomics.report.case_report import CaseReport
from gliomics.report.figures import FeatureRange

_HIDDEN_DIAGNOSTICS = ("affine", "size", "spacing", "spacing_known", "sequences", "stability")
_REGIONS = {"whole": "whole tumour"}


@dataclass(frozen=True)
class FeatureLine:
    """One feature in words; ``training_range`` is empty where no model uses it."""

    sequence: str
    family: str
    name: str
    value: str
    training_range: str = ""
    is_outside: bool = False


@dataclass(frozen=True)
class ExaminationPage:
    """One examination in the order in which its page shows it."""

    case: CaseReport

    @property
    def about(self) -> list[str]:
        """Patient, time point, date, sequences and voxel size."""
        study = self.case.study
        size = " × ".join(f"{edge:g}" for edge in self.case.spacing)
        return [
            f"patient {study.patient_id}",
            study.timepoint,
            *([study.date] if study.date else []),
            ", ".join(sequence_title(name) for name in study.sequences),
            f"voxels of {size} mm" if study.spacing_known else f"{UNKNOWN_VOXEL_SIZE}: sizes are in voxels, not in mm",
        ]

    @property
    def warnings(self) -> list[str]:
        """What to beware of in mask and features, but that the voxel size is unknown, which :attr:`about` says."""
        known = self.case.study.spacing_known
        warnings = [text for text in self.case.features.warnings if known or not text.startswith(SHAPE_IN_VOXELS)]
        return [*self.case.warnings, *warnings]

    @property
    def region(self) -> str:
        """Of what the features are."""
        return _REGIONS.get(self.case.features.region, self.case.features.region)

    @cached_property
    def modelled_features(self) -> list[FeatureLine]:
        """The features that a model uses, beside the training range."""
        ranges = self._ranges
        return [self._line(name, ranges[name]) for name in self.case.features.values if name in ranges]

    @cached_property
    def other_features(self) -> list[FeatureLine]:
        """The features that no model uses."""
        return [self._line(name) for name in self.case.features.values if name not in self._ranges]

    @property
    def origins(self) -> dict[str, str]:
        """Where mask and study come from."""
        source = self.case.study.source
        return {
            "Mask": self.case.mask_origin,
            **self.case.facts,
            **{f"Study: {name.replace('_', ' ')}": text for name, text in source.items()},
        }

    @property
    def extraction(self) -> dict[str, str]:
        """Versions, hashes and counts of the extraction."""
        return {
            name.replace("_", " "): _text(value)
            for name, value in self.case.features.diagnostics.items()
            if name not in _HIDDEN_DIAGNOSTICS and value is not None
        }

    @property
    def _ranges(self) -> dict[str, FeatureRange]:
        return {name: span for population in self.case.populations.values() for name, span in population.items()}

    def _line(self, feature: str, training: FeatureRange | None = None) -> FeatureLine:
        name, value = read_feature_name(feature), self.case.features.values[feature]
        unit = name.unit if self.case.study.spacing_known else ""
        words = (
            name.sequence or "mask",
            name.family,
            name.feature if name.image == "original" else f"{name.feature} ({name.image})",
            f"{number(value)} {unit}".strip(),
        )
        if training is None:
            return FeatureLine(*words)
        low, high = np.interp((0.05, 0.95), training.levels, training.overall)
        return FeatureLine(*words, f"{number(float(low))} to {number(float(high))}", not low <= value <= high)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(item)}" for name, item in value.items())
    return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)
