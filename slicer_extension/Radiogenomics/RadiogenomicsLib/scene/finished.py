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
from RadiogenomicsLib.scene.tables import tablesOf
from RadiogenomicsLib.server.volumes import VolumeError, sameGrid


@dataclass(frozen=True)
class _Saved:
    """The segmentation that a label was made of, and the label as the server has it."""

    segmentationId: str
    label: LabelExport
    knownLabels: dict[str, int]


class FinishedStudies:
    """Remembers what was saved in this session; volumes of the user's own are never removed."""

    def __init__(self, logic: RadiogenomicsLogic) -> None:
        self._logic = logic
        self._saved: dict[str, _Saved] = {}

    def saved(self, studyId: str, segmentation: Any, label: LabelExport, knownLabels: dict[str, int]) -> None:
        """The server has this label now; ``knownLabels`` are those with which it was numbered."""
        self._saved[studyId] = _Saved(segmentation.GetID(), label, dict(knownLabels))

    def remove(self, *, exceptStudyId: str) -> tuple[str, ...]:
        """Take studies whose label was saved out of the scene, but not this one; returns their names.

        A study stays where something would be lost.
        """
        studyIds = [study for study in self._saved if study != exceptStudyId and study in studiesOfScene()]
        removed = tuple(study for study in studyIds if not self.unsaved(study))
        for studyId in removed:
            self.close(studyId)
        return removed

    def unsaved(self, studyId: str) -> tuple[str, ...]:
        """The names of what would be lost with a study: segmentations that the server has not, and images that changed.

        A segmentation that is the study's saved label is not lost, unless it was changed since.
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
            removeNode(segmentation)
        for volume in volumes:
            for node in mapsOn(volume):
                removeNode(node)
            removeNode(volume)
        removeEmptyFolder(studyId)
        self._saved.pop(studyId, None)

    def _drawnOn(self, volumes: list[Any]) -> list[Any]:
        segmentations = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        return [node for node in segmentations if self._logic.referenceVolume(node) in volumes]

    def _isSaved(self, studyId: str, segmentation: Any) -> bool:
        saved = self._saved.get(studyId)
        if saved is None or saved.segmentationId != segmentation.GetID():
            return False
        try:
            reference = self._logic.referenceVolume(segmentation)
            label = self._logic.exportLabels(segmentation, reference, saved.knownLabels)
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
