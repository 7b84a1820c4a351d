"""Studies taken out of the scene with all that was made of them, and what would be lost with one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer.util

from RadiogenomicsLib.scene.display.overlays import mapsOn
from RadiogenomicsLib.scene.display.plots import removePlots
from RadiogenomicsLib.scene.hierarchy import removeEmptyFolder, removeNode
from RadiogenomicsLib.scene.logic import LabelExport, RadiogenomicsLogic
from RadiogenomicsLib.scene.origin import STUDY_ATTRIBUTE
from RadiogenomicsLib.scene.recognition import volumesOfScene
from RadiogenomicsLib.scene.segments import segmentsOf
from RadiogenomicsLib.scene.tables import tablesOf
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError, sameGrid


@dataclass(frozen=True)
class _Saved:
    """A label as the server has it, of the study that it is of."""

    studyId: str
    label: LabelExport
    knownLabels: dict[str, int]


class FinishedStudies:
    """Remembers which studies are done and what the server has; volumes of the user's own are never removed."""

    def __init__(self, logic: RadiogenomicsLogic) -> None:
        self._logic = logic
        self._studyIds: set[str] = set()
        """Those whose label was saved or reviewed in this session."""
        self._saved: dict[str, _Saved] = {}
        """By the segmentation that it was made of, or that was made of it."""

    def saved(self, studyId: str, segmentation: Any, label: LabelExport, knownLabels: dict[str, int]) -> None:
        """The server has this label now; ``knownLabels`` are those with which it was numbered."""
        self._studyIds.add(studyId)
        self._saved[segmentation.GetID()] = _Saved(studyId, label, dict(knownLabels))

    def reviewed(self, studyId: str) -> None:
        """The label of this study was reviewed."""
        self._studyIds.add(studyId)

    def loaded(self, studyId: str, segmentation: Any, mask: OrientedImage, knownLabels: dict[str, int]) -> None:
        """A segmentation was made of a label that the server has."""
        segments = segmentsOf(segmentation)
        values = self._logic.labelValues(segmentation, knownLabels)
        valuesByName = {segments[segmentId].GetName(): value for segmentId, value in values.items()}
        self._saved[segmentation.GetID()] = _Saved(studyId, LabelExport(mask, valuesByName, ()), dict(knownLabels))

    def remove(self, *, exceptStudyId: str) -> tuple[str, ...]:
        """Take studies whose label was saved or reviewed out of the scene, but not this one; returns their names.

        A study stays where something would be lost.
        """
        studyIds = [study for study in studiesOfScene() if study in self._studyIds and study != exceptStudyId]
        removed = tuple(study for study in studyIds if not self.unsaved(study))
        for studyId in removed:
            self.close(studyId)
        return removed

    def unsaved(self, studyId: str) -> tuple[str, ...]:
        """The names of what would be lost with a study: segmentations that the server has not, and images that changed.

        A segmentation that is a label of the study as the server has it is not lost, unless it was changed since.
        """
        volumes = _volumesOf(studyId)
        names = [node.GetName() for node in self._drawnOn(volumes) if not self._isSaved(studyId, node)]
        return (*names, *(volume.GetName() for volume in volumes if not self._isAsItCame(volume)))

    def isDrawnOn(self, studyId: str) -> bool:
        """Whether a study has a segmentation."""
        return bool(self._drawnOn(_volumesOf(studyId)))

    def close(self, studyId: str) -> None:
        """Take a study out of the scene with all that was made of it: maps, segmentations, tables and charts."""
        volumes = _volumesOf(studyId)
        for segmentation in self._drawnOn(volumes):
            removePlots(segmentation)
            for table in tablesOf(segmentation):
                removeNode(table)
            self._saved.pop(segmentation.GetID(), None)
            removeNode(segmentation)
        for volume in volumes:
            for node in mapsOn(volume):
                removeNode(node)
            removeNode(volume)
        removeEmptyFolder(studyId)
        self._studyIds.discard(studyId)

    def _drawnOn(self, volumes: list[Any]) -> list[Any]:
        segmentations = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        return [node for node in segmentations if self._logic.referenceVolume(node) in volumes]

    def _isSaved(self, studyId: str, segmentation: Any) -> bool:
        saved = self._saved.get(segmentation.GetID())
        if saved is None or saved.studyId != studyId:
            return False
        try:
            reference = self._logic.referenceVolume(segmentation)
            label = self._logic.exportLabels(segmentation, reference, saved.knownLabels, allowEmpty=True)
        except VolumeError:
            return False
        return _isSame(label, saved.label)

    def _isAsItCame(self, volume: Any) -> bool:
        origin = self._logic.origin(volume)
        return origin is not None and not origin.change and not volume.GetTransformNodeID()


def _isSame(a: LabelExport, b: LabelExport) -> bool:
    return sameGrid(a.mask, b.mask) and np.array_equal(a.mask.array, b.mask.array) and a.values == b.values


def studiesOfScene() -> tuple[str, ...]:
    """The studies of the server that have volumes in the scene, in the order in which they came."""
    return tuple(dict.fromkeys(node.GetAttribute(STUDY_ATTRIBUTE) for node in volumesOfStudies()))


def volumesOfStudies() -> list[Any]:
    """The volumes that came from a server."""
    return [node for node in volumesOfScene() if node.GetAttribute(STUDY_ATTRIBUTE)]


def _volumesOf(studyId: str) -> list[Any]:
    return [node for node in volumesOfScene() if node.GetAttribute(STUDY_ATTRIBUTE) == studyId]
