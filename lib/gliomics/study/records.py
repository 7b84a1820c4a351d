"""What a study is: the MR sequences of one examination."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gliomics.errors import GliomicsError, UnknownNameError
from gliomics.notebook import card, slice_picture, spoken_spacing
from gliomics.sequences import DISPLAY_ORDER, SEQUENCES
from gliomics.study.images import read_volume

__all__ = ["DISPLAY_ORDER", "SEQUENCES", "UNNAMED_SEQUENCE", "SourceSeries", "Study"]

UNNAMED_SEQUENCE = "image"
"""Name of the only sequence of a study that is a single image file whose name does not tell its sequence."""


@dataclass(frozen=True)
class SourceSeries:
    """The DICOM series that a sequence was made of.

    ``uid`` is its Series Instance UID (and which part of it, where it holds several images at each position),
    ``number`` its Series Number, ``folder`` the folder that held all its files. Nothing of it names the patient.
    """

    uid: str
    number: str
    folder: Path


@dataclass(frozen=True)
class Study:
    """One examination of one patient: its sequences as files on disk.

    ``spacing_known`` is false when the source does not tell the voxel size (the file's
    spacing is then a placeholder), and everything measured in millimetres must say so.
    ``numbering`` says which value of its labels is which part of the tumour, as
    :func:`~gliomics.study.numbering.parse_numbering` reads it; None where it is not known. ``series`` are the DICOM
    series of the sequences that came from DICOM.
    """

    id: str
    patient_id: str
    folder: Path
    sequences: dict[str, Path]
    timepoint: str = "baseline"
    date: str | None = None
    spacing_known: bool = True
    source: dict[str, str] = field(default_factory=dict)
    numbering: str | None = None
    series: dict[str, SourceSeries] = field(default_factory=dict)

    @property
    def default_sequence(self) -> str:
        """The sequence that stands for the study where one image is asked for: the first of :data:`DISPLAY_ORDER`.

        The first that the study has, where it has none of these.

        >>> Study("s1", "p1", Path("s1"), {"t1": Path("s1/t1.nii.gz"), "t1c": Path("s1/t1c.nii.gz")}).default_sequence
        't1c'
        """
        return next((name for name in DISPLAY_ORDER if name in self.sequences), next(iter(self.sequences)))

    def __repr__(self) -> str:
        when = f"{self.timepoint} {self.date}" if self.date else self.timepoint
        return f"Study('{self.id}' of patient '{self.patient_id}', {when}: {', '.join(self.sequences)})"

    def _repr_html_(self) -> str:
        facts: dict[str, object] = {
            "patient": self.patient_id,
            "time point": f"{self.timepoint} {self.date}" if self.date else self.timepoint,
            "sequences": ", ".join(self.sequences),
            "folder": self.folder,
        }
        picture = ""
        try:
            volume = read_volume(self.path(self.default_sequence))
        except GliomicsError as error:
            facts["no picture"] = error
        else:
            size = spoken_spacing(volume.spacing) if self.spacing_known else "unknown"
            facts |= {"voxels": " x ".join(map(str, volume.shape)), "voxel size": size}
            alternative = f"A slice of {self.default_sequence} of {self.id}"
            picture = slice_picture(volume.array, volume.affine, alternative=alternative)
        return card(f"Study {self.id}", facts.items(), picture=picture)

    def path(self, sequence: str) -> Path:
        """The file of one sequence; :class:`UnknownNameError` names those that exist."""
        if sequence not in self.sequences:
            raise UnknownNameError(
                f"study '{self.id}' has no sequence '{sequence}'; it has {', '.join(sorted(self.sequences))}"
            )
        return self.sequences[sequence]
