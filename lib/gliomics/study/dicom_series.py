"""One DICOM series, and which MR sequence it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gliomics.sequences import Acquisition, Recognition, recognise


@dataclass(frozen=True)
class Series:
    """One DICOM series: its files, and what its headers say about the acquisition."""

    uid: str
    number: str
    description: str
    acquisition: Acquisition = field(default_factory=Acquisition)
    files: list[Path] = field(default_factory=list)

    def __str__(self) -> str:
        return f"series {self.number or self.uid} '{self.description}'"

    @property
    def recognition(self) -> Recognition:
        """Its sequence, told from its description and headers."""
        return recognise(self.description, self.acquisition)
