"""The first sessions of an annotator and of a radiologist, walked as a new user does, and how many clicks they take.

A new user has the installed command, a folder of studies and the panel, and has set nothing. Clicks are presses of the
panel's buttons; what is chosen in a dialog of files, drawn or typed is not counted. The numbers are those of the pages.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import EXTENSION
from panels import Spin, chooseAtRandom, paint

GLIOMICS = Path(sys.executable).with_name("gliomics")
PAGES = EXTENSION.parents[1] / "docs" / "sessions"
STUDIES = 24
"""So many that a network that has learned from them is told from one that has not."""

pytestmark = [pytest.mark.alone, pytest.mark.timeout(1200)]


class NewUser:
    """Presses buttons that are in view and can be pressed, counts them, and waits for what they bring."""

    def __init__(self, panel: Any, spin: Spin) -> None:
        self.panel, self.ui, self._spin = panel, panel.ui, spin
        self.clicks = 0

    def press(self, *names: str) -> None:
        for name in names:
            button = getattr(self.ui, name)
            assert not button.isHidden(), name
            assert button.enabled, f"{name}: {button.toolTip}"
            self.clicks += 1
            button.click()
            self.wait(lambda: not self.panel.model.running)
            assert self.panel.model.state.value != "error", f"{name}: {self.panel.model.message}"

    def choose(self, button: str, path: Path) -> None:
        """Press a button that asks for a file or folder, and choose this one."""
        from harness.qt import QFileDialog

        QFileDialog.answers.append(str(path))
        self.press(button)

    def wait(self, condition: Callable[[], bool]) -> None:
        self._spin(condition, seconds=600)

    def startServer(self, studies: Path) -> None:
        """Start a server on this computer; the panel connects by itself."""
        self.press("localServerButton")
        self.choose("studiesButton", studies)
        self.choose("commandButton", GLIOMICS)
        self.press("startServerButton")
        assert self.panel.model.info is not None


@pytest.fixture
def user(scene: Any, spin: Spin, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewUser]:
    """In front of the module, which was just opened."""
    import slicer
    from harness.application import loadModule, openPanel, unload

    monkeypatch.setattr(slicer.app, "_startupEnvironment", _withoutGliomics())
    module = loadModule(EXTENSION / "Radiogenomics.py")
    yield NewUser(openPanel(module).panel, spin)
    parts = vars(slicer.modules).pop("gliomicsServer", None)
    unload(module)
    if parts is not None:
        parts["process"].terminate()
        parts["process"].wait(60)


def _withoutGliomics() -> Any:
    """The environment of a user whose PATH does not have the command."""
    from harness.qt import QtCore

    environment = QtCore.QProcessEnvironment.systemEnvironment()
    folders = [folder for folder in environment.value("PATH").split(":") if not (Path(folder) / "gliomics").exists()]
    environment.insert("PATH", ":".join(folders))
    return environment


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """Studies whose masks a small network that has learned nothing is to draw, and their true masks beside them."""
    from tests.server.studies import TINY, a_card, add_label, add_model, add_study, an_untrained_state

    root = tmp_path / "my_studies"
    for seed in range(STUDIES):
        study = add_study(root, f"case-{seed}", seed)
        add_label(tmp_path / "truth", study, seed)
    add_model(root, a_card("segmentation_flair", TINY, ["flair"], []), an_untrained_state(TINY, 1))
    return root


def drawTruth(panel: Any, folder: Path) -> None:
    """Draw the lesion as an annotator sees it."""
    from RadiogenomicsLib.server.volumes import readNifti

    truth = readNifti(folder / "labels" / "final" / f"{panel.model.selection.studyId}.nii.gz").array > 0
    paint(panel, lambda array: array.__setitem__(..., truth))


def stated(page: str, words: str) -> int:
    """The number that a page states before these words."""
    (number,) = re.findall(rf"(\d+) {words}", (PAGES / page).read_text(encoding="utf-8"))
    return int(number)


def test_an_annotator_gets_a_mask_and_teaches_a_model(user: NewUser, studies: Path) -> None:
    user.press("annotateButton")
    user.startServer(studies)
    chooseAtRandom(user.panel)
    user.press("nextStudyButton", "segmentButton")
    assert user.panel.model.selection.segmentationId
    assert user.clicks == stated("annotator.md", "clicks lead to the first mask")
    user.clicks = 0
    for _ in range(STUDIES - 1):
        drawTruth(user.panel, studies.parent / "truth")
        user.press("submitNextButton")
    drawTruth(user.panel, studies.parent / "truth")
    user.press("submitButton", "manageButton")
    facts = user.panel.model.learning
    user.wait(lambda: facts.training is not None and bool(facts.versions))
    before = facts.official.number
    user.press("trainButton")
    user.wait(lambda: facts.isRunning)
    user.wait(lambda: not facts.isRunning and len(facts.versions) > 2)
    assert facts.training.progress.verdict.outcome == "better", user.ui.verdictLabel.text
    assert facts.official.number != before
    assert user.clicks == STUDIES + stated("annotator.md", "more train the model and put it in use if it is better")


def test_a_radiologist_gets_an_estimate(user: NewUser, studies: Path) -> None:
    from harness import sampledata
    from RadiogenomicsLib import sampledata as sample

    sample.register(EXTENSION)
    sampledata.SampleDataLogic().downloadSamples("Glioma (synthetic)")
    user.startServer(studies)
    model = user.ui.modelSelector
    model.setCurrentIndex(model.findText("segmentation_multi"))
    user.press("segmentButton", "computeButton")
    assert user.panel.model.result.analysis.reading.estimates
    assert user.clicks == stated("radiologist.md", "clicks lead to the first estimate")
