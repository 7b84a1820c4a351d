"""The records that travel between the library, the server's clients and the Slicer panel.

They are plain dataclasses of the standard library so that they import inside
3D Slicer with nothing installed. ``to_json`` and ``from_json`` are exact inverses.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

RESEARCH_NOTICE = "For research use only; not a medical device and not for diagnosis or treatment decisions."


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
