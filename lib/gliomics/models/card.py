"""``model.json``: what a model is, what it was trained on and how well it does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gliomics.records import RESEARCH_NOTICE
from gliomics.statistics.bootstrap import Interval
from gliomics.study.patients import canonical_patient
from gliomics.version import __version__

Task = Literal["segmentation", "slice_classification", "refinement", "subtype", "tumour_network"]
"""What a model is for."""

LEAST_FOR_INTERVAL = 5
"""Patients that an interval needs: resampling fewer says little about others."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SequenceNeeds(_Part):
    """The MR sequences a model must have and those it can do without."""

    required: list[str]
    optional: list[str] = []

    @property
    def may_be_missing(self) -> list[bool]:
        """For each sequence in the order of a network's channels, required ones first, whether it is optional."""
        return [False] * len(self.required) + [True] * len(self.optional)


class TrainingRecord(_Part):
    """Who a model learned from. ``fingerprint`` is a hash of the ids and labels of the training studies.

    ``patients`` are the :func:`patient_hash` of everyone on whom weights were fitted or anything else was chosen
    (epoch, threshold, calibration), by this version and those that it started from; ``split`` holds the hashes of the
    patients of each part of a training. ``pretrained_encoder`` names the file of weights that a network's encoder
    started from.
    """

    population: str
    n_patients: int = Field(ge=0)
    fingerprint: str
    patients: list[str] = []
    split: dict[str, list[str]] = {}
    pretrained_encoder: str | None = None

    def learned_from(self, patient_id: str) -> bool:
        """Whether a patient, by any spelling of the id, is one of those that the model learned from."""
        return patient_hash(patient_id) in self.patients


class Relation(_Part):
    """How a class goes with one of another model: ``patients`` of ``n`` with ``predicted`` were ``expected`` there.

    Counted on the patients that the model was fitted on, from what is known of them, not from estimates.
    """

    predicted: str
    model: str
    expected: str
    patients: int
    n: int


class Metric(_Part):
    """A figure of merit with its interval; ``how`` says on which patients and by which method.

    There is no interval of fewer than :data:`LEAST_FOR_INTERVAL` patients.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int
    how: str

    @classmethod
    def of(cls, name: str, interval: Interval, how: str) -> Metric:
        """A statistic over patients as a figure."""
        return cls(name=name, value=interval.value, low=interval.low, high=interval.high, n=interval.n, how=how)

    def in_words(self, digits: int = 3) -> str:
        """The value with its interval, if it has one: ``0.853 (0.829 to 0.875)``."""
        ends = "" if self.low is None or self.high is None else f" ({self.low:.{digits}f} to {self.high:.{digits}f})"
        return f"{self.value:.{digits}f}{ends}"

    @model_validator(mode="after")
    def _no_interval_of_few(self) -> Metric:
        if self.n < LEAST_FOR_INTERVAL:
            self.low = self.high = None
        return self


def patient_hash(patient_id: str) -> str:
    """Hex SHA-256 of the canonical id: cards tell a patient again without naming anybody.

    It hides an id from a glance, not from somebody who tries all the ids that a hospital gives out.

    >>> patient_hash("TCGA-CS-4941-01A") == patient_hash("TCGA_CS_4941")
    True
    """
    return hashlib.sha256(canonical_patient(patient_id).encode()).hexdigest()


def content_hash(content: Mapping[str, Any]) -> str:
    """Hex SHA-256 of a card's content as canonical JSON, all of it but ``card_sha256`` itself."""
    hashed = {key: value for key, value in content.items() if key != "card_sha256"}
    return hashlib.sha256(json.dumps(hashed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def library_versions() -> dict[str, str]:
    """Versions of the libraries that a model depends on, as far as they are installed."""
    versions = {"gliomics": __version__}
    for name in ("numpy", "torch", "monai", "scikit-learn", "pyradiomics", "SimpleITK"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


class ModelCard(_Part):
    """Everything about a model except its weights. Versions are "1", "2", ... within a name.

    ``sha256`` holds the hash of each file beside the card, ``card_sha256`` that of the card (:func:`content_hash`).
    """

    format: Literal[2] = 2
    name: str
    version: str = Field(pattern=r"[0-9]{1,9}")
    task: Task
    title: str
    description: str
    sequences: SequenceNeeds
    labels: dict[str, int] = {}
    classes: list[str] = []
    settings: dict[str, Any]
    training: TrainingRecord
    metrics: list[Metric] = []
    relations: list[Relation] = []
    parent: str | None = None
    reason: str = ""
    notice: str = RESEARCH_NOTICE
    created: str = Field(default_factory=_now)
    libraries: dict[str, str] = Field(default_factory=library_versions)
    sha256: dict[str, str] = {}
    card_sha256: str = ""

    def in_sample_warnings(self, patient_id: str) -> list[str]:
        """What to say beside a mask of a patient that the model learned from; nothing of others."""
        if not self.training.learned_from(patient_id):
            return []
        return [
            f"{self.name} version {self.version} learned from this patient: how good the mask is tells nothing of how "
            "good masks of other patients are"
        ]
