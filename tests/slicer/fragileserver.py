"""A real server process that a test stops, freezes and kills, with a session of the panel on it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clicks import place, points, voxels
from harness import EXTENSION
from panels import Spin, chooseAtRandom, jobThreads

SAMPLES = EXTENSION.parents[1] / "sample_studies"
ONE_EXAMINATION = ("sample-01", "sample-02", "sample-04", "sample-05", "sample-06", "sample-07")
"""Those of one examination; the other sample has two, in folders of their own."""


PATIENT = "Ødegård «脳» of {}"
"""A patient's name in several scripts; study ids are plain."""


class FragileServer:
    """``gliomics serve`` over copies of the sample studies; it comes back on the same port."""

    def __init__(self, studies: Path, studyIds: tuple[str, ...]) -> None:
        for number, studyId in enumerate(studyIds):
            copySample(studies, studyId, ONE_EXAMINATION[number % len(ONE_EXAMINATION)])
        self.studies = studies
        self._server: Any = None
        self.start()

    def start(self) -> None:
        from tests.server.servers import start_server

        port = urlsplit(self._server.url).port if self._server is not None else 0
        self._server = start_server(self.studies, "--port", str(port))

    @property
    def url(self) -> str:
        return str(self._server.url)

    @property
    def client(self) -> Any:
        return self._server.client

    def freeze(self) -> None:
        """From now on requests are taken by the operating system, and nobody works on them."""
        os.kill(self._server.process.pid, signal.SIGSTOP)

    def goOn(self) -> None:
        os.kill(self._server.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        self._server.kill()

    def stop(self) -> None:
        if self._server.process.poll() is None:
            self.goOn()
            self._server.stop()


def copySample(studies: Path, studyId: str, name: str) -> None:
    """A sample study under another name."""
    from gliomics.study import Study, write_study_json

    folder = studies / studyId
    source = SAMPLES / name
    folder.mkdir(parents=True)
    paths = {path.name.removesuffix(".nii.gz"): folder / path.name for path in source.glob("*.nii.gz")}
    for path in paths.values():
        shutil.copyfile(source / path.name, path)
    write_study_json(folder, [Study(id=studyId, patient_id=PATIENT.format(studyId), folder=folder, sequences=paths)])


@dataclass(frozen=True)
class Action:
    """What a user does that asks the server, by the name that the panel has for it."""

    name: str
    do: Callable[[Any], None]


def pressing(button: str) -> Callable[[Any], None]:
    def press(panel: Any) -> None:
        widget = getattr(panel.ui, button)
        assert widget.enabled, f"{button}: {widget.toolTip}"
        widget.click()

    return press


def clickBesideTheLesion(panel: Any) -> None:
    """Switch to clicks that add lesion, and click where there is none."""
    if not panel.ui.addLesionButton.checked:
        pressing("addLesionButton")(panel)
    mask = voxels(panel)
    k = int(mask.sum(axis=(1, 2)).argmax())
    j = int(mask[k].any(axis=1).nonzero()[0].mean())
    place(panel, (int(mask[k, j].nonzero()[0].max()) + 3, j, k))


def nextStudyAtRandom(panel: Any) -> None:
    chooseAtRandom(panel)
    pressing("nextStudyButton")(panel)


ACTIONS = [
    Action("Connect", pressing("connectButton")),
    Action("Next study", nextStudyAtRandom),
    Action("Auto segment", pressing("segmentButton")),
    Action("Read segment", pressing("computeButton")),
    Action("Correct", clickBesideTheLesion),
    Action("Submit label", pressing("submitButton")),
]
"""In the order of a session; each needs the one before."""


def begin(panel: Any, action: Action, spin: Spin) -> None:
    """Do it, and let its job begin."""
    action.do(panel)
    spin(lambda: bool(panel.model.running))
    assert panel.model.running == action.name


def succeed(panel: Any, action: Action, spin: Spin) -> None:
    """Do it to its end, without an error."""
    begin(panel, action, spin)
    spin(lambda: not panel.model.running, seconds=120)
    assert panel.model.state.value != "error", f"{action.name}: {panel.model.message}"
    assert "No next study" not in panel.model.message, panel.model.message


def holdings(panel: Any) -> dict[str, Any]:
    """All that a user would miss: volumes, segments with their voxels, clicks, the result on display, the choice."""
    import slicer

    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    segmentation = panel.selection.segmentation()
    return {
        "volumes": sorted((node.GetID(), node.GetName(), panel.logic.contents(node)) for node in nodes),
        "segmentations": sorted(node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")),
        "voxels": voxels(panel).tobytes() if segmentation is not None else b"",
        "points": {name: count for name, count in points().items() if count},
        "result": panel.model.result,
        "selection": panel.model.selection,
    }


def isFree(panel: Any, spin: Spin) -> None:
    """Nothing runs any more, neither job nor thread, and the panel takes the next click."""
    spin(lambda: not panel.model.running and jobThreads() == [], seconds=30)
    assert panel.ui.connectButton.enabled
