"""What an import is about to do, as values that can be shown, asked about and carried out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gliomics.dicom import Series
from gliomics.errors import InputError
from gliomics.files import safe_name


@dataclass(frozen=True)
class ImageSource:
    """An image file, or the volume at ``position`` on the fourth axis of one."""

    path: Path
    position: int | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it is read from."""
        return (self.path,)

    def __str__(self) -> str:
        return self.path.name if self.position is None else f"{self.path.name}, volume {self.position + 1}"


@dataclass(frozen=True)
class SeriesSource:
    """A DICOM series; ``reason`` says by what its sequence is known."""

    series: Series
    reason: str

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it is read from."""
        return tuple(self.series.files)

    def __str__(self) -> str:
        return f"{self.series} ({self.reason})"


@dataclass(frozen=True)
class SliceStack:
    """One channel of pictures, a slice each (the layout of the Kaggle set)."""

    files: tuple[Path, ...]
    channels: int
    channel: int
    slice_spacing: float = 1.0

    def __str__(self) -> str:
        return f"{self.files[0].name} and {len(self.files) - 1} more slices, channel {self.channel + 1}"


Source = ImageSource | SeriesSource | SliceStack


@dataclass(frozen=True)
class PlannedLabel:
    """The mask that becomes a study's final label; the first of ``numberings`` that explains its values is recorded."""

    source: ImageSource | SliceStack
    numberings: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlannedStudy:
    """One study to write. ``notes`` go into the ``source`` of its study.json, with the files that it was made of."""

    id: str
    patient_id: str
    sequences: dict[str, Source]
    label: PlannedLabel | None = None
    timepoint: str = "baseline"
    date: str | None = None
    spacing_known: bool = True
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of the files that it is made of."""
        sources = [*self.sequences.values(), *([self.label.source] if self.label else [])]
        return sum(path.stat().st_size for path in {path for source in sources for path in source.files})


@dataclass(frozen=True)
class LeftOut:
    """Something that is not imported, and why.

    ``is_open``: only the user can settle it, and ``name`` is what ``--sequence NAME=SELECTOR`` selects it by;
    ``candidate`` is the sequence (or ``label``) that it may be.
    ``asks_channels``: it is a file of several volumes, which ``--channels`` tells apart.
    """

    what: str
    reason: str
    is_open: bool = False
    name: str | None = None
    candidate: str = "t1c"
    asks_channels: bool = False


@dataclass(frozen=True)
class ImportPlan:
    """What a folder was taken for, and what is made of it."""

    layout: str
    evidence: str
    studies: tuple[PlannedStudy, ...]
    left_out: tuple[LeftOut, ...] = ()
    table: Path | None = None
    """The Kaggle set's table of patients, which becomes ``genomics.csv``."""

    @property
    def questions(self) -> dict[str, list[LeftOut]]:
        """What is open by the name that would settle it."""
        by_name: dict[str, list[LeftOut]] = {}
        for item in self.left_out:
            if item.is_open and item.name:
                by_name.setdefault(item.name, []).append(item)
        return by_name

    def with_ids(self, study_id: str | None, patient_id: str | None) -> ImportPlan:
        """The plan with the study's id, or the patient's, as given; :class:`InputError` where there are several."""
        studies: Sequence[PlannedStudy] = self.studies
        if patient_id is not None:
            patients = sorted({study.patient_id for study in studies})
            if len(patients) > 1:
                raise InputError(
                    f"--patient {patient_id} names one patient, and the folder holds {len(patients)} "
                    f"({', '.join(patients[:3])}, ...); import each patient's folder"
                )
            studies = [_renamed(study, patient_id) for study in studies]
        if study_id is not None:
            if len(studies) != 1:
                raise InputError(f"--id {study_id} names one study, and the folder holds {len(studies)}; leave it out")
            studies = [replace(studies[0], id=safe_name(study_id, "study id"))]
        return replace(self, studies=tuple(studies))


def usable_id(text: str) -> str:
    """The text as a study's id: other characters than letters, digits, ``.``, ``_``, ``-`` become ``-``."""
    return re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._-]+", "-", text)).strip("-._")[:128]


def _renamed(study: PlannedStudy, patient_id: str) -> PlannedStudy:
    """The study of a patient who is called otherwise: its id does not hold the former name either."""
    former = usable_id(study.patient_id)
    study_id = usable_id(patient_id) + study.id[len(former) :] if study.id.startswith(former) else study.id
    return replace(study, patient_id=patient_id, id=safe_name(study_id, "study id"))
