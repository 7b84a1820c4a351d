"""What the page of one examination shows, as its template ``templates/examination.html`` asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gliomics.reading.feature_words import read_feature_name, sequence_title, upper_first
from gliomics.reading.numbers import number
from gliomics.report.case_report import CaseReport

_HIDDEN_DIAGNOSTICS = ("affine", "size", "spacing", "spacing_known", "sequences", "stability")


@dataclass(frozen=True)
class FeatureLine:
    """One feature in words."""

    sequence: str
    family: str
    name: str
    value: str


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
            *([f"voxels of {size} mm"] if study.spacing_known else []),
        ]

    @property
    def warnings(self) -> list[str]:
        """What to beware of in mask, images and features."""
        return [*(f"{upper_first(text)}." for text in self.case.warnings), *self.case.reading.cautions]

    @property
    def features(self) -> list[FeatureLine]:
        """All features, in words."""
        return [self._line(name) for name in self.case.features.values]

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

    def _line(self, feature: str) -> FeatureLine:
        name, value = read_feature_name(feature), self.case.features.values[feature]
        unit = name.unit if self.case.study.spacing_known else ""
        return FeatureLine(
            name.sequence or "mask",
            name.family,
            name.feature if name.image == "original" else f"{name.feature} ({name.image})",
            f"{number(value)} {unit}".strip(),
        )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(item)}" for name, item in value.items())
    return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)
