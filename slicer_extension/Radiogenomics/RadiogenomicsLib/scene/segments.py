"""The voxels of segments on a volume's grid, and what of a segment is lost on the way there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import slicer
import slicer.util
import vtk
from slicer.i18n import tr as _

from RadiogenomicsLib.server.volumes import VolumeError


def segmentsOf(segmentation: Any) -> dict[str, Any]:
    """The segments of a segmentation node by their IDs, in its order."""
    inner = segmentation.GetSegmentation()
    return {inner.GetNthSegmentID(i): inner.GetNthSegment(i) for i in range(inner.GetNumberOfSegments())}


def voxelsOf(segmentation: Any) -> tuple[int, ...]:
    """The times at which the labelmaps of a ``vtkSegmentation`` were changed last: others mean other voxels."""
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    segments = (segmentation.GetNthSegment(index) for index in range(segmentation.GetNumberOfSegments()))
    labelmaps = (segment.GetRepresentation(name) for segment in segments)
    return tuple(labelmap.GetMTime() for labelmap in labelmaps if labelmap is not None)


def isEmpty(segmentation: Any, segmentId: str) -> bool:
    """Whether a segment has no voxels; True for one that is there only by name."""
    labelmap = _labelmap(segmentation, segmentId)
    if labelmap is None:
        return _isNothing(segmentation, segmentId)
    return not (_array(labelmap, segmentation, segmentId) > 0).any()


def _isNothing(segmentation: Any, segmentId: str) -> bool:
    """Whether a segment without a labelmap is no more than a name; a surface may be all that another has."""
    names: list[str] = []
    segment = segmentation.GetSegmentation().GetSegment(segmentId)
    segment.GetContainedRepresentationNames(names)
    labelmapName = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    return not [name for name in names if name != labelmapName]


def ijkToRasOf(node: Any) -> np.ndarray:
    """The matrix from a volume's voxels to RAS, 4 x 4, millimetres, without its parent transform."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def segmentArray(segmentation: Any, segmentId: str, reference: Any) -> np.ndarray:
    """A segment on the grid of ``reference``, where both lie in the world; True inside.

    Refused where it reaches out of the volume, for that part would be lost.
    """
    labelmap = _labelmap(segmentation, segmentId)
    if labelmap is None and _isNothing(segmentation, segmentId):
        # Asked for its voxels, 3D Slicer would give it a labelmap, and the editor could redo nothing any more.
        return np.zeros(slicer.util.arrayFromVolume(reference).shape, bool)
    toVoxel = _toVoxel(labelmap, segmentation, reference) if labelmap is not None else None
    if toVoxel is not None and _isOnLattice(toVoxel):
        array, outside = _placed(labelmap, segmentation, segmentId, reference, toVoxel)
        _refuseOutside(outside, segmentation, segmentId, reference)
        return array
    _refuseOutside(_outside(labelmap, segmentation, segmentId, reference), segmentation, segmentId, reference)
    with withoutHelpers():
        return slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, reference) > 0


def setSegmentArray(segmentation: Any, segmentId: str, array: np.ndarray, reference: Any) -> None:
    """Let a segment have the voxels of ``array`` that are not 0, on the grid of ``reference``; others stay as they are.

    Only the box around them is handed over: a whole head would stop the application for a tenth of a second.
    """
    box, toSegmentation = boundingBox(array), _between(reference, segmentation)
    if box is None or toSegmentation is None:
        with withoutHelpers():
            slicer.util.updateSegmentBinaryLabelmapFromArray(
                (array > 0).astype(np.uint8), segmentation, segmentId, reference
            )
        return
    labelmap = _orientedImage((array[box] > 0).astype(np.uint8), box, toSegmentation @ ijkToRasOf(reference))
    logic = slicer.modules.segmentations.logic()
    if not logic.SetBinaryLabelmapToSegment(labelmap, segmentation, segmentId):
        name = segmentation.GetSegmentation().GetSegment(segmentId).GetName()
        raise VolumeError(
            _("the voxels of segment '{name}' of '{segmentation}' cannot be set").format(
                name=name, segmentation=segmentation.GetName()
            )
        )


