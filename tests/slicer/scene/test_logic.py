"""MRML nodes to arrays and back, on real MRML."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError, sameGrid

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture
def flair(logic: Any, flairImage: OrientedImage) -> Any:
    """The FLAIR volume node of a study, oblique and anisotropic."""
    return logic.addVolume(flairImage, "glioma-01", "flair")


@pytest.fixture
def twoLabels(tumourMask: OrientedImage) -> OrientedImage:
    """A mask with the values 1 and 4."""
    array = tumourMask.array.copy()
    array[3, 8:10, 10:13] = 4
    return OrientedImage(array, tumourMask.ijkToRas)


@pytest.fixture
def segmentation(logic: Any, flair: Any, twoLabels: OrientedImage) -> Any:
    """Segments ``tumour`` (1) and ``enhancing`` (4)."""
    return logic.addSegmentation(twoLabels, flair, {"tumour": 1, "enhancing": 4}, "seg")


def segmentNamed(segmentation: Any, name: str) -> str:
    return segmentation.GetSegmentation().GetSegmentIdBySegmentName(name)


def draw(segmentation: Any, segmentId: str, array: np.ndarray, reference: Any) -> None:
    """Replace a segment's voxels, as the Segment Editor does."""
    import slicer

    slicer.util.updateSegmentBinaryLabelmapFromArray(array.astype(np.uint8), segmentation, segmentId, reference)


def test_an_oblique_anisotropic_volume_keeps_its_voxels_and_place(
    logic: Any, flair: Any, flairImage: OrientedImage
) -> None:
    back = logic.volume(flair)
    assert np.array_equal(back.array, flairImage.array)
    assert np.allclose(back.ijkToRas, flairImage.ijkToRas, atol=1e-9)


def test_a_volume_is_copied_out_of_the_scene(logic: Any, flair: Any, flairImage: OrientedImage) -> None:
    import slicer

    copied = logic.volume(flair)
    slicer.util.arrayFromVolume(flair)[:] = 0
    assert np.array_equal(copied.array, flairImage.array)


def test_a_downloaded_volume_carries_its_study_and_sequence(logic: Any, flair: Any) -> None:
    assert flair.GetName() == "glioma-01 FLAIR"
    assert flair.GetAttribute("Gliomics.StudyId") == "glioma-01"
    assert logic.volumesOfStudy("glioma-01") == {"flair": flair}
    assert logic.volumesOfStudy("glioma-02") == {}


def test_64_bit_integers_are_stored_as_a_type_that_is_rendered(logic: Any) -> None:
    node = logic.addVolume(OrientedImage(np.full((2, 3, 4), 7, np.int64), np.eye(4)), "glioma-01", "t1")
    assert logic.volume(node).array.dtype == np.float64
    assert (logic.volume(node).array == 7).all()


def test_volumes_under_different_transforms_are_refused_by_name(logic: Any, scene: Any, flair: Any) -> None:
    t1 = logic.addVolume(logic.volume(flair), "glioma-01", "t1")
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "registration")
    t1.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(VolumeError, match="'glioma-01 T1' and the other volumes are under different transforms"):
        logic.checkTransforms({"flair": flair, "t1": t1})
    flair.SetAndObserveTransformNodeID(transform.GetID())
    logic.checkTransforms({"flair": flair, "t1": t1})


def test_a_mask_becomes_named_segments_that_keep_their_values(logic: Any, segmentation: Any) -> None:
    values = logic.labelValues(segmentation, {})
    names = {segmentation.GetSegmentation().GetSegment(s).GetName(): value for s, value in values.items()}
    assert names == {"tumour": 1, "enhancing": 4}


def test_a_mask_comes_back_voxel_for_voxel_in_the_reference_geometry(
    logic: Any, segmentation: Any, flair: Any, twoLabels: OrientedImage
) -> None:
    exported = logic.exportLabels(segmentation, flair, {})
    assert np.array_equal(exported.mask.array, twoLabels.array)
    assert sameGrid(exported.mask, twoLabels)
    assert exported.values == {"tumour": 1, "enhancing": 4}
    assert exported.warnings == ()


