"""Render the panel in each of its states to PNG files, outside 3D Slicer.

    PYTHONPATH=lib:. .venv/bin/python tests/slicer/render_panel.py docs/images

goes through a session on a copy of the sample studies with a real server and saves the documentation's pictures: light,
400 pixels wide, and one of a dark style. ``--all`` saves every state, light and dark, 400 and 600 pixels wide.
``--parts`` reads all parts of one study's tumour instead, and saves the picture of that.
``--in-process`` uses the tests' backend instead, which needs no model but shows made-up estimates.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import numpy as np  # noqa: E402
from harness import EXTENSION, i18n  # noqa: E402
from PIL import Image  # noqa: E402
from PySide6.QtGui import QColor, QPalette  # noqa: E402
from PySide6.QtWidgets import QToolButton  # noqa: E402

sys.path.insert(0, str(EXTENSION))
i18n.install()

WIDTHS = (400, 600)
COLOURS = 128
DOCUMENTED = {
    *((name, "light", 400) for name in ("no_server", "local_server", "connecting", "ready", "annotate_study")),
    *((name, "light", 400) for name in ("slices", "correcting")),
    *(
        (name, "light", 400)
        for name in (
            "running",
            "result",
            "explained",
            "key_features",
            "change",
            "exported",
            "warning",
            "error",
            "patient",
        )
    ),
    *((name, "light", 400) for name in ("manage_training", "manage_verdict", "manage_leases")),
    ("result", "dark", 400),
    ("all_parts", "light", 400),
    ("review_disagreement", "light", 400),
}
SCORING_SECONDS = 180
"""The server names slices when its model has scored the studies."""
DARK = {
    "Window": "#2b2b2b",
    "WindowText": "#e6e6e6",
    "Base": "#1f1f1f",
    "AlternateBase": "#2b2b2b",
    "Text": "#e6e6e6",
    "Button": "#3a3a3a",
    "ButtonText": "#e6e6e6",
    "ToolTipBase": "#3a3a3a",
    "ToolTipText": "#e6e6e6",
    "PlaceholderText": "#a0a0a0",
    "Highlight": "#3d8ee0",
    "HighlightedText": "#ffffff",
}
"""A dark style's palette, as 3D Slicer's *Dark Slicer* has it: near-black windows with light text."""


class Session:
    """One panel and the pictures taken of it."""

    def __init__(self, folder: Path, out: Path, forUrl: Callable[..., Any], *, everything: bool) -> None:
        import slicer.util
        from harness.application import startApplication
        from harness.scene import addRedView

        self.folder = folder
        self.application = startApplication(folder)
        addRedView(slicer.mrmlScene)
        from RadiogenomicsLib.panel.uifiles import loadWidgets
        from RadiogenomicsLib.panel.widget import RadiogenomicsPanel
        from RadiogenomicsLib.scene.logic import RadiogenomicsLogic

        widgets = loadWidgets(EXTENSION / "Resources" / "UI")
        self.widget = widgets.frame
        self.panel = RadiogenomicsPanel(widgets, RadiogenomicsLogic(), forUrl)
        self.out, self.everything = out, everything
        self.application.setStyle("Fusion")
        self.palettes = {"light": QPalette(self.application.palette()), "dark": _darkPalette()}
        self.widget.show()

    def picture(self, name: str) -> None:
        """Save the panel as it looks now, in the styles and widths that are wanted of this state."""
        for style, palette in self.palettes.items():
            for width in WIDTHS:
                isChosen = (name, style, width) in DOCUMENTED
                if self.everything or isChosen:
                    self.application.setPalette(palette)
                    self.application.processEvents()
                    suffix = "" if isChosen and style == "light" else f"_{style}"
                    self._save(name + (f"_{style}_{width}" if self.everything else suffix), width)
        self.application.setPalette(self.palettes["light"])
        self.application.processEvents()
        self.panel.refresh()

    def _save(self, name: str, width: int) -> None:
        for _ in range(8):  # labels find their height when the width is known, and the panel its own after them
            self.panel.refresh()
            self.application.processEvents()
            self.widget.resize(width, self.widget.layout().totalHeightForWidth(width))
        path = self.out / f"panel_{name}.png"
        self.widget.grab().save(str(path))
        Image.open(path).convert("RGB").quantize(COLOURS).save(path, optimize=True)
        sys.stderr.write(f"{path}: {self.panel.model.state.value}, {self.widget.height} pixels high\n")

    def press(self, name: str, *, wait: bool = True) -> None:
        """Press a button, and wait until its work is done; else the work gets one turn before the next press."""
        getattr(self.panel.ui, name).click()
        timer = self.panel.runner._pollTimer
        if not wait:
            self.panel.runner.poll()
            timer.stop()
            return
        timer.start()
        while self.panel.model.running:
            self.application.processEvents()
            threading.Event().wait(0.01)
        if self.panel.model.state.value == "error":
            raise RuntimeError(self.panel.model.message)

    def askForSlices(self) -> None:
        """Take three slices of a study, draw, and tick the first."""
        from PySide6.QtCore import Qt

        strategies = self.panel.ui.strategySelector
        strategies.setCurrentIndex(max(strategies.findData("epistemic"), 0))
        self.panel.ui.sliceCount.value = 3
        end = time.monotonic() + SCORING_SECONDS
        while not self.panel.model.slicesOnDisplay.numbers:
            if time.monotonic() > end:
                raise RuntimeError(f"no slices were named within {SCORING_SECONDS} s: {self.panel.model.reason}")
            self.press("nextStudyButton")
        self.press("segmentButton")
        self.panel.ui.sliceList.item(0).setCheckState(Qt.CheckState.Checked)

    def takeAWholeStudy(self) -> None:
        """Go on with a study at random, without a segmentation."""
        self.panel.selection.chooseSegmentation(None)
        self.panel.ui.strategySelector.setCurrentIndex(self.panel.ui.strategySelector.findData("random"))
        self.panel.ui.sliceCount.value = 0
        self.press("nextStudyButton")

    def clickOnce(self) -> None:
        """Place a point a little outside of the segment, as a click in a slice view does."""
        import slicer.util

        self.panel.ui.addLesionButton.click()
        selected = slicer.app.applicationLogic().GetSelectionNode()
        points = slicer.mrmlScene.GetNodeByID(selected.GetActivePlaceNodeID())
        points.AddControlPoint(*self._besideTheSegment(4))
        while not self.panel.model.hasUndo:
            self.application.processEvents()

    def describePatient(self) -> None:
        """Give an age, and the shares of one model's classes, and wait for the estimates that follow."""
        self.panel.ui.patientRoom.collapsed = False
        self.panel.ui.ageEdit.insert("54")
        self.panel.ui.prevalenceButton.click()
        self.panel.patient._shares[0].field.value = 60
        while self.panel.model.running or self.panel.model.staleness:
            self.application.processEvents()
            threading.Event().wait(0.01)

    def export(self) -> None:
        """Write the segment as an Excel file and a report, with all other sections folded."""
        for name in ("results", "views", "refine"):
            getattr(self.panel.ui, f"{name}Room").collapsed = True
        self.panel.ui.exportRoom.collapsed = False
        folder = self.folder / "results"
        folder.mkdir()
        self.panel.ui.exportFolderEdit.text = str(folder)
        self.press("exportButton")

    def _besideTheSegment(self, voxels: int) -> list[float]:
        """A place (RAS) so many voxels beyond the segment's edge, in the slice where it is largest."""
        import slicer.util
        import vtk

        volume = self.panel.selection.firstVolume()
        array = slicer.util.arrayFromSegmentBinaryLabelmap(
            self.panel.selection.segmentation(), self.panel.selection.segmentId(), volume
        )
        k = int((array > 0).sum(axis=(1, 2)).argmax())
        rows, columns = np.nonzero(array[k])
        j = int(np.median(rows))
        i = int(columns[rows == j].max()) + voxels
        matrix = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        return list(matrix.MultiplyPoint((i, j, k, 1.0))[:3])

    def edit(self) -> None:
        """Enlarge the segment by a voxel in the plane, as an annotator might."""
        import slicer.util

        segmentation, segmentId = self.panel.selection.segmentation(), self.panel.selection.segmentId()
        reference = self.panel.selection.firstVolume()
        array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, reference) > 0
        array |= np.roll(array, 1, axis=1)
        slicer.util.updateSegmentBinaryLabelmapFromArray(array.astype(np.uint8), segmentation, segmentId, reference)


