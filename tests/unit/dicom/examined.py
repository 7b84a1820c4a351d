"""The only examination of a folder, as the tests look at it."""

from __future__ import annotations

from pathlib import Path

from gliomics.dicom import Examination, Omission, Series, find_examinations


def examined(folder: Path) -> tuple[Examination, list[Omission]]:
    """The only examination that the files below a folder hold, and what is left out."""
    examinations, omissions = find_examinations(sorted(path for path in folder.rglob("*") if path.is_file()))
    (examination,) = examinations
    return examination, omissions


def only_series(folder: Path) -> Series:
    """The only series of the only examination."""
    (series,) = examined(folder)[0].series
    return series
