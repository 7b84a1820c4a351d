"""Labels that the server has are loaded and continued, and *Submit and next* goes from study to study."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from clicks import voxels
from inprocess import InProcessBackend, Refusal
from panels import Spin, idle, paint, paintOneSlice, press, state


@pytest.fixture
def submitted(segmented: Any, spin: Spin) -> Any:
    """The panel with a label of its study on the server."""
    press(segmented, "submitButton", spin)
    return segmented


def segmentations() -> list[Any]:
    import slicer

    return list(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))


# Labels that are there


def test_labels_are_listed_when_a_study_comes_and_when_asked_for(submitted: Any, spin: Spin) -> None:
    ui = submitted.ui
    assert not ui.savedLabelSelector.visible
    press(submitted, "findLabelsButton", spin)
    assert submitted.model.message == "The server has 1 label of 'glioma-01'."
    assert ui.savedLabelSelector.itemText(0) == "final, version 1"
    submitted.model.labelsByStudy.clear()
    press(submitted, "nextStudyButton", spin)
    assert ui.savedLabelSelector.count == 1


def test_a_label_is_loaded_beside_what_is_there_with_its_names_and_colours(submitted: Any, spin: Spin) -> None:
    from RadiogenomicsLib.scene.terminology import TUMOUR

    (own,) = segmentations()
    saved = voxels(submitted)
    paint(submitted, paintOneSlice)
    edited = voxels(submitted)
    press(submitted, "findLabelsButton", spin)
    press(submitted, "loadLabelButton", spin)
    loaded = submitted.selection.segmentation()
    assert loaded is not own
    assert np.array_equal(voxels(submitted), saved)
    segment = loaded.GetSegmentation().GetNthSegment(0)
    assert (segment.GetName(), segment.GetColor()) == ("tumour", TUMOUR.colour)
    assert [node.GetDisplayNode().GetVisibility2DFill() for node in (own, loaded)] == [0, 1]
    assert [node.GetDisplayNode().GetVisibility() for node in (own, loaded)] == [1, 1]
    submitted.selection.chooseSegmentation(own)
    assert np.array_equal(voxels(submitted), edited), "what was drawn meanwhile is as it was"


def test_a_loaded_label_is_continued_as_the_next_version(submitted: Any, backend: InProcessBackend, spin: Spin) -> None:
    press(submitted, "findLabelsButton", spin)
    press(submitted, "loadLabelButton", spin)
    paint(submitted, paintOneSlice)
    press(submitted, "submitButton", spin)
    study, mask, notes, tag = backend.submitted[-1]
    assert (study, tag, len(backend.submitted)) == ("glioma-01", "final", 2)
    assert notes["started_from"] == "final, version 1"
    assert notes["segments"] == {"tumour": 1}
    assert np.array_equal(mask.array > 0, voxels(submitted) > 0)
    assert "Version 1 is kept in its history." in submitted.model.message


def test_a_label_whose_grid_no_volume_has_is_refused_with_both(
    submitted: Any, backend: InProcessBackend, spin: Spin
) -> None:
    from RadiogenomicsLib.server.volumes import OrientedImage

    study, mask, notes, tag = backend.submitted[0]
    backend.submitted[0] = (study, OrientedImage(mask.array[1:], mask.ijkToRas), notes, tag)
    press(submitted, "findLabelsButton", spin)
    submitted.ui.loadLabelButton.click()
    spin(idle(submitted))
    assert "final, version 1 of 'glioma-01' has 24 x 20 x 5 voxels" in submitted.model.message
    assert len(segmentations()) == 1


def test_labels_with_unusual_names_keep_them(submitted: Any, backend: InProcessBackend, spin: Spin) -> None:
    study, mask, notes, tag = backend.submitted[0]
    backend.submitted[0] = (study, mask, {**notes, "segments": {"Tumör – links": 1, "leer": 7}}, tag)
    press(submitted, "findLabelsButton", spin)
    press(submitted, "loadLabelButton", spin)
    assert submitted.model.selection.segment == "Tumör – links"
    press(submitted, "submitButton", spin)
    assert backend.submitted[-1][2]["segments"] == {"Tumör – links": 1, "leer": 7}
    assert "Segment 'leer' is empty." in submitted.model.warnings


def test_without_a_study_of_the_server_there_is_nothing_to_list(connected: Any) -> None:
    assert not connected.ui.findLabelsButton.enabled
    assert connected.ui.findLabelsButton.toolTip == "Take a study from the server: labels are of its studies."


# Submit and next


def nextStudy(backend: InProcessBackend) -> None:
    """Let the server offer another study next."""
    backend.studyId = "glioma-02"


def test_submit_and_next_saves_and_comes_back_with_the_next_study_segmented(
    segmented: Any, backend: InProcessBackend, spin: Spin
) -> None:
    nextStudy(backend)
    press(segmented, "submitNextButton", spin)
    spin(lambda: segmented.labelling._round is None)
    assert [study for study, *_ in backend.submitted] == ["glioma-01"]
    assert segmented.model.selection.studyId == segmented.model.selection.labelStudyId == "glioma-02"
    assert segmented.model.selection.segment == "tumour"
    assert len(segmentations()) == 2
    assert segmented.model.message.startswith("The label of 'glioma-01' was saved: tumour = 1.")
    assert "'glioma-02 segmentation_flair' was added." in segmented.model.message


def test_where_the_label_is_not_saved_nothing_is_fetched_and_nothing_lost(
    segmented: Any, backend: InProcessBackend, spin: Spin
) -> None:
    nextStudy(backend)
    paint(segmented, paintOneSlice)
    before, calls = voxels(segmented), backend.calls
    backend.error = Refusal("the disk is full")
    segmented.ui.submitNextButton.click()
    spin(idle(segmented))
    assert state(segmented) == "error"
    assert "the disk is full" in segmented.model.message
    assert backend.calls == calls + 1
    assert segmented.model.selection.studyId == "glioma-01"
    assert np.array_equal(voxels(segmented), before)
    backend.error = None
    press(segmented, "submitNextButton", spin)
    spin(lambda: segmented.labelling._round is None)
    assert segmented.model.selection.studyId == "glioma-02"


@pytest.mark.parametrize(("step", "call"), [("Next study", "nextStudy"), ("Auto segment", "segment")])
def test_cancel_ends_the_round_where_it_is_and_says_that_the_label_was_saved(
    segmented: Any, backend: InProcessBackend, spin: Spin, monkeypatch: pytest.MonkeyPatch, step: str, call: str
) -> None:
    answer = getattr(backend, call)

    def held(*arguments: Any) -> Any:
        backend.gate.clear()
        return answer(*arguments)

    nextStudy(backend)
    monkeypatch.setattr(backend, call, held)
    segmented.ui.submitNextButton.click()
    spin(lambda: not backend.gate.is_set())
    assert segmented.model.running == step
    segmented.ui.cancelButton.click()
    backend.gate.set()
    spin(lambda: segmented.labelling._round is None and not segmented.model.running)
    assert segmented.model.message == f"The label of 'glioma-01' was saved: tumour = 1. {step}: cancelled."
    assert segmented.model.selection.studyId == ("glioma-01" if step == "Next study" else "glioma-02")
    assert len(segmentations()) == 1


def test_warnings_about_the_saved_label_are_still_there_after_the_round(
    segmented: Any, backend: InProcessBackend, spin: Spin
) -> None:
    segmented.selection.segmentation().GetSegmentation().AddEmptySegment("", "cyst")
    nextStudy(backend)
    press(segmented, "submitNextButton", spin)
    spin(lambda: segmented.labelling._round is None)
    assert "Segment 'cyst' is empty." in segmented.model.warnings


def test_after_the_last_study_the_round_ends_with_the_reason(
    segmented: Any, backend: InProcessBackend, spin: Spin
) -> None:
    backend.studyId, backend.reason = "", "every study has a final label"
    press(segmented, "submitNextButton", spin)
    spin(lambda: segmented.labelling._round is None and not segmented.model.running)
    assert segmented.model.message == (
        "The label of 'glioma-01' was saved: tumour = 1. No next study: every study has a final label."
    )
