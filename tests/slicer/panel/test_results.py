"""The panel's results, its consent and its scene: real MRML, stand-in widgets, a backend in this process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from inprocess import ESTIMATE_READING, InProcessBackend
from panels import REMOTE, Spin, addVolume, estimateTexts, idle, jobThreads, paint, paintOneSlice, state, useRemote
from RadiogenomicsLib.server.volumes import OrientedImage

# Radiomics and subtype


def test_a_result_shows_its_facts_its_estimate_and_its_key_features(computed: Any, scene: Any) -> None:
    ui = computed.ui
    assert state(computed) == "result"
    table = computed.parameters.reference("features")
    assert table.GetNumberOfRows() == 4
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 1
    assert ui.resultsRoom.text == "Reading: tumour of glioma-01"
    assert "Volume" in ui.headlineLabel.text
    assert "counted in voxels" in ui.headlineLabel.toolTip
    estimate = estimateTexts(computed)[0]
    assert "<b>COC cluster:</b> coc2 more likely than coc1" in estimate
    assert "0.15 (0.06 to 0.27) excluded" in estimate
    assert "Mean on FLAIR" in ui.keyFeaturesLabel.text
    assert "97th" in ui.keyFeaturesLabel.text


def test_what_stands_behind_an_estimate_is_opened_by_its_button(computed: Any) -> None:
    import slicer.util

    row = slicer.util.childWidgetVariables(computed.ui.estimatesPage)
    assert not row.estimate0InfoText.visible
    row.estimate0Info.click()
    assert row.estimate0InfoText.visible
    assert row.estimate0InfoText.text.startswith("Round outline.<br>Small oedema.")
    assert "Fitted on 88 invented patients." in row.estimate0InfoText.text


def test_a_weak_estimate_is_grey_and_called_weak(segmented: Any, backend: InProcessBackend, spin: Spin) -> None:
    from RadiogenomicsLib.panel.view.palette import coloursOf

    backend.estimateReading = replace(ESTIMATE_READING, tone="weak")
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    (estimate,) = estimateTexts(segmented)
    assert "(weak evidence)" in estimate
    colours = coloursOf(segmented.ui.sectionsArea)
    assert estimate.startswith(f'<span style="color:{colours.muted}">')
    assert colours.accent not in estimate, "its bars are grey"


def test_what_was_joined_to_an_answer_above_has_one_bar(segmented: Any, backend: InProcessBackend, spin: Spin) -> None:
    backend.estimateReading = replace(ESTIMATE_READING, part_of="WHO class")
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    (estimate,) = estimateTexts(segmented)
    assert "0.61 (0.45 to 0.74)" in estimate
    assert "0.24" not in estimate
    assert "coc2 more likely than coc1" in estimate


def test_fewer_estimates_than_before_leave_none_of_those(
    computed: Any, backend: InProcessBackend, spin: Spin, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = computed.model.result.analysis.reading
    monkeypatch.setattr(backend, "_reading", lambda features: replace(reading, estimates=[]))
    computed.ui.computeButton.click()
    spin(idle(computed))
    assert estimateTexts(computed) == []


def test_an_older_server_without_a_reading_is_named_as_the_reason(
    segmented: Any, backend: InProcessBackend, spin: Spin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "_reading", lambda features: None)
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    assert "This server does not say how its numbers are to be read" in segmented.ui.readingCautionsLabel.text
    assert not segmented.ui.keyFeaturesButton.enabled
    assert segmented.parameters.reference("features").GetNumberOfRows() == 4


def test_the_segment_that_is_sent_is_the_one_on_display(computed: Any, backend: InProcessBackend) -> None:
    features = computed.model.result.analysis.features
    expected = backend.study["flair"].array[backend.study["flair"].array > 150].mean()
    assert features.values["flair_original_firstorder_Mean"] == pytest.approx(float(expected), rel=1e-5)
    assert features.region == "tumour"


def test_what_an_estimate_warns_of_stands_beside_it(segmented: Any, backend: InProcessBackend, spin: Spin) -> None:
    backend.estimateReading = replace(ESTIMATE_READING, cautions=["outside the training range: sphericity <1"])
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    assert state(segmented) == "warning"
    assert "\u26a0 Outside the training range: sphericity &lt;1." in estimateTexts(segmented)[0]


def test_what_the_whole_reading_warns_of_stands_below(segmented: Any, backend: InProcessBackend, spin: Spin) -> None:
    backend.featureWarnings = ["the voxel size is not known: lengths are in voxels"]
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    assert "The voxel size is not known: lengths are in voxels." in segmented.ui.readingCautionsLabel.text


def test_the_research_notice_stands_beside_the_estimate(segmented: Any, spin: Spin) -> None:
    assert not segmented.ui.noticeLabel.visible
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    assert segmented.ui.noticeLabel.visible
    assert "not for diagnosis" in segmented.ui.noticeLabel.text


def test_editing_the_segment_marks_the_result_out_of_date(computed: Any) -> None:
    paint(computed, paintOneSlice)
    assert state(computed) == "warning"
    assert "out of date" in computed.ui.resultHeading.text
    assert "has changed since it was read" in computed.ui.resultHeading.text


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


def test_not_live_nothing_is_computed_by_itself(computed: Any, backend: InProcessBackend, spin: Spin) -> None:
    paint(computed, paintOneSlice)
    count = len(backend.cases)
    computed.reading.liveUpdate()
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


# Scene


def test_the_scene_remembers_what_was_selected(computed: Any, backend: InProcessBackend, scene: Any) -> None:
    from harness import EXTENSION
    from RadiogenomicsLib.panel.uifiles import loadWidgets
    from RadiogenomicsLib.panel.widget import RadiogenomicsPanel
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic

    computed.ui.liveCheckBox.checked = True
    widgets = loadWidgets(EXTENSION / "Resources" / "UI")
    reopened = RadiogenomicsPanel(widgets, RadiogenomicsLogic(), backend.forUrl)
    assert reopened.model.selection == computed.model.selection
    assert reopened.ui.liveCheckBox.checked
    assert reopened.parameters.reference("features") is computed.parameters.reference("features")
    reopened.cleanup()


def test_a_saved_scene_brings_the_selection_back(computed: Any, scene: Any, spin: Spin, tmp_path: Any) -> None:
    path = str(tmp_path / "scene.mrb")
    assert scene.WriteToMRB(path)
    scene.Clear(False)
    assert computed.model.result is None
    assert computed.model.selection.volumes == {}
    scene.SetURL(path)
    assert scene.ReadFromMRB(path)
    spin(lambda: not computed.isLoading)
    assert computed.model.selection.volumes["flair"].studyId == "glioma-01"
    assert computed.model.selection.segment == "tumour"
    assert computed.model.selection.labelStudyId == "glioma-01"


def test_closing_the_scene_keeps_the_connection(computed: Any, scene: Any) -> None:
    scene.Clear(False)
    assert state(computed) == "ready"
    assert computed.ui.nextStudyButton.enabled
    assert not computed.ui.resultArea.visible


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
    scene.RemoveNode(computed.parameters.reference("features"))
    assert computed.model.result is None
    assert computed.parameters.reference("features") is None
