"""The section *Export*: the chosen segment, measured and read, as files in a folder of the user's choice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import qt
import slicer.util
from slicer.i18n import tr as _

from gliomics.reading.exports import DICOM_FORMATS, export_name, with_referred
from RadiogenomicsLib.panel import facts, usersettings
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.scene.parts import arraysOf, labelledParts
from RadiogenomicsLib.server import servercalls
from RadiogenomicsLib.server.backends import Exports
from RadiogenomicsLib.server.volumes import OrientedImage

_BOXES = {"xlsx": "Xlsx", "csv": "Csv", "html": "Html", "seg": "Seg", "sr": "Sr"}
ALL_PARTS = "all parts"
"""What the files of every part of a tumour are called."""
_FIRST = ("xlsx", "html")
"""What is ticked until the user ticks otherwise."""


class Export(Controller):
    """Binds its widgets. Files that are there are replaced only if the user says so."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self._written = ""
        """The folder with the files that were written last."""
        ui, connect = self._ui, self._subscriptions.connect
        self._boxes = {name: getattr(ui, f"export{part}CheckBox") for name, part in _BOXES.items()}
        self._toolTips = {name: box.toolTip for name, box in self._boxes.items()}
        ui.exportFolderEdit.text = usersettings.exportFolder()
        remembered = usersettings.exportFormats() or _FIRST
        for name, box in self._boxes.items():
            box.checked = name in remembered
            connect(box, "toggled(bool)", self.onShown)
        connect(ui.exportPartsCheckBox, "toggled(bool)", self.onShown)
        connect(ui.exportFolderEdit, "textChanged(QString)", self.onShown)
        connect(ui.exportFolderButton, "clicked(bool)", self.onChooseFolder)
        connect(ui.exportButton, "clicked(bool)", self.onExport)
        connect(ui.openExportsButton, "clicked(bool)", self.onOpenFolder)

    def update(self) -> None:
        """After any change: say what can be exported, and why the rest cannot."""
        ui, action = self._ui, self._model.canExport
        foreign = "" if self._model.selection.isOnServer else _("DICOM files belong to a study of the server.")
        for name in DICOM_FORMATS:
            self._write(self._boxes[name], enabled=not foreign, toolTip=foreign or self._toolTips[name])
        reason = action.reason or self._missing()
        toolTip = _("Measure and read the chosen segment, and write it in the formats that are ticked.")
        self._write(ui.exportButton, enabled=not reason, toolTip=reason or toolTip)
        says = self._model.info is not None and not self._model.isBusy
        hint = (reason or self._content()) if says else ""
        self._write(ui.exportHint, text=hint)
        self._show(ui.exportHint, bool(hint))
        self._show(ui.openExportsButton, bool(self._written))

    @shown
    def onShown(self) -> None:
        """The user ticked a format, or typed a folder."""
        self._onChanged()

    @shown
    def onChooseFolder(self) -> None:
        """The user chooses the folder for the files."""
        title, edit = _("Folder for the files"), self._ui.exportFolderEdit
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title, edit.text)
        if folder:
            edit.text = folder

    @shown
    def onOpenFolder(self) -> None:
        """Show the folder of the files that were written last, in the system's own way."""
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(self._written))

    @shown
    def onExport(self) -> None:
        """Write the chosen segment in the formats that are ticked."""
        self._model.selection = self._selection.read()
        reason = self._model.canExport.reason or self._missing()
        if reason:
            self.runner.fail(reason)
            return
        selection, folder = self._model.selection, Path(self._folder())
        studyId = selection.studyId or next(volume.name for volume in selection.volumes.values())
        formats, asksForParts = self._formats(), bool(self._ui.exportPartsCheckBox.checked)
        segment = ALL_PARTS if asksForParts else selection.segment
        paths = {name: folder / export_name(studyId, segment, name) for name in with_referred(formats)}
        if not self._mayReplace([path.name for path in paths.values() if path.exists()]):
            return
        reference, segmentation = self._selection.firstVolume(), self._selection.segmentation()
        exports = Exports(segment, studyId, paths, options=self._model.options)
        mask: OrientedImage | None = None
        if asksForParts:
            parts = self.runner.attempt(lambda: labelledParts(segmentation, reference))
            if parts is not None:
                mask, exports = parts.mask, replace(exports, numbering=parts.numbering)
        else:
            mask = self.runner.attempt(lambda: self._logic.segmentMask(segmentation, selection.segmentId, reference))
        if mask is None or not self.runner.mayUpload():
            return
        others = arraysOf(segmentation, reference) if "seg" in paths and not asksForParts else {}
        images = self.runner.attempt(self._selection.images)
        if images is None:
            return
        backend = self.runner.backend()
        usersettings.rememberExport(str(folder), formats)

        def onResult(written: tuple[Path, ...]) -> None:
            self._written = str(folder)
            names = ", ".join(path.name for path in written)
            self._model.jobFinished(_("Written to {folder}: {names}").format(folder=folder, names=names))
            self._onChanged()

        self.runner.start(
            facts.EXPORT,
            lambda job: servercalls.export(job, backend, images, mask=mask, others=others, exports=exports),
            onResult,
            backend=backend,
        )

    def _folder(self) -> str:
        return str(self._ui.exportFolderEdit.text).strip()

    def _formats(self) -> list[str]:
        """The formats that are ticked and can be had."""
        return [name for name, box in self._boxes.items() if box.checked and box.enabled]

    def _missing(self) -> str:
        """What is to be chosen in this section before anything can be written; empty where nothing is."""
        if not self._formats():
            return _("Tick what to write.")
        if not self._folder():
            return _("Choose a folder for the files.")
        if not Path(self._folder()).is_absolute():
            return _("Give the folder with its whole path, or choose it.")
        if not Path(self._folder()).is_dir():
            return _("There is no folder '{folder}': choose one that exists.").format(folder=self._folder())
        return ""

    def _content(self) -> str:
        """What the files will have in them that the user may not expect."""
        if any(name in DICOM_FORMATS for name in self._formats()):
            return _("DICOM files hold the patient's name as the study's own DICOM files have it.")
        if self._model.uploadsVolumes:
            return _("The chosen images and the segment will be sent to the server.")
        return ""

    def _mayReplace(self, names: list[str]) -> bool:
        if not names:
            return True
        question = _("These files are there already:\n\n{names}\n\nReplace them?").format(names="\n".join(names))
        return bool(slicer.util.confirmYesNoDisplay(question, windowTitle="Radiogenomics"))
