"""Correcting a segment by clicks, against a real server with a tiny network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from clicks import click, voxels
from panels import Spin, press
from RadiogenomicsLib.server.volumes import OrientedImage


@pytest.fixture(scope="module")
def server(application: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with a tiny model that corrects, over one small study."""
    from tests.server.servers import start_server
    from tests.server.studies import CORRECTING, a_card, a_trained_correction_state, add_model, add_study

    studies = tmp_path_factory.mktemp("correction") / "studies"
    add_study(studies, "case-2", 2)
    card = a_card("correction", CORRECTING, ["flair"], []).model_copy(update={"task": "refinement"})
    add_model(studies, card, a_trained_correction_state())
    server = start_server(studies)
    yield server
    server.stop()


def test_clicks_on_a_server_s_study_find_the_lesion_and_undo_leaves_nothing(
    panel: Any, server: Any, scene: Any, spin: Spin
) -> None:
    from RadiogenomicsLib.server.backends import ServerBackend

    from gliomics.evaluation import dice
    from tests.server.studies import a_lesion_case

    truth = a_lesion_case(2)[1].array
    panel.runner.backendFor = ServerBackend
    panel.ui.serverUrl.text = server.url
    for button in ("connectButton", "nextStudyButton"):
        press(panel, button, spin)
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(panel.selection.firstVolume())
    segmentation.GetSegmentation().AddEmptySegment("", "tumour")
    panel.selection.chooseSegmentation(segmentation)

    i, j = np.argwhere(truth[:, :, 3]).mean(axis=0).round().astype(int).tolist()
    click(panel, (i, j, 3), lesion=True, spin=spin)
    corrected = voxels(panel)
    assert dice(corrected.T[:, :, 1:5], truth[:, :, 1:5]) > 0.6
    click(panel, (i, j, 3), lesion=False, spin=spin)
    assert voxels(panel)[3, j, i] == 0
    panel.ui.undoClickButton.click()
    assert np.array_equal(voxels(panel), corrected)
    panel.ui.undoClickButton.click()
    assert not voxels(panel).any()


def test_a_volume_of_one_s_own_is_corrected_from_an_upload(panel: Any, server: Any, scene: Any, spin: Spin) -> None:
    from RadiogenomicsLib.server.backends import ServerBackend

    from tests.server.studies import a_lesion_case

    volumes, truth = a_lesion_case(5)
    flair = OrientedImage(np.ascontiguousarray(volumes["flair"].array.T), volumes["flair"].affine)
    panel.runner.backendFor = ServerBackend
    panel.ui.serverUrl.text = server.url
    press(panel, "connectButton", spin)
    import slicer

    node = slicer.util.addVolumeFromArray(flair.array, flair.ijkToRas, "my flair")
    spin(lambda: panel.ui.flairSelector.currentNode() is node)
    shifted = OrientedImage(np.roll(np.ascontiguousarray(truth.array.T), 3, axis=2), flair.ijkToRas)
    panel.selection.chooseSegmentation(panel.logic.addSegmentation(shifted, node, {"tumour": 1}, "shifted"))
    missing = np.argwhere((truth.array.T > 0) & (shifted.array == 0) & (np.indices(truth.array.T.shape)[0] == 2))
    k, j, i = missing[len(missing) // 2].tolist()
    click(panel, (i, j, k), lesion=True, spin=spin)
    corrected = voxels(panel)
    assert corrected[k, j, i] == 1
    assert (corrected >= shifted.array).all(), "a click on lesion removes nothing"
