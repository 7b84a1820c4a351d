"""Keeps the widgets of the section *Learn* as its facts say. It decides nothing."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from RadiogenomicsLib.panel.manage import words
from RadiogenomicsLib.panel.manage.facts import LearningFacts
from RadiogenomicsLib.panel.view.colours import Colours, Tone
from RadiogenomicsLib.panel.view.writer import Writer, sentence
from RadiogenomicsLib.panel.viewmodel import Action, PanelModel
from RadiogenomicsLib.server.learning import FAILED, INTERRUPTED, Version

MOST_ROWS = 5
"""Versions that are seen at once; the others are scrolled to."""


class LearnView:
    """The section *Learn*."""

    def __init__(self, ui: Any, writer: Writer) -> None:
        self._ui, self._writer = ui, writer
        self._rows: tuple[Version, ...] | None = None
        table = ui.versionsTable
        table.setColumnCount(4)
        table.setHorizontalHeaderLabels([_("Version"), _("Made"), _("Patients"), _("Dice or score")])
        table.verticalHeader().hide()

    def show(self, model: PanelModel, facts: LearningFacts, why: str, colours: Colours) -> None:
        """Show what the server said last; ``why`` is what the user typed as the reason to publish."""
        self._showTraining(model, facts, colours)
        self._showVerdict(model, facts)
        self._showVersions(model, facts, why)

    def _showTraining(self, model: PanelModel, facts: LearningFacts, colours: Colours) -> None:
        ui, writer, info = self._ui, self._writer, model.info
        trainers = info.trainers if info is not None else ()
        writer.fill(ui.trainerSelector, [(name, name) for name in trainers], facts.modelName)
        for widget in (ui.trainerSelector, ui.trainerLabel, ui.trainButton, ui.stopTrainingButton, ui.curveButton):
            writer.set(widget, visible=bool(trainers))
        writer.text(ui.basisLabel, words.basisLine(facts.training) if facts.training is not None else "")
        hint = model.trainingReason or ("" if facts.training is None else facts.trainReason)
        isObvious = facts.training is not None and facts.training.running is not None
        writer.text(ui.trainHint, hint if trainers or info is None else _("This server trains no model."))
        writer.set(ui.trainHint, visible=bool(ui.trainHint.text) and not isObvious and not model.isBusy)
        writer.enable(ui.trainButton, _action(model, facts.trainReason), _("Train a new version on all labels."))
        writer.enable(
            ui.stopTrainingButton,
            _action(model, facts.stopReason),
            _("Stop the training that runs; the models stay as they are."),
        )
        writer.set(ui.curveButton, enabled=bool(facts.training is not None and facts.training.progress.curve))
        line = words.trainingLine(facts)
        tone = _tone(facts, colours)
        style = f"color: {tone.text}; background-color: {tone.background}; padding: 4px; border-radius: 3px;"
        writer.set(ui.trainingLabel, styleSheet=style)
        writer.text(ui.trainingLabel, sentence(line))
        fraction = facts.fraction
        writer.set(ui.trainingBar, visible=facts.isRunning and not facts.silence)
        maximum, value = (0, 0) if fraction is None else (100, round(100 * fraction))
        writer.set(ui.trainingBar, maximum=maximum, value=value)

    def _showVerdict(self, model: PanelModel, facts: LearningFacts) -> None:
        progress = facts.training.progress if facts.training is not None and not facts.isRunning else None
        parents = {version.number: version.parent for version in facts.versions}
        segments = facts.modelName in [each.name for each in model.segmentationModels]
        score, text = _("mean Dice") if segments else _("mean score"), ""
        if progress is not None:
            text = words.verdictSentence(progress, parents.get(progress.version, ""), score)
        self._writer.text(self._ui.verdictLabel, text)
        self._writer.set(self._ui.verdictInfo, visible=bool(text))
        details = words.verdictDetails(progress) if progress is not None and text else ""
        self._writer.set(self._ui.verdictInfoText, text=details)
        if not text:
            self._ui.verdictInfo.checked = False

    def _showVersions(self, model: PanelModel, facts: LearningFacts, why: str) -> None:
        ui, writer, version = self._ui, self._writer, facts.chosenVersion
        self._fill(facts.versions)
        self._choose(facts)
        writer.set(ui.versionsTable, visible=bool(facts.versions))
        writer.text(ui.versionLabel, words.versionText(version) if version is not None else "")
        mayServe = version is not None and version.served and not version.serves and not version.damage
        for widget in (ui.publishReasonEdit, ui.publishButton):
            writer.set(widget, visible=mayServe)
        reason = facts.publishReason(why)
        if version is not None:
            writer.set(ui.publishButton, text=_("Publish version {number}").format(number=version.number))
            effect = words.publishEffect(version, facts.official)
            writer.enable(ui.publishButton, _action(model, reason), effect)
            hint = effect if mayServe else ("" if version.serves else reason)
            writer.text(ui.publishHint, hint)
        else:
            writer.text(ui.publishHint, "")

    def _fill(self, versions: tuple[Version, ...]) -> None:
        if versions == self._rows:
            return
        self._rows, table = versions, self._ui.versionsTable
        blocked = table.blockSignals(True)
        table.setRowCount(len(versions))
        for row, version in enumerate(versions):
            for column, text in enumerate(words.versionCells(version)):
                item = qt.QTableWidgetItem(text)
                font = item.font()
                font.setBold(version.serves)
                item.setFont(font)
                table.setItem(row, column, item)
        table.horizontalHeader().setStretchLastSection(False)  # else the last column would stay as it is now
        table.resizeColumnsToContents()
        table.horizontalHeader().setStretchLastSection(True)
        rows = 1 + min(len(versions), MOST_ROWS)  # and the header, which is as high as a row
        table.setFixedHeight(rows * table.rowHeight(0) + 2 * table.frameWidth)
        table.blockSignals(blocked)

    def _choose(self, facts: LearningFacts) -> None:
        """Mark the row of the version that the user looks at."""
        chosen, table = facts.chosenVersion, self._ui.versionsTable
        row = next((row for row, version in enumerate(facts.versions) if version is chosen), -1)
        if row >= 0 and table.currentRow() != row:
            blocked = table.blockSignals(True)
            table.selectRow(row)
            table.blockSignals(blocked)


def _action(model: PanelModel, reason: str) -> Action:
    reason = model.trainingReason or reason
    return Action(not reason, reason)


def _tone(facts: LearningFacts, colours: Colours) -> Tone:
    if facts.silence:
        return colours.warning
    state = facts.training.progress.state if facts.training is not None else ""
    if facts.training is not None and facts.training.running is not None:
        return colours.working
    return {FAILED: colours.error, INTERRUPTED: colours.warning}.get(state, colours.plain)
