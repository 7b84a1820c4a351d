"""The section *Patient*: the age, and how common the classes of the models are where the patient comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import qt
from slicer.i18n import tr as _

from RadiogenomicsLib.panel.circumstances import trainingPercentages
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.panel.sections.reading import ReadingSection
from RadiogenomicsLib.panel.subscriptions import Subscriptions
from RadiogenomicsLib.panel.view.explanations import bindExplanation
from RadiogenomicsLib.server.offer import Model


@dataclass(frozen=True)
class _Share:
    """The field for the share of one class of a model."""

    model: Model
    name: str
    field: Any


class PatientSection(Controller):
    """Binds its widgets; what is given is neither in the scene nor in the settings."""

    def __init__(self, context: PanelContext, reading: ReadingSection) -> None:
        super().__init__(context)
        self._reading = reading
        self._models: list[Model] = []
        self._shares: list[_Share] = []
        self._widgets: list[Any] = []
        self._fields = Subscriptions()
        ui, connect = self._ui, self._subscriptions.connect
        bindExplanation(ui.prevalenceButton, ui.prevalencePage, self._subscriptions)
        connect(ui.ageEdit, "textEdited(QString)", self.onAge)
        connect(ui.prevalenceResetButton, "clicked(bool)", self.onReset)

    def update(self) -> None:
        """After any change: show what was given of the study that is chosen, and what is wrong with it."""
        model = self._model
        models = [each for each in model.subtypeModels if each.shares]
        if models != self._models:
            self._models = models
            self._build(models)
        if self._ui.ageEdit.text.strip() != model.ageText:
            self._ui.ageEdit.text = model.ageText
        for share in self._shares:
            value = model.circumstances.percentagesOf(share.model)[share.name]
            if share.field.value != value:
                blocked = share.field.blockSignals(True)
                share.field.value = value
                share.field.blockSignals(blocked)
        given = _("How common the classes are: as you said")
        trained = _("How common the classes are: as among the training patients")
        self._write(self._ui.prevalenceLabel, text=given if model.prevalence else trained)
        self._write(self._ui.prevalenceResetButton, enabled=bool(model.circumstances.percentages))
        for widget in (self._ui.prevalenceLabel, self._ui.prevalenceButton):
            self._show(widget, bool(models))
        self._write(self._ui.patientHint, text=model.circumstancesError)
        self._show(self._ui.patientHint, bool(model.circumstancesError))

    def cleanup(self) -> None:
        """Listen to the fields of the classes no longer."""
        self._fields.end()

    @shown
    def onAge(self, text: str) -> None:
        """An age was typed."""
        self._model.ageChanged(text)
        self._changed()

    @shown
    def onReset(self) -> None:
        """The shares shall be those of the training patients again."""
        self._model.circumstances.percentages.clear()
        self._changed()

    @shown
    def onShare(self, share: _Share) -> None:
        """The share of one class was given."""
        self._model.circumstances.give(share.model, share.name, share.field.value)
        self._changed()

    def _changed(self) -> None:
        self._reading.changed()
        self._onChanged()

    def _build(self, models: list[Model]) -> None:
        """A row for each question, with a field for each class."""
        self._fields.end()
        grid = self._ui.prevalenceFields.layout()
        for widget in self._widgets:
            grid.removeWidget(widget)
            widget.deleteLater()
        self._widgets, self._shares = [], []
        last = self._ui.prevalenceButton
        row = 0
        for model in models:
            question = qt.QLabel(f"<b>{model.question}</b>")
            grid.addWidget(question, row, 0, 1, 2)
            self._widgets.append(question)
            trained = trainingPercentages(model)
            for name, title in model.classes.items():
                row += 1
                label, field = qt.QLabel(title), qt.QSpinBox()
                field.objectName = f"share_{model.name}_{name}"
                field.minimum, field.maximum, field.suffix = 1, 99, " %"
                field.accessibleName = _("{question}: share of {title}").format(question=model.question, title=title)
                field.toolTip = _("Among the training patients: {percent} %").format(percent=trained[name])
                label.setBuddy(field)
                grid.addWidget(label, row, 0)
                grid.addWidget(field, row, 1)
                share = _Share(model, name, field)
                self._listen(share)
                qt.QWidget.setTabOrder(last, field)
                last = field
                self._shares.append(share)
                self._widgets += [label, field]
            row += 1
        qt.QWidget.setTabOrder(last, self._ui.prevalenceResetButton)

    def _listen(self, share: _Share) -> None:
        self._fields.connect(share.field, "valueChanged(int)", lambda _value: self.onShare(share))
