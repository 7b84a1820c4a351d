"""The annotator's round: the next study, the slices of it that were asked for, and the label that goes back."""

from __future__ import annotations

import json
from dataclasses import astuple, replace
from typing import Any

import qt

from RadiogenomicsLib.panel import usersettings, viewmodel
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import Steps, shown
from RadiogenomicsLib.panel.selected import SlicesAsked
from RadiogenomicsLib.scene.finished import FinishedStudies
from RadiogenomicsLib.scene.logic import LabelExport
from RadiogenomicsLib.scene.parameters import Parameters
from RadiogenomicsLib.sequences import SEQUENCES
from RadiogenomicsLib.server import servercalls
from RadiogenomicsLib.server.backends import ServerInfo


class Labelling(Controller):
    """Binds the widgets of that round."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self._finished = FinishedStudies(self._logic)
        self._ui.removeFinishedCheckBox.checked = usersettings.removesFinishedStudies()
        ui, connect = self._ui, self._subscriptions.connect
        connect(ui.nextStudyButton, "clicked(bool)", self.onNextStudy)
        connect(ui.removeFinishedCheckBox, "toggled(bool)", self.onRemoveFinished)
        connect(ui.sliceList, "itemClicked(QListWidgetItem*)", self.onSlice)
        connect(ui.sliceList, "currentRowChanged(int)", self.onSlice)
        connect(ui.sliceList, "itemChanged(QListWidgetItem*)", self.onTick)
        connect(ui.wholeStudyCheckBox, "toggled(bool)", self.onWholeStudy)
        connect(ui.submitButton, "clicked(bool)", self.onSubmit)

    # Scene

    def restore(self, parameters: Parameters) -> None:
        """Take up which slices were asked for, as the scene remembers it."""
        self._model.slicesAsked = _fromText(parameters.text("slices"))

    def remember(self, parameters: Parameters) -> None:
        """Let the scene remember which slices were asked for and which are done."""
        parameters.setText("slices", _toText(self._model.slicesAsked))

    def show(self) -> None:
        """List the slices that were asked for, ticked where they are done."""
        slices, sliceList = self._model.slicesOnDisplay, self._ui.sliceList
        blocked = sliceList.blockSignals(True)
        titles = [_title(number) for number in slices.numbers]
        if [sliceList.item(row).text() for row in range(sliceList.count)] != titles:
            sliceList.clear()
            for title in titles:
                sliceList.addItem(title)
            sliceList.setFixedHeight(32 if len(titles) < 5 else 60)
        for row, number in enumerate(slices.numbers):
            sliceList.item(row).setCheckState(qt.Qt.Checked if number in slices.doneNumbers else qt.Qt.Unchecked)
        sliceList.blockSignals(blocked)
        blocked = self._ui.wholeStudyCheckBox.blockSignals(True)
        self._ui.wholeStudyCheckBox.checked = self._model.slicesOfLabel.isWholeStudy
        self._ui.wholeStudyCheckBox.blockSignals(blocked)

    # Actions

    @shown
    def onNextStudy(self) -> None:
        """Download the study to annotate next, and choose its volumes."""
        backend = self.runner.backend()
        strategy, sliceCount = self._ui.strategySelector.currentData, self._ui.sliceCount.value

        def onResult(study: servercalls.StudyImages) -> Steps:
            if not study.studyId:
                self._model.jobFinished(f"No next study: {study.reason}.")
                return
            nodes = self._logic.volumesOfStudy(study.studyId)
            yield from self._addVolumes(study, nodes)
            self._model.reason = study.reason
            self._model.slicesNamed(study.studyId, study.slices)
            unnamed = "" if set(nodes) & set(SEQUENCES) else " Its image does not say its sequence: choose it yourself."
            notices: tuple[str, ...] = ()
            if sliceCount and not study.slices:
                notices = ("The server named no slices of it: draw the whole study, or take another.",)
            self._model.jobFinished(f"Study '{study.studyId}' is loaded.{unnamed}", notices)
            self._selection.chooseVolumes(nodes, "Downloaded")
            if self._ui.removeFinishedCheckBox.checked:
                self._finished.remove(exceptStudyId=study.studyId)
            volume = self._selection.firstVolume() or next(iter(nodes.values()))
            self._logic.show(volume)
            if study.slices:
                self._ui.sliceList.currentRow = 0

        self.runner.start(
            viewmodel.NEXT_STUDY,
            lambda job: servercalls.takeNextStudy(job, backend, strategy, sliceCount),
            onResult,
            backend=backend,
        )

    def _addVolumes(self, study: servercalls.StudyImages, nodes: dict[str, Any]) -> Steps:
        """Put those images of a study into the scene that ``nodes`` lacks: all, or none when it is given up."""
        added: list[Any] = []
        try:
            for sequence, image in study.volumes.items():
                if sequence not in nodes:
                    self._model.jobProgressed(f"showing {sequence}", None)
                    nodes[sequence] = self._logic.addHiddenVolume(image, study.studyId, sequence, study.volumes)
                    added.append(nodes[sequence])
                    yield
                    nodes[sequence].CreateDefaultDisplayNodes()
                    yield
        except GeneratorExit:
            for node in added:
                self._logic.removeVolume(node, study.studyId)
            raise

    @shown
    def onRemoveFinished(self, checked: bool) -> None:
        """Whether studies whose label was saved shall go when the next one comes."""
        usersettings.rememberRemovesFinishedStudies(checked)

    @shown
    def onSlice(self) -> None:
        """A slice was clicked, or reached with the keyboard: show it."""
        row, numbers = self._ui.sliceList.currentRow, self._model.slicesOnDisplay.numbers
        volume = self._selection.firstVolume()
        if 0 <= row < len(numbers) and volume is not None:
            self.runner.attempt(lambda: self._logic.showSlice(volume, numbers[row]))

    @shown
    def onTick(self) -> None:
        """A slice was marked as done, or as not."""
        slices, sliceList = self._model.slicesOnDisplay, self._ui.sliceList
        ticks = [sliceList.item(row).checkState() == qt.Qt.Checked for row in range(sliceList.count)]
        doneNumbers = tuple(number for number, tick in zip(slices.numbers, ticks, strict=True) if tick)
        self._model.slicesAsked[self._model.selection.studyId] = replace(slices, doneNumbers=doneNumbers)
        self._onChanged()

    @shown
    def onWholeStudy(self, whole: bool) -> None:
        """The user says whether the whole study is done, and not only some slices."""
        slices = self._model.slicesOfLabel
        self._model.slicesAsked[self._model.selection.labelStudyId] = replace(slices, isWholeStudy=whole)
        self._onChanged()

    @shown
    def onSubmit(self) -> None:
        """Save the chosen segmentation: of the slices that are done, or as the final label of the whole study."""
        self._model.selection = self._selection.read()
        if not self._model.canSubmit.enabled:
            self.runner.fail(self._model.canSubmit.reason)
            return
        slices = self._model.slicesOfLabel.doneNumbers if self._model.submitsSlices else ()
        segmentation, reference = self._selection.segmentation(), self._selection.labelReference()
        label = self.runner.attempt(
            lambda: self._logic.exportLabels(segmentation, reference, self._model.knownLabels, allowEmpty=bool(slices))
        )
        if label is None or not self.runner.mayUpload():
            return
        notes = {"client": "3D Slicer", "segments": label.values, "segmentation": segmentation.GetName()}
        if slices:
            self._submitSlices(label, slices, notes)
        else:
            self._submitStudy(segmentation, label, notes)

    def _submitStudy(self, segmentation: Any, label: LabelExport, notes: dict[str, Any]) -> None:
        backend, studyId = self.runner.backend(), self._model.selection.labelStudyId
        knownLabels = self._model.knownLabels

        def onResult(info: ServerInfo) -> None:
            self._finished.saved(studyId, segmentation, label, knownLabels)
            self._model.connected(self._model.connectedUrl, info)
            values = ", ".join(f"{name} = {value}" for name, value in label.values.items())
            self._model.jobFinished(f"The label of '{studyId}' was saved: {values}.", label.warnings)

        self.runner.start(
            viewmodel.SUBMIT,
            lambda job: servercalls.submit(job, backend, studyId, label.mask, notes),
            onResult,
            backend=backend,
        )

    def _submitSlices(self, label: LabelExport, slices: tuple[int, ...], notes: dict[str, Any]) -> None:
        backend, studyId = self.runner.backend(), self._model.selection.labelStudyId

        def onResult(savedSlices: tuple[int, ...]) -> None:
            numbers = ", ".join(map(str, savedSlices))
            self._model.jobFinished(f"Slices of '{studyId}' that are done and saved: {numbers}.", label.warnings)

        self.runner.start(
            viewmodel.SUBMIT,
            lambda job: servercalls.submitSlices(job, backend, studyId, label.mask, slices=slices, notes=notes),
            onResult,
            backend=backend,
        )


def _title(number: int) -> str:
    return f"Slice {number}"


def _toText(slicesAsked: dict[str, SlicesAsked]) -> str:
    return json.dumps({study: astuple(slices) for study, slices in slicesAsked.items()})


def _fromText(text: str) -> dict[str, SlicesAsked]:
    """What :func:`_toText` wrote; nothing where a scene holds something else."""
    try:
        return {
            study: SlicesAsked(tuple(map(int, numbers)), tuple(map(int, doneNumbers)), bool(isWholeStudy))
            for study, (numbers, doneNumbers, isWholeStudy) in json.loads(text or "{}").items()
        }
    except (AttributeError, TypeError, ValueError):
        return {}
