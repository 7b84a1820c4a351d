"""Studies whose label was saved go from the scene with the next one, where the user wants it: on real MRML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from inprocess import InProcessBackend
from panels import Spin, edit, openAnother, paint, paintOneSlice, press, tree

NextStudy = Callable[[str], None]


def names(className: str) -> list[str]:
    import slicer.util

    return sorted(node.GetName() for node in slicer.util.getNodesByClass(className))


@pytest.fixture
def submitted(segmented: Any, spin: Spin) -> Any:
    """The panel after the label of ``glioma-01`` was saved, with the wish to remove such studies."""
    segmented.ui.removeFinishedCheckBox.checked = True
    press(segmented, "submitButton", spin)
    return segmented


@pytest.fixture
def takeNext(submitted: Any, backend: InProcessBackend, spin: Spin) -> NextStudy:
    def take(studyId: str) -> None:
        backend.studyId = studyId
        press(submitted, "nextStudyButton", spin)

    return take


def test_a_study_whose_label_was_saved_goes_with_the_next_one(submitted: Any, takeNext: NextStudy, scene: Any) -> None:
    displays = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeDisplayNode")
    takeNext("glioma-02")
    assert names("vtkMRMLScalarVolumeNode") == ["glioma-02 FLAIR", "glioma-02 T1"]
    assert names("vtkMRMLSegmentationNode") == []
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeDisplayNode") == displays
    assert tree(scene) == {"glioma-02": ["glioma-02 FLAIR", "glioma-02 T1"]}
    assert sorted(submitted.selection.volumes()) == ["flair", "t1"]
    assert submitted.selection.segmentation() is None


def stays() -> bool:
    return {"glioma-01 FLAIR", "glioma-01 T1"} <= set(names("vtkMRMLScalarVolumeNode")) and (
        "glioma-01 segmentation_flair" in names("vtkMRMLSegmentationNode")
    )


def test_without_the_wish_it_stays(submitted: Any, takeNext: NextStudy) -> None:
    submitted.ui.removeFinishedCheckBox.checked = False
    takeNext("glioma-02")
    assert stays()


def test_a_segmentation_that_was_edited_after_it_was_saved_stays(submitted: Any, takeNext: NextStudy) -> None:
    paint(submitted, paintOneSlice)
    takeNext("glioma-02")
    assert stays()


def test_a_segment_that_was_renamed_after_it_was_saved_stays(submitted: Any, takeNext: NextStudy) -> None:
    inner = submitted.selection.segmentation().GetSegmentation()
    inner.GetNthSegment(0).SetName("mine")
    takeNext("glioma-02")
    assert stays()


def test_a_volume_that_was_edited_stays(submitted: Any, takeNext: NextStudy) -> None:
    edit(submitted.ui.t1Selector.currentNode())
    takeNext("glioma-02")
    assert stays()


def test_a_study_with_another_segmentation_drawn_on_it_stays(submitted: Any, takeNext: NextStudy, scene: Any) -> None:
    mine = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    mine.SetReferenceImageGeometryParameterFromVolumeNode(submitted.ui.flairSelector.currentNode())
    takeNext("glioma-02")
    assert stays()


@pytest.fixture
def withLoaded(submitted: Any, backend: InProcessBackend, spin: Spin) -> Any:
    """The panel after a label that the server had was loaded beside the one that was saved."""
    press(submitted, "findLabelsButton", spin)
    press(submitted, "loadLabelButton", spin)
    assert len(names("vtkMRMLSegmentationNode")) == 2
    return submitted


def test_a_label_that_was_only_looked_at_keeps_no_study(withLoaded: Any, takeNext: NextStudy) -> None:
    takeNext("glioma-02")
    assert names("vtkMRMLSegmentationNode") == []
    assert names("vtkMRMLScalarVolumeNode") == ["glioma-02 FLAIR", "glioma-02 T1"]


def test_a_label_that_was_loaded_and_edited_stays(withLoaded: Any, takeNext: NextStudy) -> None:
    paint(withLoaded, paintOneSlice)
    takeNext("glioma-02")
    assert stays()


def test_a_study_with_a_loaded_label_alone_stays(
    withStudy: Any, backend: InProcessBackend, tumourMask: Any, spin: Spin
) -> None:
    """Nothing was saved, so the user is not done with it."""
    withStudy.ui.removeFinishedCheckBox.checked = True
    backend.submitted.append(("glioma-01", tumourMask, {"segments": {"tumour": 1}}, "final"))
    press(withStudy, "findLabelsButton", spin)
    press(withStudy, "loadLabelButton", spin)
    backend.studyId = "glioma-02"
    press(withStudy, "nextStudyButton", spin)
    assert names("vtkMRMLSegmentationNode") == ["glioma-01 final, version 1"]
    assert "glioma-01 FLAIR" in names("vtkMRMLScalarVolumeNode")


def test_a_study_whose_label_was_not_saved_stays(segmented: Any, backend: InProcessBackend, spin: Spin) -> None:
    segmented.ui.removeFinishedCheckBox.checked = True
    backend.studyId = "glioma-02"
    press(segmented, "nextStudyButton", spin)
    assert stays()


def test_a_study_that_comes_again_stays(submitted: Any, takeNext: NextStudy) -> None:
    takeNext("glioma-01")
    assert stays()


def test_a_volume_of_the_user_s_own_stays(submitted: Any, takeNext: NextStudy) -> None:
    import slicer.util

    slicer.util.addVolumeFromArray(np.zeros((2, 3, 4)), name="mine")
    takeNext("glioma-02")
    assert names("vtkMRMLScalarVolumeNode") == ["glioma-02 FLAIR", "glioma-02 T1", "mine"]


def test_the_wish_is_remembered(submitted: Any, backend: InProcessBackend) -> None:
    reopened = openAnother(backend)
    assert reopened.ui.removeFinishedCheckBox.checked
    reopened.cleanup()
