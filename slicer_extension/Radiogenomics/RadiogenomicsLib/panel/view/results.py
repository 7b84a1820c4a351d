"""The section *Reading*: the headline, the estimates and the key features of the segment."""

from __future__ import annotations

from typing import Any

import qt

from gliomics.reading.record import EstimateReading, Reading
from RadiogenomicsLib.panel.subscriptions import Subscriptions
from RadiogenomicsLib.panel.view.colours import Colours
from RadiogenomicsLib.panel.view.explanations import bindExplanation
from RadiogenomicsLib.panel.view.readinghtml import (
    cautionHtml,
    detailsHtml,
    estimateHtml,
    factsHtml,
    factsToolTip,
    keyFeaturesHtml,
)
from RadiogenomicsLib.panel.view.writer import Writer, escape
from RadiogenomicsLib.panel.viewmodel import PanelModel
from RadiogenomicsLib.wording import WARNING_SIGN

_OLD_SERVER = "this server does not say how its numbers are to be read: all are in the feature table"


class _EstimateRow:
    """One estimate, with a button for what stands behind it."""

    def __init__(self, ui: Any, number: int, subscriptions: Subscriptions) -> None:
        self.area, self.text, self.details, self.info = qt.QWidget(), qt.QLabel(), qt.QLabel(), qt.QToolButton()
        for widget, name in ((self.area, ""), (self.text, "Text"), (self.info, "Info"), (self.details, "InfoText")):
            widget.objectName = f"estimate{number}{name}"
        for label in (self.text, self.details):
            label.wordWrap = True
            label.textFormat = qt.Qt.RichText
        self.info.text, self.info.checkable, self.info.autoRaise = ui.modelsInfo.text, True, True
        self.info.toolTip = "Show or hide on whom the model was fitted and how good it is."
        self.info.accessibleName = "About this estimate"
        row = qt.QHBoxLayout()
        row.addWidget(self.text, 1)
        row.addWidget(self.info, 0, qt.Qt.AlignTop)
        column = qt.QVBoxLayout(self.area)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.details)
        bindExplanation(self.info, self.details, subscriptions)
        ui.estimatesArea.layout().addWidget(self.area)


class ResultView:
    """Builds the texts of a reading when it is another one, or the colours are."""

    def __init__(self, ui: Any, writer: Writer, subscriptions: Subscriptions) -> None:
        self._ui, self._writer, self._subscriptions = ui, writer, subscriptions
        self._estimates: list[_EstimateRow] = []
        self._shown: tuple[Any, Colours] | None = None

    def show(self, model: PanelModel, colours: Colours) -> None:
        """Show the reading on display, and whether it is of what is selected now."""
        result = model.result
        self._writer.set(self._ui.resultArea, visible=result is not None)
        self._writer.set(self._ui.computeButton, text="Read segment" if result is None else "Read again")
        if result is None:
            return
        self._writer.set(self._ui.resultHeading, text=self._heading(model, colours), toolTip=model.staleness)
        if self._shown != (result.analysis, colours):
            self._shown = (result.analysis, colours)
            if result.analysis.reading is not None:
                self._showReading(result.analysis.reading, colours)
            else:
                self._showOnlyNotes(result.analysis.features.warnings, colours)

    def _heading(self, model: PanelModel, colours: Colours) -> str:
        measured = model.result.selection if model.result is not None else model.selection
        study = f" of {escape(measured.studyId)}" if measured.studyId else ""
        text = f"<b>{escape(measured.segment)}</b>{study}"
        if model.result is not None and model.result.readAt:
            text += f" \u00b7 read {escape(model.result.readAt)}, saved with the scene"
        if model.running and model.yields:
            return f"{text} \u00b7 \u25cf live, updating\u2026"
        if model.staleness:
            return f'{text} \u00b7 <span style="color:{colours.caution}"><b>{WARNING_SIGN} out of date</b></span>'
        return f"{text} \u00b7 \u25cf live" if model.isLive else text

    def _showReading(self, reading: Reading, colours: Colours) -> None:
        set_, text, ui = self._writer.set, self._writer.text, self._ui
        text(ui.headlineLabel, factsHtml(reading.headline, colours))
        set_(ui.headlineLabel, toolTip=factsToolTip(reading.headline))
        text(ui.readingCautionsLabel, "<br>".join(cautionHtml(caution, colours) for caution in reading.cautions))
        self._showEstimates(reading.estimates, colours)
        text(ui.noticeLabel, reading.notice)
        set_(ui.keyFeaturesRoom, visible=bool(reading.key_features))
        text(ui.keyFeaturesLabel, keyFeaturesHtml(reading.key_features, colours))
        set_(ui.keyFeaturesInfoText, text=reading.key_features_note)

    def _showOnlyNotes(self, notes: list[str], colours: Colours) -> None:
        self._showEstimates([], colours)
        lines = [cautionHtml(note, colours) for note in (_OLD_SERVER, *notes)]
        self._writer.text(self._ui.readingCautionsLabel, "<br>".join(lines))
        for label in (self._ui.headlineLabel, self._ui.noticeLabel, self._ui.keyFeaturesLabel):
            self._writer.text(label, "")
        self._writer.set(self._ui.keyFeaturesRoom, visible=False)

    def _showEstimates(self, estimates: list[EstimateReading], colours: Colours) -> None:
        while len(self._estimates) < len(estimates):
            self._estimates.append(_EstimateRow(self._ui, len(self._estimates), self._subscriptions))
        for place, row in enumerate(self._estimates):
            isShown = place < len(estimates)
            self._writer.set(row.area, visible=isShown)
            if isShown:
                self._writer.set(row.text, text=estimateHtml(estimates[place], colours))
                self._writer.set(row.details, text=detailsHtml(estimates[place]))