def boundingBox(array: np.ndarray) -> tuple[slice, slice, slice] | None:
    """The smallest box with all voxels of a 3-D array that are not 0, along k, j, i; None where there is none."""
    bounds = []
    for axes in ((1, 2), (0, 2), (0, 1)):
        indices = np.flatnonzero(array.any(axis=axes))
        if not indices.size:
            return None
        bounds.append(slice(int(indices[0]), int(indices[-1]) + 1))
    return bounds[0], bounds[1], bounds[2]


def resamplingNote(segmentation: Any, segmentId: str, reference: Any, mask: np.ndarray) -> str:
    """What became of the volume of a segment that was drawn on another grid; empty where it was on this one."""
    labelmap = _labelmap(segmentation, segmentId)
    toVoxel = _toVoxel(labelmap, segmentation, reference) if labelmap is not None else None
    if toVoxel is None or _isOnLattice(toVoxel):
        return ""
    drawnVolume = int((_array(labelmap, segmentation, segmentId) > 0).sum()) * float(np.prod(labelmap.GetSpacing()))
    sentVolume = int(mask.sum()) * abs(float(np.linalg.det(ijkToRasOf(reference)[:3, :3])))
    name = segmentation.GetSegmentation().GetSegment(segmentId).GetName()
    return _(
        "'{name}' was drawn on another grid than that of '{reference}' and was brought to it: "
        "{drawnVolume} cm³ became {sentVolume} cm³."
    ).format(
        name=name,
        reference=reference.GetName(),
        drawnVolume=f"{drawnVolume / 1000:.3g}",
        sentVolume=f"{sentVolume / 1000:.3g}",
    )


@contextmanager
def withoutHelpers() -> Iterator[None]:
    """Remove the display nodes that ``slicer.util`` leaves behind."""
    className = "vtkMRMLLabelMapVolumeDisplayNode"
    earlierIds = {node.GetID() for node in slicer.util.getNodesByClass(className)}
    try:
        yield
    finally:
        for node in slicer.util.getNodesByClass(className):
            if node.GetID() not in earlierIds:
                slicer.mrmlScene.RemoveNode(node)


def _refuseOutside(voxels: int, segmentation: Any, segmentId: str, reference: Any) -> None:
    if voxels:
        name = segmentation.GetSegmentation().GetSegment(segmentId).GetName()
        raise VolumeError(
            _(
                "segment '{name}' of '{segmentation}' reaches out of '{reference}' with {voxels} of its "
                "voxels; erase that part, or choose the volume that it was drawn on"
            ).format(name=name, segmentation=segmentation.GetName(), reference=reference.GetName(), voxels=voxels)
        )


def _placed(
    labelmap: Any, segmentation: Any, segmentId: str, reference: Any, toVoxel: np.ndarray
) -> tuple[np.ndarray, int]:
    """A segment whose voxels are those of a volume: in the volume's array, and how many are outside of it."""
    voxels = _array(labelmap, segmentation, segmentId)
    array = np.zeros(reference.GetImageData().GetDimensions()[::-1], bool)
    first = (np.rint(toVoxel[:3, 3]).astype(int) + labelmap.GetExtent()[::2])[::-1]
    low = np.clip(first, 0, array.shape)
    high = np.clip(first + voxels.shape, 0, array.shape)
    inside = voxels[tuple(map(slice, low - first, np.maximum(high, low) - first))]
    array[tuple(map(slice, low, np.maximum(high, low)))] = inside
    outside = 0 if inside.shape == voxels.shape else np.count_nonzero(voxels) - np.count_nonzero(inside)
    return array, int(outside)


