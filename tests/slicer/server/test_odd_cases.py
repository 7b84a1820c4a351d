"""What is unusual, against a real server: names in other scripts, overlaps, other grids, empty segments, reloading."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import nibabel
import numpy as np
import pytest
from fragileserver import ACTIONS, SAMPLES, FragileServer, begin, isFree, succeed
from panels import Spin, jobThreads, paint, press

STUDIES = tuple(f"case-{number}" for number in range(8))
CONNECT, NEXT, SEGMENT, COMPUTE, CORRECT, SUBMIT = ACTIONS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quietConsole")]


@pytest.fixture
def segmented(session: Any, spin: Spin) -> Any:
    """The panel with a study and its automatic segmentation."""
    for action in (CONNECT, NEXT, SEGMENT):
        succeed(session, action, spin)
    return session


def addSegment(panel: Any, name: str, array: np.ndarray) -> str:
    """Another segment beside the one that is chosen."""
    from RadiogenomicsLib.scene.segments import setSegmentArray

    segmentation = panel.selection.segmentation()
    segmentId = str(segmentation.GetSegmentation().AddEmptySegment("", name))
    setSegmentArray(segmentation, segmentId, array, panel.selection.firstVolume())
    return segmentId


def chosenMask(panel: Any) -> np.ndarray:
    return panel.logic.segmentMask(
        panel.selection.segmentation(), panel.selection.segmentId(), panel.selection.firstVolume()
    ).array


def test_overlapping_segments_are_saved_with_a_warning_that_counts(
    segmented: Any, fragile: FragileServer, spin: Spin
) -> None:
    whole = chosenMask(segmented)
    part = np.zeros_like(whole)
    k = int(whole.sum(axis=(1, 2)).argmax())
    part[k] = whole[k]
    addSegment(segmented, "core", part)
    studyId = segmented.model.selection.labelStudyId
    succeed(segmented, SUBMIT, spin)
    assert f"'core' and 'tumour' overlap in {part.sum()} voxels, given to 'core'." in " ".join(segmented.model.warnings)
    saved = np.asarray(nibabel.load(fragile.studies / "labels" / "final" / f"{studyId}.nii.gz").dataobj).T
    assert np.array_equal(saved > 0, whole > 0)
    assert (saved[part > 0] != saved[(whole > 0) & (part == 0)][0]).all()


def test_an_empty_segment_is_refused_by_its_name_before_anything_is_sent(segmented: Any, spin: Spin) -> None:
    paint(segmented, lambda array: array.fill(0))
    for action in (COMPUTE, SUBMIT):
        action.do(segmented)
        assert not segmented.model.running
        assert segmented.model.state.value == "error"
        assert "segment 'tumour'" in segmented.model.message
        assert "empty on" in segmented.model.message
    assert jobThreads() == []


def test_a_segment_drawn_on_another_grid_is_measured_where_it_lies(segmented: Any, spin: Spin) -> None:
    import slicer
    from RadiogenomicsLib.server.volumes import OrientedImage

    whole, study = chosenMask(segmented), segmented.logic.volume(segmented.selection.firstVolume())
    matrix = study.ijkToRas.copy()
    matrix[:3, :2] *= 2
    matrix[:3, 3] += study.ijkToRas[:3, :3] @ [0.5, 0.5, 0]
    coarse = OrientedImage(np.ascontiguousarray(whole[:, ::2, ::2]), matrix)
    own = slicer.util.addVolumeFromArray(coarse.array.astype(np.float32), matrix, "a coarse volume")
    segmentation = segmented.logic.addSegmentation(coarse, own, {"tumour": 1}, "drawn on the coarse one")
    segmented.selection.chooseSegmentation(segmentation)
    succeed(segmented, COMPUTE, spin)
    volume = segmented.model.result.analysis.features.values["original_shape_VoxelVolume"]
    assert volume == pytest.approx(whole.sum() * np.prod(study.spacing), rel=0.15)


def test_a_segment_that_reaches_out_of_the_images_is_refused_with_what_to_do(segmented: Any, spin: Spin) -> None:
    import slicer
    from RadiogenomicsLib.server.volumes import OrientedImage

    whole, study = chosenMask(segmented), segmented.logic.volume(segmented.selection.firstVolume())
    matrix = study.ijkToRas.copy()
    matrix[:3, 3] += [0, 0, 100]
    own = slicer.util.addVolumeFromArray(whole.astype(np.float32), matrix, "a volume above")
    segmentation = segmented.logic.addSegmentation(OrientedImage(whole, matrix), own, {"tumour": 1}, "above")
    segmented.selection.chooseSegmentation(segmentation)
    COMPUTE.do(segmented)
    assert not segmented.model.running
    assert "reaches out of" in segmented.model.message
    assert "erase that part, or choose the volume that it was drawn on" in segmented.model.message


@pytest.fixture
def unicodeVolume(scene: Any, session: Any) -> Any:
    """A user's own image with a name that no file can have."""
    import slicer

    image = nibabel.load(SAMPLES / "sample-04" / "flair.nii.gz")
    return slicer.util.addVolumeFromArray(np.asarray(image.dataobj).T, image.affine, "Ødegård/脳 «FLAIR» \\ 🧠")


