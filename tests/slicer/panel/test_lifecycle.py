"""The panel comes, goes and is reloaded: what is left of it reacts to nothing and keeps nothing alive."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clicks import isPlacing
from harness import EXTENSION
from inprocess import InProcessBackend
from panels import Spin, addVolume, jobThreads, paint, paintOneSlice, press
from RadiogenomicsLib.server.volumes import OrientedImage

import gliomics

MODULE = EXTENSION / "Radiogenomics.py"


@pytest.fixture
def module(scene: Any) -> Iterator[Any]:
    from harness.application import loadModule, unload

    module = loadModule(MODULE)
    yield module
    unload(module)


def changeEverything(panel: Any, image: OrientedImage, scene: Any) -> None:
    """Do to a panel's widgets and to the scene what makes a panel that lives react."""
    volume = addVolume("case9 t1", image)
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.GetSegmentation().AddEmptySegment("a", "a")
    ui = panel.ui
    for selector, node in ((ui.t1Selector, volume), (ui.segmentSelector, segmentation)):
        selector.setMRMLScene(scene)
        selector.setCurrentNode(node)
        assert selector.currentNode() is node
    ui.serverUrl.text = "http://somewhere.example"
    ui.liveCheckBox.checked = not ui.liveCheckBox.checked
    ui.tokenEdit.text = "token"
    for selector in (ui.t1Selector, ui.segmentSelector):
        selector.setMRMLScene(None)


# Cleaning up


def test_a_cleaned_up_panel_reacts_to_nothing(computed: Any, scene: Any, flairImage: OrientedImage, spin: Spin) -> None:
    parameters = computed.parameters.node
    computed.cleanup()
    selection, time, message = computed.model.selection, parameters.GetMTime(), computed.ui.statusLabel.text
    changeEverything(computed, flairImage, scene)
    for button in ("connectButton", "segmentButton", "computeButton", "nextStudyButton", "addLesionButton"):
        getattr(computed.ui, button).enabled = True
        getattr(computed.ui, button).click()
    spin(lambda: True)
    assert parameters.GetMTime() == time
    scene.Clear(False)
    assert computed.model.selection == selection
    assert computed.ui.statusLabel.text == message
    assert jobThreads() == []


def test_a_living_panel_reacts_to_that(computed: Any, scene: Any, flairImage: OrientedImage) -> None:
    selection, time = computed.model.selection, computed.parameters.node.GetMTime()
    changeEverything(computed, flairImage, scene)
    assert computed.model.selection != selection
    assert computed.parameters.node.GetMTime() > time


def test_a_cleaned_up_panel_observes_nothing_and_is_off_the_scene(computed: Any) -> None:
    clicks, strokes, boxes = computed.correction._tools.values()
    computed.cleanup()
    subscriptions = [computed.subscriptions, computed._segmentationEvents, computed.editor._nodeEvents, strokes._events]
    for placement in (clicks, boxes):
        subscriptions += [placement.subscriptions, *placement._nodeEvents.values()]
    assert [each.slots for each in subscriptions] == [[]] * 10
    assert computed.ui.segmentEditor.mrmlSegmentEditorNode() is None
    assert computed.ui.flairSelector.mrmlScene() is None
    assert computed.ui.segmentSelector.mrmlScene() is None


def test_cleanup_ends_the_work_that_is_under_way(withStudy: Any, backend: InProcessBackend, spin: Spin) -> None:
    backend.gate.clear()
    calls = backend.calls
    withStudy.ui.segmentButton.click()
    spin(lambda: backend.calls > calls)
    withStudy.cleanup()
    assert jobThreads() == []


def test_cleanup_may_be_called_again_and_after_qt_has_deleted_the_widgets(
    scene: Any, backend: InProcessBackend
) -> None:
    from RadiogenomicsLib.panel.uifiles import loadWidgets
    from RadiogenomicsLib.panel.widget import RadiogenomicsPanel
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic
    from shiboken6 import delete

    widgets = loadWidgets(EXTENSION / "Resources" / "UI")
    panel = RadiogenomicsPanel(widgets, RadiogenomicsLogic(), backend.forUrl)
    delete(widgets.frame)
    panel.cleanup()
    panel.cleanup()


# Nodes that go