def test_a_mask_survives_a_volume_that_is_under_a_transform(
    logic: Any, scene: Any, flair: Any, tumourMask: OrientedImage
) -> None:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 40.0)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    transform.SetMatrixTransformToParent(matrix)
    flair.SetAndObserveTransformNodeID(transform.GetID())
    segmentation = logic.addSegmentation(tumourMask, flair, {"tumour": 1}, "seg")
    assert np.array_equal(logic.exportLabels(segmentation, flair, {}).mask.array, tumourMask.array)


def test_a_value_without_a_name_is_kept_and_named_after_itself(
    logic: Any, flair: Any, twoLabels: OrientedImage
) -> None:
    segmentation = logic.addSegmentation(twoLabels, flair, {"tumour": 1}, "seg")
    assert logic.exportLabels(segmentation, flair, {}).values == {"tumour": 1, "label 4": 4}


def test_a_mask_without_a_lesion_gives_an_empty_segment_to_draw_in(
    logic: Any, flair: Any, tumourMask: OrientedImage
) -> None:
    empty = OrientedImage(np.zeros_like(tumourMask.array), tumourMask.ijkToRas)
    segmentation = logic.addSegmentation(empty, flair, {"tumour": 1}, "seg")
    assert segmentation.GetSegmentation().GetNumberOfSegments() == 1
    draw(segmentation, segmentNamed(segmentation, "tumour"), tumourMask.array, flair)
    exported = logic.exportLabels(segmentation, flair, {})
    assert np.array_equal(exported.mask.array, tumourMask.array)
    assert exported.values == {"tumour": 1}


def test_a_mask_on_another_grid_is_refused_with_both_grids(logic: Any, flair: Any, tumourMask: OrientedImage) -> None:
    other = OrientedImage(tumourMask.array[:, :, 1:], tumourMask.ijkToRas)
    with pytest.raises(VolumeError, match=r"23 x 20 x 6 voxels .* 'glioma-01 FLAIR' has 24 x 20 x 6 voxels"):
        logic.addSegmentation(other, flair, {"tumour": 1}, "seg")


def test_values_survive_the_layers_that_overlapping_segments_make(
    logic: Any, segmentation: Any, flair: Any, twoLabels: OrientedImage
) -> None:
    whole = segmentation.GetSegmentation().AddEmptySegment("", "ring")
    draw(segmentation, whole, twoLabels.array > 0, flair)
    inner = segmentation.GetSegmentation()
    assert inner.GetNumberOfLayers() > 1
    assert inner.GetSegment(whole).GetLabelValue() == 1, "MRML's own value is no longer unique"
    assert list(logic.labelValues(segmentation, {}).values()) == [1, 4, 2]


def test_overlapping_voxels_go_to_the_later_segment_and_a_warning_counts_them(
    logic: Any, segmentation: Any, flair: Any, twoLabels: OrientedImage
) -> None:
    ring = np.zeros_like(twoLabels.array)
    ring[2, 5:8, 8:15] = 1
    segmentId = segmentation.GetSegmentation().AddEmptySegment("", "ring")
    draw(segmentation, segmentId, ring, flair)
    exported = logic.exportLabels(segmentation, flair, {})
    expected = twoLabels.array.copy()
    expected[ring > 0] = 2
    overlap = int(((ring > 0) & (twoLabels.array == 1)).sum())
    assert np.array_equal(exported.mask.array, expected)
    assert exported.warnings == (f"'ring' and 'tumour' overlap in {overlap} voxels, given to 'ring'.",)


def test_a_new_segment_named_after_a_known_label_takes_its_value(logic: Any, flair: Any, scene: Any) -> None:
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(flair)
    for name in ("Segment_1", "Tumour"):
        segmentation.GetSegmentation().AddEmptySegment("", name)
    values = logic.labelValues(segmentation, {"tumour": 1})
    names = {segmentation.GetSegmentation().GetSegment(s).GetName(): value for s, value in values.items()}
    assert names == {"Segment_1": 2, "Tumour": 1}


