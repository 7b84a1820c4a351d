"""What is selected in the scene, as facts: no Qt, no MRML."""

from __future__ import annotations

from dataclasses import dataclass, field

from slicer.i18n import tr as _

from RadiogenomicsLib.sequences import TITLES
from RadiogenomicsLib.server.backends import UNNAMED
from RadiogenomicsLib.wording import inWords


@dataclass(frozen=True)
class ChosenVolume:
    """A volume that was chosen for a sequence.

    ``studyId`` is the study that it came from and ``cameAs`` the sequence as which it came, empty where it is not from
    the server; ``change`` says what has been done to it since, ``isMoved`` whether that gave it another grid.
    ``contents`` changes with its voxels and its place.
    """

    nodeId: str
    name: str
    studyId: str = ""
    cameAs: str = ""
    change: str = ""
    isMoved: bool = False
    contents: str = ""


@dataclass(frozen=True)
class Selection:
    """What is selected in the scene.

    ``drawnOnStudyId`` is the study on whose grid the segmentation was drawn, empty when it was drawn on another grid;
    ``drawnOnServer`` is that study's server where it is not the server of the connection.
    """

    volumes: dict[str, ChosenVolume] = field(default_factory=dict)
    segmentationId: str = ""
    segmentation: str = ""
    segmentId: str = ""
    segment: str = ""
    part: str = ""
    """The part of a tumour that the segment is by its name; empty for a whole tumour and anything else."""
    drawnOnStudyId: str = ""
    drawnOnServer: str = ""
    studySequences: tuple[str, ...] = ()
    """All the sequences that the study of the chosen volumes came with."""

    @property
    def studyId(self) -> str:
        """The study that all the chosen volumes came from; empty when one came from none or from another."""
        studies = {volume.studyId for volume in self.volumes.values()}
        return studies.pop() if len(studies) == 1 else ""

    @property
    def imagesKey(self) -> str:
        """What tells the chosen volumes from those of another study while the scene is open."""
        return self.studyId or " ".join(sorted(volume.nodeId for volume in self.volumes.values()))

    @property
    def isOnServer(self) -> bool:
        """Whether the server has the chosen volumes as they are and by the sequences that they are chosen for."""
        return bool(self.studyId) and all(
            not volume.change and volume.cameAs in (sequence, UNNAMED) for sequence, volume in self.volumes.items()
        )

    @property
    def unchosen(self) -> tuple[str, ...]:
        """Sequences that the server uses with the study although they are not chosen."""
        return (
            tuple(s for s in self.studySequences if s not in self.volumes and s != UNNAMED) if self.isOnServer else ()
        )

    @property
    def labelStudyId(self) -> str:
        """The study that the segmentation is a label of; empty when it is of none."""
        moved = any(volume.isMoved for volume in self.volumes.values())
        return self.drawnOnStudyId or ("" if moved else self.studyId)

    @property
    def isMixed(self) -> bool:
        """Whether the chosen volumes belong to different studies of the server."""
        return len({volume.studyId for volume in self.volumes.values()}) > 1

    @property
    def repeated(self) -> tuple[str, ...]:
        """The sequences for which one and the same volume is chosen; empty when each has its own."""
        nodeIds = [volume.nodeId for volume in self.volumes.values()]
        for nodeId in nodeIds:
            sequences = tuple(sequence for sequence, volume in self.volumes.items() if volume.nodeId == nodeId)
            if len(sequences) > 1:
                return sequences
        return ()

    @property
    def mixedReason(self) -> str:
        """Why the chosen volumes are not one study's; empty when they are."""
        if self.repeated:
            titles = inWords([TITLES[sequence] for sequence in self.repeated])
            return _("'{name}' is chosen for {titles}: choose it once, under Images.").format(
                name=self.volumes[self.repeated[0]].name, titles=titles
            )
        if self.isMixed:
            return _("The chosen volumes belong to different studies: choose volumes of one study under Images.")
        return ""

    @property
    def strayReason(self) -> str:
        """Why a segmentation that is a label of no study of the server is none."""
        if self.drawnOnServer:
            return _(
                "'{segmentation}' was drawn on a study of {server}: connect to that server, or take "
                "the study from this one with Next study and draw on it."
            ).format(segmentation=self.segmentation, server=self.drawnOnServer)
        return _(
            "'{segmentation}' was not drawn on a study of the server: take one with Next study, or "
            "choose its volumes under Images."
        ).format(segmentation=self.segmentation)

    @property
    def foreignReason(self) -> str:
        """Why the segment is not one of the chosen volumes; empty when it is, or may be."""
        if not self.drawnOnStudyId or self.drawnOnStudyId == self.studyId:
            return ""
        text = _("The segment was drawn on study '{drawnOn}', but the chosen volumes are not of that study.")
        if self.studyId:
            text = _("The segment was drawn on study '{drawnOn}', but the chosen volumes are of study '{study}'.")
        return text.format(drawnOn=self.drawnOnStudyId, study=self.studyId)


@dataclass(frozen=True)
class SlicesAsked:
    """Axial slices of a study that the server asked for, those that are done, and whether the user did them all."""

    numbers: tuple[int, ...]
    doneNumbers: tuple[int, ...] = ()
    isWholeStudy: bool = False