def deletions(node: Any) -> list[bool]:
    """A list that gets an entry when the node's memory is freed."""
    events: list[bool] = []
    node.AddObserver("DeleteEvent", lambda *_: events.append(True))
    return events


def test_a_removed_segmentation_is_deletions(computed: Any, scene: Any) -> None:
    deletionsOfNode = deletions(computed.selection.segmentation())
    deletionsOfVoxels = deletions(computed.selection.segmentation().GetSegmentation())
    scene.RemoveNode(computed.selection.segmentation())
    assert (deletionsOfNode, deletionsOfVoxels) == ([True], [True])


def test_segmentations_that_were_chosen_once_are_freed_with_the_scene(segmented: Any, spin: Spin, scene: Any) -> None:
    events = []
    for _ in range(3):
        events.append(deletions(segmented.selection.segmentation().GetSegmentation()))
        press(segmented, "segmentButton", spin)
    scene.Clear(False)
    assert events == [[True]] * 3


# Choosing another module


def test_leaving_the_module_gives_the_mouse_back(module: Any, backend: InProcessBackend, spin: Spin) -> None:
    import slicer
    from harness.application import openPanel

    panel = openPanel(module).panel
    panel.runner.backendFor = backend.forUrl
    backend.corrects = True
    for button in ("connectButton", "nextStudyButton", "segmentButton"):
        press(panel, button, spin)
    panel.ui.addLesionButton.click()
    assert isPlacing()
    slicer.modules.radiogenomics.widgetRepresentation().exit()
    assert not isPlacing()
    assert not panel.ui.addLesionButton.checked


def test_entering_the_module_shows_the_scene_as_it_is(module: Any, flairImage: OrientedImage) -> None:
    import slicer
    from harness.application import openPanel

    panel = openPanel(module).panel
    volume = addVolume("mine", flairImage)
    panel.ui.flairSelector.setCurrentNode(volume)
    panel.model.selection = type(panel.model.selection)()
    slicer.modules.radiogenomics.widgetRepresentation().enter()
    assert panel.model.selection.volumes["flair"].name == "mine"


def test_the_module_s_widget_works_without_a_parent(module: Any) -> None:
    widget = module.RadiogenomicsWidget()
    assert widget.panel.model.state.value == "no server"
    panel = widget.panel
    widget.cleanup()
    assert panel.subscriptions.slots == []


# Reloading


@pytest.fixture
def developer(scene: Any) -> None:
    import qt

    qt.QSettings().setValue("Developer/DeveloperMode", True)


@pytest.mark.usefixtures("keptModules", "developer")
def test_reload_replaces_the_panel_and_the_old_one_is_dead(module: Any, scene: Any, flairImage: OrientedImage) -> None:
    import slicer
    from harness.application import openPanel

    old = openPanel(module)
    oldPanel = old.panel
    old.reloadButton.click()
    new = slicer.modules.RadiogenomicsWidget
    assert new is not old
    assert new.panel is not oldPanel
    assert oldPanel.subscriptions.slots == []
    selection = oldPanel.model.selection
    new.panel.ui.flairSelector.setCurrentNode(addVolume("mine", flairImage))
    changeEverything(oldPanel, flairImage, scene)
    assert oldPanel.model.selection == selection
    assert new.panel.model.selection.volumes["flair"].name == "mine"
    new.cleanup()


@pytest.mark.usefixtures("keptModules", "developer")
def test_reload_reads_the_panel_s_files_and_the_library_anew(module: Any) -> None:
    import slicer
    from harness.application import openPanel

    old = openPanel(module)
    names = [
        "RadiogenomicsLib.panel.widget",
        "RadiogenomicsLib.panel.viewmodel",
        "gliomics.client.transport",
        "gliomics.records",
    ]
    before = {name: sys.modules[name] for name in names}
    old.reloadButton.click()
    assert [name for name in names if sys.modules[name] is before[name]] == []
    assert (
        type(slicer.modules.RadiogenomicsWidget.panel)
        is sys.modules["RadiogenomicsLib.panel.widget"].RadiogenomicsPanel
    )
    slicer.modules.RadiogenomicsWidget.cleanup()


