"""Reading a segment without a server: a real process of this Python, on a sample study."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from harness import EXTENSION
from panels import estimateTexts, paint, paintOneSlice, press

Spin = Callable[..., None]

SAMPLES = EXTENSION.parents[1] / "sample_studies"
STUDY = "sample-02"


@pytest.fixture
def session(scene: Any) -> Iterator[Any]:
    """The module's panel without a server, on the images and the mask of a sample study."""
    import slicer
    from harness.application import loadModule, openPanel

    widget = openPanel(loadModule(EXTENSION / "Radiogenomics.py"))
    panel = widget.panel
    for sequence in ("flair", "t1", "t1c"):
        image = nibabel.load(SAMPLES / STUDY / f"{sequence}.nii.gz")
        node = slicer.util.addVolumeFromArray(np.asarray(image.dataobj).T, image.affine, sequence)
        getattr(panel.ui, f"{sequence}Selector").setCurrentNode(node)
    mask = nibabel.load(SAMPLES / "truth" / f"{STUDY}.nii.gz")
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.CreateDefaultDisplayNodes()
    flair = panel.selection.volumes()["flair"]
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(flair)
    segmentId = segmentation.GetSegmentation().AddEmptySegment("tumour", "tumour")
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        (np.asarray(mask.dataobj).T > 0).astype(np.uint8), segmentation, segmentId, flair
    )
    panel.selection.chooseSegmentation(segmentation)
    yield panel
    widget.cleanup()


def answerOfServer(age: float | None = None) -> dict[str, Any]:
    """What the server's own tasks answer about the same images and segment."""
    from gliomics.answers.images import MeasuredStudies
    from gliomics.models import ModelStore
    from gliomics.server.tasks.reading import SubtypeTask
    from gliomics.study import Study

    store = ModelStore()
    task = SubtypeTask(store, store.names("subtype"), MeasuredStudies())
    files = {sequence: SAMPLES / STUDY / f"{sequence}.nii.gz" for sequence in ("flair", "t1", "t1c")}
    study = Study(id="examination", patient_id="examination", folder=SAMPLES / STUDY, sequences=files)
    request = {"study": study, "label": str(SAMPLES / "truth" / f"{STUDY}.nii.gz"), "region": "tumour"}
    return task({**request, **({} if age is None else {"age": age})})[1]


def test_without_a_server_a_segment_is_read_as_by_a_server(session: Any, spin: Spin) -> None:
    assert session.model.info is None
    assert session.ui.computeHint.text.startswith("No server is connected: 3D Slicer itself measures and estimates")
    assert session.ui.hereCheckBox.checked
    assert not session.ui.hereCheckBox.enabled
    assert "Connect to a server first" in session.ui.segmentButton.toolTip
    assert "Connect to a server first" in session.ui.allPartsButton.toolTip

    press(session, "computeButton", spin)
    analysis, expected = session.model.result.analysis, answerOfServer()
    assert analysis.features.values.keys() == expected["features"]["values"].keys()
    for name, value in expected["features"]["values"].items():
        assert analysis.features.values[name] == pytest.approx(value, rel=1e-6, abs=1e-12), name
    assert [each.model for each in analysis.estimates] == [each["model"] for each in expected["estimates"]]
    for here, there in zip(analysis.estimates, expected["estimates"], strict=True):
        assert here.probabilities == pytest.approx(there["probabilities"], abs=1e-6)
    assert analysis.reading.to_json() == expected["reading"]
    shown = "".join(estimateTexts(session))
    for estimate in analysis.reading.estimates:
        assert escape(estimate.headline) in shown
    assert session.ui.noticeLabel.text == expected["reading"]["notice"]

    assert session.model.subtypeModels, "the age can be given now"
    session.model.ageChanged("41")
    press(session, "computeButton", spin)
    assert session.model.result.analysis.reading.to_json() == answerOfServer(41)["reading"]


