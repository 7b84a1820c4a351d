"""MRML nodes to arrays and back. Everything here runs in the main thread; nothing here computes or waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import slicer.util
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from RadiogenomicsLib.scene.display import layouts
from RadiogenomicsLib.scene.hierarchy import fileUnderStudy, removeEmptyFolder, removeNode
from RadiogenomicsLib.scene.origin import Origin, Origins
from RadiogenomicsLib.scene.segments import (
    boundingBox,
    ijkToRasOf,
    resamplingNote,
    segmentArray,
    segmentsOf,
    setSegmentArray,
)
from RadiogenomicsLib.scene.terminology import meaningOf
from RadiogenomicsLib.sequences import TITLES
from RadiogenomicsLib.server.slices import sliceCentre
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError, describeGrid, sameGrid
from RadiogenomicsLib.wording import inWords

VALUE_TAG = "Gliomics.LabelValue"
"""Segment tag that holds a label value. A segment's own label value changes when the Segment Editor moves it to another
layer, so it cannot carry a meaning."""


@dataclass(frozen=True)
class LabelExport:
    """A segmentation as one array: segment names with their values, and what was lost on the way."""

    mask: OrientedImage
    values: dict[str, int]
    warnings: tuple[str, ...]


class RadiogenomicsLogic(ScriptedLoadableModuleLogic):
    """The panel's access to the scene."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleLogic.__init__(self, parent)
        self._origins = Origins()
        self._patients: dict[str, str] = {}
        """The patient of each study, as far as the server says."""

    # Volumes

    def addVolume(self, image: OrientedImage, studyId: str, sequence: str, studySequences: Iterable[str] = ()) -> Any:
        """A new scalar volume node, tagged with the study, the sequence that it is, and all that the study has."""
        node = self.addHiddenVolume(image, studyId, sequence, studySequences)
        node.CreateDefaultDisplayNodes()
        return node

    def addHiddenVolume(
        self, image: OrientedImage, studyId: str, sequence: str, studySequences: Iterable[str] = ()
    ) -> Any:
        """As :meth:`addVolume`, without a display node: making that, 3D Slicer looks all voxels through."""
        # 3D Slicer does not render 64-bit integers.
        array = image.array.astype(np.float64) if image.array.dtype in (np.int64, np.uint64) else image.array
        name = f"{studyId} {TITLES.get(sequence, sequence)}"
        digest = image.digest if array is image.array else OrientedImage(array, image.ijkToRas).digest
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(image.ijkToRas))
        slicer.util.updateVolumeFromArray(node, array)
        self._origins.mark(node, studyId, sequence, studySequences, digest=digest)
        fileUnderStudy(node, studyId, self._patients.get(studyId, ""))
        return node

    def studyIsOf(self, studyId: str, patientId: str) -> None:
        """A study's nodes that come now lie under this patient."""
        self._patients[studyId] = patientId

    def removeVolume(self, node: Any, studyId: str) -> None:
        """Take a study's volume out of the scene again, if it is still there."""
        if node.GetScene() is not None:
            removeNode(node)
            removeEmptyFolder(studyId)

    def connectedTo(self, url: str) -> None:
        """Volumes that come now come from this server, and those of another are not its studies."""
        self._origins.server = url

    def origin(self, node: Any) -> Origin | None:
        """Where a volume came from and whether it is so still; None where it is not from the server."""
        return self._origins.of(node)

    def contents(self, node: Any) -> str:
        """A text that changes with a volume's voxels and with its place."""
        return self._origins.contents(node)

    def volume(self, node: Any) -> OrientedImage:
        """A copy of a volume node's voxels and geometry; parent transforms are not applied."""
        array = slicer.util.arrayFromVolume(node)
        if array is None or array.ndim != 3:
            raise VolumeError(_("volume '{node}' has no image of one number per voxel").format(node=node.GetName()))
        return OrientedImage(array.copy(), ijkToRasOf(node))

    def checkTransforms(self, nodes: dict[str, Any]) -> None:
        """Volumes of one case must move together; otherwise they would be sent out of register."""
        parents = {sequence: node.GetTransformNodeID() for sequence, node in nodes.items()}
        if len(set(parents.values())) > 1:
            names = ", ".join(f"'{node.GetName()}'" for node in nodes.values() if node.GetTransformNodeID())
            raise VolumeError(
                _("{names} and the other volumes are under different transforms; harden the transforms").format(
                    names=names
                )
            )

    def volumesOfStudy(self, studyId: str) -> dict[str, Any]:
        """The scene's volumes that are a study's images still, by sequence; the last one where there are several."""
        volumes = {}
        for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
            origin = self.origin(node)
            if origin is not None and origin.studyId == studyId and origin.sequence and not origin.change:
                volumes[origin.sequence] = node
        return volumes

    def show(self, node: Any) -> None:
        """Put a volume into the slice views; those of the sequences keep their own."""
        layouts.showInOtherViews(node)

    def voxelAt(self, node: Any, position: list[float]) -> tuple[int, int, int]:
        """The voxel (i, j, k) of a volume, as it lies in the world, at a position in RAS; refused outside of it."""
        local = [0.0, 0.0, 0.0]
        node.TransformPointFromWorld(position, local)
        voxel = np.rint(np.linalg.solve(ijkToRasOf(node), np.append(local, 1.0))[:3]).astype(int)
        size = node.GetImageData().GetDimensions()
        if not all(0 <= index < length for index, length in zip(voxel, size, strict=True)):
            place = ", ".join(f"{coordinate:.1f}" for coordinate in position)
            raise VolumeError(
                _("the click at R, A, S = {place} mm is outside '{node}'; click on the volume").format(
                    place=place, node=node.GetName()
                )
            )
        return int(voxel[0]), int(voxel[1]), int(voxel[2])

    @property
    def hasSliceView(self) -> bool:
        """Whether there is a view in which :meth:`showSlice` can show a slice."""
        return bool(layouts.slicePlanes())

    def showSlice(self, node: Any, number: int) -> None:
        """Move the slice views to an axial slice of a volume, turned so that they show this slice and no other.

        These are the red view and those of the sequences.
        """
        views = layouts.slicePlanes()
        if not views:
            raise VolumeError(_("there is no red slice view; choose a layout that has one, such as Conventional"))
        grid = OrientedImage(slicer.util.arrayFromVolume(node), ijkToRasOf(node))
        position = [0.0, 0.0, 0.0]
        node.TransformPointToWorld(sliceCentre(grid, number).tolist(), position)
        for view in views:
            view.SetOrientation("Axial")
            view.RotateToVolumePlane(node)
            view.JumpSliceByOffsetting(*position)

    # Segmentations

    def addSegmentation(self, mask: OrientedImage, reference: Any, labels: dict[str, int], name: str) -> Any:
        """A new segmentation node on the grid of ``reference``: one segment per label, also for labels without voxels.

        ``labels`` names the values; a value in the mask without a name becomes ``label <value>``.
        """
        grid = OrientedImage(slicer.util.arrayFromVolume(reference), ijkToRasOf(reference))
        if not sameGrid(mask, grid):
            raise VolumeError(
                _(
                    "the mask has {mask}, '{reference}' has {grid}, or they lie elsewhere; the server answered "
                    "for another image"
                ).format(mask=describeGrid(mask), reference=reference.GetName(), grid=describeGrid(grid))
            )
        names = {value: label for label, value in labels.items()}
        box = boundingBox(mask.array)
        for value in np.unique(mask.array[box]).tolist() if box is not None else ():
            if value:
                names.setdefault(int(value), f"label {int(value)}")
        segmentation = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLSegmentationNode", slicer.mrmlScene.GenerateUniqueName(name)
        )
        segmentation.CreateDefaultDisplayNodes()
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(reference)
        segmentation.SetAndObserveTransformNodeID(reference.GetTransformNodeID())
        for value, label in sorted(names.items()):
            segmentId = self._addSegment(segmentation, value, label)
            voxels = mask.array == value
            if voxels.any():
                setSegmentArray(segmentation, segmentId, voxels, reference)
        origin = self.origin(reference)
        if origin is not None:
            fileUnderStudy(segmentation, origin.studyId)
        return segmentation

    def labelValues(self, segmentation: Any, knownLabels: dict[str, int]) -> dict[str, int]:
        """The label value of every segment, by segment ID.

        A segment keeps the value that it came with (its tag); else a segment with the name of a known label takes
        that label's value; else it takes the smallest value that is free.
        """
        segments, values = segmentsOf(segmentation), _taggedValues(segmentation)
        knownValues = {name.lower(): value for name, value in knownLabels.items()}
        for segmentId, segment in segments.items():
            namedValue = knownValues.get((segment.GetName() or "").lower())
            if segmentId not in values and namedValue is not None and namedValue not in values.values():
                values[segmentId] = namedValue
        for segmentId in segments:
            if segmentId not in values:
                takenValues = {*values.values(), *knownLabels.values()}
                values[segmentId] = next(n for n in range(1, len(takenValues) + 2) if n not in takenValues)
        return values

    def exportLabels(
        self, segmentation: Any, reference: Any, knownLabels: dict[str, int], *, allowEmpty: bool = False
    ) -> LabelExport:
        """All segments as one mask on the grid of ``reference``, each with its label value.

        Where segments overlap the later one in the list wins, and a warning says so, as for a segment without voxels.
        When no segment has voxels the mask is refused with their names, unless ``allowEmpty``.
        """
        names = _distinctNames(segmentation)
        values = self.labelValues(segmentation, knownLabels)
        numberType = np.uint8 if max(values.values()) < 256 else np.uint16
        array = np.zeros(slicer.util.arrayFromVolume(reference).shape, numberType)
        warnings = []
        voxelsByName: dict[str, np.ndarray] = {}
        for segmentId, name in names.items():
            voxels = segmentArray(segmentation, segmentId, reference)
            if not voxels.any():
                warnings.append(_("Segment '{name}' is empty.").format(name=name))
            note = resamplingNote(segmentation, segmentId, reference, voxels)
            if note:
                warnings.append(note)
            for earlierName, earlierVoxels in voxelsByName.items():
                overlap = int(np.count_nonzero(earlierVoxels & voxels))
                if overlap:
                    warnings.append(
                        _("'{name}' and '{earlierName}' overlap in {overlap} voxels, given to '{name}'.").format(
                            name=name, earlierName=earlierName, overlap=overlap
                        )
                    )
            voxelsByName[name] = voxels
            array[voxels] = values[segmentId]
        if not array.any() and not allowEmpty:
            text = _("segments {names} of '{segmentation}' are empty on '{reference}'; draw before you submit")
            if len(names) == 1:
                text = _("segment {names} of '{segmentation}' is empty on '{reference}'; draw before you submit")
            drawn = inWords([f"'{name}'" for name in names.values()])
            raise VolumeError(
                text.format(names=drawn, segmentation=segmentation.GetName(), reference=reference.GetName())
            )
        valuesByName = {names[segmentId]: value for segmentId, value in values.items()}
        return LabelExport(OrientedImage(array, ijkToRasOf(reference)), valuesByName, tuple(warnings))

    def segmentMask(
        self, segmentation: Any, segmentId: str, reference: Any, *, allowEmpty: bool = False
    ) -> OrientedImage:
        """One segment as 0 and 1 on the grid of ``reference``; refused by name when it has no voxels there.

        ``allowEmpty`` lets it have none.
        """
        segment = segmentation.GetSegmentation().GetSegment(segmentId)
        if segment is None:
            raise VolumeError(
                _("'{segmentation}' has no segment '{segment}' any more; choose another").format(
                    segmentation=segmentation.GetName(), segment=segmentId
                )
            )
        voxels = segmentArray(segmentation, segmentId, reference).astype(np.uint8)
        if not voxels.any() and not allowEmpty:
            raise VolumeError(
                _("segment '{segment}' of '{segmentation}' is empty on '{reference}'; draw it, or delete it").format(
                    segment=segment.GetName(), segmentation=segmentation.GetName(), reference=reference.GetName()
                )
            )
        return OrientedImage(voxels, ijkToRasOf(reference))

    def replaceSegment(self, segmentation: Any, segmentId: str, mask: OrientedImage, reference: Any) -> None:
        """Let a segment have the voxels of ``mask``, on the grid of ``reference``; other segments stay as they are."""
        setSegmentArray(segmentation, segmentId, mask.array, reference)

    def referenceVolume(self, segmentation: Any) -> Any:
        """The volume that a segmentation was drawn on, or None."""
        return segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole())

    def _addSegment(self, segmentation: Any, value: int, name: str) -> str:
        """A new segment without voxels for a label; returns its ID."""
        inner = segmentation.GetSegmentation()
        segmentId = str(inner.AddEmptySegment("", name))
        segment = inner.GetSegment(segmentId)
        segment.SetNameAutoGenerated(False)  # otherwise another choice of terminology renames the segment
        segment.SetTag(VALUE_TAG, str(value))
        meaning = meaningOf(name)
        if meaning is not None:
            segment.SetTag(segment.GetTerminologyEntryTagName(), meaning.terminology)
            if meaning.colour not in (other.GetColor() for other in segmentsOf(segmentation).values()):
                segment.SetColor(*meaning.colour)
                segment.SetColorAutoGenerated(False)
        return segmentId


