"""The voxels of segments on a volume's grid, and what of a segment is lost on the way there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import slicer
import slicer.util
import vtk

from RadiogenomicsLib.server.volumes import VolumeError


def segmentsOf(segmentation: Any) -> dict[str, Any]:
    """The segments of a segmentation node by their IDs, in its order."""
    inner = segmentation.GetSegmentation()
    return {inner.GetNthSegmentID(i): inner.GetNthSegment(i) for i in range(inner.GetNumberOfSegments())}


def ijkToRasOf(node: Any) -> np.ndarray:
    """The matrix from a volume's voxels to RAS, 4 x 4, millimetres, without its parent transform."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def segmentArray(segmentation: Any, segmentId: str, reference: Any) -> np.ndarray:
    """A segment on the grid of ``reference``, where both lie in the world; True inside.

    Refused where it reaches out of the volume, for that part would be lost.
    """
    outside = _outside(segmentation, segmentId, reference)
    if outside:
        name = segmentation.GetSegmentation().GetSegment(segmentId).GetName()
        raise VolumeError(
            f"segment '{name}' of '{segmentation.GetName()}' reaches out of '{reference.GetName()}' with {outside} of "
            "its voxels; erase that part, or choose the volume that it was drawn on"
        )
    with withoutHelpers():
        return slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, reference) > 0


def resamplingNote(segmentation: Any, segmentId: str, reference: Any, mask: np.ndarray) -> str:
    """What became of the volume of a segment that was drawn on another grid; empty where it was on this one."""
    labelmap = _labelmap(segmentation, segmentId)
    toVoxel = _toVoxel(labelmap, segmentation, reference) if labelmap is not None else None
    if toVoxel is None or _isOnLattice(toVoxel):
        return ""
    drawnVolume = int((_array(labelmap, segmentation, segmentId) > 0).sum()) * float(np.prod(labelmap.GetSpacing()))
    sentVolume = int(mask.sum()) * abs(float(np.linalg.det(ijkToRasOf(reference)[:3, :3])))
    name = segmentation.GetSegmentation().GetSegment(segmentId).GetName()
    return (
        f"'{name}' was drawn on another grid than that of '{reference.GetName()}' and was brought to it: "
        f"{drawnVolume / 1000:.3g} cm\u00b3 became {sentVolume / 1000:.3g} cm\u00b3."
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


def _outside(segmentation: Any, segmentId: str, reference: Any) -> int:
    """How many voxels of a segment, in the grid it was drawn on, have their middle outside of a volume."""
    labelmap = _labelmap(segmentation, segmentId)
    if labelmap is None:
        return 0
    array = _array(labelmap, segmentation, segmentId)
    extent = labelmap.GetExtent()
    indices = np.argwhere(array > 0)[:, ::-1] + np.array(extent[::2])
    if not indices.size:
        return 0
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


def _toVoxel(labelmap: Any, segmentation: Any, reference: Any) -> np.ndarray | None:
    """The matrix from the labelmap's voxels to those of a volume; None where a transform between them is none."""
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    between = vtk.vtkMatrix4x4()
    source, target = segmentation.GetParentTransformNode(), reference.GetParentTransformNode()
    if not slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(source, target, between):
        return None
    toRas = slicer.util.arrayFromVTKMatrix(between) @ slicer.util.arrayFromVTKMatrix(matrix)
    return np.linalg.solve(ijkToRasOf(reference), toRas)


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
