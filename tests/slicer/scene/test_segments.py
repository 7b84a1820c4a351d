"""The voxels of segments read and written directly are those that 3D Slicer itself exports and imports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from grids import OBLIQUE
from RadiogenomicsLib.server.volumes import OrientedImage

SHAPE = (6, 20, 24)


@pytest.fixture
def volume(logic: Any) -> Any:
    return logic.addVolume(OrientedImage(np.ones(SHAPE, np.float32), OBLIQUE), "a", "flair")


@pytest.fixture
def segmentation(scene: Any, volume: Any) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    return node


def block(*box: slice) -> np.ndarray:
    array = np.zeros(SHAPE, np.uint8)
    array[box] = 1
    return array


BOXES = [(slice(0, 6), slice(0, 20), slice(0, 24)), (slice(2, 5), slice(6, 12), slice(8, 15)), (slice(5, 6),) * 3]


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("moved", [False, True])
def test_a_segment_that_is_set_is_what_is_read_and_what_3d_slicer_exports(
    scene: Any, volume: Any, segmentation: Any, box: tuple[slice, ...], moved: bool
) -> None:
    import slicer
    from RadiogenomicsLib.scene.segments import segmentArray, setSegmentArray

    if moved:
        transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.diag([1.0, -1, 1, 1])))
        volume.SetAndObserveTransformNodeID(transform.GetID())
    segmentId, array = segmentation.GetSegmentation().AddEmptySegment("", "a"), block(*box)
    setSegmentArray(segmentation, segmentId, array, volume)
    assert np.array_equal(segmentArray(segmentation, segmentId, volume), array > 0)
    assert np.array_equal(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, volume), array)


def test_setting_a_segment_leaves_one_that_it_overlaps(segmentation: Any, volume: Any) -> None:
    from RadiogenomicsLib.scene.segments import segmentArray, setSegmentArray

    a, b = block(slice(0, 4)), block(slice(2, 6))
    ids = [segmentation.GetSegmentation().AddEmptySegment("", name) for name in "ab"]
    setSegmentArray(segmentation, ids[0], a, volume)
    setSegmentArray(segmentation, ids[1], b, volume)
    assert np.array_equal(segmentArray(segmentation, ids[0], volume), a > 0)
    assert np.array_equal(segmentArray(segmentation, ids[1], volume), b > 0)
    setSegmentArray(segmentation, ids[0], np.zeros(SHAPE, np.uint8), volume)
    assert not segmentArray(segmentation, ids[0], volume).any()
    assert np.array_equal(segmentArray(segmentation, ids[1], volume), b > 0)


def test_a_segment_of_a_cropped_volume_is_read_where_it_lies(logic: Any, volume: Any, segmentation: Any) -> None:
    from RadiogenomicsLib.scene.segments import segmentArray, setSegmentArray
    from RadiogenomicsLib.server.volumes import VolumeError

    matrix = OBLIQUE.copy()
    matrix[:3, 3] += OBLIQUE[:3, :3] @ [8, 6, 2]
    cropped = logic.addVolume(OrientedImage(np.ones((3, 6, 7), np.float32), matrix), "", "flair")
    segmentId = segmentation.GetSegmentation().AddEmptySegment("", "a")
    setSegmentArray(segmentation, segmentId, np.ones((3, 6, 7), np.uint8), cropped)
    array = segmentArray(segmentation, segmentId, volume)
    assert np.array_equal(array, block(*BOXES[1]) > 0)
    setSegmentArray(segmentation, segmentId, np.ones(SHAPE, np.uint8), volume)
    with pytest.raises(VolumeError, match=f"with {6 * 20 * 24 - 3 * 6 * 7} of its voxels; erase that part"):
        segmentArray(segmentation, segmentId, cropped)


def test_a_segment_is_empty_only_where_it_is_no_surface_either(logic: Any, volume: Any, segmentation: Any) -> None:
    import slicer
    import vtk
    from RadiogenomicsLib.scene.segments import isEmpty, segmentArray

    inner = segmentation.GetSegmentation()
    emptyId, surfaceId = inner.AddEmptySegment("", "empty"), inner.AddEmptySegment("", "surface")
    sphere = vtk.vtkSphereSource()
    sphere.Update()
    name = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    segment = inner.GetSegment(surfaceId)
    segment.RemoveAllRepresentations()
    segment.AddRepresentation(name, sphere.GetOutput())
    assert isEmpty(segmentation, emptyId)
    assert not isEmpty(segmentation, surfaceId)
    assert not segmentArray(segmentation, emptyId, volume).any()
