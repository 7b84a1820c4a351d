"""The annotator's round: the next study, the slices of it that were asked for, and the label that goes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from typing import Any

import qt
from slicer.i18n import tr as _

from RadiogenomicsLib.panel import facts, usersettings
from RadiogenomicsLib.panel.arrival import addVolumes
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import Steps, shown
from RadiogenomicsLib.panel.manage.words import heldSentence
from RadiogenomicsLib.panel.selected import SlicesAsked
from RadiogenomicsLib.panel.view.writer import Writer
from RadiogenomicsLib.scene.finished import FinishedStudies
from RadiogenomicsLib.scene.labels import labelOf
from RadiogenomicsLib.scene.logic import LabelExport
from RadiogenomicsLib.scene.parameters import Parameters
from RadiogenomicsLib.sequences import SEQUENCES
from RadiogenomicsLib.server import servercalls


class Labelling(Controller):
    """Binds the widgets of that round."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self._writer = Writer()
        self.finished = FinishedStudies(self._logic)
        self._ui.removeFinishedCheckBox.checked = usersettings.removesFinishedStudies()
        self._ui.sliceCount.value = usersettings.slicesToDraw()
        ui, connect = self._ui, self._subscriptions.connect
        connect(ui.nextStudyButton, "clicked(bool)", self.onNextStudy)
        connect(ui.strategySelector, "currentIndexChanged(int)", self.onStrategy)
        connect(ui.sliceCount, "valueChanged(int)", usersettings.rememberSlicesToDraw)
        connect(ui.removeFinishedCheckBox, "toggled(bool)", self.onRemoveFinished)
        connect(ui.sliceList, "itemClicked(QListWidgetItem*)", self.onSlice)
        connect(ui.sliceList, "currentRowChanged(int)", self.onSlice)
        connect(ui.sliceList, "itemChanged(QListWidgetItem*)", self.onTick)
        connect(ui.wholeStudyCheckBox, "toggled(bool)", self.onWholeStudy)
        connect(ui.submitButton, "clicked(bool)", self.onSubmit)
        connect(ui.submitNextButton, "clicked(bool)", self.onSubmitNext)
        self.onReady: Callable[[], None] = lambda: None
        """Called when the next study has come after a label was saved: its automatic mask is wanted."""
        self._round: _Round | None = None

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

        self._showSubmitNext()

    def _showSubmitNext(self) -> None:
        self._writer.enable(
            self._ui.submitNextButton,
            self._model.canSubmit,
            _(
                "Save the label, then take the next study with its automatic mask. If the label cannot be "
                "saved, nothing else happens. (Ctrl+Return)"
            ),
        )

    def goOn(self) -> None:
        """After any change: do what comes next in a round, when the work before has ended well."""
        current = self._round
        if current is None or self._model.isBusy:
            return
        if current.step == _SAVED:
            current.step = _LOADING
            self._takeNextStudy()
        elif current.step == _LOADED:
            current.step = _LAST
            self.onReady()
        if self._round is current and current.step == _LAST and not self._model.isBusy:
            self._round = None
            if current.message:
                self._model.recall(current.message, current.warnings)
                self._onChanged()

    def _giveUpRound(self) -> None:
        """A step of a round failed or was cancelled: no other follows; what was saved is still said."""
        if self._round is not None:
            self._round.step = _LAST

    # Actions

    @shown
    def onNextStudy(self) -> None:
        """Take the study to annotate next."""
        self._round = None
        self._takeNextStudy()

    def _takeNextStudy(self) -> None:
        """Download a study, and choose its volumes."""
        backend = self.runner.backend()
        strategy = str(self._ui.strategySelector.currentData)
        sliceCount = self._ui.sliceCount.value if self._model.namesSlices(strategy) else 0

        def onResult(study: servercalls.StudyImages) -> Steps:
            if not study.studyId:
                self._model.jobFinished(_("No next study: {reason}.").format(reason=study.reason))
                self._giveUpRound()
                return
            nodes = self._logic.volumesOfStudy(study.studyId)
            yield from addVolumes(self._logic, self._model, study, nodes)
            self._model.reason = study.reason
            self._model.labelsByStudy[study.studyId] = study.labels
            self._model.slicesNamed(study.studyId, study.slices)
            text = _("Study '{study}' is loaded.")
            if not set(nodes) & set(SEQUENCES):
                text = _("Study '{study}' is loaded. Its image does not say its sequence: choose it yourself.")
            notices: tuple[str, ...] = ()
            if sliceCount and not study.slices:
                notices = (_("The server named no slices of it: draw the whole study, or take another."),)
            if study.held is not None:
                notices = (heldSentence(study.held), *notices)
            notices = (*(label.sentBack for label in study.labels if label.isCurrent and label.sentBack), *notices)
            self._model.jobFinished(text.format(study=study.studyId), notices)
            self._selection.chooseVolumes(nodes, _("Downloaded"))
            if self._ui.removeFinishedCheckBox.checked:
                self.finished.remove(exceptStudyId=study.studyId)
            volume = self._selection.firstVolume() or next(iter(nodes.values()))
            self._logic.show(volume)
            if study.slices and self._logic.hasSliceView:
                self._ui.sliceList.currentRow = 0
            if self._round is not None:
                self._round.step = _LOADED

        self.runner.start(
            facts.NEXT_STUDY,
            lambda job: servercalls.takeNextStudy(job, backend, strategy, sliceCount),
            onResult,
            backend=backend,
            onAbandoned=self._giveUpRound,
        )

    @shown
    def onStrategy(self, index: int) -> None:
        """Another way to choose was chosen: it may name slices, or not."""
        self._onChanged()

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
    def onSubmitNext(self) -> None:
        """Save the label; when that is done, take the next study, and let the model segment it."""
        self._round = _Round()
        if not self._submit():
            self._round = None

    @shown
    def onSubmit(self) -> None:
        """Save the chosen segmentation: of the slices that are done, or as the final label of the whole study."""
        self._round = None
        self._submit()

    def _submit(self) -> bool:
        """Begin to save; whether that could be done."""
        self._model.selection = self._selection.read()
        if not self._model.canSubmit.enabled:
            self.runner.fail(self._model.canSubmit.reason)
            return False
        slices = self._model.slicesOfLabel.doneNumbers if self._model.submitsSlices else ()
        segmentation, reference = self._selection.segmentation(), self._selection.labelReference()
        label = self.runner.attempt(
            lambda: self._logic.exportLabels(segmentation, reference, self._model.knownLabels, allowEmpty=bool(slices))
        )
        if label is None or not self.runner.mayUpload():
            return False
        notes = {"client": "3D Slicer", "segments": label.values, "segmentation": segmentation.GetName()}
        if labelOf(segmentation):
            notes["started_from"] = labelOf(segmentation)
        if slices:
            self._submitSlices(label, slices, notes)
        else:
            self._submitStudy(segmentation, label, notes)
        return True

    def _submitStudy(self, segmentation: Any, label: LabelExport, notes: dict[str, Any]) -> None:
        backend, studyId = self.runner.backend(), self._model.selection.labelStudyId
        knownLabels = self._model.knownLabels

        def onResult(answer: servercalls.Submitted) -> None:
            self.finished.saved(studyId, segmentation, label, knownLabels)
            self._model.connected(self._model.connectedUrl, answer.info)
            values = ", ".join(f"{name} = {value}" for name, value in label.values.items())
            text = _("The label of '{study}' was saved: {values}.").format(study=studyId, values=values)
            earlier = answer.earlier
            if earlier is not None and earlier.version is not None:
                kept = _("{text} Version {version} is kept in its history.")
                if earlier.user:
                    kept = _("{text} Version {version} by {user} is kept in its history.")
                text = kept.format(text=text, version=earlier.version, user=earlier.user)
            self._saved(text, label.warnings)

        self.runner.start(
            facts.SUBMIT,
            lambda job: servercalls.submit(job, backend, studyId, label.mask, notes),
            onResult,
            backend=backend,
            onAbandoned=self._giveUpRound,
        )

    def _submitSlices(self, label: LabelExport, slices: tuple[int, ...], notes: dict[str, Any]) -> None:
        backend, studyId = self.runner.backend(), self._model.selection.labelStudyId

        def onResult(savedSlices: tuple[int, ...]) -> None:
            numbers = ", ".join(map(str, savedSlices))
            self._saved(
                _("Slices of '{study}' that are done and saved: {numbers}.").format(study=studyId, numbers=numbers),
                label.warnings,
            )

        self.runner.start(
            facts.SUBMIT,
            lambda job: servercalls.submitSlices(job, backend, studyId, label.mask, slices=slices, notes=notes),
            onResult,
            backend=backend,
            onAbandoned=self._giveUpRound,
        )

    def _saved(self, message: str, warnings: tuple[str, ...]) -> None:
        """A label is saved: the list of labels is another now."""
        self._model.labelsByStudy.pop(self._model.selection.labelStudyId, None)
        self._model.jobFinished(message, warnings)
        if self._round is not None:
            self._round = _Round(_SAVED, message, warnings)


_SAVING, _SAVED, _LOADING, _LOADED, _LAST = range(5)


@dataclass
class _Round:
    """How far *Submit and next* is, and what was said when the label was saved."""

    step: int = _SAVING
    message: str = ""
    warnings: tuple[str, ...] = ()


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
