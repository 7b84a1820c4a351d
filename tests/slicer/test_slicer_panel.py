"""The panel: real MRML, stand-in widgets, a backend in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from inprocess import ESTIMATE, InProcessBackend, Refusal
from RadiogenomicsLib.volumes import Volume

Spin = Callable[..., None]

REMOTE = "http://hospital.example:8000"


def idle(panel: Any) -> Callable[[], bool]:
    return lambda: not panel.model.running


def state(panel: Any) -> str:
    return str(panel.model.state.value)


@pytest.fixture
def connected(panel: Any, spin: Spin) -> Any:
    """The panel, connected to the backend."""
    panel.ui.connectButton.click()
    spin(idle(panel))
    return panel


@pytest.fixture
def withStudy(connected: Any, spin: Spin) -> Any:
    """The panel with the next study in the scene."""
    connected.ui.nextStudyButton.click()
    spin(idle(connected))
    return connected


@pytest.fixture
def segmented(withStudy: Any, spin: Spin) -> Any:
    """The panel with an automatic segmentation of the study."""
    withStudy.ui.segmentButton.click()
    spin(idle(withStudy))
    return withStudy


@pytest.fixture
def computed(segmented: Any, spin: Spin) -> Any:
    """The panel with features and an estimate of the segment."""
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    return segmented


def paint(panel: Any, change: Callable[[np.ndarray], None]) -> None:
    """Edit the selected segment's voxels as the Segment Editor does."""
    import slicer

    segmentation, segmentId = panel.selection.segmentation(), panel.selection.segmentId()
    reference = panel.logic.referenceVolume(segmentation)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, reference).astype(np.uint8)
    change(array)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, segmentId, reference)


def paintOneSlice(array: np.ndarray) -> None:
    array[1, 6:12, 8:15] = 1


def addVolume(name: str, image: Volume) -> Any:
    import slicer

    return slicer.util.addVolumeFromArray(image.array, image.ijkToRas, name)


def useRemote(panel: Any, spin: Spin) -> None:
    panel.ui.serverUrl.text = REMOTE
    panel.ui.connectButton.click()
    spin(idle(panel))


# States


def test_without_a_server_only_connect_is_possible(panel: Any) -> None:
    ui = panel.ui
    assert state(panel) == "no server"
    assert ui.connectButton.enabled
    buttons = (ui.nextStudyButton, ui.segmentButton, ui.submitButton, ui.computeButton)
    assert not any(button.enabled for button in buttons)
    assert ui.computeButton.toolTip == "Connect to a server first."
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


def test_connected_it_lists_the_server_s_models_and_strategies(connected: Any) -> None:
    ui = connected.ui
    assert state(connected) == "ready"
    assert ui.serverStateLabel.text == "Connected to Gliomics 0.1.0: 6 studies, 1 labelled"
    assert [ui.modelSelector.itemText(i) for i in range(ui.modelSelector.count)] == [
        "segmentation_flair",
        "segmentation_multi",
    ]
    assert [ui.strategySelector.itemText(i) for i in range(ui.strategySelector.count)] == ["random", "uncertainty"]
    assert "subtype_coc" in ui.modelsLabel.text


def test_no_request_is_made_on_the_main_thread(computed: Any, backend: InProcessBackend) -> None:
    assert backend.threads
    assert threading.get_ident() not in backend.threads


def test_the_event_loop_runs_while_the_server_works(withStudy: Any, backend: InProcessBackend, spin: Spin) -> None:
    backend.gate.clear()
    withStudy.ui.segmentButton.click()
    withStudy.ui.autoUpdateCheckBox.click()
    assert withStudy.ui.autoUpdateCheckBox.checked
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
    backend.gate.set()
    spin(lambda: len(backend.cases) == 1)
    withStudy.poll()
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_a_result_that_cannot_be_shown_does_not_leave_the_panel_waiting(
    connected: Any, spin: Spin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: Any) -> None:
        raise RuntimeError("no such function in this version of 3D Slicer")

    monkeypatch.setattr(connected.logic, "addVolume", broken)
    connected.ui.nextStudyButton.click()
    spin(idle(connected))
    assert "no such function" in capsys.readouterr().err
    assert connected.ui.nextStudyButton.enabled or connected.model.canTakeNextStudy.enabled


# Study


