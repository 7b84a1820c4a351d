"""Correcting a segment by clicks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from clicks import click, isPlacing, nodes, place, points, voxels
from inprocess import InProcessBackend, Refusal
from panels import REMOTE, Spin, idle, paint, paintOneSlice, press, state, useRemote
from RadiogenomicsLib.server.volumes import OrientedImage

from gliomics.records import Click


@pytest.fixture
def correctable(panel: Any, backend: InProcessBackend, spin: Spin) -> Any:
    """The panel with a segment, on a server with a model that corrects."""
    backend.corrects = True
    for button in ("connectButton", "nextStudyButton", "segmentButton"):
        press(panel, button, spin)
    return panel


# What is possible


def test_a_server_without_such_a_model_corrects_nothing_and_says_so(segmented: Any) -> None:
    ui = segmented.ui
    assert not any(button.enabled for button in (ui.addLesionButton, ui.removeLesionButton, ui.undoClickButton))
    assert ui.correctHint.text == "The server has no model that corrects a segment by clicks, strokes and boxes."


def test_the_model_that_corrects_is_listed_and_not_offered_for_automatic_segmentation(correctable: Any) -> None:
    selector = correctable.ui.modelSelector
    assert "correction" not in [selector.itemText(row) for row in range(selector.count)]
    assert "<b>correction</b>: corrects (FLAIR)" in correctable.ui.modelsInfoText.text


def test_without_a_segment_or_the_model_s_volume_it_says_what_is_missing(correctable: Any, scene: Any) -> None:
    flair = correctable.ui.flairSelector.currentNode()
    correctable.ui.flairSelector.setCurrentNode(None)
    assert correctable.ui.correctHint.text == "'correction' needs FLAIR: choose the volume under Images."
    correctable.ui.flairSelector.setCurrentNode(flair)
    assert correctable.ui.addLesionButton.enabled
    correctable.ui.segmentSelector.setCurrentNode(None)
    assert not correctable.ui.addLesionButton.enabled
    assert correctable.ui.correctHint.text == "To correct a segment with the model, choose one."


# Mouse mode


def test_a_toggle_starts_placing_and_the_other_takes_its_place(correctable: Any) -> None:
    import slicer

    ui, active = correctable.ui, nodes()[1]
    ui.addLesionButton.click()
    assert isPlacing()
    assert slicer.mrmlScene.GetNodeByID(active.GetActivePlaceNodeID()).GetName() == "Lesion clicks"
    ui.removeLesionButton.click()
    assert isPlacing()
    assert slicer.mrmlScene.GetNodeByID(active.GetActivePlaceNodeID()).GetName() == "Not lesion clicks"
    assert not ui.addLesionButton.checked
    ui.removeLesionButton.click()
    assert not isPlacing()


def test_leaving_the_mouse_mode_elsewhere_releases_the_toggle(correctable: Any) -> None:
    interaction, _ = nodes()
    correctable.ui.addLesionButton.click()
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)
    assert not correctable.ui.addLesionButton.checked


def test_placing_something_else_releases_the_toggle_and_leaves_that_alone(correctable: Any, scene: Any) -> None:
    interaction, active = nodes()
    correctable.ui.addLesionButton.click()
    other = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode")
    active.SetActivePlaceNodeID(other.GetID())
    assert not correctable.ui.addLesionButton.checked
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)


def test_another_server_releases_the_toggle(correctable: Any) -> None:
    correctable.ui.addLesionButton.click()
    correctable.ui.serverUrl.text = REMOTE
    assert not correctable.ui.addLesionButton.checked
    assert not isPlacing()


def test_without_consent_nothing_is_placed(panel: Any, backend: InProcessBackend, spin: Spin) -> None:
    import qt
    from harness.ctk import ctkMessageBox

    backend.corrects = True
    useRemote(panel, spin)
    for button in ("nextStudyButton", "segmentButton"):
        press(panel, button, spin)
    ctkMessageBox.answers = [qt.QMessageBox.No]
    panel.ui.addLesionButton.click()
    assert not panel.ui.addLesionButton.checked
    assert not isPlacing()
    assert f"Nothing was sent to {REMOTE}" in panel.ui.statusLabel.text


# Clicks


def test_a_click_adds_and_removes_voxels_and_leaves_the_others(
    correctable: Any, backend: InProcessBackend, spin: Spin, tumourMask: OrientedImage
) -> None:
    expected = tumourMask.array.copy()
    assert not expected[1, 4:7, 2:5].any()
    click(correctable, (3.2, 4.8, 1.3), lesion=True, spin=spin)
    expected[1, 4:7, 2:5] = 1
    assert np.array_equal(voxels(correctable), expected)
    assert "9 voxels added to 'tumour'." in correctable.ui.statusLabel.text
    i, j, k = (int(each) for each in np.argwhere(tumourMask.array)[0][::-1])
    click(correctable, (i, j, k), lesion=False, spin=spin)
    expected[k, j - 1 : j + 2, i - 1 : i + 2] = 0
    assert np.array_equal(voxels(correctable), expected)
    assert backend.corrections == [[Click((3, 5, 1), True)], [Click((3, 5, 1), True), Click((i, j, k), False)]]
    assert points() == {"Lesion clicks": 1, "Not lesion clicks": 1}


def test_clicks_find_their_voxels_in_a_volume_under_a_transform(
    correctable: Any, backend: InProcessBackend, scene: Any, spin: Spin
) -> None:
    import slicer

    matrix = np.array([[0, -1.0, 0, 20], [1, 0, 0, -7], [0, 0, 1, 3], [0, 0, 0, 1]])
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    before = voxels(correctable)
    for node in (*correctable.selection.volumes().values(), correctable.selection.segmentation()):
        node.SetAndObserveTransformNodeID(transform.GetID())
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    assert backend.corrections == [[Click((3, 5, 1), True)]]
    before[1, 4:7, 2:5] = 1
    assert np.array_equal(voxels(correctable), before)


def test_a_segmentation_that_moves_without_its_volume_is_refused(correctable: Any, scene: Any, spin: Spin) -> None:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    correctable.selection.segmentation().SetAndObserveTransformNodeID(transform.GetID())
    correctable.ui.addLesionButton.click()
    place(correctable, (3, 5, 1))
    spin(lambda: state(correctable) == "error")
    assert "under different transforms; harden the transforms" in correctable.ui.statusLabel.text
    assert points() == {"Lesion clicks": 0}


def test_a_click_outside_the_volume_is_refused_and_its_point_taken_back(
    correctable: Any, backend: InProcessBackend, spin: Spin
) -> None:
    correctable.ui.addLesionButton.click()
    place(correctable, (3, 5, 60))
    spin(lambda: state(correctable) == "error")
    assert "is outside 'glioma-01 FLAIR'; click on the volume" in correctable.ui.statusLabel.text
    assert points() == {"Lesion clicks": 0}
    assert backend.corrections == []


def test_the_point_under_the_mouse_is_no_click(correctable: Any, backend: InProcessBackend, spin: Spin) -> None:
    import slicer
    import vtk

    correctable.ui.addLesionButton.click()
    node = slicer.mrmlScene.GetNodeByID(nodes()[1].GetActivePlaceNodeID())
    place(correctable, (3, 5, 1))
    node.AddControlPoint(vtk.vtkVector3d(0, 0, 0))
    node.UnsetNthControlPointPosition(1)
    spin(lambda: len(correctable.correction._given) == 1 and not correctable.model.running)
    assert len(backend.corrections) == 1


def test_clicks_on_an_empty_segment_begin_a_lesion(correctable: Any, spin: Spin) -> None:
    paint(correctable, lambda array: array.fill(0))
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    assert voxels(correctable).sum() == 9


def test_another_segment_keeps_its_voxels_when_a_click_grows_into_it(
    correctable: Any, spin: Spin, tumourMask: OrientedImage
) -> None:
    segmentation = correctable.selection.segmentation()
    segments, volume = segmentation.GetSegmentation(), correctable.selection.firstVolume()
    other = np.zeros_like(tumourMask.array)
    other[1, 4:6, 2:4] = 1
    tumourId, otherId = correctable.selection.segmentId(), segments.AddEmptySegment("", "other")
    correctable.logic.replaceSegment(segmentation, otherId, OrientedImage(other, tumourMask.ijkToRas), volume)
    correctable.ui.segmentSelector.setCurrentSegmentID(tumourId)
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    assert voxels(correctable)[1, 4:6, 2:4].all()
    assert np.array_equal(correctable.logic.segmentMask(segmentation, otherId, volume).array, other)


def test_clicks_that_come_while_the_server_works_wait_their_turn(
    correctable: Any, backend: InProcessBackend, spin: Spin
) -> None:
    backend.gate.clear()
    correctable.ui.addLesionButton.click()
    place(correctable, (3, 5, 1))
    spin(lambda: state(correctable) == "running")
    assert correctable.ui.removeLesionButton.enabled
    place(correctable, (20, 5, 1))
    correctable.ui.removeLesionButton.click()
    place(correctable, (3, 5, 1))
    backend.gate.set()
    spin(lambda: len(backend.corrections) == 3 and not correctable.model.running)
    assert [len(clicks) for clicks in backend.corrections] == [1, 2, 3]
    assert not voxels(correctable)[1, 4:7, 2:5].any()
    assert voxels(correctable)[1, 4:7, 19:22].all()


@pytest.mark.parametrize("how", ["refused", "cancelled"])
def test_clicks_without_an_answer_are_taken_back(
    correctable: Any, backend: InProcessBackend, spin: Spin, how: str
) -> None:
    before = voxels(correctable)
    backend.gate.clear()
    backend.error = Refusal("the network has no weights") if how == "refused" else None
    correctable.ui.addLesionButton.click()
    for voxel in ((3, 5, 1), (20, 5, 1)):
        place(correctable, voxel)
    spin(lambda: state(correctable) == "running" and points() == {"Lesion clicks": 2})
    if how == "cancelled":
        correctable.ui.cancelButton.click()
    backend.gate.set()
    spin(idle(correctable))
    assert points() == {"Lesion clicks": 0}
    assert ("weights" if how == "refused" else "Correct: cancelled.") in correctable.ui.statusLabel.text
    assert np.array_equal(voxels(correctable), before)
    backend.error = None
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    assert backend.corrections[-1] == [Click((3, 5, 1), True)]


def test_an_edit_while_the_server_corrects_is_kept_and_the_answer_dropped(
    correctable: Any, backend: InProcessBackend, spin: Spin
) -> None:
    backend.gate.clear()
    correctable.ui.addLesionButton.click()
    place(correctable, (3, 5, 4))
    spin(lambda: state(correctable) == "running")
    paint(correctable, paintOneSlice)
    edited = voxels(correctable)
    backend.gate.set()
    spin(idle(correctable))
    assert "'tumour' was edited, or another was chosen" in correctable.ui.statusLabel.text
    assert np.array_equal(voxels(correctable), edited)
    assert points() == {"Lesion clicks": 0}


def test_a_result_is_out_of_date_after_a_click(correctable: Any, spin: Spin) -> None:
    press(correctable, "computeButton", spin)
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    assert "has changed since" in correctable.model.staleness


# Undo


def test_undo_goes_back_click_by_click(correctable: Any, spin: Spin) -> None:
    states = [voxels(correctable)]
    for voxel, lesion in (((3, 5, 1), True), ((4, 5, 1), True), ((4, 6, 1), False)):
        click(correctable, voxel, lesion=lesion, spin=spin)
        states.append(voxels(correctable))
    for earlier in reversed(states[:-1]):
        assert correctable.ui.undoClickButton.enabled
        correctable.ui.undoClickButton.click()
        assert np.array_equal(voxels(correctable), earlier)
    assert not correctable.ui.undoClickButton.enabled
    assert points() == {"Lesion clicks": 0, "Not lesion clicks": 0}


def test_an_undone_click_is_not_sent_again(correctable: Any, backend: InProcessBackend, spin: Spin) -> None:
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    correctable.ui.undoClickButton.click()
    click(correctable, (20, 5, 1), lesion=True, spin=spin)
    assert backend.corrections[-1] == [Click((20, 5, 1), True)]


def test_undo_goes_back_through_answers_and_strokes_of_the_hand_alike(correctable: Any, spin: Spin) -> None:
    states = [voxels(correctable)]
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    states.append(voxels(correctable))
    correctable.ui.segmentEditor.saveStateForUndo()  # as an effect does before it changes the segment
    paint(correctable, paintOneSlice)
    states.append(voxels(correctable))
    click(correctable, (20, 5, 1), lesion=True, spin=spin)
    for earlier in reversed(states):
        assert correctable.ui.undoClickButton.enabled
        correctable.ui.undoClickButton.click()
        assert np.array_equal(voxels(correctable), earlier)
    assert not correctable.ui.undoClickButton.enabled
    assert correctable.ui.undoClickButton.toolTip == "There is nothing to undo."


def test_the_editor_s_own_undo_takes_an_answer_back_with_its_mark_and_redo_brings_it_again(
    correctable: Any, spin: Spin
) -> None:
    before = voxels(correctable)
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    after = voxels(correctable)
    press(correctable, "computeButton", spin)
    correctable.ui.segmentEditor.undo()
    assert np.array_equal(voxels(correctable), before)
    assert correctable.model.staleness
    spin(lambda: points() == {"Lesion clicks": 0})
    assert not correctable.ui.undoClickButton.enabled
    correctable.ui.segmentEditor.redo()
    assert np.array_equal(voxels(correctable), after)
    spin(lambda: correctable.ui.undoClickButton.enabled)


def test_a_click_that_was_drawn_over_goes_and_others_stay(
    correctable: Any, backend: InProcessBackend, spin: Spin
) -> None:
    def erase(array: np.ndarray) -> None:
        array[1, 4:7, 2:5] = 0

    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    click(correctable, (20, 5, 1), lesion=True, spin=spin)
    paint(correctable, erase)
    spin(lambda: points() == {"Lesion clicks": 1})
    click(correctable, (20, 9, 1), lesion=True, spin=spin)
    assert backend.corrections[-1] == [Click((20, 5, 1), True), Click((20, 9, 1), True)]


def test_clicks_on_one_segment_are_not_sent_with_another(
    correctable: Any, backend: InProcessBackend, spin: Spin
) -> None:
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    press(correctable, "segmentButton", spin)
    assert not correctable.ui.undoClickButton.enabled
    click(correctable, (20, 5, 1), lesion=True, spin=spin)
    assert backend.corrections[-1] == [Click((20, 5, 1), True)]


def test_a_point_that_the_user_deleted_can_be_undone_all_the_same(correctable: Any, spin: Spin) -> None:
    import slicer

    before = voxels(correctable)
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    (node,) = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    node.RemoveNthControlPoint(0)
    click(correctable, (20, 5, 1), lesion=True, spin=spin)
    correctable.ui.undoClickButton.click()
    correctable.ui.undoClickButton.click()
    assert np.array_equal(voxels(correctable), before)


# Scene


def test_closing_the_scene_gives_the_mouse_back_and_forgets_the_clicks(
    correctable: Any, backend: InProcessBackend, scene: Any, spin: Spin
) -> None:
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    scene.Clear(False)
    assert not isPlacing()
    assert correctable.correction._given == []
    for button in ("nextStudyButton", "segmentButton"):
        press(correctable, button, spin)
    click(correctable, (20, 5, 1), lesion=True, spin=spin)
    assert backend.corrections[-1] == [Click((20, 5, 1), True)]


def test_the_points_are_not_saved_with_the_scene(correctable: Any, scene: Any, spin: Spin, tmp_path: Any) -> None:
    click(correctable, (3, 5, 1), lesion=True, spin=spin)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    assert "Lesion clicks" not in (tmp_path / "scene.mrml").read_text()