def test_a_feature_is_shown_around_each_voxel_and_goes_when_the_segment_changes(session: Any, spin: Spin) -> None:
    import slicer
    import slicer.util

    assert session.ui.featureMapRow.isHidden(), "there is nothing to choose before a segment was read"
    press(session, "computeButton", spin)
    selector = session.ui.featureMapSelector
    assert selector.currentData == "flair_original_glcm_JointEntropy"
    assert selector.currentText == "Joint entropy, GLCM in FLAIR"
    assert selector.findData("original_shape_Sphericity") == -1
    selector.setCurrentIndex(selector.findData("t1_original_firstorder_Mean"))
    press(session, "featureMapButton", spin)

    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    (node,) = [node for node in nodes if node.GetAttribute("Gliomics.Map") == "feature"]
    voxels = slicer.util.arrayFromVolume(node)
    image, mask = (
        np.asarray(nibabel.load(path).dataobj).T
        for path in (SAMPLES / STUDY / "t1.nii.gz", SAMPLES / "truth" / f"{STUDY}.nii.gz")
    )
    inside = mask > 0
    low, high = node.GetDisplayNode().GetWindowLevelMin(), node.GetDisplayNode().GetWindowLevelMax()
    assert (voxels[~inside] < low).all(), "outside of the segment nothing is drawn"
    assert (low, high) == pytest.approx((voxels[inside].min(), voxels[inside].max()))
    k, j, i = np.argwhere(inside)[inside.sum() // 2]
    other = np.argwhere(inside)[inside.sum() // 3]

    def mean(k: int, j: int, i: int) -> float:
        around = np.s_[k - 1 : k + 2, j - 1 : j + 2, i - 1 : i + 2]
        return float(image[around][inside[around]].mean())

    # Intensities are scaled before they are measured, which keeps ratios of differences.
    measured = session.model.result.analysis.features.values
    scale = (measured["t1_original_firstorder_Maximum"] - measured["t1_original_firstorder_Minimum"]) / (
        float(image[inside].max()) - float(image[inside].min())
    )
    difference = voxels[k, j, i] - voxels[tuple(other)]
    assert difference == pytest.approx(scale * (mean(k, j, i) - mean(*other)), rel=1e-4)
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node)
    assert legend.GetTitleText() == "Mean signal in T1"
    assert session.ui.featureMapButton.checked
    assert session.model.message == "Mean signal in T1 around each voxel is shown over the images."

    session.ui.featureMapRadius.value = 2
    assert not session.ui.featureMapButton.checked, "the map of another kernel is another"
    session.ui.featureMapRadius.value = 1
    session.ui.featureMapButton.click()
    assert session.ui.featureMapButton.checked
    assert not session.model.running, "it was there"
    paint(session, paintOneSlice)
    spin(lambda: not session.ui.featureMapButton.checked)


def test_a_map_that_takes_long_is_ended_with_its_process(session: Any, spin: Spin) -> None:
    press(session, "computeButton", spin)
    session.ui.featureMapRadius.value = 8
    session.ui.featureMapButton.click()
    process = session.reading.process._process
    spin(lambda: "original_glcm" in session.model.progressText, seconds=60)
    assert session.model.fraction is not None
    session.ui.cancelButton.click()
    assert not session.model.running
    spin(lambda: process.poll() is not None)
    press(session, "computeButton", spin)


def test_work_that_is_cancelled_leaves_the_panel_free_and_the_next_reading_right(session: Any, spin: Spin) -> None:
    session.ui.computeButton.click()
    session.ui.cancelButton.click()
    assert not session.model.running
    press(session, "computeButton", spin)
    assert session.model.result.analysis.estimates


def test_a_process_that_ends_is_said_and_the_next_reading_starts_another(session: Any, spin: Spin) -> None:
    press(session, "computeButton", spin)
    session.reading.process._process.kill()
    session.reading.process._process.wait()
    press(session, "computeButton", spin)
    folder = session.reading.process.folder
    session.reading.close()
    assert not folder.exists()


def test_what_is_missing_is_installed_only_after_the_user_agreed(
    session: Any, spin: Spin, monkeypatch: pytest.MonkeyPatch
) -> None:
    import qt
    from harness.ctk import ctkMessageBox
    from RadiogenomicsLib.here import packages

    import gliomics.packages

    assert packages.missingPackages() == ()
    monkeypatch.setitem(gliomics.packages.COMPUTING, "gliomics_nowhere", "gliomics-nowhere>=1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(packages, "pythonOfSlicer", lambda: sys.executable)
    ctkMessageBox.answers.append(qt.QMessageBox.No)
    session.ui.computeButton.click()
    assert "gliomics-nowhere" in ctkMessageBox.shown[-1]
    assert "Nothing was installed" in session.model.message

    ctkMessageBox.answers.append(qt.QMessageBox.Yes)
    session.ui.computeButton.click()
    spin(lambda: not session.model.running, seconds=60)
    assert "gliomics-nowhere could not be installed" in session.model.message
    assert "--no-index --find-links FOLDER" in session.model.message
    assert "or connect to a Gliomics server" in session.model.message
    assert session.model.result is None


def test_the_folder_of_the_process_keeps_the_images_of_two_studies(tmp_path: Path) -> None:
    from RadiogenomicsLib.here.calls import _files
    from RadiogenomicsLib.server.jobs import BackgroundJob
    from RadiogenomicsLib.server.servercalls import CaseImages
    from RadiogenomicsLib.server.volumes import OrientedImage

    job = BackgroundJob("", lambda _job: None, lambda: None)
    for number in range(12):
        image = OrientedImage(np.full((2, 2, 2), number, np.int16), np.eye(4))
        with _files(job, tmp_path, CaseImages(volumes={"flair": image}), image) as files:
            assert Path(files["files"]["flair"]).is_file()
            assert Path(files["label"]).is_file()
    assert len(list(tmp_path.iterdir())) == 8


def test_image_that_a_job_which_was_given_up_still_copies_is_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from RadiogenomicsLib.here import calls
    from RadiogenomicsLib.server.jobs import BackgroundJob, Finished
    from RadiogenomicsLib.server.servercalls import CaseImages
    from RadiogenomicsLib.server.volumes import OrientedImage, writeNifti

    begun, copied = threading.Event(), []

    def slowly(volume: OrientedImage, path: Path) -> None:
        writeNifti(volume, path)
        copied.append(path.name)
        begun.set()
        time.sleep(0.2)

    monkeypatch.setattr(calls, "writeNifti", slowly)
    image = OrientedImage(np.zeros((2, 2, 2), np.int16), np.eye(4))
    images = CaseImages(volumes={"flair": image})

    def work(job: BackgroundJob) -> bool:
        with calls._files(job, tmp_path, images, image) as files:
            return Path(files["files"]["flair"]).is_file()

    first, second = (BackgroundJob("", work, lambda: None) for _ in range(2))
    first.start()
    assert begun.wait(10)
    second.start()
    while first.isAlive or second.isAlive:
        time.sleep(0.01)
    assert [job.events()[-1] for job in (first, second)] == [Finished(True), Finished(True)]
    assert sum(name.startswith("flair") for name in copied) == 1
