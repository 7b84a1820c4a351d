"""The first sessions in 3D Slicer, gone through from the pages' own words: what is named stands on the panel."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clicks import place, voxels
from harness import EXTENSION
from panels import Spin

from tests.sessions import PROJECT, Shell, plain, steps, walk

STUDIES = ("sample-02", "sample-04", "sample-05")


class PanelScreen:
    """The panel, as somebody sees it who has read of it: widgets are found by what stands on them."""

    def __init__(self, widget: Any, spin: Spin) -> None:
        self.frame, self.panel, self._spin = widget.parent, widget.panel, spin

    def show(self, url: str) -> None:
        raise AssertionError(f"nothing is started in 3D Slicer's sections, and {url} was")

    def press(self, name: str) -> None:
        button = self._button(name)
        try:
            self._spin(button.isEnabled, seconds=10)  # images that were just loaded are recognised a moment later
        except AssertionError as error:
            raise AssertionError(f"'{name}' stays grey: {button.toolTip}") from error
        button.click()
        self._idle()
        if name == "Add lesion":
            self._click_beside_the_lesion()

    def type(self, text: str, field: str) -> None:
        edit = self._named(field)
        edit.clear()
        edit.insert(text)

    def choose(self, option: str, field: str) -> None:
        selector = self._named(field)
        assert selector.findText(option) >= 0, option
        selector.setCurrentIndex(selector.findText(option))

    def sees(self, text: str) -> None:
        try:
            self._spin(lambda: text in self.seen(), seconds=60)
        except AssertionError as error:
            raise AssertionError(f"'{text}' is not among: {self.seen()}") from error

    def seen(self) -> str:
        texts = (str(widget.property("text") or "") for widget in self._visible())
        return plain(" ".join(html.unescape(re.sub("<[^>]+>", " ", text)) for text in texts))

    def _visible(self) -> list[Any]:
        from PySide6.QtWidgets import QWidget

        return [widget for widget in self.frame.findChildren(QWidget) if widget.isVisible()]

    def _button(self, name: str) -> Any:
        """The one that is called so, or so and more, as *Submit label of sample-02*."""
        from PySide6.QtWidgets import QAbstractButton

        buttons = [widget for widget in self._visible() if isinstance(widget, QAbstractButton)]
        texts = [(str(button.property("text")).replace("&", ""), button) for button in buttons]
        called = [button for text, button in texts if text == name] or [
            button for text, button in texts if text.startswith(f"{name} ")
        ]
        assert len(called) == 1, f"{name}: {sorted(text for text, _ in texts)}"
        return called[0]

    def _named(self, field: str) -> Any:
        """The widget whose label says so."""
        from PySide6.QtWidgets import QLabel

        labels = [widget for widget in self._visible() if isinstance(widget, QLabel) and widget.buddy() is not None]
        (label,) = (label for label in labels if label.property("text").replace("&", "").rstrip(":") == field)
        return label.buddy()

    def _idle(self) -> None:
        self._spin(lambda: not self.panel.model.running, seconds=120)
        assert self.panel.model.state.value != "error", self.panel.model.message

    def _click_beside_the_lesion(self) -> None:
        mask, given = voxels(self.panel), list(self.panel.correction._given)
        k = int(mask.sum(axis=(1, 2)).argmax())
        j = int(mask[k].any(axis=1).nonzero()[0].mean())
        place(self.panel, (int(mask[k, j].nonzero()[0].max()) + 3, j, k))
        self._spin(lambda: self.panel.correction._given != given and not self.panel.model.running, seconds=120)
        assert voxels(self.panel).sum() > mask.sum()


@pytest.fixture(scope="module")
def server(application: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server over some of the sample studies, as the browser's sections have left it running."""
    from tests.server.servers import start_server

    folder = tmp_path_factory.mktemp("sessions") / "practice"
    for name in STUDIES:
        shutil.copytree(PROJECT / "sample_studies" / name, folder / name)
    server = start_server(folder)
    server.client.next_sample("hybrid", budget_seconds=120)
    yield server
    server.stop()


@pytest.fixture
def widget(scene: Any) -> Iterator[Any]:
    """The module, which was just opened by somebody who has set nothing."""
    from harness.application import loadModule, openPanel, unload
    from harness.qt import QSettings

    QSettings().clear()

    module = loadModule(EXTENSION / "Radiogenomics.py")
    widget = openPanel(module)
    widget.parent.show()
    yield widget
    unload(module)


@pytest.mark.parametrize(("page", "least"), [("annotator.md", 8), ("radiologist.md", 5)])
def test_session_goes_as_its_page_says(
    page: str, least: int, widget: Any, server: Any, spin: Spin, tmp_path: Path
) -> None:
    """Where images of one's own are read, the panel's sample data stand for them."""
    if page == "radiologist.md":
        from harness import sampledata
        from RadiogenomicsLib import sampledata as sample

        sample.register(EXTENSION)
        sampledata.SampleDataLogic().downloadSamples("Glioma (synthetic)")
    shell = Shell(tmp_path)
    shell.url = server.url
    here = [step for step in steps(page) if "3D Slicer" in step.section]
    taken = walk(here, PanelScreen(widget, spin), shell)
    assert taken["press"] >= least