def exampleBackend() -> Any:
    """The tests' backend with one study of four noisy sequences."""
    from inprocess import InProcessBackend
    from RadiogenomicsLib.server.volumes import OrientedImage

    array = np.random.default_rng(7).normal(100, 5, (6, 40, 48)).astype(np.float32)
    array[2:5, 12:24, 16:30] += 80
    image = OrientedImage(array, np.diag([1.0, 1.0, 5.0, 1.0]))
    backend = InProcessBackend({name: image for name in ("flair", "t1", "t1c", "t2")})
    backend.corrects = True
    return backend


def _darkPalette() -> QPalette:
    palette = QPalette()
    for role, colour in DARK.items():
        palette.setColor(getattr(QPalette.ColorRole, role), QColor(colour))
    for role in ("Text", "ButtonText", "WindowText"):
        palette.setColor(QPalette.ColorGroup.Disabled, getattr(QPalette.ColorRole, role), QColor("#8a8a8a"))
    return palette


def render(session: Session, url: str) -> None:
    """Every state: a case is read, then studies are annotated."""
    ui = session.panel.ui
    ui.readButton.click()
    session.picture("no_server")
    ui.localServerButton.click()
    ui.studiesEdit.text, ui.commandEdit.text = "/home/anna/my_studies", "/home/anna/gliomics/.venv/bin/gliomics"
    session.picture("local_server")
    ui.localServerButton.click()
    ui.annotatorEdit.insert("Reader 1")
    ui.serverUrl.text = url
    session.press("connectButton", wait=False)
    session.picture("connecting")
    session.press("connectButton")
    session.picture("ready")
    ui.annotateButton.click()
    session.picture("annotate_ready")
    session.takeAWholeStudy()
    session.picture("annotate_study")
    ui.readButton.click()
    session.picture("read_study")
    session.press("segmentButton", wait=False)
    session.picture("running")
    session.press("segmentButton")
    session.picture("segmented")
    session.press("computeButton")
    session.picture("result")
    ui.keyFeaturesButton.click()
    session.picture("key_features")
    ui.estimatesButton.click()
    ui.estimatesPage.findChild(QToolButton, "estimate0Info").click()
    session.picture("explained")
    ui.estimatesPage.findChild(QToolButton, "estimate0Info").click()
    session.edit()
    session.picture("warning")
    session.press("computeButton")
    ui.changesButton.click()
    session.picture("change")
    ui.estimatesButton.click()
    session.describePatient()
    session.picture("patient")
    ui.patientRoom.collapsed = True
    session.export()
    session.picture("exported")
    ui.exportRoom.collapsed = True
    ui.annotateButton.click()
    session.picture("annotate_refine")
    session.askForSlices()
    session.picture("slices")
    if session.panel.model.refinementModels:
        session.clickOnce()
        session.picture("correcting")
    ui.serverUrl.text = "http://127.0.0.1:9"
    ui.connectButton.click()
    while session.panel.model.running:
        session.application.processEvents()
    session.picture("error")


