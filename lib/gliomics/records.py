"""The records that travel between the library, the server's clients and the Slicer panel.

They are plain dataclasses of the standard library so that they import inside
3D Slicer with nothing installed. ``to_json`` and ``from_json`` of a :class:`Record` are exact inverses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, TypeVar

RESEARCH_NOTICE = "For research use only; not a medical device and not for diagnosis or treatment decisions."


_SHOWN = 12
"""Features that a notebook shows of a row."""

_R = TypeVar("_R", bound="Record")


@dataclass(frozen=True)
class Record:
    """A dataclass that travels as JSON; ``parts`` names the fields that hold other records, one or a list of them."""

    parts: ClassVar[Mapping[str, type[Record]]] = {}

    def to_json(self) -> dict[str, Any]:
        """The record as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_json(cls: type[_R], value: Mapping[str, Any]) -> _R:
        """The record from :meth:`to_json`'s value; unknown keys are ignored, so that newer servers can add some."""
        names = {field.name for field in fields(cls)}
        return cls(**{key: _restored(item, cls.parts.get(key)) for key, item in value.items() if key in names})


def _restored(item: Any, part: type[Record] | None) -> Any:
    if part is None or item is None:
        return item
    return [part.from_json(value) for value in item] if isinstance(item, list) else part.from_json(item)


@dataclass(frozen=True)
class FeatureRow(Record):
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
class Contribution(Record):
    """What one feature adds to an estimate.

    ``log_odds`` is added to the log-odds of the predicted class (above 0: speaks for it), measured from a patient with
    the training patients' mean of this feature. ``value`` is the patient's (None where it was missing and taken as the
    training median), ``percentile`` (1 to 99) where it lies among the training patients, ``medians`` those of each
    class, ``words`` the feature's name as people read it.
    """

    feature: str
    log_odds: float
    words: str
    value: float | None = None
    percentile: float | None = None
    medians: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Neighbour(Record):
    """A training patient: ``number`` (from 1) in the order of the model's card, and the class, ``label``.

    ``distance`` is in log-odds: how differently the model sees the two.
    """

    number: int
    label: str
    distance: float


@dataclass(frozen=True)
class SubtypeEstimate(Record):
    """An estimate of a tumour's genomic subtype, with what is needed to doubt it.

    ``probabilities`` sum to 1; ``intervals`` are 90 % bootstrap intervals of each.
    ``inside_training_range`` is false when the features are unlike every training
    patient's; ``reasons`` then says which. ``in_sample`` is true when the patient is one
    of those that the model was fitted on: the estimate is then no prediction.
    ``contradicts`` names other models whose estimates of this study hardly go with it.
    ``population`` describes these patients and ``n_training`` how many there were.

    What a model cannot give is left empty. ``contributions`` are those of every feature, the strongest first; with
    ``intercept`` they add up to the log-odds of the predicted class: against the other one, and of more than two
    classes the mean of the log-odds against each of the others. ``groups`` sums them by what the features tell of.
    ``prediction_set`` are the classes that cannot be excluded (empty: not known), ``margin`` the lowest and highest
    probability of the predicted class over the mask as it is and with its edge moved and redrawn by a millimetre (None:
    not measured),
    ``covariates`` what was given of the patient besides the images, such as the age. ``variant`` says from what the
    estimate is made ("images and age"), ``by_input`` what the model says from each kind of input that was there,
    ``given`` of whom it tells something, such as of patients with ``{"IDH status": "mutant"}``. ``prevalence`` are the
    shares of the classes that it was asked to reckon with; where there are none, those of the training patients.
    ``nearest`` are the training patients that the model sees most alike.
    """

    parts: ClassVar[Mapping[str, type[Record]]] = {"contributions": Contribution, "nearest": Neighbour}

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
    contributions: list[Contribution] = field(default_factory=list)
    intercept: float | None = None
    prediction_set: list[str] = field(default_factory=list)
    margin: list[float] | None = None
    covariates: dict[str, float | str] = field(default_factory=dict)
    groups: dict[str, float] = field(default_factory=dict)
    variant: str = ""
    by_input: dict[str, dict[str, float]] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    prevalence: dict[str, float] = field(default_factory=dict)
    nearest: list[Neighbour] = field(default_factory=list)

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

MOST_VOXELS = 4_000
"""Voxels of a stroke in one request."""


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


@dataclass(frozen=True)
class Box:
    """Two opposite corners, voxels (i, j, k) of an image that both belong to it, and whether there is lesion in it.

    >>> Box((9, 40, 12), (31, 22, 12), lesion=True).to_json()
    {'corners': [[9, 40, 12], [31, 22, 12]], 'lesion': True}
    """

    first: tuple[int, int, int]
    second: tuple[int, int, int]
    lesion: bool

    def to_json(self) -> dict[str, Any]:
        """The box as a request for a correction has it."""
        return {"corners": [list(self.first), list(self.second)], "lesion": self.lesion}


@dataclass(frozen=True)
class Stroke:
    """A line drawn on an image, voxels (i, j, k), and whether there is lesion all along it.

    >>> Stroke(((9, 40, 12), (10, 40, 12)), lesion=False).to_json()
    {'voxels': [[9, 40, 12], [10, 40, 12]], 'lesion': False}
    """

    voxels: tuple[tuple[int, int, int], ...]
    lesion: bool

    def to_json(self) -> dict[str, Any]:
        """The stroke as a request for the correction of a part has it."""
        return {"voxels": [list(voxel) for voxel in self.voxels], "lesion": self.lesion}
