"""A scene that is saved and loaded again: real ``.mrb`` files, with the panel and its views as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inprocess import NETWORK, InProcessBackend
from layouts import SLICES, SURFACE, choose, reading
from panels import Spin, openAnother, paint, paintOneSlice, press, tree


@pytest.fixture
def computed(views: Any, backend: InProcessBackend, spin: Spin, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The panel with a reading, a map and the surface."""
    from dataclasses import replace

    analyse = backend.analyse
    monkeypatch.setattr(backend, "analyse", lambda *case: replace(analyse(*case), reading=reading()))
    press(views, "computeButton", spin)
    choose(views, SURFACE, spin)
    press(views, "probabilityButton", spin)
    views.ui.mapOpacitySlider.value = 70
    return views


def save(scene: Any, path: Path) -> None:
    """Save the scene as the application's dialog does: between two events."""
    scene.StartState(scene.SaveState)
    assert scene.WriteToMRB(str(path))
    scene.EndState(scene.SaveState)


def saveAndLoad(panel: Any, scene: Any, path: Path, spin: Spin) -> None:
    """Save the scene, close it, load the file, and wait until the panel shows it."""
    save(scene, path)
    scene.Clear(False)
    scene.SetURL(str(path))
    assert scene.ReadFromMRB(str(path))
    spin(lambda: not panel.isLoading)


def test_what_the_panel_showed_is_shown_again_marked_with_its_time(
    computed: Any, scene: Any, spin: Spin, tmp_path: Path
) -> None:
    before = computed.model.result.analysis.reading
    saveAndLoad(computed, scene, tmp_path / "scene.mrb", spin)
    result = computed.model.result
    assert result.analysis.reading == before
    assert computed.model.staleness == ""
    assert computed.ui.resultsRoom.text == "Reading: tumour of glioma-01"
    assert f"Read {result.readAt}, saved with the scene" in computed.ui.resultHeading.text
    assert sorted(computed.selection.volumes()) == ["flair", "t1", "t1c"]
    assert computed.parameters.reference("features").GetNumberOfRows() == 4
    computed.ui.computeButton.click()
    spin(lambda: not computed.model.running)
    assert computed.model.history.compared.reading == before, "what was saved can be compared with"


def test_the_layout_and_the_map_are_as_they_were(
    computed: Any, screen: Any, scene: Any, spin: Spin, tmp_path: Path
) -> None:
    saveAndLoad(computed, scene, tmp_path / "scene.mrb", spin)
    spin(lambda: not computed.views._settleTimer.isActive())
    assert computed.ui.layoutSelector.currentText == SURFACE
    assert screen.tags() == [*SLICES, "GliomicsSurface"]
    assert computed.ui.probabilityButton.checked
    assert computed.ui.mapOpacitySlider.value == 70
    volumes = computed.selection.volumes()
    assert screen.composite("GliomicsFLAIR").GetBackgroundVolumeID() == volumes["flair"].GetID()
    assert screen.composite("GliomicsFLAIR").GetForegroundOpacity() == pytest.approx(0.7)
    folder = tree(scene)["glioma-01"]
    assert {"glioma-01 FLAIR", "glioma-01 segmentation_flair", "Radiomics features: glioma-01 tumour"} <= set(folder)


def test_what_speaks_for_an_estimate_is_shown_again_in_its_colours(
    computed: Any, scene: Any, spin: Spin, tmp_path: Path, backend: InProcessBackend
) -> None:
    backend.networks = (NETWORK,)
    press(computed, "connectButton", spin)
    press(computed, "evidenceButton", spin)
    text = computed.ui.evidenceText.text
    saveAndLoad(computed, scene, tmp_path / "scene.mrb", spin)
    assert computed.ui.evidenceButton.checked
    assert computed.ui.evidenceText.text == text
    display = computed.parameters.reference("map").GetDisplayNode()
    assert display.GetColorNode().GetNumberOfColors() == 255
    assert display.GetColorNode().GetLookupTable().GetTableValue(254)[:3] == pytest.approx(
        (0.498, 0.231, 0.031), abs=0.01
    )
    another = openAnother(backend)
    assert another.parameters.reference("map") is not None and not another.ui.evidenceText.isHidden(), (
        "without a server"
    )
    paint(another, paintOneSlice)
    assert another.ui.evidenceText.isHidden()
    another.cleanup()


def test_a_saved_scene_has_a_layout_that_3d_slicer_knows_without_this_module(
    computed: Any, screen: Any, scene: Any, tmp_path: Path
) -> None:
    import slicer

    node, path = slicer.mrmlScene.GetSingletonNode("vtkMRMLLayoutNode", "vtkMRMLLayoutNode"), tmp_path / "scene.mrml"
    own = computed.parameters.text("layoutBefore")
    assert node.IsLayoutDescription(int(own)) and int(own) < 100, "one of 3D Slicer's"
    changes: list[str] = []
    tag = node.AddObserver("ModifiedEvent", lambda *_: changes.append(""))
    before = node.GetCurrentLayoutDescription()
    scene.SetURL(str(path))
    scene.StartState(scene.SaveState)
    assert scene.Commit()
    scene.EndState(scene.SaveState)
    node.RemoveObserver(tag)
    assert f'currentViewArrangement="{own}"' in path.read_text()
    assert (changes, node.GetCurrentLayoutDescription()) == ([], before), "the views do not flicker"
    assert screen.tags() == [*SLICES, "GliomicsSurface"]
    assert computed.ui.layoutSelector.currentText == SURFACE


def test_a_reading_that_was_out_of_date_is_so_again(computed: Any, scene: Any, spin: Spin, tmp_path: Path) -> None:
    paint(computed, paintOneSlice)
    assert computed.model.staleness
    saveAndLoad(computed, scene, tmp_path / "scene.mrb", spin)
    assert "has changed since" in computed.model.staleness


def test_a_panel_that_is_opened_on_the_scene_shows_the_reading(
    computed: Any, scene: Any, spin: Spin, tmp_path: Path, backend: InProcessBackend
) -> None:
    saveAndLoad(computed, scene, tmp_path / "scene.mrb", spin)
    another = openAnother(backend)
    assert another.model.result.analysis.reading == reading()
    assert another.ui.probabilityButton.checked, "also without a server"
    another.cleanup()


def test_the_scene_has_no_address_of_a_server(computed: Any, scene: Any, tmp_path: Path) -> None:
    computed.runner.backend()
    assert computed.model.connectedUrl.startswith("http")
    node = computed.parameters.node
    values = [node.GetParameter(name) for name in node.GetParameterNames()]
    assert values
    assert not [value for value in values if "http" in value]


def test_a_text_that_is_no_reading_is_left_alone(computed: Any, scene: Any, tmp_path: Path) -> None:
    for text in ("not json", "{}", '{"reading": 3, "volumes": {}, "readAt": ""}'):
        computed.model.result = None
        computed.keptResult.hold()
        computed.parameters.setText("reading", text)
        computed.keptResult.restore(computed.parameters)
        assert computed.model.result is None


def test_a_closed_scene_forgets_the_reading(computed: Any, scene: Any) -> None:
    scene.Clear(False)
    assert computed.model.result is None
    assert computed.parameters.text("reading") == ""
