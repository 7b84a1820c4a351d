"""Segments as parts of a tumour in one label map, on real MRML."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError

pytestmark = pytest.mark.usefixtures("scene")

INNER, MIDDLE, OUTER = slice(8, 10), slice(6, 12), slice(4, 14)


@pytest.fixture
def flair(logic: Any, flairImage: OrientedImage) -> Any:
    return logic.addVolume(flairImage, "glioma-01", "flair")


def block(rows: slice, *without: slice) -> np.ndarray:
    """A block of voxels over these rows, without other rows' blocks."""
    array = np.zeros((6, 20, 24), np.uint8)
    array[1:4, rows, 5:12] = 1
    for other in without:
        array[1:4, other, 5:12] = 0
    return array


def segmentationOf(flair: Any, **arrays: np.ndarray) -> Any:
    """A segmentation with these segments, drawn one by one as the Segment Editor does; ``_`` stands for a space."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "seg")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(flair)
    for name, array in arrays.items():
        segmentId = node.GetSegmentation().AddEmptySegment("", name.replace("_", " "))
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, segmentId, flair)
    return node


def labelled(node: Any, flair: Any) -> tuple[str, dict[int, int]]:
    from RadiogenomicsLib.scene.parts import labelledParts

    parts = labelledParts(node, flair)
    values, counts = np.unique(parts.mask.array[parts.mask.array > 0], return_counts=True)
    return parts.numbering, dict(zip(values.tolist(), counts.tolist(), strict=True))


def test_parts_are_numbered_by_the_names_of_their_segments(flair: Any) -> None:
    node = segmentationOf(
        flair, necrosis=block(INNER), enhancing=block(MIDDLE, INNER), oedema=block(OUTER, MIDDLE), empty=block(slice(0))
    )
    assert labelled(node, flair) == (
        "1=core-without-enhancement,2=oedema,3=enhancing",
        {1: 2 * 21, 3: 4 * 21, 2: 4 * 21},
    )


def test_parts_as_models_name_them_are_known_also_where_they_have_no_voxel(flair: Any) -> None:
    """An empty segment of oedema says that there is none; without one, that is not known."""
    names = {"core-without-enhancement": block(INNER), "enhancing": block(MIDDLE, INNER)}
    assert labelled(segmentationOf(flair, **names), flair)[0] == "1=core-without-enhancement,3=enhancing"
    with_oedema = segmentationOf(flair, **names, oedema=block(slice(0)))
    assert labelled(with_oedema, flair)[0] == "1=core-without-enhancement,2=oedema,3=enhancing"


def test_a_whole_tumour_beside_its_parts_adds_nothing(flair: Any) -> None:
    parts = {"necrosis": block(INNER), "enhancing": block(MIDDLE, INNER), "oedema": block(OUTER, MIDDLE)}
    whole = segmentationOf(flair, whole_tumour=block(OUTER), tumour_core=block(MIDDLE), **parts)
    assert labelled(whole, flair) == labelled(segmentationOf(flair, **parts), flair)


def test_two_segments_may_be_the_same_part(flair: Any) -> None:
    node = segmentationOf(flair, necrosis=block(INNER), non_enhancing_core=block(MIDDLE, INNER))
    assert labelled(node, flair) == ("1=core-without-enhancement", {1: 6 * 21})


def test_a_tumour_that_is_not_divided_is_one_part(flair: Any) -> None:
    assert labelled(segmentationOf(flair, tumour=block(OUTER)), flair) == ("5=tumour", {5: 10 * 21})


def test_a_resection_cavity_is_a_part_of_its_own(flair: Any) -> None:
    node = segmentationOf(flair, resection_cavity=block(INNER), enhancing=block(MIDDLE, INNER))
    assert labelled(node, flair)[0] == "3=enhancing,4=cavity"


def test_a_segment_that_is_no_known_part_is_refused_by_its_name(flair: Any) -> None:
    node = segmentationOf(flair, enhancing=block(INNER), label_7=block(OUTER, MIDDLE))
    with pytest.raises(VolumeError, match="'label 7' of 'seg' is no part of a tumour that is known; name the parts"):
        labelled(node, flair)


def test_a_core_that_may_have_the_enhancing_part_in_it_is_refused(flair: Any) -> None:
    node = segmentationOf(flair, tumour_core=block(MIDDLE), oedema=block(OUTER, MIDDLE))
    with pytest.raises(VolumeError, match="'tumour core' of 'seg' is no part"):
        labelled(node, flair)


def test_parts_that_share_voxels_are_refused_by_their_names(flair: Any) -> None:
    node = segmentationOf(flair, enhancing=block(slice(6, 10)), oedema=block(slice(9, 14)))
    with pytest.raises(VolumeError, match="'oedema' and 'enhancing' of 'seg' share 21 voxels"):
        labelled(node, flair)


def test_a_whole_tumour_that_is_more_than_its_parts_is_refused(flair: Any) -> None:
    node = segmentationOf(flair, whole_tumour=block(OUTER), enhancing=block(MIDDLE))
    with pytest.raises(VolumeError, match="share 126 voxels"):
        labelled(node, flair)


def test_a_segmentation_without_voxels_is_refused(flair: Any) -> None:
    with pytest.raises(VolumeError, match="'seg' has no segment with voxels on 'glioma-01 FLAIR'"):
        labelled(segmentationOf(flair, tumour=block(slice(0))), flair)


def neighbours(node: Any, flair: Any, place: int) -> tuple[dict[str, int], int, int]:
    """The segments that leave with one of them, its value, and how many voxels have that."""
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic
    from RadiogenomicsLib.scene.parts import arraysOf
    from RadiogenomicsLib.server.labelmap import withNeighbours

    segmentId = node.GetSegmentation().GetNthSegmentID(place)
    mask = RadiogenomicsLogic().segmentMask(node, segmentId, flair)
    name = node.GetSegmentation().GetSegment(segmentId).GetName()
    labelled = withNeighbours(name, mask, arraysOf(node, flair))
    return labelled.values, labelled.value, int((labelled.mask.array == labelled.value).sum())


def test_a_segment_leaves_with_those_beside_it_but_not_with_what_is_made_of_them(flair: Any) -> None:
    node = segmentationOf(
        flair, oedema=block(OUTER, MIDDLE), core=block(MIDDLE), whole=block(OUTER), empty=block(INNER) * 0
    )
    assert neighbours(node, flair, 1) == ({"oedema": 1, "core": 2}, 2, 6 * 21)
    assert neighbours(node, flair, 2) == ({"whole": 1}, 1, 10 * 21)


def test_a_segment_that_shares_voxels_or_its_name_leaves_alone(flair: Any) -> None:
    node = segmentationOf(flair, core=block(MIDDLE), oedema=block(slice(10, 15)))
    assert neighbours(node, flair, 0) == ({"core": 1}, 1, 6 * 21)
    node = segmentationOf(flair, core=block(MIDDLE), oedema=block(OUTER, MIDDLE))
    node.GetSegmentation().AddEmptySegment("", "core")
    assert neighbours(node, flair, 0) == ({"core": 1}, 1, 6 * 21)
