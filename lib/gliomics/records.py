"""The records that travel between the library, the server's clients and the Slicer panel.

They are plain dataclasses of the standard library so that they import inside
3D Slicer with nothing installed. ``to_json`` and ``from_json`` of rows and estimates are exact inverses.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

RESEARCH_NOTICE = "For research use only; not a medical device and not for diagnosis or treatment decisions."


_SHOWN = 12
"""Features that a notebook shows of a row."""

_R = TypeVar("_R", bound="_Record")


@dataclass(frozen=True)
class _Record:
    def to_json(self) -> dict[str, Any]:
        """The record as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_json(cls: type[_R], value: dict[str, Any]) -> _R:
        """The record from :meth:`to_json`'s value; unknown keys are ignored, so that newer servers can add some."""
        names = {field.name for field in fields(cls)}
        return cls(**{key: item for key, item in value.items() if key in names})


@dataclass(frozen=True)
class FeatureRow(_Record):
    """Radiomic features of one region of one study (one row of a cohort table).

    ``values`` holds PyRadiomics names, with the sequence in front where the image's
    intensities enter (``flair_original_firstorder_Mean``) and without where only the
    mask does (``original_shape_MeshVolume``). ``diagnostics`` is the row's provenance:
    versions, hashes, geometry, voxel counts. ``warnings`` are sentences for people.
    """

    study_id: str
    region: str
    values: dict[str, float]
    diagnostics: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        warnings = f", {len(self.warnings)} warning{'s' * (len(self.warnings) != 1)}" if self.warnings else ""
        return f"FeatureRow('{self.study_id}', region '{self.region}': {len(self.values)} features{warnings})"

    def _repr_html_(self) -> str:
        from gliomics.notebook import card

        facts: list[tuple[str, object]] = [(name, f"{value:.6g}") for name, value in list(self.values.items())[:_SHOWN]]
        if len(self.values) > _SHOWN:
            facts.append(("...", f"{len(self.values) - _SHOWN} more in .values"))
        facts += [("warning", warning) for warning in self.warnings]
        return card(f"{len(self.values)} features of region {self.region} of {self.study_id}", facts)


@dataclass(frozen=True)
class SubtypeEstimate(_Record):
    """An estimate of a tumour's genomic subtype, with what is needed to doubt it.

    ``probabilities`` sum to 1; ``intervals`` are 90 % bootstrap intervals of each.
    ``inside_training_range`` is false when the features are unlike every training
    patient's; ``reasons`` then says which. ``in_sample`` is true when the patient is one
    of those that the model was fitted on: the estimate is then no prediction.
    ``contradicts`` names other models whose estimates of this study hardly go with it.
    ``population`` describes these patients and ``n_training`` how many there were.
    """

    study_id: str
    model: str
    model_version: str
    target: str
    predicted: str
    probabilities: dict[str, float]
    intervals: dict[str, list[float]]
    inside_training_range: bool
    population: str
    n_training: int
    performance: str
    reasons: list[str] = field(default_factory=list)
    notice: str = RESEARCH_NOTICE
    in_sample: bool = False
    contradicts: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        doubts = "" if self.inside_training_range else "; unlike the training patients"
        doubts += "; no prediction, the model was fitted on this patient" if self.in_sample else ""
        return (
            f"SubtypeEstimate('{self.study_id}', {self.target} by {self.model} version {self.model_version}: "
            f"{self.predicted} {self._spoken(self.predicted)}{doubts}; research use only)"
        )

    def _repr_html_(self) -> str:
        from gliomics.notebook import card

        facts: list[tuple[str, object]] = [(name, self._spoken(name)) for name in self.probabilities]
        facts += [
            ("model", f"{self.model} version {self.model_version}: {self.performance}"),
            ("fitted on", f"{self.n_training} {self.population}"),
            *(("beware", reason) for reason in [*self.reasons, *self.contradicts]),
        ]
        return card(f"{self.target} of {self.study_id}: {self.predicted}", facts, notice=self.notice)

    def _spoken(self, name: str) -> str:
        """The probability of a class with its interval, as in ``0.93 (0.88 to 0.97)``."""
        interval = " ({:.2f} to {:.2f})".format(*self.intervals[name]) if name in self.intervals else ""
        return f"{self.probabilities[name]:.2f}{interval}" if name in self.probabilities else ""


MOST_CLICKS = 100
"""Clicks in one request; more are a mistake, or an attack."""


@dataclass(frozen=True)
class Click:
    """A voxel (i, j, k) of an image, and whether the user says that it is lesion.

    >>> Click((31, 40, 12), lesion=True).to_json()
    {'voxel': [31, 40, 12], 'lesion': True}
    """

    voxel: tuple[int, int, int]
    lesion: bool

    def to_json(self) -> dict[str, Any]:
        """The click as a request for a correction has it."""
        return {"voxel": list(self.voxel), "lesion": self.lesion}
