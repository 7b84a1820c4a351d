"""Fixtures for the 3D Slicer extension; without ``slicer-core`` and PySide6 its tests are skipped."""

from __future__ import annotations

import gc
import importlib.metadata
import importlib.util
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grids import OBLIQUE
from harness import EXTENSION, i18n

HERE = Path(__file__).parent

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.append(str(EXTENSION))
i18n.install()


def _missing() -> str | None:
    """What the scene and the stand-ins lack on this machine; a system library such as libEGL may be it."""
    if importlib.util.find_spec("slicer_core") is None:
        return "slicer-core is not installed"
    try:
        importlib.import_module("PySide6.QtWidgets")
    except ImportError as error:
        return str(error)
    return None


MISSING = _missing()

SERVERS = {"server", "closedServer", "fragile", "largeServer", "slowServer", "realProgram"}
"""The fixtures that start a server process."""

WIDGETS = ["arrangement", "errors", "export", "habits", "history", "learning_words", "token"]
"""Files about the panel's widgets and words, which are Qt's, the same on both lines of 3D Slicer's libraries."""


def pytest_report_header() -> str:
    """Say which of 3D Slicer's libraries the tests run on."""
    return f"slicer-core: {MISSING or importlib.metadata.version('slicer-core')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs the scene where it cannot be made; every test that does asks for the fixture below.

    In the run on the other line of 3D Slicer's libraries, which ``SLICER_CORE`` names, tests without the scene are left
    out, those of widgets alone, and those with a server process: neither depends on these libraries.
    """
    if "SLICER_CORE" in os.environ:
        alike = [item for item in items if not _dependsOnLibraries(item)]
        config.hook.pytest_deselected(items=alike)
        items[:] = [item for item in items if item not in alike]
    if MISSING:
        for item in items:
            if HERE in item.path.parents and "application" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason=f"needs slicer-core and PySide6: {MISSING}"))


def _dependsOnLibraries(item: pytest.Item) -> bool:
    fixtures: Collection[str] = getattr(item, "fixturenames", ())
    return (
        "application" in fixtures
        and SERVERS.isdisjoint(fixtures)
        and item.path.stem.removeprefix("test_") not in WIDGETS
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Collect garbage only when a test with the scene is over, in the main thread.

    Widgets, timers and nodes of the test are in it. The collector runs in whichever thread asks for memory, and in the
    thread of a job, or of a server of any later test, it would delete them there. What a test leaves is in use, and is
    not looked through again.
    """
    if "application" not in getattr(item, "fixturenames", ()):
        return (yield)
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def application() -> Iterator[Any]:
    """The harness's application, started once; its settings, which Qt writes to the disk each time, lie in memory."""
    from harness.application import startApplication

    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield startApplication(Path(folder))


@pytest.fixture
def scene(application: Any) -> Iterator[Any]:
    """The scene, empty before and after the test; no setting and no dialog is left from another test.

    The user draws whole studies, unless a test says otherwise.
    """
    import slicer
    from harness.ctk import ctkMessageBox
    from harness.qt import QSettings, releaseTimers

    QSettings().clear()
    QSettings().setValue("Gliomics/SlicesToDraw", 0)
    ctkMessageBox.answers.clear()
    ctkMessageBox.shown.clear()
    _empty(slicer.mrmlScene)
    yield slicer.mrmlScene
    releaseTimers()
    _empty(slicer.mrmlScene)
    assert not ctkMessageBox.answers, "the test prepared an answer to a dialog that was not shown"


def _empty(scene: Any) -> None:
    """Remove everything but the default colours, which are singletons too."""
    import slicer
    import slicer.util

    scene.Clear(False)
    for node in slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode"):
        scene.RemoveNode(node)
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)  # otherwise made at some moment of the test


@pytest.fixture
def redView(scene: Any) -> Iterator[Any]:
    """The red slice view's node, as the application makes it with its layout."""
    from harness.scene import addRedView

    view = addRedView(scene)
    yield view
    scene.RemoveNode(view)


