"""The panel's results, its consent and its scene: real MRML, stand-in widgets, a backend in this process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from inprocess import ESTIMATE, InProcessBackend
from panels import REMOTE, Spin, addVolume, idle, jobThreads, paint, paintOneSlice, state, useRemote
from RadiogenomicsLib.server.volumes import OrientedImage

# Radiomics and subtype


def test_a_result_shows_features_as_a_table_node_and_the_estimate(computed: Any, scene: Any) -> None:
    ui = computed.ui
    assert state(computed) == "result"
    table = ui.featureTable.mrmlTableNode()
    assert table.GetNumberOfRows() == 4
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 1
    assert ui.featureTable.model().rowCount() == 4
    assert "COC cluster: coc2" in ui.estimatesLabel.text
    assert "n = 88." in ui.estimatesLabel.text
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


def test_an_estimate_of_a_patient_that_the_model_knows_is_said_to_be_no_prediction(
    segmented: Any, backend: InProcessBackend, spin: Spin
) -> None:
    backend.estimate = replace(ESTIMATE, in_sample=True, reasons=["the model was fitted on this patient"])
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    assert state(segmented) == "warning"
    assert "COC cluster is no prediction" in segmented.ui.statusLabel.text
    assert "fitted on this patient" in segmented.ui.estimatesLabel.text


def test_an_estimate_that_contradicts_another_is_a_warning(
    segmented: Any, backend: InProcessBackend, spin: Spin
) -> None:
    backend.estimate = replace(ESTIMATE, contradicts=["subtype_idh"], reasons=["hardly any coc2 is IDH mutant"])
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    assert state(segmented) == "warning"
    assert "COC cluster (coc2) hardly goes with subtype_idh" in segmented.ui.statusLabel.text
    assert "hardly any coc2 is IDH mutant" in segmented.ui.estimatesLabel.text


def test_notes_on_the_features_stand_beside_them(segmented: Any, backend: InProcessBackend, spin: Spin) -> None:
    backend.featureWarnings = ["the voxel size is not known: lengths are in voxels"]
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    assert state(segmented) == "result"
    assert segmented.ui.featureNotesLabel.text == "The voxel size is not known: lengths are in voxels."


def test_features_that_should_not_be_trusted_are_marked_and_the_mark_is_explained(
    segmented: Any, backend: InProcessBackend, spin: Spin
) -> None:
    mean = "flair_original_firstorder_Mean"
    backend.featureDiagnostics = {"stability": {mean: 0.41}, "unstable": [mean], "stability_source": "<88> gliomas"}
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    assert state(segmented) == "result"
    assert segmented.ui.stabilityLabel.visible
    assert "⚠ marks 1 of 4 features" in segmented.ui.stabilityLabel.text
    assert "&lt;88&gt; gliomas. Features without a number were not studied." in segmented.ui.stabilityLabel.text
    table = segmented.ui.featureTable.mrmlTableNode()
    assert [table.GetCellText(row, 4) for row in range(4)] == ["", "⚠ 0.41", "", ""]


def test_no_mark_is_explained_where_no_stability_is_known(computed: Any) -> None:
    assert not computed.ui.stabilityLabel.visible


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
    originalVolume = computed.model.result.analysis.features.values["original_shape_VoxelVolume"]
    paint(computed, paintOneSlice)
    paint(computed, lambda array: array[5].fill(0))
    count = len(backend.cases)
    spin(lambda: computed.model.result.analysis.features.values["original_shape_VoxelVolume"] > originalVolume)
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
    flair, t1 = (addVolume(name, OrientedImage(np.ones((3, 4, 5), np.float32), np.eye(4))) for name in ("flair", "t1"))
    t1.SetAndObserveTransformNodeID(scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved").GetID())
    spin(lambda: connected.ui.t1Selector.currentNode() is t1)
    mask = OrientedImage(np.ones((3, 4, 5), np.uint8), np.eye(4))
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
    from RadiogenomicsLib.panel import consent

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
    from harness import EXTENSION
    from RadiogenomicsLib.panel.uifiles import loadWidgets
    from RadiogenomicsLib.panel.widget import RadiogenomicsPanel
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic

    computed.ui.autoUpdateCheckBox.checked = True
    widgets = loadWidgets(EXTENSION / "Resources" / "UI")
    reopened = RadiogenomicsPanel(widgets, RadiogenomicsLogic(), backend.forUrl)
    assert reopened.model.selection == computed.model.selection
    assert reopened.ui.autoUpdateCheckBox.checked
    assert reopened.ui.featureTable.mrmlTableNode() is computed.ui.featureTable.mrmlTableNode()
    reopened.cleanup()


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
    spin(lambda: not jobThreads())
    assert backend.cases == []
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_removing_the_table_takes_the_result_away(computed: Any, scene: Any) -> None:
    scene.RemoveNode(computed.ui.featureTable.mrmlTableNode())
    assert computed.model.result is None
    assert computed.ui.featureTable.mrmlTableNode() is None