def test_the_next_study_comes_with_all_its_sequences_and_the_reason(withStudy: Any, flairImage: Volume) -> None:
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
    connected: Any, backend: InProcessBackend, spin: Spin, flairImage: Volume
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


def test_a_new_volume_is_recognised_by_its_name_and_says_so(panel: Any, spin: Spin, flairImage: Volume) -> None:
    node = addVolume("patient T2 FLAIR", flairImage)
    spin(lambda: panel.ui.flairSelector.currentNode() is node)
    assert panel.ui.flairHint.text == "Recognised by its name; not on the server"


def test_a_volume_that_the_user_chose_is_not_replaced_by_a_recognised_one(
    panel: Any, spin: Spin, flairImage: Volume
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
    segmented: Any, backend: InProcessBackend, tumourMask: Volume
) -> None:
    (case,) = backend.cases
    assert (case.studyId, case.files) == ("glioma-01", {})
    node = segmented.selection.segmentation()
    assert node.GetName() == "glioma-01 segmentation_flair"
    mask = segmented.logic.segmentMask(node, segmented.selection.segmentId(), segmented.selection.firstVolume())
    assert np.array_equal(mask.array, tumourMask.array)
    assert segmented.ui.labelValuesLabel.text == "Label values: tumour = 1"


def test_segmenting_again_adds_a_segmentation_and_keeps_the_edited_one(segmented: Any, spin: Spin, scene: Any) -> None:
    first = segmented.selection.segmentation()
    segmented.ui.segmentButton.click()
    spin(idle(segmented))
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 2
    assert segmented.selection.segmentation() is not first


def test_a_volume_of_one_s_own_is_uploaded_as_it_lies(
    connected: Any, backend: InProcessBackend, spin: Spin, flairImage: Volume, tumourMask: Volume
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
    segmented: Any, backend: InProcessBackend, spin: Spin, tumourMask: Volume
) -> None:
    paint(segmented, paintOneSlice)
    segmented.ui.submitButton.click()
    spin(idle(segmented))
    ((studyId, mask, notes),) = backend.submitted
    expected = tumourMask.array.copy()
    paintOneSlice(expected)
    assert studyId == "glioma-01"
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
    connected: Any, scene: Any, spin: Spin, flairImage: Volume
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
    assert segmented.ui.labelValuesLabel.text == "Label values: lesion = 1"


# Radiomics and subtype


def test_a_result_shows_features_as_a_table_node_and_the_estimate(computed: Any, scene: Any) -> None:
    ui = computed.ui
    assert state(computed) == "result"
    table = ui.featureTable.mrmlTableNode()
    assert table.GetNumberOfRows() == 4
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 1
    assert ui.featureTable.model().rowCount() == 4
    assert "COC cluster: coc2" in ui.estimatesLabel.text
    assert "Fitted on 88 patients" in ui.estimatesLabel.text
    assert ui.resultHeading.text == "Segment 'tumour' in 'glioma-01 segmentation_flair' of study 'glioma-01'"


def test_the_segment_that_is_sent_is_the_one_on_display(computed: Any, backend: InProcessBackend) -> None:
    features = computed.model.result.analysis.features
    expected = backend.study["flair"].array[backend.study["flair"].array > 150].mean()
    assert features.values["flair_original_firstorder_Mean"] == pytest.approx(float(expected), rel=1e-5)
    assert features.region == "tumour"


def test_outside_the_training_range_is_a_warning_in_the_status_and_at_the_estimate(
    segmented: Any, backend: InProcessBackend, spin: Spin
) -> None:
    backend.estimate = replace(ESTIMATE, inside_training_range=False, reasons=["sphericity is below all"])
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    assert state(segmented) == "warning"
    assert "COC cluster is estimated outside its training range" in segmented.ui.statusLabel.text
    assert "sphericity is below all" in segmented.ui.estimatesLabel.text


def test_notes_on_the_features_stand_beside_them(segmented: Any, backend: InProcessBackend, spin: Spin) -> None:
    backend.featureWarnings = ["the voxel size is not known: lengths are in voxels"]
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    assert state(segmented) == "result"
    assert segmented.ui.featureNotesLabel.text == "The voxel size is not known: lengths are in voxels."


def test_the_research_notice_is_always_visible(panel: Any, computed: Any) -> None:
    assert panel.ui.noticeLabel.visible
    assert "not for diagnosis" in panel.ui.noticeLabel.text


