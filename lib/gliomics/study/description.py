"""What ``study.json`` may hold."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gliomics.errors import InputError
from gliomics.files import read_json
from gliomics.study.numbering import parse_numbering
from gliomics.validated import validated

MAX_STUDY_BYTES = 256 * 2**10
"""Largest ``study.json`` that is read; that of a patient with a thousand time points is smaller."""


class SourceSeriesFields(BaseModel):
    """A DICOM series, as :class:`~gliomics.study.records.SourceSeries`."""

    model_config = ConfigDict(extra="forbid")

    uid: str = Field(min_length=1)
    number: str = ""
    folder: str = Field(min_length=1)


class Timepoint(BaseModel):
    """One examination."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    date: str | None = None
    sequences: dict[str, str] = Field(min_length=1)
    dicom_series: dict[str, SourceSeriesFields] = {}

    @field_validator("date")
    @classmethod
    def _date_exists(cls, value: str | None) -> str | None:
        return None if value is None else datetime.date.fromisoformat(value).isoformat()


class Description(BaseModel):
    """The whole file: one examination as ``sequences``, or several as ``timepoints``."""

    model_config = ConfigDict(extra="forbid")

    format: Literal[1]
    id: str
    patient_id: str = Field(min_length=1)
    spacing_known: bool = True
    source: dict[str, str] = {}
    numbering: str | None = None
    sequences: dict[str, str] | None = Field(default=None, min_length=1)
    dicom_series: dict[str, SourceSeriesFields] = {}
    timepoints: list[Timepoint] | None = Field(default=None, min_length=1)

    @field_validator("numbering")
    @classmethod
    def _numbering_exists(cls, value: str | None) -> str | None:
        return None if value is None else parse_numbering(value).name


def parse_description(path: Path) -> tuple[Description, list[Timepoint]]:
    """What ``study.json`` at ``path`` says, and its time points; :class:`InputError` naming what is wrong in it."""
    value = read_json(path, MAX_STUDY_BYTES)
    content = validated(Description, value, f"{path} is not a valid study description", most_problems=3)
    if content.timepoints is not None and content.sequences is None:
        return content, content.timepoints
    if content.sequences is not None and content.timepoints is None:
        baseline = Timepoint(name="baseline", sequences=content.sequences, dicom_series=content.dicom_series)
        return content, [baseline]
    raise InputError(f"{path} must have 'sequences' or 'timepoints', and not both")
