"""The panel against a real server process: the annotator's whole round."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import nibabel
import numpy as np
import pytest
from harness import EXTENSION
from panels import chooseAtRandom, estimateTexts, press

Spin = Callable[..., None]

SAMPLES = EXTENSION.parents[1] / "sample_studies"


@pytest.fixture(scope="module")
def server(application: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """``gliomics serve`` with the models that ship, over two of the sample studies."""
    from tests.server.servers import start_server

    studies = tmp_path_factory.mktemp("server") / "studies"
    for name in ("sample-01", "sample-02"):
        shutil.copytree(SAMPLES / name, studies / name)
    server = start_server(studies)
    yield server
    server.stop()


@pytest.fixture
def session(scene: Any, server: Any, spin: Spin) -> Iterator[Any]:
    """The module's own widget, connected to the server."""
    from harness.application import loadModule, openPanel

    widget = openPanel(loadModule(EXTENSION / "Radiogenomics.py"))
    widget.panel.ui.serverUrl.text = server.url
    press(widget.panel, "connectButton", spin)
    yield widget.panel
    widget.cleanup()


def voxelVolume(node: Any) -> float:
    return float(np.prod(node.GetSpacing()))


def test_the_panel_shows_what_the_server_offers(session: Any) -> None:
    assert "2 studies" in session.ui.serverStateLabel.text
    assert session.model.modelName == "segmentation_flair"
    model = session.model.info.model("segmentation_flair")
    assert (model.labels, model.requiredSequences) == ({"tumour": 1}, ("flair",))
    assert "random" in session.model.info.strategies
    assert session.model.info.ofKind("radiomics")


def test_an_annotator_s_round_ends_as_a_final_label_on_the_server(session: Any, server: Any, spin: Spin) -> None:
    import slicer

    session.ui.strategySelector.setCurrentIndex(session.ui.strategySelector.findData("random"))
    press(session, "nextStudyButton", spin)
    studyId = session.model.selection.studyId
    assert "Drawn at random" in session.ui.reasonLabel.text
    assert sorted(session.selection.volumes()) == ["flair", "t1", "t1c", "t2"]
    for sequence, node in session.selection.volumes().items():
        image = nibabel.load(server.studies / studyId / f"{sequence}.nii.gz")
        assert np.allclose(session.logic.volume(node).ijkToRas, image.affine, atol=1e-4)
        assert np.array_equal(session.logic.volume(node).array, np.asarray(image.dataobj).T)

    press(session, "segmentButton", spin)
    segmentation, segmentId = session.selection.segmentation(), session.selection.segmentId()
    reference = session.selection.firstVolume()
    proposed = session.logic.segmentMask(segmentation, segmentId, reference).array
    truth = np.asarray(nibabel.load(SAMPLES / "truth" / f"{studyId}.nii.gz").dataobj).T > 0
    assert 2 * (truth & (proposed > 0)).sum() / (truth.sum() + proposed.sum()) > 0.5
    assert session.ui.labelValuesLabel.text == "In the saved label: tumour = 1"

    press(session, "computeButton", spin)
    features = session.model.result.analysis.features
    assert (features.study_id, features.region) == (studyId, "tumour")
    assert features.values["original_shape_VoxelVolume"] == pytest.approx(proposed.sum() * voxelVolume(reference))
    assert session.parameters.reference("features").GetNumberOfRows() == len(features.values)
    estimates = session.model.result.analysis.estimates
    names = {"who_class", "subtype_coc2", "subtype_codeletion", "subtype_idh"}
    assert {estimate.model for estimate in estimates} == names
    for estimate in estimates:
        assert sum(estimate.probabilities.values()) == pytest.approx(1)
    shown = "".join(estimateTexts(session))
    for estimate in session.model.result.analysis.reading.estimates:
        assert escape(estimate.headline) in shown

    slicer.util.updateSegmentBinaryLabelmapFromArray(truth.astype(np.uint8), segmentation, segmentId, reference)
    assert "has changed since" in session.model.staleness
    press(session, "computeButton", spin)
    corrected = session.model.result.analysis.features.values["original_shape_VoxelVolume"]
    assert corrected == pytest.approx(truth.sum() * voxelVolume(reference))

    press(session, "submitButton", spin)
    saved = nibabel.load(server.studies / "labels" / "final" / f"{studyId}.nii.gz")
    assert np.array_equal(np.asarray(saved.dataobj).T, truth)
    assert np.allclose(saved.affine, nibabel.load(server.studies / studyId / "flair.nii.gz").affine, atol=1e-4)
    (version,) = server.client.label_history(studyId)
    assert version["info"]["segments"] == {"tumour": 1}
    assert "1 labelled" in session.ui.serverStateLabel.text


def test_a_volume_of_one_s_own_is_segmented_and_measured_from_an_upload(session: Any, server: Any, spin: Spin) -> None:
    import slicer

    image = nibabel.load(SAMPLES / "sample-04" / "flair.nii.gz")
    slicer.util.addVolumeFromArray(np.asarray(image.dataobj).T, image.affine, "my FLAIR")
    spin(lambda: session.ui.segmentButton.enabled)
    press(session, "segmentButton", spin)
    press(session, "computeButton", spin)
    assert any(name.startswith("flair_") for name in session.model.result.analysis.features.values)
    assert not session.ui.submitButton.enabled
    assert list((server.studies / ".gliomics" / "sessions").iterdir()) == [], "the upload was forgotten"


def test_a_segment_that_is_a_part_of_the_lesion_is_measured_but_not_estimated(
    session: Any, server: Any, spin: Spin
) -> None:
    chooseAtRandom(session)
    press(session, "nextStudyButton", spin)
    press(session, "segmentButton", spin)
    segments = session.selection.segmentation().GetSegmentation()
    segments.GetSegment(session.selection.segmentId()).SetName("enhancing")
    press(session, "computeButton", spin)
    assert session.model.result.analysis.features.values
    assert session.model.result.analysis.estimates == ()
    assert session.model.result.analysis.reading.title == "Enhancing tumour"
    assert "fitted on whole tumours, and this is a part of one" in session.ui.readingCautionsLabel.text


def test_the_server_s_refusal_is_shown_in_its_words(session: Any, spin: Spin) -> None:
    import slicer
    from RadiogenomicsLib.server.volumes import OrientedImage

    affine = np.diag([2.0, 2.0, 5.0, 1.0])
    node = slicer.util.addVolumeFromArray(np.random.default_rng(0).random((6, 20, 22)), affine, "a flair")
    spin(lambda: session.ui.segmentButton.enabled)
    mask = np.zeros((6, 20, 22), np.uint8)
    mask[2, 3, 4] = 1
    segmentation = session.logic.addSegmentation(OrientedImage(mask, affine), node, {"tumour": 1}, "one voxel")
    session.selection.chooseSegmentation(segmentation)
    session.ui.computeButton.click()
    spin(lambda: not session.model.running, seconds=60)
    assert session.model.state.value == "error"
    assert "voxel" in session.model.message
    assert session.ui.computeButton.enabled


def test_after_an_address_where_nothing_answers_the_panel_connects_again(session: Any, server: Any, spin: Spin) -> None:
    session.ui.serverUrl.text = "http://127.0.0.1:9"
    session.ui.connectButton.click()
    spin(lambda: not session.model.running, seconds=30)
    assert session.model.state.value == "error"
    assert "no server answers at http://127.0.0.1:9" in session.model.message
    session.ui.serverUrl.text = server.url
    press(session, "connectButton", spin)
    assert session.model.state.value == "ready"