def test_editing_the_segment_marks_the_result_out_of_date(computed: Any) -> None:
    paint(computed, paintOneSlice)
    assert state(computed) == "warning"
    assert "out of date" in computed.ui.resultHeading.text
    assert "has changed since the numbers were computed" in computed.ui.statusLabel.text


def test_renaming_the_segment_or_changing_its_colour_does_not(computed: Any) -> None:
    segment = computed.selection.segmentation().GetSegmentation().GetSegment(computed.selection.segmentId())
    segment.SetName("lesion")
    segment.SetColor(1, 0, 0)
    assert computed.model.staleness == ""


def test_an_edit_while_the_server_computes_makes_the_answer_out_of_date(
    segmented: Any, backend: InProcessBackend, spin: Spin
) -> None:
    backend.gate.clear()
    segmented.ui.computeButton.click()
    paint(segmented, paintOneSlice)
    backend.gate.set()
    spin(idle(segmented))
    assert "has changed since" in segmented.model.staleness


def test_an_edit_of_the_result_s_segmentation_counts_while_another_is_selected(computed: Any, spin: Spin) -> None:
    import slicer

    first, segmentId = computed.selection.segmentation(), computed.selection.segmentId()
    computed.ui.segmentButton.click()
    spin(idle(computed))
    reference = computed.selection.firstVolume()
    array = slicer.util.arrayFromSegmentBinaryLabelmap(first, segmentId, reference).astype(np.uint8)
    paintOneSlice(array)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, first, segmentId, reference)
    computed.ui.segmentSelector.setCurrentNode(first)
    assert "has changed since" in computed.model.staleness


def test_with_auto_update_an_edit_is_computed_again_after_a_pause(
    computed: Any, backend: InProcessBackend, spin: Spin
) -> None:
    computed.ui.autoUpdateCheckBox.checked = True
    before = computed.model.result.analysis.features.values["original_shape_VoxelVolume"]
    paint(computed, paintOneSlice)
    paint(computed, lambda array: array[5].fill(0))
    count = len(backend.cases)
    spin(lambda: computed.model.result.analysis.features.values["original_shape_VoxelVolume"] > before)
    assert len(backend.cases) == count + 1, "several edits are one computation"
    assert computed.model.staleness == ""


def test_without_auto_update_nothing_is_computed_by_itself(
    computed: Any, backend: InProcessBackend, spin: Spin
) -> None:
    paint(computed, paintOneSlice)
    count = len(backend.cases)
    computed.autoUpdate()
    assert computed.model.running == ""
    assert len(backend.cases) == count


