"""The panel up to a submitted label: real MRML, stand-in widgets, a backend in this process."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from inprocess import InProcessBackend, Refusal
from panels import Spin, addVolume, idle, jobThreads, paint, paintOneSlice, state
from RadiogenomicsLib.server.volumes import OrientedImage

# States


def test_without_a_server_and_images_only_connect_is_possible(panel: Any) -> None:
    ui = panel.ui
    assert state(panel) == "no server"
    assert ui.connectButton.enabled
    buttons = (ui.nextStudyButton, ui.segmentButton, ui.submitButton, ui.computeButton)
    assert not any(button.enabled for button in buttons)
    assert ui.segmentButton.toolTip == "Connect to a server first."
    assert ui.computeButton.toolTip == "Choose at least one volume under Images."
    assert not ui.progressRow.visible


def test_connecting_shows_progress_and_cancel(panel: Any, backend: InProcessBackend, spin: Spin) -> None:
    backend.gate.clear()
    panel.ui.connectButton.click()
    spin(lambda: "asking" in panel.ui.statusLabel.text)
    assert state(panel) == "connecting"
    assert panel.ui.progressRow.visible
    assert panel.ui.cancelButton.visible
    assert not panel.ui.connectButton.enabled
    backend.gate.set()
    spin(idle(panel))


def test_what_a_request_waits_for_is_shown_and_can_be_cancelled(
    withStudy: Any, backend: InProcessBackend, spin: Spin
) -> None:
    backend.gate.clear()
    calls = backend.calls
    withStudy.ui.segmentButton.click()
    spin(lambda: backend.calls > calls)
    for text in ("number 3 in the server's queue", "the server is busy; the request is sent again in 20 s"):
        backend.tell(text)
        spin(lambda text=text: text in withStudy.ui.statusLabel.text)
    withStudy.ui.cancelButton.click()
    spin(idle(withStudy))
    assert "cancelled" in withStudy.ui.statusLabel.text
    backend.gate.set()


def test_connected_it_lists_the_server_s_models_and_strategies(connected: Any) -> None:
    ui = connected.ui
    assert state(connected) == "ready"
    assert ui.serverStateLabel.text == "Connected to Gliomics 0.1.0: 6 studies, 1 labelled"
    assert [ui.modelSelector.itemText(i) for i in range(ui.modelSelector.count)] == [
        "segmentation_flair",
        "segmentation_multi",
    ]
    assert [ui.strategySelector.itemText(i) for i in range(ui.strategySelector.count)] == [
        "Most to learn from (recommended)",
        "uncertainty",
    ], "a strategy that the panel does not know keeps the server's name"
    assert "subtype_coc2" in ui.modelsInfoText.text


def test_no_request_is_made_on_the_main_thread(computed: Any, backend: InProcessBackend) -> None:
    assert backend.threads
    assert threading.get_ident() not in backend.threads


def test_the_event_loop_runs_while_the_server_works(withStudy: Any, backend: InProcessBackend, spin: Spin) -> None:
    backend.gate.clear()
    withStudy.ui.segmentButton.click()
    withStudy.ui.liveCheckBox.click()
    assert withStudy.ui.liveCheckBox.checked
    assert state(withStudy) == "running"
    backend.gate.set()
    spin(idle(withStudy))


def test_a_refused_connection_is_an_error_in_the_server_s_words(
    panel: Any, backend: InProcessBackend, spin: Spin
) -> None:
    backend.error = Refusal("no server answers at http://127.0.0.1:8000 (connection refused)")
    panel.ui.connectButton.click()
    spin(idle(panel))
    assert state(panel) == "error"
    assert "No server answers at http://127.0.0.1:8000" in panel.ui.statusLabel.text
    assert not panel.ui.nextStudyButton.enabled


def test_an_unexpected_error_is_named_and_the_panel_stays_usable(
    connected: Any, backend: InProcessBackend, spin: Spin, caplog: pytest.LogCaptureFixture
) -> None:
    backend.error = KeyError("reason")
    connected.ui.nextStudyButton.click()
    spin(idle(connected))
    assert "Unexpected KeyError" in connected.ui.statusLabel.text
    assert "Traceback" in caplog.text, "the log has the details"
    assert connected.ui.nextStudyButton.enabled


def test_cancel_frees_the_panel_at_once_and_drops_the_answer(
    withStudy: Any, backend: InProcessBackend, spin: Spin, scene: Any
) -> None:
    backend.gate.clear()
    calls = backend.calls
    withStudy.ui.segmentButton.click()
    spin(lambda: backend.calls > calls)
    withStudy.ui.cancelButton.click()
    assert state(withStudy) == "ready"
    assert "Auto segment: cancelled." in withStudy.ui.statusLabel.text
    assert withStudy.ui.segmentButton.enabled
    spin(lambda: not jobThreads())
    assert backend.cases == []
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


# Study


def test_the_next_study_comes_with_all_its_sequences_and_the_reason(withStudy: Any, flairImage: OrientedImage) -> None:
    volumes = withStudy.selection.volumes()
    assert sorted(volumes) == ["flair", "t1"]
    back = withStudy.logic.volume(volumes["flair"])
    assert np.array_equal(back.array, flairImage.array)
    assert np.allclose(back.ijkToRas, flairImage.ijkToRas, atol=1e-4)
    assert withStudy.ui.reasonLabel.text == "Most uncertain of the 5 studies without a final label (score 0.42)."
    assert withStudy.ui.flairHint.text == "Downloaded; study glioma-01"


def test_a_study_that_is_in_the_scene_already_is_not_added_twice(withStudy: Any, spin: Spin, scene: Any) -> None:
    withStudy.ui.nextStudyButton.click()
    spin(idle(withStudy))
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 2


def test_when_no_study_is_left_it_says_why(connected: Any, backend: InProcessBackend, spin: Spin) -> None:
    backend.studyId, backend.study = "", {}
    backend.reason = "all 6 studies have a final label"
    connected.ui.nextStudyButton.click()
    spin(idle(connected))
    assert state(connected) == "ready"
    assert "No next study: all 6 studies have a final label." in connected.ui.statusLabel.text


def test_a_study_of_an_unnamed_image_asks_for_its_sequence(
    connected: Any, backend: InProcessBackend, spin: Spin, flairImage: OrientedImage
) -> None:
    backend.study = {"image": flairImage}
    connected.ui.nextStudyButton.click()
    spin(idle(connected))
    assert "Its image does not say its sequence" in connected.ui.statusLabel.text
    assert connected.selection.volumes() == {}
    (node,) = connected.logic.volumesOfStudy("glioma-01").values()
    connected.ui.flairSelector.setCurrentNode(node)
    assert connected.ui.flairHint.text == "Chosen by you; study glioma-01, which came as 'image'"
    assert connected.ui.segmentButton.enabled


def test_a_new_volume_is_recognised_by_its_name_and_says_so(panel: Any, spin: Spin, flairImage: OrientedImage) -> None:
    node = addVolume("patient T2 FLAIR", flairImage)
    spin(lambda: panel.ui.flairSelector.currentNode() is node)
    assert panel.ui.flairHint.text == "Recognised by its name; not on the server"


def test_a_volume_that_the_user_chose_is_not_replaced_by_a_recognised_one(
    panel: Any, spin: Spin, flairImage: OrientedImage
) -> None:
    mine = addVolume("mine", flairImage)
    panel.ui.flairSelector.setCurrentNode(mine)
    addVolume("other flair", flairImage)
    t2 = addVolume("other t2", flairImage)
    spin(lambda: panel.ui.t2Selector.currentNode() is t2)
    assert panel.ui.flairSelector.currentNode() is mine
    assert panel.ui.flairHint.text == "Chosen by you; not on the server"


def test_removing_a_chosen_volume_leaves_none_rather_than_its_neighbour(withStudy: Any, scene: Any) -> None:
    scene.RemoveNode(withStudy.ui.t1Selector.currentNode())
    assert withStudy.ui.t1Selector.currentNode() is None
    assert sorted(withStudy.model.selection.volumes) == ["flair"]


# Segmentation


def test_a_study_of_the_server_is_segmented_by_its_id_without_an_upload(
    segmented: Any, backend: InProcessBackend, tumourMask: OrientedImage
) -> None:
    (case,) = backend.cases
    assert (case.studyId, case.files) == ("glioma-01", {})
    node = segmented.selection.segmentation()
    assert node.GetName() == "glioma-01 segmentation_flair"
    mask = segmented.logic.segmentMask(node, segmented.selection.segmentId(), segmented.selection.firstVolume())
    assert np.array_equal(mask.array, tumourMask.array)
    assert segmented.ui.labelValuesLabel.text == "In the saved label: tumour = 1"


def test_segmenting_again_adds_a_segmentation_and_keeps_the_edited_one(segmented: Any, spin: Spin, scene: Any) -> None:
    edited = segmented.selection.segmentation()
    segmented.ui.segmentButton.click()
    spin(idle(segmented))
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 2
    assert segmented.selection.segmentation() is not edited


def test_a_volume_of_one_s_own_is_uploaded_as_it_lies(
    connected: Any, backend: InProcessBackend, spin: Spin, flairImage: OrientedImage, tumourMask: OrientedImage
) -> None:
    addVolume("my flair", flairImage)
    spin(lambda: connected.ui.segmentButton.enabled)
    connected.ui.segmentButton.click()
    spin(idle(connected))
    (case,) = backend.cases
    assert case.studyId is None
    assert list(case.files) == ["flair"]
    node = connected.selection.segmentation()
    mask = connected.logic.segmentMask(node, connected.selection.segmentId(), connected.selection.firstVolume())
    assert np.array_equal(mask.array, tumourMask.array)


def test_a_mask_for_a_volume_that_was_removed_meanwhile_is_dropped_with_a_message(
    withStudy: Any, backend: InProcessBackend, spin: Spin, scene: Any
) -> None:
    backend.gate.clear()
    withStudy.ui.segmentButton.click()
    scene.RemoveNode(withStudy.ui.flairSelector.currentNode())
    backend.gate.set()
    spin(idle(withStudy))
    assert state(withStudy) == "error"
    assert "'glioma-01 FLAIR' was removed while it was segmented" in withStudy.ui.statusLabel.text


def test_a_corrected_segmentation_is_submitted_as_it_is_now(
    segmented: Any, backend: InProcessBackend, spin: Spin, tumourMask: OrientedImage
) -> None:
    paint(segmented, paintOneSlice)
    segmented.ui.submitButton.click()
    spin(idle(segmented))
    ((studyId, mask, notes, tag),) = backend.submitted
    expected = tumourMask.array.copy()
    paintOneSlice(expected)
    assert (studyId, tag) == ("glioma-01", "final")
    assert np.array_equal(mask.array, expected)
    assert np.allclose(mask.ijkToRas, tumourMask.ijkToRas, atol=1e-4)
    assert notes["segments"] == {"tumour": 1}
    assert "The label of 'glioma-01' was saved: tumour = 1." in segmented.ui.statusLabel.text
    assert "2 labelled" in segmented.ui.serverStateLabel.text


def test_an_empty_segment_is_refused_by_name_and_nothing_is_sent(
    segmented: Any, backend: InProcessBackend, spin: Spin
) -> None:
    paint(segmented, lambda array: array.fill(0))
    segmented.ui.submitButton.click()
    assert state(segmented) == "error"
    assert "Segment 'tumour' of 'glioma-01 segmentation_flair' is empty" in segmented.ui.statusLabel.text
    segmented.ui.computeButton.click()
    assert state(segmented) == "error"
    assert backend.submitted == []
    assert len(backend.cases) == 1, "only the automatic segmentation was asked for"


def test_submit_names_the_study_that_the_label_is_for(segmented: Any) -> None:
    assert segmented.ui.submitButton.text == "Submit label of glioma-01"


def test_a_segmentation_of_one_s_own_volume_cannot_be_submitted_and_says_why(
    connected: Any, scene: Any, spin: Spin, flairImage: OrientedImage
) -> None:
    node = addVolume("my flair", flairImage)
    spin(lambda: connected.ui.flairSelector.currentNode() is node)
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(node)
    segmentation.GetSegmentation().AddEmptySegment("", "tumour")
    connected.ui.segmentSelector.setCurrentNode(segmentation)
    assert not connected.ui.submitButton.enabled
    assert "'mine' was not drawn on a study of the server" in connected.ui.submitHint.text


def test_renaming_a_segment_changes_the_label_values_on_display(segmented: Any) -> None:
    node = segmented.selection.segmentation()
    node.GetSegmentation().GetSegment(segmented.selection.segmentId()).SetName("lesion")
    assert segmented.ui.labelValuesLabel.text == "In the saved label: lesion = 1"