def _distinctNames(segmentation: Any) -> dict[str, str]:
    """The segments' names by segment ID; refused where there is none or two are alike."""
    names = {segmentId: str(segment.GetName()) for segmentId, segment in segmentsOf(segmentation).items()}
    if not names:
        raise VolumeError(
            _("'{segmentation}' has no segments; draw one before you submit it").format(
                segmentation=segmentation.GetName()
            )
        )
    name, count = Counter(names.values()).most_common(1)[0]
    if count > 1:
        raise VolumeError(
            _(
                "{count} segments of '{segmentation}' are named '{name}'; the saved label tells segments by "
                "their names: rename or merge them"
            ).format(count=count, segmentation=segmentation.GetName(), name=name)
        )
    return names


def _taggedValues(segmentation: Any) -> dict[str, int]:
    """The values with which segments came, by segment ID; refused where two came with the same."""
    values: dict[str, int] = {}
    names: dict[int, str] = {}
    for segmentId, segment in segmentsOf(segmentation).items():
        tag = vtk.reference("")
        if not segment.GetTag(VALUE_TAG, tag) or not str(tag).isdigit():
            continue
        value = int(str(tag))
        if value in names:
            raise VolumeError(
                _(
                    "segments '{other}' and '{segment}' of '{segmentation}' both have label value {value}; merge "
                    "them, or delete one"
                ).format(
                    other=names[value], segment=segment.GetName(), segmentation=segmentation.GetName(), value=value
                )
            )
        values[segmentId], names[value] = value, segment.GetName()
    return values
