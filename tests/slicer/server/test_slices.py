"""Some slices of a study: shown where they lie, ticked, and submitted as such."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from inprocess import InProcessBackend
from panels import Spin, openAnother, paint, paintOneSlice, press, state
from RadiogenomicsLib.server.slices import axialAxis, sliceCentre, withEarlierSlices
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError, writeNifti

UPWARDS = np.diag([-2.0, 2.0, 5.0, 1.0])
DOWNWARDS = np.diag([-2.0, 2.0, -5.0, 1.0])
TILTED = np.array([[1.0, 0, 0, 0], [0, 0.8, 3.0, 0], [0, -0.6, 4.0, 0], [0, 0, 0, 1]])
SAGITTAL = np.array([[0, 0, 5.0, 0], [1.0, 0, 0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1]])
AFFINES = {"upwards": UPWARDS, "downwards": DOWNWARDS, "tilted": TILTED, "sagittal": SAGITTAL}


def distances(view: Any, volume: Any, number: int) -> np.ndarray:
    """How far the corner voxels of an axial slice are from the plane that a view shows, in millimetres."""
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    ijkToRas = slicer.util.arrayFromVTKMatrix(matrix)
    axis = axialAxis(ijkToRas)
    ends = [(0, n - 1) for n in volume.GetImageData().GetDimensions()]
    ends[axis] = (number, number)
    plane = slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())
    millimetres = []
    for voxel in ((i, j, k) for i in ends[0] for j in ends[1] for k in ends[2]):
        world = [0.0, 0.0, 0.0]
        volume.TransformPointToWorld((ijkToRas @ [*voxel, 1])[:3].tolist(), world)
        millimetres.append(abs(plane[:3, 2] @ (np.array(world) - plane[:3, 3])))
    return np.array(millimetres)


# Geometry


@pytest.mark.parametrize("name", AFFINES)
def test_the_axial_axis_is_the_server_s(name: str) -> None:
    from gliomics.preprocess import axial
    from gliomics.study.volumes import Volume

    array = np.zeros((7, 8, 9), np.float32)
    assert axialAxis(AFFINES[name]) == axial(Volume(array.T, AFFINES[name]))[0]


@pytest.mark.parametrize("name", AFFINES)
def test_the_red_view_shows_the_slice_of_that_number(name: str, logic: Any, redView: Any) -> None:
    volume = logic.addVolume(OrientedImage(np.zeros((7, 8, 9), np.float32), AFFINES[name]), "a study", "flair")
    assert redView.SetOrientation("Sagittal")
    for number in (0, 2, 6):
        logic.showSlice(volume, number)
        assert distances(redView, volume, number).max() < 1e-6
        assert distances(redView, volume, number + 1).min() > 0.5


def test_a_slice_of_a_moved_volume_is_shown_where_it_was_moved_to(logic: Any, redView: Any, scene: Any) -> None:
    import slicer

    volume = logic.addVolume(OrientedImage(np.zeros((7, 8, 9), np.float32), DOWNWARDS), "a study", "flair")
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.eye(4)
    matrix[:3, 3] = (3, 4, 50)
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    volume.SetAndObserveTransformNodeID(transform.GetID())
    logic.showSlice(volume, 2)
    assert distances(redView, volume, 2).max() < 1e-6
    assert redView.GetSliceOffset() == pytest.approx(40)


def test_a_slice_that_the_volume_does_not_have_is_refused() -> None:
    volume = OrientedImage(np.zeros((7, 8, 9), np.float32), UPWARDS)
    with pytest.raises(VolumeError, match="there is no slice 7; the volume has slices 0 to 6"):
        sliceCentre(volume, 7)


@pytest.mark.parametrize("name", AFFINES)
def test_slices_saved_before_are_kept_unless_they_are_done_again(name: str) -> None:
    new, old = (OrientedImage(np.full((5, 5, 5), value, np.uint8), AFFINES[name]) for value in (1, 2))
    merged = withEarlierSlices(new, [1, 3], old, [0, 1]).array
    bySlice = np.moveaxis(merged, 2 - axialAxis(AFFINES[name]), 0)
    assert [set(np.unique(each)) for each in bySlice] == [{2}, {1}, {1}, {1}, {1}]


def test_slices_saved_on_another_grid_are_not_mixed_in() -> None:
    new, old = (OrientedImage(np.zeros((5, 5, n), np.uint8), UPWARDS) for n in (5, 6))
    with pytest.raises(VolumeError, match="6 x 5 x 5 voxels"):
        withEarlierSlices(new, [1], old, [0])


# Panel


@pytest.fixture
def withSlices(connected: Any, redView: Any, spin: Spin) -> Any:
    """The panel with a study of which slices 1, 3 and 4 were asked for, and a segmentation of it."""
    connected.ui.sliceCount.value = 3
    for button in ("nextStudyButton", "segmentButton"):
        press(connected, button, spin)
    return connected


def tick(panel: Any, number: int, *, done: bool = True) -> None:
    """Tick or untick a slice as a click on its box does."""
    from PySide6.QtCore import Qt

    rows = panel.ui.sliceList
    (item,) = [rows.item(row) for row in range(rows.count) if rows.item(row).text() == f"Slice {number}"]
    item.setCheckState(Qt.CheckState.Checked if done else Qt.CheckState.Unchecked)


def test_without_a_number_a_whole_study_is_asked_for(segmented: Any) -> None:
    assert segmented.ui.sliceCount.text == "all"
    assert not segmented.ui.slicesArea.visible
    assert not segmented.ui.wholeStudyCheckBox.visible
    assert segmented.ui.submitButton.text == "Submit label of glioma-01"


def test_without_a_red_view_the_slices_are_listed_all_the_same(connected: Any, spin: Spin) -> None:
    connected.ui.sliceCount.value = 3
    press(connected, "nextStudyButton", spin)
    assert state(connected) == "ready"
    assert connected.ui.sliceList.count == 3


def test_a_user_who_has_not_said_otherwise_is_asked_for_slices(
    scene: Any, backend: InProcessBackend, spin: Spin
) -> None:
    from harness.qt import QSettings
    from RadiogenomicsLib.panel import usersettings

    QSettings().clear()
    first = openAnother(backend)
    assert first.ui.sliceCount.value == usersettings.SLICES > 0
    first.ui.sliceCount.value = 0
    first.cleanup()
    second = openAnother(backend)
    assert second.ui.sliceCount.text == "all", "as it was left"
    second.cleanup()


def test_the_slices_are_listed_and_the_first_is_shown(withSlices: Any, redView: Any) -> None:
    rows = withSlices.ui.sliceList
    assert [rows.item(row).text() for row in range(rows.count)] == ["Slice 1", "Slice 3", "Slice 4"]
    assert distances(redView, withSlices.selection.firstVolume(), 1).max() < 1e-6


def test_a_click_on_a_slice_shows_it_also_when_it_is_clicked_again(withSlices: Any, redView: Any) -> None:
    rows, volume = withSlices.ui.sliceList, withSlices.selection.firstVolume()
    rows.currentRow = 1
    assert distances(redView, volume, 3).max() < 1e-6
    redView.SetSliceOffset(100.0)
    rows.itemClicked.emit(rows.item(1))
    assert distances(redView, volume, 3).max() < 1e-6


def test_without_a_red_view_it_says_so(withSlices: Any, redView: Any, scene: Any) -> None:
    redView.SetSingletonTag("Other")
    withSlices.ui.sliceList.currentRow = 2
    assert state(withSlices) == "error"
    assert "There is no red slice view" in withSlices.ui.statusLabel.text


def test_nothing_can_be_submitted_before_a_slice_is_ticked(withSlices: Any) -> None:
    assert not withSlices.ui.submitButton.enabled
    assert "Tick the slices that are done" in withSlices.ui.submitHint.text
    tick(withSlices, 3)
    assert withSlices.ui.submitButton.enabled
    assert withSlices.ui.submitButton.text == "Submit 1 slice of glioma-01"
    tick(withSlices, 3, done=False)
    assert not withSlices.ui.submitButton.enabled


def test_ticked_slices_are_saved_as_a_partial_label(
    withSlices: Any, backend: InProcessBackend, spin: Spin, tumourMask: OrientedImage
) -> None:
    paint(withSlices, paintOneSlice)
    tick(withSlices, 1)
    press(withSlices, "submitButton", spin)
    ((studyId, mask, notes, tag),) = backend.submitted
    assert (studyId, tag, notes["slices_done"]) == ("glioma-01", "partial", [1])
    assert (mask.array[1, 6:12, 8:15] == 1).all()
    assert "Slices of 'glioma-01' that are done and saved: 1." in withSlices.ui.statusLabel.text


def test_a_slice_without_lesion_can_be_submitted(withSlices: Any, backend: InProcessBackend, spin: Spin) -> None:
    paint(withSlices, lambda array: array.fill(0))
    tick(withSlices, 4)
    press(withSlices, "submitButton", spin)
    assert not backend.submitted[0][1].array.any()


def test_slices_saved_before_stay_as_they_were(
    withSlices: Any, backend: InProcessBackend, spin: Spin, tumourMask: OrientedImage
) -> None:
    tick(withSlices, 3)
    press(withSlices, "submitButton", spin)
    paint(withSlices, lambda array: array.fill(0))
    tick(withSlices, 3, done=False)
    tick(withSlices, 4)
    press(withSlices, "submitButton", spin)
    _, mask, notes, _ = backend.submitted[-1]
    assert notes["slices_done"] == [3, 4]
    assert np.array_equal(mask.array[3], tumourMask.array[3])
    assert tumourMask.array[3].any()
    assert not mask.array[4].any()


def test_a_study_that_is_wholly_done_is_submitted_as_final(
    withSlices: Any, backend: InProcessBackend, spin: Spin
) -> None:
    tick(withSlices, 3)
    withSlices.ui.wholeStudyCheckBox.click()
    assert withSlices.ui.submitButton.text == "Submit label of glioma-01"
    press(withSlices, "submitButton", spin)
    ((_, _, notes, tag),) = backend.submitted
    assert tag == "final"
    assert "slices_done" not in notes


def test_a_label_of_the_study_before_is_not_taken_for_a_whole_one(
    withSlices: Any, backend: InProcessBackend, spin: Spin
) -> None:
    backend.studyId = "glioma-02"
    withSlices.ui.sliceCount.value = 0
    press(withSlices, "nextStudyButton", spin)
    assert not withSlices.ui.slicesArea.visible, "the volumes are of the new study"
    assert not withSlices.ui.wholeStudyCheckBox.isHidden(), "the segmentation is of the one before"
    assert not withSlices.ui.submitButton.enabled


def test_a_server_that_names_no_slices_is_a_warning(
    connected: Any, backend: InProcessBackend, redView: Any, spin: Spin
) -> None:
    backend.slices = ()
    connected.ui.sliceCount.value = 3
    press(connected, "nextStudyButton", spin)
    assert state(connected) == "warning"
    assert "The server named no slices of it" in connected.ui.statusLabel.text


def test_a_saved_scene_remembers_the_slices_and_what_is_done(
    withSlices: Any, scene: Any, spin: Spin, tmp_path: Path
) -> None:
    tick(withSlices, 3)
    slicesAsked = withSlices.model.slicesAsked
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    scene.Clear(False)
    assert withSlices.model.slicesAsked == {}
    assert not withSlices.ui.slicesArea.visible
    scene.SetURL(str(tmp_path / "scene.mrb"))
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    spin(lambda: not withSlices.isLoading)
    assert withSlices.model.slicesAsked == slicesAsked
    assert withSlices.ui.sliceList.count == 3
    assert withSlices.ui.submitButton.text == "Submit 1 slice of glioma-01"


def test_a_scene_with_something_else_in_that_place_is_opened_all_the_same(panel: Any) -> None:
    for text in ("[1", "[1, 2]", '{"a": 1}', '{"a": [["x"], [], false]}'):
        panel.parameters.setText("slices", text)
        panel.restore()
        assert panel.model.slicesAsked == {}


# Server


@pytest.fixture(scope="module")
def server(application: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with a tiny model over two studies, of which ``downwards`` is stored from top to bottom."""
    from gliomics.study import Study, write_study_json
    from tests.server.servers import start_server
    from tests.server.studies import TINY, a_card, a_lesion_case, a_trained_state, add_model

    folder = tmp_path_factory.mktemp("slices")
    studies = folder / "studies"
    for name, affine in (("upwards", UPWARDS), ("downwards", DOWNWARDS)):
        (studies / name).mkdir(parents=True)
        array = a_lesion_case(3)[0]["flair"].array
        array = array if name == "upwards" else array[:, :, ::-1]
        path = studies / name / "flair.nii.gz"
        writeNifti(OrientedImage(np.ascontiguousarray(array.T), affine), path)
        write_study_json(path.parent, [Study(id=name, patient_id=name, folder=path.parent, sequences={"flair": path})])
    add_model(studies, a_card("segmentation_flair", TINY, ["flair"], []), a_trained_state(folder / "training"))
    server = start_server(studies)
    yield server
    server.stop()