def _outside(labelmap: Any, segmentation: Any, segmentId: str, reference: Any) -> int:
    """How many voxels of a segment, in the grid it was drawn on, have their middle outside of a volume."""
    if labelmap is None:
        return 0
    array = _array(labelmap, segmentation, segmentId)
    box = boundingBox(array)
    if box is None:
        return 0
    first = np.array([side.start for side in box][::-1]) + labelmap.GetExtent()[::2]
    indices = np.argwhere(array[box])[:, ::-1] + first
    toVoxel = _toVoxel(labelmap, segmentation, reference)
    if toVoxel is None:
        voxels = _throughTransforms(indices, labelmap, segmentation, reference)
    else:
        voxels = indices @ toVoxel[:3, :3].T + toVoxel[:3, 3]
    size = np.array(reference.GetImageData().GetDimensions())
    inside = ((voxels >= -0.501) & (voxels <= size - 0.499)).all(axis=1)
    return int(np.count_nonzero(~inside))


def _labelmap(segmentation: Any, segmentId: str) -> Any:
    """A segment's own labelmap, with its place in space; None where it has none, or one without voxels."""
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    labelmap = segmentation.GetSegmentation().GetSegment(segmentId).GetRepresentation(name)
    return labelmap if labelmap is not None and not labelmap.IsEmpty() else None


def _array(labelmap: Any, segmentation: Any, segmentId: str) -> np.ndarray:
    """A segment's voxels in its own labelmap, which it may share with other segments, [k, j, i]."""
    from vtk.util.numpy_support import vtk_to_numpy

    shape = labelmap.GetDimensions()[::-1]
    value: int = segmentation.GetSegmentation().GetSegment(segmentId).GetLabelValue()
    return np.asarray(vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(shape) == value)


def _orientedImage(array: np.ndarray, box: tuple[slice, slice, slice], ijkToRas: np.ndarray) -> Any:
    """A labelmap of one box of a grid, [k, j, i], with its voxels copied."""
    from vtk.util.numpy_support import numpy_to_vtk

    image = slicer.vtkOrientedImageData()
    image.SetExtent([end for side in box[::-1] for end in (side.start, side.stop - 1)])
    image.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(ijkToRas))
    image.GetPointData().SetScalars(numpy_to_vtk(array.ravel(), deep=True))
    return image


def _toVoxel(labelmap: Any, segmentation: Any, reference: Any) -> np.ndarray | None:
    """The matrix from the labelmap's voxels to those of a volume; None where a transform between them is none."""
    between = _between(segmentation, reference)
    if between is None:
        return None
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    toRas = between @ slicer.util.arrayFromVTKMatrix(matrix)
    return np.linalg.solve(ijkToRasOf(reference), toRas)


def _between(node: Any, other: Any) -> np.ndarray | None:
    """The matrix from one node's own coordinates to another's, through their transforms; None where it is no matrix."""
    matrix = vtk.vtkMatrix4x4()
    source, target = node.GetParentTransformNode(), other.GetParentTransformNode()
    if not slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(source, target, matrix):
        return None
    return np.asarray(slicer.util.arrayFromVTKMatrix(matrix))


def _isOnLattice(toVoxel: np.ndarray) -> bool:
    """Whether every voxel is one of the other grid."""
    offset = toVoxel[:3, 3]
    return bool(np.allclose(toVoxel[:3, :3], np.eye(3), atol=1e-3) and np.allclose(offset, np.rint(offset), atol=0.01))


def _throughTransforms(indices: np.ndarray, labelmap: Any, segmentation: Any, reference: Any) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    toRas = slicer.util.arrayFromVTKMatrix(matrix)
    transform = vtk.vtkGeneralTransform()
    source, target = segmentation.GetParentTransformNode(), reference.GetParentTransformNode()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(source, target, transform)
    points = indices @ toRas[:3, :3].T + toRas[:3, 3]
    moved = np.array([transform.TransformPoint(*point) for point in points])
    fromRas = np.linalg.inv(ijkToRasOf(reference))
    return moved @ fromRas[:3, :3].T + fromRas[:3, 3]