def renderParts(session: Session, url: str) -> None:
    """The parts of a tumour are segmented and read in one go, with the VASARI features unfolded."""
    ui = session.panel.ui
    ui.serverUrl.text = url
    session.press("connectButton")
    ui.annotateButton.click()
    session.takeAWholeStudy()
    ui.readButton.click()
    ui.modelSelector.setCurrentIndex(ui.modelSelector.findText("segmentation_parts"))
    session.press("segmentButton")
    session.press("allPartsButton")
    for room in (ui.segmentationRoom, ui.refineRoom, ui.viewsRoom, ui.exportRoom):
        room.collapsed = True
    session.panel.view.parts.button.click()
    session.picture("all_parts")


def main() -> None:
    """Parse the command line, start what is needed, and render."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--in-process", action="store_true", help="the tests' backend instead of a server")
    parser.add_argument("--all", action="store_true", help="every state, style and width")
    parser.add_argument("--parts", action="store_true", help="the picture of all parts of a tumour alone")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if arguments.in_process:
            backend = exampleBackend()
            render(Session(folder, arguments.out, backend.forUrl, everything=arguments.all), "http://127.0.0.1:8000")
        else:
            from RadiogenomicsLib.server.backends import ServerBackend

            from tests.server.servers import start_server

            samples, study = HERE.parents[1] / "sample_studies", "sample-02" if arguments.parts else "."
            shutil.copytree(samples / study, folder / "studies" / study)
            server = start_server(folder / "studies")
            stack.callback(server.stop)
            session = Session(folder, arguments.out, ServerBackend, everything=arguments.all)
            (renderParts if arguments.parts else render)(session, server.url)


if __name__ == "__main__":
    main()