def test_names_in_any_script_are_shown_and_sent(
    session: Any, unicodeVolume: Any, fragile: FragileServer, spin: Spin
) -> None:
    succeed(session, CONNECT, spin)
    session.ui.annotatorEdit.selectAll()
    session.ui.annotatorEdit.insert("Dr. Ağça 李")
    session.ui.flairSelector.setCurrentNode(unicodeVolume)
    succeed(session, SEGMENT, spin)
    segmentation = session.selection.segmentation()
    segmentation.GetSegmentation().GetSegment(session.selection.segmentId()).SetName("Ödem <τ> & 浮腫")
    succeed(session, COMPUTE, spin)
    assert session.model.result.analysis.features.region == "Ödem <τ> & 浮腫"
    session.ui.flairSelector.setCurrentNode(None)
    succeed(session, NEXT, spin)
    studyId = session.model.selection.studyId
    press(session, "segmentButton", spin)
    segments = session.selection.segmentation().GetSegmentation()
    segments.GetSegment(session.selection.segmentId()).SetName("Ödem τ")
    succeed(session, SUBMIT, spin)
    (version,) = fragile.client.label_history(studyId)
    assert (version["user"], version["info"]["segments"]) == ("Dr. Ağça 李", {"Ödem τ": 1})


# Reloading


@pytest.fixture
def reloadable(scene: Any, fragile: FragileServer) -> Iterator[Any]:
    """The module in developer mode; what a test reloads does not stay."""
    import qt
    import slicer
    from harness import EXTENSION
    from harness.application import loadModule, openPanel, unload

    qt.QSettings().setValue("Developer/DeveloperMode", True)
    modules = dict(sys.modules)
    module = loadModule(EXTENSION / "Radiogenomics.py")
    widget = openPanel(module)
    widget.panel.ui.serverUrl.text = fragile.url
    yield widget
    slicer.modules.RadiogenomicsWidget.cleanup()
    unload(module)
    for name in [name for name in sys.modules if name.split(".")[0] in ("RadiogenomicsLib", "gliomics")]:
        del sys.modules[name]
    sys.modules.update(modules)


@pytest.mark.parametrize("position", [1, 3])
def test_reloading_the_module_while_a_job_runs(
    reloadable: Any, fragile: FragileServer, spin: Spin, position: int
) -> None:
    import slicer

    old = reloadable.panel
    for action in ACTIONS[:position]:
        succeed(old, action, spin)
    fragile.freeze()
    begin(old, ACTIONS[position], spin)
    reloadable.reloadButton.click()
    fragile.goOn()
    new = slicer.modules.RadiogenomicsWidget.panel
    assert new is not old
    spin(lambda: jobThreads() == [])
    new.ui.serverUrl.text = fragile.url
    press(new, "connectButton", spin)
    succeed(new, ACTIONS[1], spin)
    press(new, "segmentButton", spin)
    isFree(new, spin)