def test_features_of_volumes_in_different_transforms_are_refused(connected: Any, scene: Any, spin: Spin) -> None:
    flair, t1 = (addVolume(name, Volume(np.ones((3, 4, 5), np.float32), np.eye(4))) for name in ("a flair", "a t1"))
    t1.SetAndObserveTransformNodeID(scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved").GetID())
    spin(lambda: connected.ui.t1Selector.currentNode() is t1)
    mask = Volume(np.ones((3, 4, 5), np.uint8), np.eye(4))
    connected.selection.chooseSegmentation(connected.logic.addSegmentation(mask, flair, {"tumour": 1}, "mine"))
    connected.ui.computeButton.click()
    assert state(connected) == "error"
    assert "under different transforms" in connected.ui.statusLabel.text


# Consent


def test_nothing_is_sent_to_another_computer_without_consent(panel: Any, backend: InProcessBackend, spin: Spin) -> None:
    import qt
    from harness.ctk import ctkMessageBox

    useRemote(panel, spin)
    panel.ui.nextStudyButton.click()
    spin(idle(panel))
    panel.ui.segmentButton.click()
    spin(idle(panel))
    assert ctkMessageBox.shown == [], "nothing was uploaded so far"
    ctkMessageBox.answers = [qt.QMessageBox.No]
    panel.ui.computeButton.click()
    assert state(panel) == "error"
    assert f"Nothing was sent to {REMOTE}" in panel.ui.statusLabel.text
    assert len(backend.cases) == 1
    assert "not encrypted" in ctkMessageBox.shown[0]


def test_consent_is_asked_once_and_remembered_for_the_server(panel: Any, spin: Spin) -> None:
    import qt
    from harness.ctk import ctkMessageBox
    from RadiogenomicsLib import consent

    useRemote(panel, spin)
    for button in (panel.ui.nextStudyButton, panel.ui.segmentButton):
        button.click()
        spin(idle(panel))
    ctkMessageBox.answers = [qt.QMessageBox.Yes]
    for button in (panel.ui.computeButton, panel.ui.submitButton, panel.ui.computeButton):
        button.click()
        spin(idle(panel))
        assert state(panel) == "result"
    assert len(ctkMessageBox.shown) == 1
    assert consent.isGiven(REMOTE)
    assert not consent.isGiven("http://elsewhere.example:8000")


def test_this_computer_needs_no_consent(computed: Any) -> None:
    from harness.ctk import ctkMessageBox

    assert ctkMessageBox.shown == []


def test_auto_update_never_asks_for_consent(computed: Any, backend: InProcessBackend, spin: Spin) -> None:
    useRemote(computed, spin)
    computed.ui.autoUpdateCheckBox.checked = True
    paint(computed, paintOneSlice)
    count = len(backend.cases)
    computed.autoUpdate()
    assert computed.model.running == ""
    assert len(backend.cases) == count


# Scene


def test_the_scene_remembers_what_was_selected(computed: Any, backend: InProcessBackend, scene: Any) -> None:
    import slicer.util
    from harness import EXTENSION
    from RadiogenomicsLib.logic import RadiogenomicsLogic
    from RadiogenomicsLib.widget import RadiogenomicsPanel

    computed.ui.autoUpdateCheckBox.checked = True
    computed.ui.serverUrl.text = "http://127.0.0.1:8001"
    uiWidget = slicer.util.loadUI(str(EXTENSION / "Resources" / "UI" / "Radiogenomics.ui"))
    again = RadiogenomicsPanel(uiWidget, RadiogenomicsLogic(), backend.forUrl)
    assert again.model.selection == computed.model.selection
    assert again.ui.serverUrl.text == "http://127.0.0.1:8001"
    assert again.ui.autoUpdateCheckBox.checked
    assert again.ui.featureTable.mrmlTableNode() is computed.ui.featureTable.mrmlTableNode()
    again.cleanup()


def test_a_saved_scene_brings_the_selection_back(computed: Any, scene: Any, tmp_path: Any) -> None:
    path = str(tmp_path / "scene.mrb")
    assert scene.WriteToMRB(path)
    scene.Clear(False)
    assert computed.model.result is None
    assert computed.model.selection.volumes == {}
    scene.SetURL(path)
    assert scene.ReadFromMRB(path)
    assert computed.model.selection.volumes["flair"].studyId == "glioma-01"
    assert computed.model.selection.segment == "tumour"
    assert computed.model.selection.labelStudyId == "glioma-01"


def test_closing_the_scene_keeps_the_connection(computed: Any, scene: Any) -> None:
    scene.Clear(False)
    assert state(computed) == "ready"
    assert computed.ui.nextStudyButton.enabled
    assert computed.ui.noResultLabel.visible


def test_closing_the_scene_abandons_work_on_it(
    withStudy: Any, backend: InProcessBackend, spin: Spin, scene: Any
) -> None:
    backend.gate.clear()
    calls = backend.calls
    withStudy.ui.segmentButton.click()
    spin(lambda: backend.calls > calls)
    scene.Clear(False)
    assert not withStudy.model.running
    backend.gate.set()
    spin(lambda: len(backend.cases) == 1)
    withStudy.poll()
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_removing_the_table_takes_the_result_away(computed: Any, scene: Any) -> None:
    scene.RemoveNode(computed.ui.featureTable.mrmlTableNode())
    assert computed.model.result is None
    assert computed.ui.featureTable.mrmlTableNode() is None


def test_the_last_server_is_offered_in_a_new_scene(panel: Any, spin: Spin, scene: Any) -> None:
    import qt

    panel.ui.serverUrl.text = "http://127.0.0.1:8123"
    panel.ui.connectButton.click()
    spin(idle(panel))
    assert qt.QSettings().value("Gliomics/ServerUrl") == "http://127.0.0.1:8123"


def test_cleanup_leaves_no_observer_and_no_timer(computed: Any, scene: Any) -> None:
    computed.cleanup()
    assert computed.Observations == []
    paint(computed, paintOneSlice)
    assert not computed.model.result.edited
