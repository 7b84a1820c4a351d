"""Correcting a segment by clicks, strokes and boxes, against a real server with a tiny network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import vtk
from clicks import click, points, voxels, worldAt
from harness.layout import LayoutManager
from panels import Spin, addVolume, press
from RadiogenomicsLib.server.volumes import OrientedImage


@pytest.fixture(scope="module")
def server(application: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with a tiny model that corrects, over one small study."""
    from tests.server.servers import start_server
    from tests.server.studies import CORRECTING, a_card, a_trained_correction_state, add_model, add_study
    from tests.unit.ring_tumours import a_parts_card, a_parts_segmenter

    studies = tmp_path_factory.mktemp("correction") / "studies"
    add_study(studies, "case-2", 2)
    card = a_card("correction", CORRECTING, ["flair"], []).model_copy(update={"task": "refinement"})
    add_model(studies, card, a_trained_correction_state())
    add_model(studies, a_parts_card(), a_parts_segmenter().network.state_dict())
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


def test_a_part_is_corrected_and_takes_its_voxels_from_its_neighbours_in_one_step(
    panel: Any, server: Any, scene: Any, spin: Spin
) -> None:
    from RadiogenomicsLib.server.backends import ServerBackend

    from tests.unit.ring_tumours import a_ring

    volumes, mask = a_ring(7)
    truth = mask.array
    panel.runner.backendFor = ServerBackend
    panel.ui.serverUrl.text = server.url
    press(panel, "connectButton", spin)
    for sequence, image in volumes.items():
        addVolume(sequence, OrientedImage(image.array.T, image.affine))
    spin(lambda: len(panel.selection.volumes()) == 2, seconds=60)
    volume = panel.selection.volumes()["t1c"]
    wrong = np.where(truth == 3, 1, truth)
    names = {"core-without-enhancement": 1, "oedema": 2, "enhancing": 3}
    drawn = OrientedImage(wrong.T.astype(np.uint8), mask.affine)
    segmentation = panel.logic.addSegmentation(drawn, volume, names, "parts")
    panel.selection.chooseSegmentation(segmentation)
    inner = segmentation.GetSegmentation()
    ids = {inner.GetNthSegment(n).GetName(): inner.GetNthSegmentID(n) for n in range(3)}
    panel.selection.chooseSegment(ids["enhancing"])

    def arrays() -> dict[str, np.ndarray]:
        return {
            name: panel.logic.segmentMask(segmentation, key, volume, allowEmpty=True).array.T > 0
            for name, key in ids.items()
        }

    assert panel.ui.addLesionButton.enabled, panel.ui.correctHint.text
    before = arrays()
    i, j, k = np.argwhere(truth == 3)[len(np.argwhere(truth == 3)) // 2].tolist()
    click(panel, (i, j, k), lesion=True, spin=spin)
    after = arrays()
    assert after["enhancing"][i, j, k]
    gained = after["enhancing"] & ~before["enhancing"]
    assert not (gained & (after["core-without-enhancement"] | after["oedema"])).any()
    assert np.mean(truth[gained] == 3) > 0.5
    panel.ui.undoClickButton.click()
    assert all(np.array_equal(voxels, before[name]) for name, voxels in arrays().items())


@pytest.fixture
def layout(scene: Any) -> Iterator[LayoutManager]:
    """The views of the conventional layout, really drawn, with the events of a mouse."""
    import slicer
    from harness.views import Screen

    screen = Screen(scene, (240, 240))
    manager = LayoutManager(screen)
    slicer.app._layout = manager
    yield manager
    slicer.app._layout = None
    manager.close()
    screen.close()


def test_the_mouse_draws_strokes_and_boxes_in_the_views_that_the_server_answers(
    panel: Any, server: Any, scene: Any, layout: LayoutManager, spin: Spin
) -> None:
    import slicer
    from RadiogenomicsLib.server.backends import ServerBackend

    from tests.server.studies import a_lesion_case

    truth = a_lesion_case(2)[1].array
    panel.runner.backendFor = ServerBackend
    panel.ui.serverUrl.text = server.url
    for button in ("connectButton", "nextStudyButton"):
        press(panel, button, spin)
    volume = panel.selection.firstVolume()
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segmentation.GetSegmentation().AddEmptySegment("", "tumour")
    panel.selection.chooseSegmentation(segmentation)
    lesion = np.argwhere(truth[:, :, 3])
    (left, low), (i, j) = lesion.min(axis=0), lesion.mean(axis=0).round().astype(int)
    high = lesion[:, 1].max()
    red, mouse = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode"), layout.mouse("Red")
    red.SetOrientation("Axial")
    red.SetFieldOfView(120, 120, 5)
    red.JumpSliceByCentering(*worldAt(volume, (i, j, 3)))

    def pixel(a: float, b: float) -> tuple[int, int]:
        """Where a voxel of the slice is in the view."""
        matrix = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(red.GetXYToRAS(), matrix)
        x, y, _, _ = matrix.MultiplyPoint([*worldAt(volume, (a, b, 3)), 1.0])
        return round(x), round(y)

    def answered(count: int) -> Callable[[], bool]:
        return lambda: len(steps) == count and not panel.model.running

    steps: list[np.ndarray] = []
    segmentation.GetSegmentation().AddObserver(
        segmentation.GetSegmentation().SourceRepresentationModified, lambda *_: steps.append(voxels(panel))
    )
    panel.ui.toolSelector.setCurrentIndex(panel.ui.toolSelector.findText("Stroke"))
    panel.ui.addLesionButton.click()
    mouse.drag(pixel(i - 1, j), pixel(i + 2, j))
    spin(answered(1), seconds=60)
    stroked = voxels(panel)
    assert stroked[3, j, i - 1 : i + 3].all(), "the line, and what the server found around it"
    assert (stroked.T & truth).sum() > 0.5 * truth[:, :, 3].sum()

    panel.ui.toolSelector.setCurrentIndex(panel.ui.toolSelector.findText("Box"))
    panel.ui.addLesionButton.click()
    panel.ui.removeLesionButton.click()
    mouse.click(*pixel(left, low))
    spin(lambda: points().get("Corners of a box without lesion") == 1)
    mouse.click(*pixel(i, high))
    spin(answered(2), seconds=60)
    boxed = voxels(panel)
    assert not boxed[3, low : high + 1, left : i + 1].any(), "the box is emptied"
    assert np.array_equal(boxed[3, :, i + 1 :], stroked[3, :, i + 1 :]), "and nothing beside it"
    panel.ui.undoClickButton.click()
    assert np.array_equal(voxels(panel), stroked)
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
