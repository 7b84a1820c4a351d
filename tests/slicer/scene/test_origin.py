"""Whether a volume still is the server's image, and what becomes of segments on other grids: on real MRML."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from inprocess import InProcessBackend
from panels import REMOTE, Spin, edit, press, state, useRemote
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError, readNifti


def clone(node: Any) -> Any:
    import slicer

    return slicer.modules.volumes.logic().CloneVolume(slicer.mrmlScene, node, "clone")


def moveUnder(node: Any, millimetres: float) -> Any:
    """Put a node under a translation along R; returns the transform."""
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, millimetres)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    transform.SetMatrixTransformToParent(matrix)
    node.SetAndObserveTransformNodeID(transform.GetID())
    return transform


@pytest.fixture
def flair(logic: Any, scene: Any, flairImage: OrientedImage) -> Any:
    return logic.addVolume(flairImage, "glioma-01", "flair")


def test_a_volume_as_it_came_is_the_server_s(logic: Any, flair: Any) -> None:
    origin = logic.origin(flair)
    assert (origin.studyId, origin.sequence, origin.change) == ("glioma-01", "flair", "")


def test_a_clone_is_the_server_s_until_it_is_edited(logic: Any, flair: Any) -> None:
    copied = clone(flair)
    assert not logic.origin(copied).change
    edit(copied)
    assert logic.origin(copied).edited == "was edited"
    assert not logic.origin(flair).change


def test_an_edit_that_is_taken_back_is_none(logic: Any, flair: Any, flairImage: OrientedImage) -> None:
    import slicer

    edit(flair)
    assert logic.origin(flair).edited
    slicer.util.arrayFromVolume(flair)[:] = flairImage.array
    slicer.util.arrayFromVolumeModified(flair)
    assert not logic.origin(flair).change


def test_other_numbers_of_the_same_bytes_are_an_edit(logic: Any, flair: Any) -> None:
    import slicer

    slicer.util.updateVolumeFromArray(flair, slicer.util.arrayFromVolume(flair).view(np.int32).copy())
    assert logic.origin(flair).edited


def test_a_cropped_volume_says_both_grids(logic: Any, flair: Any, flairImage: OrientedImage) -> None:
    import slicer

    slicer.util.updateVolumeFromArray(flair, flairImage.array[:, :, 2:].copy())
    assert "had 24 x 20 x 6 voxels" in logic.origin(flair).moved
    assert "has 22 x 20 x 6 voxels" in logic.origin(flair).moved


def test_a_volume_that_was_moved_for_good_lies_elsewhere(logic: Any, flair: Any) -> None:
    moveUnder(flair, 5.0)
    assert not logic.origin(flair).change, "a transform that can be taken away changes nothing"
    flair.HardenTransform()
    assert logic.origin(flair).moved == "lies elsewhere than it came"


def test_a_saved_scene_keeps_what_is_the_server_s(logic: Any, scene: Any, flair: Any, tmp_path: Any) -> None:
    import slicer
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic

    edited = clone(flair)
    edit(edited)
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    scene.Clear(False)
    scene.SetURL(str(tmp_path / "scene.mrb"))
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    reopened = RadiogenomicsLogic()
    assert not reopened.origin(slicer.util.getNode("glioma-01 FLAIR")).change
    assert reopened.origin(slicer.util.getNode("clone")).edited


def test_a_volume_of_an_older_scene_without_a_note_is_not_taken_for_the_server_s(logic: Any, flair: Any) -> None:
    flair.RemoveAttribute("Gliomics.Grid")
    assert logic.origin(flair).change
    flair.SetAttribute("Gliomics.Grid", '{"size": "three"}')
    assert logic.origin(flair).change


def test_an_image_that_was_edited_is_not_taken_for_its_study_s(logic: Any, flair: Any) -> None:
    edit(flair)
    assert logic.volumesOfStudy("glioma-01") == {}


# The panel


def test_an_edited_volume_is_sent_as_it_is(withStudy: Any, backend: InProcessBackend, spin: Spin) -> None:
    sent: list[np.ndarray] = []
    segmentUnwatched = backend.segment

    def segment(model: str, case: Any, folder: Any) -> Any:
        sent.append(readNifti(case.files["flair"]).array)
        return segmentUnwatched(model, case, folder)

    backend.segment = segment
    flair = withStudy.ui.flairSelector.currentNode()
    edit(flair)
    press(withStudy, "segmentButton", spin)
    (case,) = backend.cases
    assert case.studyId is None
    assert np.array_equal(sent[0], withStudy.logic.volume(flair).array)
    assert withStudy.ui.flairHint.text == "Downloaded; study glioma-01, but it was edited: sent as it is now"


def test_an_edited_volume_is_not_sent_to_another_computer_without_consent(
    withStudy: Any, backend: InProcessBackend, spin: Spin
) -> None:
    import qt
    from harness.ctk import ctkMessageBox

    useRemote(withStudy, spin)
    edit(withStudy.ui.flairSelector.currentNode())
    ctkMessageBox.answers = [qt.QMessageBox.No]
    withStudy.ui.segmentButton.click()
    assert f"Nothing was sent to {REMOTE}" in withStudy.ui.statusLabel.text
    assert backend.cases == []


def test_a_label_drawn_on_an_edited_volume_is_its_study_s(
    segmented: Any, backend: InProcessBackend, spin: Spin, tumourMask: OrientedImage
) -> None:
    edit(segmented.ui.flairSelector.currentNode())
    press(segmented, "submitButton", spin)
    ((studyId, mask, _, _),) = backend.submitted
    assert studyId == "glioma-01"
    assert np.array_equal(mask.array, tumourMask.array)


def test_a_label_drawn_on_a_moved_volume_is_refused(segmented: Any, backend: InProcessBackend) -> None:
    for selector in (segmented.ui.flairSelector, segmented.ui.t1Selector):
        moveUnder(selector.currentNode(), 7.0)
        selector.currentNode().HardenTransform()
    segmented.ui.submitButton.click()
    assert state(segmented) == "error"
    assert "was not drawn on a study of the server" in segmented.ui.statusLabel.text
    assert backend.submitted == []


def test_volumes_of_a_study_under_different_transforms_are_refused(segmented: Any, backend: InProcessBackend) -> None:
    count = len(backend.cases)
    moveUnder(segmented.ui.t1Selector.currentNode(), 5.0)
    segmented.ui.computeButton.click()
    assert "'glioma-01 T1' and the other volumes are under different transforms" in segmented.ui.statusLabel.text
    assert len(backend.cases) == count


def test_an_edit_of_a_volume_makes_the_result_out_of_date(computed: Any) -> None:
    flair = computed.ui.flairSelector.currentNode()
    edit(flair)
    computed.onSelection()
    assert "or these have changed since" in computed.model.staleness


def test_the_next_study_is_downloaded_again_where_it_was_edited(withStudy: Any, spin: Spin, scene: Any) -> None:
    edited = withStudy.ui.flairSelector.currentNode()
    edit(edited)
    press(withStudy, "nextStudyButton", spin)
    assert withStudy.ui.flairSelector.currentNode() is not edited
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 3
    assert withStudy.model.selection.isOnServer


def test_one_volume_for_two_sequences_is_refused(withStudy: Any) -> None:
    withStudy.ui.t2Selector.setCurrentNode(withStudy.ui.flairSelector.currentNode())
    assert not withStudy.ui.segmentButton.enabled
    assert "is chosen for FLAIR and T2" in withStudy.ui.segmentHint.text


def test_a_sequence_that_is_not_chosen_is_said_to_be_used_by_the_server(
    segmented: Any, backend: InProcessBackend, spin: Spin
) -> None:
    hint = "The server uses the study's T1, too, though not chosen."
    assert hint not in segmented.ui.computeHint.text
    segmented.ui.t1Selector.setCurrentNode(None)
    assert segmented.ui.segmentHint.text == "", "segmentation_flair takes FLAIR alone"
    segmented.ui.modelSelector.setCurrentIndex(segmented.ui.modelSelector.findText("segmentation_multi"))
    assert segmented.ui.segmentHint.text == hint
    assert segmented.ui.computeHint.text.endswith(hint)
    edit(segmented.ui.flairSelector.currentNode())
    segmented.onSelection()
    assert hint not in segmented.ui.computeHint.text, "only what is chosen is sent"


# Segments


def test_a_segment_is_sent_where_it_lies_in_the_world(logic: Any, flair: Any, tumourMask: OrientedImage) -> None:
    segmentation = logic.addSegmentation(tumourMask, flair, {"tumour": 1}, "seg")
    segmentId = segmentation.GetSegmentation().GetNthSegmentID(0)
    transform = moveUnder(segmentation, 0.0)
    step = tumourMask.ijkToRas[:3, 0]
    matrix = transform.GetMatrixTransformToParent()
    for axis in range(3):
        matrix.SetElement(axis, 3, float(step[axis]))
    transform.SetMatrixTransformToParent(matrix)
    moved = logic.segmentMask(segmentation, segmentId, flair)
    assert np.array_equal(moved.array, np.roll(tumourMask.array, 1, axis=2)), "one voxel along i"


@pytest.mark.parametrize("millimetres", [-30.0, 60.0])
def test_a_segment_that_reaches_out_of_the_volume_is_refused(
    logic: Any, flair: Any, tumourMask: OrientedImage, millimetres: float
) -> None:
    segmentation = logic.addSegmentation(tumourMask, flair, {"tumour": 1}, "seg")
    segmentId = segmentation.GetSegmentation().GetNthSegmentID(0)
    moveUnder(flair, millimetres)
    with pytest.raises(VolumeError, match=r"segment 'tumour' of 'seg' reaches out of 'glioma-01 FLAIR' with \d+ of"):
        logic.segmentMask(segmentation, segmentId, flair)
    with pytest.raises(VolumeError, match="reaches out of"):
        logic.exportLabels(segmentation, flair, {})


def test_a_segment_up_to_the_edge_of_the_volume_is_not_refused(
    logic: Any, flair: Any, flairImage: OrientedImage
) -> None:
    full = OrientedImage(np.ones(flairImage.array.shape, np.uint8), flairImage.ijkToRas)
    segmentation = logic.addSegmentation(full, flair, {"tumour": 1}, "seg")
    assert logic.segmentMask(segmentation, segmentation.GetSegmentation().GetNthSegmentID(0), flair).array.all()


def test_a_segment_drawn_on_another_grid_says_what_became_of_its_volume(
    logic: Any, flair: Any, flairImage: OrientedImage
) -> None:
    affine = flairImage.ijkToRas.copy()
    affine[:3, 2] /= 4
    fine = OrientedImage(np.zeros((24, 20, 24), np.uint8), affine)
    fine.array[8:14, 6:12, 8:15] = 1
    high = logic.addVolume(OrientedImage(fine.array.astype(np.float32), affine), "glioma-01", "t1c")
    segmentation = logic.addSegmentation(fine, high, {"tumour": 1}, "seg")
    (warning,) = logic.exportLabels(segmentation, flair, {}).warnings
    assert warning.startswith("'tumour' was drawn on another grid than that of 'glioma-01 FLAIR' and was brought to it")
    assert logic.exportLabels(segmentation, high, {}).warnings == ()


def test_a_segment_within_a_part_of_the_grid_is_on_the_grid(logic: Any, flair: Any, tumourMask: OrientedImage) -> None:
    segmentation = logic.addSegmentation(tumourMask, flair, {"tumour": 1}, "seg")
    segmentation.GetSegmentation().CollapseBinaryLabelmaps(True)
    assert logic.exportLabels(segmentation, flair, {}).warnings == ()