def test_two_segments_of_one_name_are_refused(logic: Any, segmentation: Any, flair: Any) -> None:
    second = segmentation.GetSegmentation().AddEmptySegment("", "tumour")
    segmentation.GetSegmentation().GetSegment(second).SetName("tumour")
    with pytest.raises(VolumeError, match="2 segments of 'seg' are named 'tumour'"):
        logic.exportLabels(segmentation, flair, {})


def test_two_segments_with_one_value_are_refused_by_name(logic: Any, segmentation: Any) -> None:
    copied = segmentation.GetSegmentation().AddEmptySegment("", "copy")
    segmentation.GetSegmentation().GetSegment(copied).SetTag("Gliomics.LabelValue", "4")
    with pytest.raises(VolumeError, match="segments 'enhancing' and 'copy' of 'seg' both have label value 4"):
        logic.labelValues(segmentation, {})


def test_empty_mask_is_refused_with_its_segment_name(logic: Any, flair: Any, scene: Any) -> None:
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(flair)
    segmentId = segmentation.GetSegmentation().AddEmptySegment("", "tumour")
    with pytest.raises(VolumeError, match="segment 'tumour' of 'mine' is empty on 'glioma-01 FLAIR'"):
        logic.exportLabels(segmentation, flair, {})
    with pytest.raises(VolumeError, match="segment 'tumour' of 'mine' is empty on 'glioma-01 FLAIR'"):
        logic.segmentMask(segmentation, segmentId, flair)


def test_an_empty_segment_beside_a_drawn_one_is_left_out_with_a_warning(
    logic: Any, segmentation: Any, flair: Any, twoLabels: OrientedImage
) -> None:
    segmentation.GetSegmentation().AddEmptySegment("", "oedema")
    exported = logic.exportLabels(segmentation, flair, {})
    assert np.array_equal(exported.mask.array, twoLabels.array)
    assert exported.warnings == ("Segment 'oedema' is empty.",)


def test_a_segmentation_without_segments_is_refused(logic: Any, flair: Any, scene: Any) -> None:
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    with pytest.raises(VolumeError, match="'mine' has no segments"):
        logic.exportLabels(segmentation, flair, {})


def test_one_segment_is_exported_as_zero_and_one(
    logic: Any, segmentation: Any, flair: Any, twoLabels: OrientedImage
) -> None:
    mask = logic.segmentMask(segmentation, segmentNamed(segmentation, "enhancing"), flair)
    assert np.array_equal(mask.array, (twoLabels.array == 4).astype(np.uint8))
    assert sameGrid(mask, twoLabels)


def test_a_segment_that_has_gone_is_named(logic: Any, segmentation: Any, flair: Any) -> None:
    with pytest.raises(VolumeError, match="'seg' has no segment 'gone' any more"):
        logic.segmentMask(segmentation, "gone", flair)


def test_a_segment_is_resampled_to_a_reference_with_other_voxels(logic: Any, segmentation: Any, flair: Any) -> None:
    fine = logic.volume(flair)
    halves = OrientedImage(np.repeat(fine.array, 2, axis=0), fine.ijkToRas @ np.diag([1, 1, 0.5, 1]))
    reference = logic.addVolume(halves, "glioma-01", "t1")
    coarse = logic.segmentMask(segmentation, segmentNamed(segmentation, "tumour"), flair).array.sum()
    twice = logic.segmentMask(segmentation, segmentNamed(segmentation, "tumour"), reference).array.sum()
    assert abs(int(twice) - 2 * int(coarse)) <= coarse


def test_no_helper_node_is_left_in_the_scene(logic: Any, scene: Any, segmentation: Any, flair: Any) -> None:
    def nodeIds() -> set[str]:
        return {scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())}

    originalIds = nodeIds()
    logic.exportLabels(segmentation, flair, {})
    assert nodeIds() == originalIds