@pytest.fixture
def session(panel: Any, server: Any, redView: Any, spin: Spin) -> Any:
    """The panel, connected to the server."""
    from RadiogenomicsLib.server.backends import ServerBackend

    panel.runner.backendFor = ServerBackend
    panel.ui.serverUrl.text = server.url
    press(panel, "connectButton", spin)
    return panel


def test_slices_that_the_server_asks_for_come_back_to_it_one_round_after_the_other(
    session: Any, server: Any, redView: Any, spin: Spin
) -> None:
    rows = session.ui.sliceList
    session.ui.strategySelector.setCurrentIndex(session.ui.strategySelector.findData("epistemic"))
    session.ui.sliceCount.value = 2
    saved: dict[str, dict[int, int]] = {"upwards": {}, "downwards": {}}
    for size in (2, 3, 4):
        press(session, "nextStudyButton", spin)
        study, volume = session.model.selection.studyId, session.selection.firstVolume()
        numbers = session.model.slicesOnDisplay.numbers
        assert len(numbers) == 2
        assert not set(numbers) & set(saved[study]), "slices that are done are not asked for again"
        press(session, "segmentButton", spin)
        for row, number in enumerate(numbers):
            rows.currentRow = row
            assert distances(redView, volume, number).max() < 1e-6

            def drawASquare(array: np.ndarray, number: int = number, size: int = size) -> None:
                array[number] = 0
                array[number, 5 : 5 + size, 5 : 5 + size] = 1

            paint(session, drawASquare)
            tick(session, number)
            saved[study][number] = size**2
        press(session, "submitButton", spin)
        info = server.client.label_info(study, "partial")
        assert info["slices_done"] == sorted(saved[study])
        label = np.asarray(nibabel.load(server.studies / "labels" / "partial" / f"{study}.nii.gz").dataobj)
        assert {number: int(label[:, :, number].sum()) for number in saved[study]} == saved[study]
    assert "0 labelled" in session.ui.serverStateLabel.text, "the studies are not labelled as a whole"
    assert any(len(numbers) > 2 for numbers in saved.values()), "a study came twice"


def test_where_a_strategy_names_no_slices_the_whole_study_is_drawn(session: Any, spin: Spin) -> None:
    session.ui.sliceCount.value = 2
    for name in ("first", "random", "subtype"):
        session.ui.strategySelector.setCurrentIndex(session.ui.strategySelector.findData(name))
        assert not session.ui.sliceCount.enabled
        assert "names no slices" in session.ui.sliceCount.toolTip
    press(session, "nextStudyButton", spin)
    assert session.ui.sliceList.count == 0
    session.ui.strategySelector.setCurrentIndex(session.ui.strategySelector.findData("hybrid"))
    assert session.ui.sliceCount.enabled


def test_every_strategy_has_a_title_of_its_own(session: Any) -> None:
    names = session.model.info.strategies
    titles = [session.ui.strategySelector.itemText(row) for row in range(session.ui.strategySelector.count)]
    assert len(titles) == len(names) >= 8
    assert not set(titles) & set(names)
