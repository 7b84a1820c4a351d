"""The embedded Segment Editor: it follows the panel, leaves the module's own editor alone, and shares its history."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from clicks import click, points, voxels, worldAt
from inprocess import InProcessBackend
from panels import Spin, addVolume, idle, paint, paintOneSlice, press
from RadiogenomicsLib.server.volumes import OrientedImage

from gliomics.records import Click


@pytest.fixture
def correctable(panel: Any, backend: InProcessBackend, spin: Spin) -> Any:
    """The panel with a segment, on a server with a model that corrects."""
    backend.corrects = True
    for button in ("connectButton", "nextStudyButton", "segmentButton"):
        press(panel, button, spin)
    return panel


# What is edited


def test_it_edits_what_is_chosen_in_the_panel(segmented: Any) -> None:
    editor, selection = segmented.ui.segmentEditor, segmented.selection
    assert editor.segmentationNode() is selection.segmentation()
    assert editor.currentSegmentID() == selection.segmentId()
    assert editor.sourceVolumeNode() is segmented.ui.flairSelector.currentNode()
    selection.chooseSegmentation(None)
    assert editor.segmentationNode() is None


def test_a_segment_chosen_in_either_is_chosen_in_both(segmented: Any) -> None:
    editor, selection = segmented.ui.segmentEditor, segmented.selection
    first = selection.segmentId()
    second = selection.segmentation().GetSegmentation().AddEmptySegment("", "necrosis")
    editor._table.setCurrentRow(1)  # the user clicks it in the editor's table
    assert selection.segmentId() == second
    assert segmented.model.selection.segment == "necrosis"
    segmented.ui.segmentSelector.setCurrentSegmentID(first)
    assert editor.currentSegmentID() == first


def test_the_module_segment_editor_is_not_disturbed(segmented: Any, scene: Any) -> None:
    import slicer

    own = scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
    own.UnRegister(None)
    own.SetSingletonTag("SegmentEditor")
    own = scene.AddNode(own)
    other = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "other")
    own.SetAndObserveSegmentationNode(other)
    own.SetActiveEffectName("Paint")
    segmented.ui.segmentEditor.setActiveEffectByName("Threshold")
    segmented.exit()
    segmented.enter()
    assert own.GetSegmentationNode() is other
    assert own.GetActiveEffectName() == "Paint"
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentEditorNode")
    assert sorted(node.GetSingletonTag() for node in nodes) == ["Radiogenomics", "SegmentEditor"]


def test_it_shows_the_effects_that_help_and_no_selectors_of_its_own(segmented: Any) -> None:
    editor = segmented.ui.segmentEditor
    shown = editor.displayedEffects()
    assert {"Paint", "Draw", "Erase", "Scissors", "Islands", "Smoothing", "Threshold"} <= {*shown}
    assert not {"Mask volume", "Logical operators", "Hollow"} & {*shown}
    assert not editor.segmentationNodeSelectorVisible
    assert not editor.sourceVolumeNodeSelectorVisible


def test_what_the_views_show_is_left_alone(segmented: Any, redView: Any) -> None:
    assert not segmented.ui.segmentEditor.autoShowSourceVolumeNode


def test_a_closed_scene_leaves_nothing_and_the_next_one_is_edited(
    correctable: Any, backend: InProcessBackend, scene: Any, spin: Spin
) -> None:
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    correctable.ui.segmentEditor.setActiveEffectByName("Paint")
    scene.Clear(False)
    editor = correctable.ui.segmentEditor
    assert editor.segmentationNode() is None
    assert editor.activeEffect() is None
    assert not correctable.model.hasUndo
    for button in ("nextStudyButton", "segmentButton"):
        press(correctable, button, spin)
    assert editor.segmentationNode() is correctable.selection.segmentation()
    click(correctable, (20, 5, 1), lesion=True, spin=spin)
    assert correctable.ui.undoClickButton.enabled


def test_a_removed_segmentation_is_let_go(correctable: Any, scene: Any, spin: Spin) -> None:
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    scene.RemoveNode(correctable.selection.segmentation())
    assert correctable.ui.segmentEditor.segmentationNode() is None
    assert not correctable.ui.undoClickButton.enabled
    assert points() == {"Lesion clicks": 0}


# History


def test_an_empty_segment_of_that_name_is_filled_in_one_step(withStudy: Any, scene: Any, spin: Spin) -> None:
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(withStudy.selection.firstVolume())
    for name in ("tumour", "vessel"):
        segmentation.GetSegmentation().AddEmptySegment("", name)
    withStudy.selection.chooseSegmentation(segmentation)
    press(withStudy, "segmentButton", spin)
    assert withStudy.model.message == "The empty segments of 'mine' were filled."
    assert withStudy.selection.segmentation() is segmentation
    filled = voxels(withStudy)
    assert filled.any()
    withStudy.ui.undoClickButton.click()
    assert not voxels(withStudy).any()
    withStudy.ui.segmentEditor.redo()
    assert np.array_equal(voxels(withStudy), filled)
    press(withStudy, "segmentButton", spin)
    assert withStudy.selection.segmentation() is not segmentation, "what has voxels is never overwritten"
    withStudy.selection.chooseSegmentation(segmentation)
    assert np.array_equal(voxels(withStudy), filled)


def test_a_change_that_answers_nothing_is_no_step(correctable: Any, spin: Spin) -> None:
    click(correctable, (10, 8, 3), lesion=True, spin=spin)  # all around it is lesion already
    assert "nothing changed in" in correctable.model.message
    assert not correctable.ui.undoClickButton.enabled


def test_undo_while_the_server_works_drops_the_answer(correctable: Any, backend: InProcessBackend, spin: Spin) -> None:
    before = voxels(correctable)
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    backend.gate.clear()
    calls = backend.calls
    import slicer
    import vtk
    from clicks import nodes

    node = slicer.mrmlScene.GetNodeByID(nodes()[1].GetActivePlaceNodeID())
    node.AddControlPointWorld(vtk.vtkVector3d(*worldAt(correctable.selection.firstVolume(), (20, 5, 1))))
    spin(lambda: backend.calls > calls)
    correctable.ui.segmentEditor.undo()
    backend.gate.set()
    spin(idle(correctable))
    assert np.array_equal(voxels(correctable), before)
    assert "the answer was dropped" in correctable.model.message
    spin(lambda: points() == {"Lesion clicks": 0})


# Segmentations that are not as the panel makes them


def test_an_overlapping_segment_keeps_its_voxels_through_answers_and_undo(correctable: Any, spin: Spin) -> None:
    segmentation, volume = correctable.selection.segmentation(), correctable.selection.firstVolume()
    overlapping = np.zeros(voxels(correctable).shape, np.uint8)
    overlapping[1:4, 4:9, 2:12] = 1
    otherId = segmentation.GetSegmentation().AddEmptySegment("", "Ödem \u2013 \u5468\u56f2")
    grid = correctable.logic.volume(volume).ijkToRas
    correctable.logic.replaceSegment(segmentation, otherId, OrientedImage(overlapping, grid), volume)

    def other() -> np.ndarray:
        return np.asarray(correctable.logic.segmentMask(segmentation, otherId, volume).array)

    before = voxels(correctable)
    for voxel, lesion in (((3, 5, 1), True), ((10, 8, 3), False)):
        click(correctable, voxel, lesion=lesion, spin=spin)
        assert np.array_equal(other(), overlapping)
    assert not voxels(correctable)[3, 8, 10]
    for _ in range(2):
        correctable.ui.undoClickButton.click()
        assert np.array_equal(other(), overlapping)
    assert np.array_equal(voxels(correctable), before)


def test_a_segment_of_another_grid_is_corrected_where_it_lies(
    correctable: Any, scene: Any, flairImage: OrientedImage, backend: InProcessBackend, spin: Spin
) -> None:
    coarse = flairImage.ijkToRas.copy()
    coarse[:3, 0] *= 2
    array = np.zeros((6, 20, 12), np.uint8)
    array[2:5, 6:12, 4:8] = 1
    drawnOn = addVolume("coarse", OrientedImage(array.astype(np.float32), coarse))
    segmentation = correctable.logic.addSegmentation(
        OrientedImage(array, coarse), drawnOn, {"tumour": 1}, "on a coarse grid"
    )
    correctable.selection.chooseSegmentation(segmentation)
    before = voxels(correctable)
    assert before.any()
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    after = voxels(correctable)
    assert after[1, 5, 3]
    assert backend.corrections[-1] == [Click((3, 5, 1), True)]
    assert np.count_nonzero(after[2:5] != before[2:5]) == 0, "other slices are as they were"
    correctable.ui.undoClickButton.click()
    assert np.array_equal(voxels(correctable), before)


def test_an_empty_segment_can_be_corrected_and_comes_back_empty(correctable: Any, spin: Spin) -> None:
    segmentation = correctable.selection.segmentation()
    emptyId = segmentation.GetSegmentation().AddEmptySegment("", "tumour 2")
    correctable.selection.chooseSegment(emptyId)
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    assert voxels(correctable).sum() == 9
    correctable.ui.undoClickButton.click()
    assert not voxels(correctable).any()
    correctable.editor._editor.saveStateForUndo()
    paint(correctable, paintOneSlice)
    assert voxels(correctable).any()
