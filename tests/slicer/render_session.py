"""Render panel and views together, as an annotator and a radiologist see them, to WebP files, outside 3D Slicer.

    PYTHONPATH=lib:. .venv/bin/python tests/slicer/render_session.py docs/images

goes through two sessions on one of the synthetic sample studies with a real server, with ``--here`` through one
without. The panel is Qt's, with the
tests' stand-ins; images, outlines and surfaces in the views are drawn by 3D Slicer's own displayable managers.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import numpy as np  # noqa: E402
from harness import EXTENSION  # noqa: E402
from PIL import Image, ImageDraw, ImageFont  # noqa: E402

sys.path.insert(0, str(EXTENSION))

STUDY = "sample-02"
PANEL_WIDTH, PANEL_HEIGHT = 420, 770
BAR = 20
"""Height of the bar above each view, in the view's colour and with its name, as 3D Slicer has it."""
GAP = 2
VIEW = ((PANEL_HEIGHT - GAP) // 2 - BAR,) * 2
SURFACE_VIEW = (VIEW[0], PANEL_HEIGHT - BAR)
BACKGROUND = (49, 49, 49)
QUALITY = 50
"""Of the pictures: a third of the bytes of PNG files in 256 colours, and the letters are as sharp."""


class Session:
    """The panel with the application's views around it."""

    def __init__(self, folder: Path, out: Path, url: str) -> None:
        from harness.application import loadModule, openPanel, startApplication

        self.application, self.out = startApplication(folder), out
        import slicer
        from harness.views import Screen

        self.screen = Screen(slicer.mrmlScene, VIEW)
        self.widget = openPanel(loadModule(EXTENSION / "Radiogenomics.py"))
        self.panel, self.ui = self.widget.panel, self.widget.panel.ui
        self.ui.serverUrl.text = url
        self.widget.parent.show()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Run the event loop until something is so."""
        while not condition():
            self.application.processEvents()
            threading.Event().wait(0.01)

    def settle(self) -> None:
        """Let what the panel does a moment later be done."""
        end = threading.Event()
        threading.Timer(1.0, end.set).start()
        self.wait(end.is_set)

    def press(self, *buttons: str) -> None:
        """Press buttons one after another, and let their work end; an error ends the script."""
        for name in buttons:
            button = getattr(self.ui, name)
            if not button.enabled:
                raise RuntimeError(f"{name}: {button.toolTip}")
            button.click()
            self.wait(lambda: not self.panel.model.running)
            if self.panel.model.state.value == "error":
                raise RuntimeError(f"{name}: {self.panel.model.message}")
        self.settle()

    def layout(self, title: str) -> None:
        """Choose a layout by its name in the panel."""
        index = self.ui.layoutSelector.findText(title)
        if index < 0:
            raise RuntimeError(f"the panel has no layout '{title}'")
        self.ui.layoutSelector.setCurrentIndex(index)
        self.screen.view(self.screen.tags()[-1], SURFACE_VIEW)  # its camera comes with the view
        self.settle()

    def correctWhatIsMissing(self) -> None:
        """Let a piece of the lesion be missing, and click on it."""
        from clicks import place, voxels
        from panels import paint

        mask = voxels(self.panel) > 0
        k = self._largestSlice()
        columns = np.nonzero(mask[k])[1]
        end = int(np.quantile(columns, 0.75))
        missing = np.zeros_like(mask)
        missing[k - 1 : k + 2, :, end:] = mask[k - 1 : k + 2, :, end:]
        j, i = (int(np.median(indices)) for indices in np.nonzero(missing[k]))
        paint(self.panel, lambda array: array.__imul__(~missing))
        self.ui.addLesionButton.click()
        place(self.panel, (i, j, k))
        self.wait(lambda: bool(self.panel.correction._given) and not self.panel.model.running)

    def showLargestSlice(self) -> None:
        """Move the slice views to where the segment is largest."""
        from clicks import worldAt

        position = worldAt(self.panel.selection.firstVolume(), (0, 0, self._largestSlice()))
        for tag in self.screen.tags()[:-1]:
            self.screen.node(tag).JumpSliceByOffsetting(*position)
        self.settle()

    def _largestSlice(self) -> int:
        from clicks import voxels

        return int(voxels(self.panel).sum(axis=(1, 2)).argmax())

    def readHere(self) -> None:
        """Read the true mask of the study without a server, and show a feature around each of its voxels."""
        import nibabel
        import slicer
        import slicer.util

        samples = HERE.parents[1] / "sample_studies"
        for sequence in ("flair", "t1", "t1c", "t2"):
            image = nibabel.load(samples / STUDY / f"{sequence}.nii.gz")
            slicer.util.addVolumeFromArray(np.asarray(image.dataobj).T, image.affine, sequence)
        self.wait(lambda: len(self.panel.selection.volumes()) == 4)
        mask = np.asarray(nibabel.load(samples / "truth" / f"{STUDY}.nii.gz").dataobj).T > 0
        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "tumour")
        segmentation.CreateDefaultDisplayNodes()
        reference = self.panel.selection.firstVolume()
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(reference)
        segment = segmentation.GetSegmentation().AddEmptySegment("tumour", "tumour")
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype(np.uint8), segmentation, segment, reference)
        self.panel.selection.chooseSegmentation(segmentation)
        self.press("computeButton")
        self.ui.keyFeaturesButton.click()
        self.ui.serverRoom.collapsed = True
        self.ui.viewsRoom.collapsed = False
        self.press("featureMapButton")
        self.ui.mapOpacitySlider.value = 80

    def picture(self, name: str) -> None:
        """Save the panel beside its views: the four sequences, and the segment in 3-D beside them."""
        *slices, surface = self.screen.tags()
        views = [_withBar(self.screen.picture(tag), self.screen.node(tag)) for tag in slices]
        rows = [_joined(views[:2], 1), _joined(views[2:], 1)]
        tall = _withBar(self.screen.picture(surface), self.screen.node(surface))
        self._save(name, _joined([self._panel(), _joined(rows, 0), tall], 1))

    def pictureOfMap(self, name: str) -> None:
        """Save the panel beside the views of the first and the last sequence."""
        views = [_withBar(self.screen.picture(tag), self.screen.node(tag)) for tag in self.screen.tags()[:4:3]]
        self._save(name, _joined([self._panel(), _joined(views, 0)], 1))

    def _save(self, name: str, whole: np.ndarray) -> None:
        path = self.out / f"{name}.webp"
        Image.fromarray(whole).save(path, quality=QUALITY, method=6)
        sys.stderr.write(f"{path}\n")

    def _panel(self) -> np.ndarray:
        """The panel as it is in the module panel: of a fixed width, and no higher than the screen."""
        frame = self.widget.parent
        for _ in range(3):  # word-wrapped labels find their height after the width is known
            self.application.processEvents()
            frame.resize(PANEL_WIDTH, max(PANEL_HEIGHT, frame.layout().totalHeightForWidth(PANEL_WIDTH)))
        file = self.out / "panel_only.png"
        frame.grab().save(str(file))
        image = np.asarray(Image.open(file).convert("RGB"))
        file.unlink()
        sys.stderr.write(f"the panel is {image.shape[0]} px high\n")
        return image[:PANEL_HEIGHT]


def _withBar(picture: np.ndarray, node: Any) -> np.ndarray:
    """A view under its bar."""
    colour = tuple(round(255 * channel) for channel in node.GetLayoutColor())
    bar = Image.new("RGB", (picture.shape[1], BAR), colour)
    ink = (0, 0, 0) if sum(colour) > 300 else (255, 255, 255)
    name = node.GetLayoutLabel() or node.GetSingletonTag()
    ImageDraw.Draw(bar).text((6, 2), name, fill=ink, font=ImageFont.load_default(13))
    return np.concatenate([np.asarray(bar), picture], axis=0)


def _joined(parts: list[np.ndarray], axis: int) -> np.ndarray:
    """Pictures below (0) or beside (1) each other, with a gap between them."""
    shape = list(parts[0].shape)
    shape[axis] = GAP
    gap = np.broadcast_to(np.array(BACKGROUND, np.uint8), shape)
    return np.concatenate([each for part in parts for each in (part, gap)][:-1], axis=axis)


def render(session: Session) -> None:
    """A radiologist reads an automatic mask; an annotator corrects it."""
    session.ui.annotateButton.click()
    session.ui.annotatorEdit.insert("Reader 1")
    session.press("connectButton", "nextStudyButton")
    session.layout("Sequences and 3-D")
    session.press("segmentButton")
    session.ui.outlineOnlyCheckBox.click()
    session.showLargestSlice()
    session.ui.readButton.click()
    session.press("computeButton")
    session.picture("session_radiologist")
    session.ui.annotateButton.click()
    session.correctWhatIsMissing()
    session.settle()
    session.picture("session_annotator")


def renderHere(session: Session) -> None:
    """A radiologist without a server looks at a map of a feature."""
    session.ui.readButton.click()
    session.layout("Sequences and 3-D")
    for tag in session.screen.tags()[:4]:
        session.screen.view(tag)  # a legend is drawn in views that are there when it comes
    session.readHere()
    session.showLargestSlice()
    session.pictureOfMap("session_here")


def main() -> None:
    """Parse the command line, start a server, and render."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--here", action="store_true", help="the session without a server alone")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if arguments.here:
            renderHere(Session(folder, arguments.out, ""))
            return
        from tests.server.servers import start_server

        shutil.copytree(HERE.parents[1] / "sample_studies" / STUDY, folder / "studies" / STUDY)
        server = start_server(folder / "studies")
        stack.callback(server.stop)
        render(Session(folder, arguments.out, server.url))


if __name__ == "__main__":
    main()
