"""What a server says of a segment: features, estimates, and how both are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from slicer.i18n import tr as _

from gliomics.reading.record import Reading
from gliomics.records import FeatureRow, SubtypeEstimate


@dataclass(frozen=True)
class Analysis:
    """Features of a segment, the subtypes estimated from them, and how both are read (None: an older server)."""

    features: FeatureRow
    estimates: tuple[SubtypeEstimate, ...]
    reading: Reading | None = None


def analysisOf(part: dict[str, Any]) -> Analysis | str:
    """One region of a tumour in an answer; the reason where there is none."""
    if "refused" in part:
        return str(part["refused"])
    estimates = tuple(SubtypeEstimate.from_json(value) for value in part.get("estimates", ()))
    return Analysis(FeatureRow.from_json(part["features"]), estimates, readingOf(part))


def analysisOfAnswer(answer: dict[str, Any]) -> Analysis:
    """One region of which all subtype models were asked; features say which could not estimate, and why."""
    notes = [
        _("no estimate of {name}: {why}").format(name=name, why=why)
        for name, why in answer.get("not_estimated", {}).items()
    ]
    estimates = tuple(SubtypeEstimate.from_json(value) for value in answer["estimates"])
    return Analysis(noted(FeatureRow.from_json(answer["features"]), notes), estimates, readingOf(answer))


def readingOf(answer: dict[str, Any]) -> Reading | None:
    """How an answer's numbers are read, where the server says so."""
    return Reading.from_json(answer["reading"]) if "reading" in answer else None


def noted(features: FeatureRow, notes: list[str]) -> FeatureRow:
    """The features with further warnings."""
    return replace(features, warnings=[*features.warnings, *notes])
