"""Studies closed in one action, with all that was made of them: on real MRML, with views."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from inprocess import InProcessBackend
from layouts import FEATURES, FOUR, SURFACE, choose
from panels import Spin, paint, paintOneSlice, press, tree


def names(scene: Any) -> dict[str, list[str]]:
    """The nodes of a study's data, by class."""
    import slicer.util

    kinds = ("ScalarVolume", "Segmentation", "Table", "PlotChart", "PlotSeries")
    nodes = {kind: slicer.util.getNodesByClass(f"vtkMRML{kind}Node") for kind in kinds}
    return {kind: [node.GetName() for node in found] for kind, found in nodes.items() if found}


def labelledStudy(panel: Any, spin: Spin) -> None:
    """Make all that the panel makes of a study, and save its label."""
    choose(panel, SURFACE, spin)
    press(panel, "probabilityButton", spin)
    press(panel, "computeButton", spin)
    choose(panel, "Sequences and training patients", spin)
    choose(panel, FOUR, spin)
    press(panel, "submitButton", spin)


def test_a_study_that_is_saved_goes_with_all_that_was_made_of_it(views: Any, scene: Any, spin: Spin) -> None:
    labelledStudy(views, spin)
    views.ui.closeStudiesButton.click()
    assert names(scene) == {}
    assert tree(scene) == {}
    assert scene.GetNumberOfNodesByClass("vtkMRMLColorLegendDisplayNode") == 0
    assert views.selection.volumes() == {}
    assert views.model.result is None
    assert views.model.message == "glioma-01 was closed."
    assert not views.ui.closeStudiesButton.enabled


def test_the_table_of_a_study_that_was_closed_is_shown_no_more(views: Any, screen: Any, spin: Spin) -> None:
    press(views, "computeButton", spin)
    choose(views, FEATURES, spin)
    assert screen.node("GliomicsFeatures").GetTableNode() is not None
    press(views, "submitButton", spin)
    views.ui.closeStudiesButton.click()
    assert screen.node("GliomicsFeatures").GetTableNode() is None
    assert views.ui.viewsHint.text == "Choose volumes under Images: each sequence has its view."


def test_unsaved_work_is_asked_about_and_kept(views: Any, scene: Any, spin: Spin, backend: InProcessBackend) -> None:
    import qt
    from harness.ctk import ctkMessageBox

    press(views, "submitButton", spin)
    backend.studyId = "glioma-02"
    press(views, "nextStudyButton", spin)
    press(views, "segmentButton", spin)
    ctkMessageBox.answers.append(qt.QMessageBox.No)
    views.ui.closeStudiesButton.click()
    (question,) = ctkMessageBox.shown
    assert "glioma-02: glioma-02 segmentation_flair" in question
    assert "glioma-01" not in question
    assert list(tree(scene)) == ["glioma-02"]
    assert views.model.message == "glioma-01 was closed. glioma-02 stayed open."
    ctkMessageBox.answers.append(qt.QMessageBox.Yes)
    views.ui.closeStudiesButton.click()
    assert tree(scene) == {}


def test_a_label_that_was_edited_after_it_was_saved_is_asked_about(views: Any, scene: Any, spin: Spin) -> None:
    import qt
    from harness.ctk import ctkMessageBox

    press(views, "submitButton", spin)
    paint(views, paintOneSlice)
    ctkMessageBox.answers.append(qt.QMessageBox.No)
    views.ui.closeStudiesButton.click()
    assert list(tree(scene)) == ["glioma-01"]


def test_a_study_that_nothing_was_drawn_on_is_closed_without_a_question(
    panel: Any, scene: Any, spin: Spin, backend: InProcessBackend
) -> None:
    press(panel, "connectButton", spin)
    press(panel, "nextStudyButton", spin)
    panel.ui.closeStudiesButton.click()
    assert tree(scene) == {}


def test_volumes_of_the_user_s_own_stay(views: Any, scene: Any, spin: Spin) -> None:
    import slicer.util

    mine = slicer.util.addVolumeFromArray(views.logic.volume(views.selection.firstVolume()).array, name="mine")
    press(views, "submitButton", spin)
    views.ui.closeStudiesButton.click()
    assert names(scene) == {"ScalarVolume": [mine.GetName()]}


def test_without_a_study_the_button_says_so(panel: Any) -> None:
    assert not panel.ui.closeStudiesButton.enabled
    assert panel.ui.closeStudiesButton.toolTip == "There is no study of the server in the scene."


def residentMegabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


@pytest.mark.slow
def test_memory_and_scene_stay_flat_over_ten_studies(
    views: Any, scene: Any, spin: Spin, backend: InProcessBackend
) -> None:
    views.ui.removeFinishedCheckBox.checked = True
    counts, megabytes = [], []
    for number in range(2, 12):  # twenty on a real server: tests/slicer/server/benchmarks
        labelledStudy(views, spin)
        backend.studyId = f"glioma-{number:02d}"
        backend.submitted.clear()
        press(views, "nextStudyButton", spin)
        press(views, "segmentButton", spin)
        gc.collect()
        counts.append(scene.GetNumberOfNodes())
        megabytes.append(residentMegabytes())
    assert len(set(counts[1:])) == 1, counts
    assert list(tree(scene)) == ["glioma-11"]
    assert megabytes[-1] - megabytes[4] < 10, megabytes
