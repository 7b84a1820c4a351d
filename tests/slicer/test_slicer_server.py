"""The panel against a real server process: the annotator's whole round."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import nibabel
import numpy as np
import pytest
from conftest import EXTENSION

Spin = Callable[..., None]


@pytest.fixture(scope="module")
def server(application: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """``gliomics serve`` over two small studies, with a tiny network that was trained for seconds."""
    from tests.server.servers import start_server
    from tests.server.studies import TINY, a_card, a_trained_state, add_model, add_study

    studies = tmp_path_factory.mktemp("server") / "studies"
    for number in (1, 2):
        add_study(studies, f"case-{number}", seed=number)
    state = a_trained_state(tmp_path_factory.mktemp("training"))
    add_model(studies, a_card("segmentation_flair", TINY, ["flair"], []), state)
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


def press(panel: Any, name: str, spin: Spin) -> None:
    """Press a button as the user does, wait for its work, and let no error pass."""
    button = getattr(panel.ui, name)
    assert button.enabled, button.toolTip
    button.click()
    spin(lambda: not panel.model.running, seconds=120)
    assert panel.model.state.value != "error", panel.model.message


def test_the_panel_shows_what_the_server_offers(session: Any) -> None:
    assert "2 studies" in session.ui.serverStateLabel.text
    assert session.model.modelName == "segmentation_flair"
    (model,) = [model for model in session.model.segmentationModels if model.name == "segmentation_flair"]
    assert (model.labels, model.requiredSequences) == ({"tumour": 1}, ("flair",))
    assert "random" in session.model.info.strategies
    assert session.model.info.ofKind("radiomics")


def test_an_annotator_s_round_ends_as_a_final_label_on_the_server(session: Any, server: Any, spin: Spin) -> None:
    import slicer

    session.ui.strategySelector.setCurrentIndex(session.ui.strategySelector.findText("random"))
    press(session, "nextStudyButton", spin)
    studyId = session.model.selection.studyId
    assert "Drawn at random" in session.ui.reasonLabel.text
    for sequence, node in session.selection.volumes().items():
        image = nibabel.load(server.studies / studyId / f"{sequence}.nii.gz")
        assert np.allclose(session.logic.volume(node).ijkToRas, image.affine, atol=1e-4)
        assert np.array_equal(session.logic.volume(node).array, np.asarray(image.dataobj).T)

    press(session, "segmentButton", spin)
    segmentation, segmentId = session.selection.segmentation(), session.selection.segmentId()
    reference = session.selection.firstVolume()
    proposed = session.logic.segmentMask(segmentation, segmentId, reference).array
    assert session.ui.labelValuesLabel.text == "Label values: tumour = 1"

    press(session, "computeButton", spin)
    before = session.model.result.analysis.features
    assert before.study_id == studyId
    assert before.values["original_shape_VoxelVolume"] == pytest.approx(proposed.sum() * 2 * 2 * 5)
    assert session.ui.featureTable.mrmlTableNode().GetNumberOfRows() == len(before.values)

    corrected = proposed.copy()
    corrected[2, 20:26, 18:24] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(corrected, segmentation, segmentId, reference)
    assert "has changed since" in session.model.staleness
    press(session, "computeButton", spin)
    after = session.model.result.analysis.features.values["original_shape_VoxelVolume"]
    assert after == pytest.approx(corrected.sum() * 2 * 2 * 5)

    press(session, "submitButton", spin)
    saved = nibabel.load(server.studies / "labels" / "final" / f"{studyId}.nii.gz")
    assert np.array_equal(np.asarray(saved.dataobj), corrected.T)
    assert np.allclose(saved.affine, nibabel.load(server.studies / studyId / "flair.nii.gz").affine)
    (version,) = server.client.label_history(studyId)
    assert version["info"]["segments"] == {"tumour": 1}
    assert "1 labelled" in session.ui.serverStateLabel.text


def test_a_volume_of_one_s_own_is_segmented_and_measured_from_an_upload(session: Any, server: Any, spin: Spin) -> None:
    import slicer

    from tests.server.studies import a_lesion_case

    image = a_lesion_case(77)[0]["flair"]
    slicer.util.addVolumeFromArray(np.ascontiguousarray(image.array.T), image.affine, "my FLAIR")
    spin(lambda: session.ui.segmentButton.enabled)
    press(session, "segmentButton", spin)
    press(session, "computeButton", spin)
    assert any(name.startswith("flair_") for name in session.model.result.analysis.features.values)
    assert not session.ui.submitButton.enabled
    assert list((server.studies / ".gliomics" / "sessions").iterdir()) == [], "the upload was forgotten"


def test_the_server_s_refusal_is_shown_in_its_words(session: Any, server: Any, spin: Spin) -> None:
    import slicer
    from RadiogenomicsLib.volumes import Volume

    slicer.util.addVolumeFromArray(np.random.default_rng(0).random((6, 20, 22)), np.diag([2, 2, 5, 1]), "a flair")
    spin(lambda: session.ui.segmentButton.enabled)
    node = session.selection.firstVolume()
    mask = Volume(np.zeros((6, 20, 22), np.uint8), np.diag([2.0, 2, 5, 1]))
    mask.array[2, 3, 4] = 1
    session.selection.chooseSegmentation(session.logic.addSegmentation(mask, node, {"tumour": 1}, "one voxel"))
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