@pytest.fixture
def workingCopy(scene: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module's folder as a developer has it, with the library beside it, and imported from there."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "slicer_extension" / "Radiogenomics"
    shutil.copytree(EXTENSION, folder)
    for name in (
        "errors",
        "files",
        "notebook",
        "packages",
        "records",
        "version",
        "client",
        "reading",
        "sequences",
        "__init__",
    ):
        source = Path(gliomics.__file__).with_name(name)
        target = folder / "gliomics" / name
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(source.with_suffix(".py"), target.with_suffix(".py"))
    return folder


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.usefixtures("keptModules", "developer")
def test_after_reload_changed_files_count_and_nothing_is_connected_twice(workingCopy: Path) -> None:
    import slicer
    from harness.application import loadModule, openPanel, unload

    module = loadModule(workingCopy / "Radiogenomics.py")
    first = openPanel(module)
    first.reloadButton.click()  # from here on everything is of the working copy
    before = slicer.modules.RadiogenomicsWidget.panel
    slots = len(before.subscriptions.slots)
    rewrite(workingCopy / "RadiogenomicsLib" / "panel" / "viewmodel.py", '"Not connected"', '"On its own"')
    rewrite(workingCopy / "gliomics" / "version.py", "__version__ =", '__version__ = "7.7.7"  #')
    slicer.modules.RadiogenomicsWidget.onReload()
    after = slicer.modules.RadiogenomicsWidget.panel
    assert after is not before
    assert after.model.serverLine == "On its own"
    assert sys.modules["RadiogenomicsLib.server.localserver"].__version__ == "7.7.7"
    assert len(after.subscriptions.slots) == slots
    assert before.subscriptions.slots == []
    unload(sys.modules["Radiogenomics"])


@pytest.mark.usefixtures("keptModules", "developer")
def test_a_mistake_in_a_file_is_mended_and_reloaded(workingCopy: Path) -> None:
    import slicer
    from harness.application import loadModule, openPanel, unload

    openPanel(loadModule(workingCopy / "Radiogenomics.py")).reloadButton.click()
    path = workingCopy / "RadiogenomicsLib" / "panel" / "viewmodel.py"
    old = slicer.modules.RadiogenomicsWidget.panel
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "(", encoding="utf-8")
    with pytest.raises(SyntaxError):
        slicer.modules.RadiogenomicsWidget.onReload()
    assert old.subscriptions.slots == []
    path.write_text(text, encoding="utf-8")
    slicer.modules.RadiogenomicsWidget.onReload()
    panel = slicer.modules.RadiogenomicsWidget.panel
    assert panel is not old
    assert panel.model.serverLine == "Not connected"
    unload(sys.modules["Radiogenomics"])


# An application that is too old


def test_python_3_9_gets_a_sentence_instead_of_the_panel(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import qt
    from harness.application import openPanel

    monkeypatch.setattr(module.sys, "version_info", (3, 9, 10, "final", 0))
    monkeypatch.setattr("slicer.app.applicationVersion", "5.8.1-2025-03-02")
    widget = openPanel(module)
    assert widget.panel is None
    (label,) = widget.parent.findChildren(qt.QLabel)
    assert label.text == (
        "The Radiogenomics panel needs 3D Slicer 5.10 or newer; this is 3D Slicer 5.8.1-2025-03-02 with Python 3.9."
    )


def test_the_module_file_is_read_by_python_3_9() -> None:
    import ast

    ast.parse(MODULE.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_the_module_file_changes_nothing_when_it_is_imported(scene: Any) -> None:
    import importlib.util

    path = list(sys.path)
    specification = importlib.util.spec_from_file_location("aModule", MODULE)
    specification.loader.exec_module(importlib.util.module_from_spec(specification))
    assert sys.path == path


# What is shown


def test_nothing_is_styled_or_written_anew_while_nothing_changes(
    computed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import qt

    writes: list[str] = []
    for widget in (qt.QLabel, qt.QPushButton, qt.QWidget):
        monkeypatch.setattr(widget, "__setattr__", lambda self, name, value: writes.append(name))
    computed.refresh()
    assert writes == []


def test_an_edit_writes_the_status_but_not_the_estimates(computed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from RadiogenomicsLib.panel.view import results

    built: list[Any] = []
    monkeypatch.setattr(results, "estimateHtml", lambda estimate, colours: built.append(estimate) or "")
    paint(computed, paintOneSlice)
    assert "out of date" in computed.ui.resultHeading.text
    assert built == []
