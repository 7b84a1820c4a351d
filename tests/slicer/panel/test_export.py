"""The section *Export*: which formats, where to, what is there already, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inprocess import InProcessBackend, Refusal
from panels import REMOTE, Spin, addVolume, idle, openAnother, press, useRemote
from RadiogenomicsLib.server.volumes import OrientedImage

BOXES = ("Xlsx", "Csv", "Html", "Seg", "Sr")


@pytest.fixture
def ready(segmented: Any, tmp_path: Path) -> Any:
    """The panel with a segment of the study ``glioma-01`` and a folder for its files."""
    segmented.ui.exportFolderEdit.text = str(tmp_path)
    return segmented


def tick(panel: Any, *names: str) -> None:
    for name in BOXES:
        getattr(panel.ui, f"export{name}CheckBox").checked = name in names


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_are_named_after_study_and_segment_and_listed(ready: Any, tmp_path: Path, spin: Spin) -> None:
    tick(ready, "Csv", "Sr")
    press(ready, "exportButton", spin)
    written = ["glioma-01_tumour.csv", "glioma-01_tumour.seg.dcm", "glioma-01_tumour.sr.dcm"]
    assert names(tmp_path) == written
    assert ready.model.message == f"Written to {tmp_path}: {', '.join(written)}"
    assert ready.ui.statusArea.parent() is ready.ui.exportContents or ready.ui.exportRoom.collapsed
    voxels = (tmp_path / written[0]).read_text().split(": ")[1]
    assert int(voxels.split()[0]) > 0


def test_all_parts_are_written_into_files_of_their_own_name(
    ready: Any, backend: InProcessBackend, tmp_path: Path, spin: Spin
) -> None:
    tick(ready, "Csv", "Xlsx")
    ready.ui.exportPartsCheckBox.checked = True
    press(ready, "exportButton", spin)
    assert names(tmp_path) == ["glioma-01_all-parts.csv", "glioma-01_all-parts.xlsx"]
    assert backend.numberings == ["5=tumour"]


def test_what_is_there_is_replaced_only_if_the_user_says_so(
    ready: Any, backend: InProcessBackend, tmp_path: Path, spin: Spin
) -> None:
    import qt
    from harness.ctk import ctkMessageBox

    tick(ready, "Csv")
    mine = tmp_path / "glioma-01_tumour.csv"
    mine.write_text("mine")
    calls = backend.calls
    ctkMessageBox.answers = [qt.QMessageBox.No]
    ready.ui.exportButton.click()
    spin(idle(ready))
    assert (mine.read_text(), backend.calls) == ("mine", calls)
    assert "glioma-01_tumour.csv" in ctkMessageBox.shown[0]
    ctkMessageBox.answers = [qt.QMessageBox.Yes]
    press(ready, "exportButton", spin)
    assert mine.read_text().startswith("csv of tumour of glioma-01")


def test_the_reason_stands_beside_the_button(ready: Any, tmp_path: Path) -> None:
    ui = ready.ui
    for change, reason in (
        (lambda: tick(ready), "Tick what to write."),
        (lambda: setattr(ui.exportFolderEdit, "text", ""), "Choose a folder for the files."),
        (lambda: setattr(ui.exportFolderEdit, "text", str(tmp_path / "no")), "There is no folder"),
        (lambda: setattr(ui.exportFolderEdit, "text", "results"), "Give the folder with its whole path"),
    ):
        tick(ready, "Csv")
        ui.exportFolderEdit.text = str(tmp_path)
        assert ui.exportButton.enabled
        assert ui.exportHint.isHidden()
        change()
        assert not ui.exportButton.enabled
        assert ui.exportHint.text.startswith(reason)
        assert ui.exportButton.toolTip.startswith(reason)
    tick(ready, "Seg")
    ui.exportFolderEdit.text = str(tmp_path)
    assert ui.exportHint.text.startswith("DICOM files hold the patient's name")


def test_without_a_server_or_a_segment_nothing_can_be_exported(panel: Any, connected: Any) -> None:
    assert connected.ui.exportHint.text == "Choose at least one volume under Images."
    connected.ui.serverUrl.text = "http://elsewhere:8000"
    assert connected.ui.exportButton.toolTip == "Connect to a server first."


def test_a_refusal_is_said_and_nothing_is_written(
    ready: Any, backend: InProcessBackend, tmp_path: Path, spin: Spin
) -> None:
    tick(ready, "Seg")
    backend.error = Refusal("it is not known which DICOM series study 'glioma-01' was made of")
    ready.ui.exportRoom.collapsed = False
    ready.ui.exportButton.click()
    spin(idle(ready))
    assert "not known which DICOM series" in ready.ui.statusLabel.text
    assert ready.ui.statusArea.parent() is ready.ui.exportContents
    assert names(tmp_path) == []
    assert ready.ui.openExportsButton.isHidden()


def test_an_export_that_is_cancelled_writes_nothing(
    ready: Any, backend: InProcessBackend, tmp_path: Path, spin: Spin
) -> None:
    tick(ready, "Csv")
    backend.gate.clear()
    ready.ui.exportButton.click()
    spin(lambda: bool(ready.model.progressText))
    ready.ui.cancelButton.click()
    spin(lambda: not ready.runner.isEnding)
    assert names(tmp_path) == []
    assert not ready.model.running


def test_volumes_of_the_user_leave_as_tables_after_consent_and_never_as_dicom(
    panel: Any, backend: InProcessBackend, flairImage: OrientedImage, tmp_path: Path, spin: Spin
) -> None:
    import qt
    from harness.ctk import ctkMessageBox

    useRemote(panel, spin)
    addVolume("my case_flair", flairImage)
    spin(lambda: bool(panel.model.selection.volumes))
    ctkMessageBox.answers = [qt.QMessageBox.Yes]
    press(panel, "segmentButton", spin)
    for name in ("Seg", "Sr"):
        box = getattr(panel.ui, f"export{name}CheckBox")
        assert not box.enabled
        assert box.toolTip == "DICOM files belong to a study of the server."
    tick(panel, "Csv", "Seg")
    panel.ui.exportFolderEdit.text = str(tmp_path)
    assert panel.ui.exportHint.text == "The chosen images and the segment will be sent to the server."
    press(panel, "exportButton", spin)
    assert names(tmp_path) == ["my_case-flair-tumour.csv"] or names(tmp_path) == ["my_case_flair-tumour.csv"]
    assert backend.askedWith[-1][0] == REMOTE


def test_folder_is_chosen_and_shown(ready: Any, tmp_path: Path, spin: Spin, opened: list[str]) -> None:
    from harness.qt import QFileDialog

    folder = tmp_path / "results"
    folder.mkdir()
    QFileDialog.answers = [str(folder), ""]
    ready.ui.exportFolderButton.click()
    ready.ui.exportFolderButton.click()
    assert ready.ui.exportFolderEdit.text == str(folder)
    tick(ready, "Html")
    press(ready, "exportButton", spin)
    assert not ready.ui.openExportsButton.isHidden()
    ready.ui.openExportsButton.click()
    assert opened == [str(folder)]


@pytest.fixture
def opened(application: Any) -> Iterator[list[str]]:
    """The folders that the system is asked to show, in place of its file manager."""
    from PySide6.QtCore import QObject, QUrl, Slot
    from PySide6.QtGui import QDesktopServices

    shown: list[str] = []

    class Opener(QObject):
        @Slot(QUrl)
        def open(self, url: QUrl) -> None:
            shown.append(url.toLocalFile())

    opener = Opener()
    QDesktopServices.setUrlHandler("file", opener, "open")
    yield shown
    QDesktopServices.unsetUrlHandler("file")


def test_folder_and_formats_are_remembered(ready: Any, backend: InProcessBackend, tmp_path: Path, spin: Spin) -> None:
    tick(ready, "Csv", "Seg")
    press(ready, "exportButton", spin)
    again = openAnother(backend)
    assert again.ui.exportFolderEdit.text == str(tmp_path)
    assert [name for name in BOXES if getattr(again.ui, f"export{name}CheckBox").checked] == ["Csv", "Seg"]
    again.cleanup()
