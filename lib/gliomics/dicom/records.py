"""What DICOM files are read into before any voxel is: frames, series and examinations, and what is no image."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gliomics.sequences import Acquisition, Recognition, recognise


@dataclass(frozen=True, eq=False)
class Frame:
    """One plane: a file's image, or the frame ``index`` of a multi-frame file (None for a file of one image).

    ``position`` (3) and ``orientation`` (6) are in LPS millimetres (PS3.3 C.7.6.2.1.1), ``spacing`` is between rows
    and between columns, ``size`` columns and rows. ``marks`` are what tells apart images of one position (echo time,
    ...), ``order`` when it was taken. ``rescale`` (slope, intercept) is that of a multi-frame file.
    """

    path: Path
    position: npt.NDArray[np.float64]
    orientation: npt.NDArray[np.float64]
    spacing: npt.NDArray[np.float64]
    size: tuple[int, int]
    index: int | None = None
    rescale: tuple[float, float] = (1.0, 0.0)
    marks: tuple[tuple[str, str], ...] = ()
    order: tuple[float, ...] = ()
    image_type: tuple[str, ...] = ()

    @property
    def normal(self) -> npt.NDArray[np.float64]:
        """The direction across the plane."""
        return np.cross(self.orientation[:3], self.orientation[3:])

    def __str__(self) -> str:
        return self.path.name if self.index is None else f"{self.path.name}, frame {self.index + 1}"


@dataclass(frozen=True)
class Series:
    """One DICOM series, or the part of one that is one image at each position.

    ``problem`` says why it is no volume to be taken unasked; ``is_none`` that it certainly is none of ours for it.
    """

    uid: str
    number: str
    description: str
    acquisition: Acquisition = field(default_factory=Acquisition)
    frames: tuple[Frame, ...] = ()
    frame_of_reference: str = ""
    problem: str = ""
    is_none: bool = False

    def __str__(self) -> str:
        return f"series {self.number or self.uid} '{self.description}'"

    @property
    def files(self) -> list[Path]:
        """Its files, each once."""
        return list(dict.fromkeys(frame.path for frame in self.frames))

    @property
    def recognition(self) -> Recognition:
        """Its sequence, told from its description and headers; undecided where something is wrong with it."""
        recognition = recognise(self.description, self.acquisition)
        if not self.problem or (recognition.is_other and not self.is_none):
            return recognition
        return Recognition(None, self.problem, is_other=self.is_none)


@dataclass(frozen=True)
class Examination:
    """The series of one study of one patient; ``date`` is YYYYMMDD, empty where it is not known.

    ``other_dates`` are those of files that say another, though they have the same Study Instance UID.

    ``name`` and ``birth_date`` serve to tell patients of one Patient ID apart, and are written nowhere.
    """

    patient_id: str
    study_uid: str
    date: str
    series: tuple[Series, ...]
    name: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)
    other_dates: tuple[str, ...] = ()

    def is_of_another(self, other: Examination) -> bool:
        """Whether its patient is certainly not the other's: another birth date, or a name that shares no word."""
        if self.birth_date and other.birth_date:
            return self.birth_date != other.birth_date
        words, other_words = (set(re.findall(r"\w+", item.name.lower())) for item in (self, other))
        return bool(words and other_words) and words.isdisjoint(other_words)


@dataclass(frozen=True)
class Omission:
    """Files that are no image series, and why; ``is_open`` where an image may be missing for it."""

    what: str
    reason: str
    is_open: bool = False
