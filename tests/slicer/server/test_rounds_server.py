"""Strokes, boxes, saved labels and *Submit and next*, against a real server with tiny networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clicks import voxels, worldAt
from panels import Spin, paint, press
from RadiogenomicsLib.server.volumes import OrientedImage

STUDIES = {"case-2": 2, "case-5": 5, "case-8": 8}


@pytest.fixture(scope="module")
def server(application: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with a model that segments and one that corrects, over three small studies."""
    from tests.server.servers import start_server
    from tests.server.studies import CORRECTING, a_card, a_trained_correction_state, add_model, add_study

    studies = tmp_path_factory.mktemp("rounds") / "studies"
    for name, seed in STUDIES.items():
        add_study(studies, name, seed)
    card = a_card("correction", CORRECTING, ["flair"], []).model_copy(update={"task": "refinement"})
    add_model(studies, card, a_trained_correction_state())
    server = start_server(studies)
    yield server
    server.stop()


@pytest.fixture
def connected(panel: Any, server: Any, spin: Spin) -> Any:
    """The panel, with a study of the server and an empty segment drawn on it."""
    from RadiogenomicsLib.server.backends import ServerBackend

    panel.runner.backendFor = ServerBackend
    panel.ui.serverUrl.text = server.url
    for button in ("connectButton", "nextStudyButton"):
        press(panel, button, spin)
    return panel


def drawOn(panel: Any, scene: Any) -> np.ndarray:
    """Choose a new, empty segment on the study's volume; returns the study's true lesion, [k, j, i]."""
    from tests.server.studies import a_lesion_case

    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(panel.selection.firstVolume())
    segmentation.GetSegmentation().AddEmptySegment("", "tumour")
    panel.selection.chooseSegmentation(segmentation)
    return np.ascontiguousarray(a_lesion_case(STUDIES[panel.model.selection.studyId])[1].array.T)


def say(panel: Any, tool: str, places: list[tuple[float, float, float]], *, lesion: bool, spin: Spin) -> None:
    """What a stroke or a box tells the panel, by the voxels under it."""
    volume = panel.selection.firstVolume()
    positions = [worldAt(volume, place) for place in places]
    panel.correction._onDrawn(tool, lesion, positions, lambda: None)
    spin(lambda: not panel.correction._waiting and not panel.model.running, seconds=60)
    assert panel.model.state.value != "error", panel.model.message


def test_a_stroke_becomes_the_lesion_and_one_beside_it_takes_some_away(connected: Any, scene: Any, spin: Spin) -> None:
    from gliomics.evaluation import dice

    truth = drawOn(connected, scene)
    j, i = np.argwhere(truth[3]).mean(axis=0).round().astype(int).tolist()
    say(connected, "Stroke", [(i - 2, j, 3), (i + 2, j, 3)], lesion=True, spin=spin)
    first = voxels(connected)
    assert first[3, j, i - 2 : i + 3].all()
    assert dice(first[3], truth[3]) > 0.6
    say(connected, "Stroke", [(i - 2, j + 2, 3), (i + 2, j + 2, 3)], lesion=False, spin=spin)
    second = voxels(connected)
    assert not second[3, j + 2, i - 2 : i + 3].any()
    assert second[3, j, i - 2 : i + 3].all(), "the first stroke holds"
    connected.ui.segmentEditor.undo()
    assert np.array_equal(voxels(connected), first)


def test_a_box_adds_the_lesion_in_it_alone_and_empties_another(connected: Any, scene: Any, spin: Spin) -> None:
    from gliomics.evaluation import dice

    truth = drawOn(connected, scene)
    lesion = np.argwhere(truth)[:, ::-1]
    margin = np.array([2, 2, 0])
    first, second = lesion.min(axis=0) - margin, lesion.max(axis=0) + margin
    say(connected, "Box", [tuple(first.tolist()), tuple(second.tolist())], lesion=True, spin=spin)
    filled = voxels(connected)
    assert dice(filled, truth) > 0.6
    found = np.argwhere(filled)[:, ::-1]
    assert (found >= first).all()
    assert (found <= second).all()
    middle = ((first + second) // 2).tolist()
    say(connected, "Box", [tuple(middle), tuple(second.tolist())], lesion=False, spin=spin)
    i, j, k = middle
    expected = filled.copy()
    expected[k : second[2] + 1, j : second[1] + 1, i : second[0] + 1] = 0
    assert np.array_equal(voxels(connected), expected)


def test_labels_of_several_annotators_are_loaded_and_continued_and_none_is_lost(
    connected: Any, server: Any, scene: Any, spin: Spin, tmp_path: Path
) -> None:
    from RadiogenomicsLib.server.volumes import writeNifti

    truth, study = drawOn(connected, scene), connected.model.selection.studyId
    grid = connected.logic.volume(connected.selection.firstVolume()).ijkToRas
    for tag, array in (("final", truth), ("ben", np.roll(truth, 3, axis=2))):
        writeNifti(OrientedImage(array.astype(np.uint8), grid), tmp_path / f"{tag}.nii.gz")
        server.client.save_label(study, tmp_path / f"{tag}.nii.gz", tag=tag, params={"segments": {"glioma": 1}})
    server.client.review_label(study, "returned", "too far to the front", tag="ben")
    before = server.client.label_history(study)
    press(connected, "findLabelsButton", spin)
    selector = connected.ui.savedLabelSelector
    titles = [selector.itemText(row) for row in range(selector.count)]
    (row,) = [row for row, title in enumerate(titles) if title.startswith("ben, version 1, tester")]
    assert titles[row].endswith("returned: too far to the front")
    selector.setCurrentIndex(row)
    press(connected, "loadLabelButton", spin)
    assert connected.model.selection.segment == "glioma"
    assert np.array_equal(voxels(connected), np.roll(truth, 3, axis=2))

    def repair(array: np.ndarray) -> None:
        array[...] = truth

    paint(connected, repair)
    press(connected, "submitButton", spin)
    after = server.client.label_history(study)
    assert len(after) == len(before) + 1
    assert after[-1]["info"]["started_from"] == "ben, version 1"
    assert after[-1]["voxels"] == {"1": int(truth.sum())}
    assert f"Version {len(before)}" in connected.model.message
    assert server.client.labels(study)[0]["version"] is not None
    assert [version["version"] for version in server.client.label_history(study, "ben")] == [1]


def test_submit_and_next_brings_the_other_study_with_its_automatic_mask(
    connected: Any, server: Any, scene: Any, spin: Spin
) -> None:
    truth, study = drawOn(connected, scene), connected.model.selection.studyId
    paint(connected, lambda array: np.copyto(array, truth))
    connected.ui.submitNextButton.click()
    spin(lambda: connected.labelling._round is None and not connected.model.running, seconds=120)
    assert server.client.label_history(study)[-1]["info"]["segments"] == {"tumour": 1}
    assert f"The label of '{study}' was saved" in connected.model.message
    assert connected.model.selection.studyId in STUDIES.keys() - {study}
    assert connected.model.selection.labelStudyId == connected.model.selection.studyId
    assert "was added" in connected.model.message