@pytest.fixture
def keptModules() -> Iterator[None]:
    """What a test reloads does not stay: other tests hold on to what was imported first."""
    modules = dict(sys.modules)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in ("RadiogenomicsLib", "gliomics")]:
        del sys.modules[name]
    sys.modules.update(modules)


@pytest.fixture
def logic(scene: Any) -> Any:
    """The panel's logic on an empty scene."""
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic

    return RadiogenomicsLogic()


@pytest.fixture
def flairImage() -> Any:
    """A small oblique image with a bright block where its tumour is."""
    from RadiogenomicsLib.server.volumes import OrientedImage

    array = np.random.default_rng(7).normal(100, 5, (6, 20, 24)).astype(np.float32)
    array[2:5, 6:12, 8:15] += 80
    return OrientedImage(array, OBLIQUE)


@pytest.fixture
def tumourMask(flairImage: Any) -> Any:
    """The bright block of ``flairImage``."""
    from RadiogenomicsLib.server.volumes import OrientedImage

    return OrientedImage((flairImage.array > 150).astype(np.uint8), flairImage.ijkToRas)


@pytest.fixture
def spin(application: Any) -> Callable[[Callable[[], bool]], None]:
    """Runs the event loop, with its timers, until a condition holds; fails after 20 seconds."""

    def spinUntil(condition: Callable[[], bool], seconds: float = 20.0) -> None:
        from PySide6.QtCore import QDeadlineTimer, QEventLoop

        deadline = QDeadlineTimer(int(1000 * seconds))
        while not condition():
            assert not deadline.hasExpired(), f"not within {seconds} s"
            application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            threading.Event().wait(0.002)

    return spinUntil


@pytest.fixture
def backend(flairImage: Any) -> Any:
    """A backend in this process with one study of two sequences."""
    from inprocess import InProcessBackend
    from RadiogenomicsLib.server.volumes import OrientedImage

    t1 = OrientedImage(200 - flairImage.array, flairImage.ijkToRas)
    return InProcessBackend({"flair": flairImage, "t1": t1})


@pytest.fixture
def panel(scene: Any, backend: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The panel over the empty scene and ``backend``, not connected yet; it waits less between looks than a user's."""
    from RadiogenomicsLib.panel import jobrunner, widget
    from RadiogenomicsLib.panel.sections import reading
    from RadiogenomicsLib.panel.uifiles import loadWidgets
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic
    from shiboken6 import delete

    monkeypatch.setattr(jobrunner, "POLL_MS", 4)
    monkeypatch.setattr(reading, "LIVE_MS", 100)
    widgets = loadWidgets(EXTENSION / "Resources" / "UI")
    panel = widget.RadiogenomicsPanel(widgets, RadiogenomicsLogic(), backend.forUrl)
    widgets.frame.show()
    yield panel
    panel.cleanup()
    delete(widgets.frame)


def _idle(panel: Any) -> Callable[[], bool]:
    return lambda: not panel.model.running


@pytest.fixture
def connected(panel: Any, spin: Callable[..., None]) -> Any:
    """The panel, connected to the backend."""
    panel.ui.connectButton.click()
    spin(_idle(panel))
    return panel


@pytest.fixture
def withStudy(connected: Any, spin: Callable[..., None]) -> Any:
    """The panel with the next study in the scene."""
    connected.ui.nextStudyButton.click()
    spin(_idle(connected))
    return connected


@pytest.fixture
def segmented(withStudy: Any, spin: Callable[..., None]) -> Any:
    """The panel with an automatic segmentation of the study."""
    withStudy.ui.segmentButton.click()
    spin(_idle(withStudy))
    return withStudy


@pytest.fixture
def computed(segmented: Any, spin: Callable[..., None]) -> Any:
    """The panel with features and an estimate of the segment."""
    segmented.ui.computeButton.click()
    spin(_idle(segmented))
    return segmented
