"""Studies whose label was saved, taken out of the scene: only what the server has as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import slicer.util

from RadiogenomicsLib.scene.hierarchy import removeEmptyFolder, removeFromHierarchy
from RadiogenomicsLib.scene.logic import LabelExport, RadiogenomicsLogic
from RadiogenomicsLib.scene.origin import STUDY_ATTRIBUTE
from RadiogenomicsLib.scene.recognition import volumesOfScene
from RadiogenomicsLib.server.volumes import VolumeError, sameGrid


@dataclass(frozen=True)
class _Saved:
    """The segmentation that a label was made of, and the label as the server has it."""

    segmentationId: str
    label: LabelExport
    knownLabels: dict[str, int]


class FinishedStudies:
    """Remembers what was saved in this session; nothing of the user's own is ever removed."""

    def __init__(self, logic: RadiogenomicsLogic) -> None:
        self._logic = logic
        self._saved: dict[str, _Saved] = {}

    def saved(self, studyId: str, segmentation: Any, label: LabelExport, knownLabels: dict[str, int]) -> None:
        """The server has this label now; ``knownLabels`` are those with which it was numbered."""
        self._saved[studyId] = _Saved(segmentation.GetID(), label, dict(knownLabels))

    def remove(self, *, exceptStudyId: str) -> tuple[str, ...]:
        """Take studies out of the scene, but not this one; returns their names.

        A study stays where one of its volumes or its segmentation was changed since, or where another segmentation
        was drawn on it.
        """
        removed = []
        for studyId in [study for study in self._saved if study != exceptStudyId]:
            nodes = self._nodesOf(studyId)
            if nodes:
                for node in nodes:
                    displays = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
                    removeFromHierarchy(node)
                    for part in (node, *displays):
                        slicer.mrmlScene.RemoveNode(part)
                removeEmptyFolder(studyId)
                del self._saved[studyId]
                removed.append(studyId)
        return tuple(removed)

    def _nodesOf(self, studyId: str) -> list[Any]:
        """The nodes of a study that is as the server has it; none where it is not."""
        saved = self._saved[studyId]
        volumes = [node for node in volumesOfScene() if node.GetAttribute(STUDY_ATTRIBUTE) == studyId]
        segmentations = [
            node
            for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
            if any(self._logic.referenceVolume(node) is volume for volume in volumes)
        ]
        if [node.GetID() for node in segmentations] != [saved.segmentationId]:
            return []
        if not all(self._isAsItCame(volume) for volume in volumes):
            return []
        try:
            reference = self._logic.referenceVolume(segmentations[0])
            label = self._logic.exportLabels(segmentations[0], reference, saved.knownLabels)
        except VolumeError:
            return []
        return [*volumes, *segmentations] if _isSame(label, saved.label) else []

    def _isAsItCame(self, volume: Any) -> bool:
        origin = self._logic.origin(volume)
        return origin is not None and not origin.change and not volume.GetTransformNodeID()


def _isSame(a: LabelExport, b: LabelExport) -> bool:
    return sameGrid(a.mask, b.mask) and np.array_equal(a.mask.array, b.mask.array) and a.values == b.values
