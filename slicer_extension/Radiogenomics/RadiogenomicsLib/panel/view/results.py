"""The section *Reading*: the headline, the estimates and the key features of the segment."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from gliomics.errors import GliomicsError
from gliomics.reading.changes import changes
from gliomics.reading.feature_words import WARNING_SIGN
from gliomics.reading.record import EstimateReading, Reading
from RadiogenomicsLib.panel.history import KeptReading, ReadingHistory
from RadiogenomicsLib.panel.subscriptions import Subscriptions
from RadiogenomicsLib.panel.view.colours import Colours
from RadiogenomicsLib.panel.view.explanations import bindEmphasis, bindExplanation
from RadiogenomicsLib.panel.view.readinghtml import (
    cautionHtml,
    changesHtml,
    detailsHtml,
    estimateHtml,
    factsHtml,
    factsToolTip,
    headlineHtml,
    keyFeaturesHtml,
)
from RadiogenomicsLib.panel.view.writer import Writer, escape
from RadiogenomicsLib.panel.viewmodel import PanelModel

_OLD_SERVER = _("this server does not say how its numbers are to be read: all are in the feature table")


class _EstimateRow:
    """One estimate, with a button for what stands behind it."""

    def __init__(self, ui: Any, number: int, subscriptions: Subscriptions) -> None:
        self.area, self.info = qt.QWidget(), qt.QToolButton()
        self.headline, self.text, self.details = qt.QLabel(), qt.QLabel(), qt.QLabel()
        for widget, name in (
            (self.area, ""),
            (self.headline, "Headline"),
            (self.text, "Text"),
            (self.info, "Info"),
            (self.details, "InfoText"),
        ):
            widget.objectName = f"estimate{number}{name}"
        for label in (self.headline, self.text, self.details):
            label.wordWrap = True
            label.textFormat = qt.Qt.RichText
        self.info.text, self.info.checkable, self.info.autoRaise = "Why?", True, True
        self.info.toolTip = _("Show or hide what speaks for it, on whom the model was fitted, and how good it is.")
        self.info.accessibleName = _("About this estimate")
        row = qt.QHBoxLayout()
        row.addWidget(self.headline, 1)
        row.addWidget(self.info, 0, qt.Qt.AlignTop)
        column = qt.QVBoxLayout(self.area)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.text)
        column.addWidget(self.details)
        bindExplanation(self.info, self.details, subscriptions)
        ui.estimatesPage.layout().insertWidget(number, self.area)


class ResultView:
    """Builds the texts of a reading when it is another one, or the colours are."""

    def __init__(self, ui: Any, writer: Writer, subscriptions: Subscriptions) -> None:
        self._ui, self._writer, self._subscriptions = ui, writer, subscriptions
        self._estimates: list[_EstimateRow] = []
        self._shown: tuple[Any, Colours] | None = None
        for button, page in (
            (ui.estimatesButton, ui.estimatesPage),
            (ui.keyFeaturesButton, ui.keyFeaturesPage),
            (ui.changesButton, ui.changesPage),
        ):
            bindExplanation(button, page, subscriptions)
            bindEmphasis(button, subscriptions)
        self._compared: tuple[KeptReading | None, KeptReading | None, Colours] | None = None

    def show(self, model: PanelModel, colours: Colours) -> None:
        """Show the reading on display, and whether it is of what is selected now."""
        result = model.result
        self._writer.set(self._ui.resultArea, visible=result is not None)
        self._writer.set(self._ui.computeButton, text=_("Read segment") if result is None else _("Read again"))
        if result is None:
            return
        self._writer.text(self._ui.resultHeading, _state(model, colours))
        self._showChanges(model.history, colours)
        if self._shown != (result.analysis, colours):
            self._shown = (result.analysis, colours)
            if result.analysis.reading is not None:
                self._showReading(result.analysis.reading, colours)
            else:
                self._showOnlyNotes(result.analysis.features.warnings, colours)

    def _showChanges(self, history: ReadingHistory, colours: Colours) -> None:
        """Compare with an earlier reading; there is nothing to choose before there are two."""
        others, shown, compared = history.others, history.shown, history.compared
        self._writer.set(self._ui.changesButton, enabled=bool(others))
        items = [("nothing", ""), *((kept.title, kept.key) for kept in others)]
        self._writer.fill(self._ui.compareSelector, items, compared.key if compared is not None else "")
        if (shown, compared, colours) == self._compared:
            return
        self._compared = (shown, compared, colours)
        text = ""
        if shown is not None and compared is not None:
            try:
                rows = [row for row in changes(compared.reading, shown.reading) if row.text]
                text = changesHtml(rows, colours)
            except GliomicsError as error:
                text = cautionHtml(str(error), colours)
        self._writer.text(self._ui.changesLabel, text)

    def _showReading(self, reading: Reading, colours: Colours) -> None:
        set_, text, ui = self._writer.set, self._writer.text, self._ui
        text(ui.headlineLabel, factsHtml(reading.headline, colours))
        set_(ui.headlineLabel, toolTip=factsToolTip(reading.headline))
        text(ui.readingCautionsLabel, "<br>".join(cautionHtml(caution, colours) for caution in reading.cautions))
        self._showEstimates(reading.estimates, colours)
        text(ui.noticeLabel, reading.notice)
        set_(ui.keyFeaturesButton, enabled=bool(reading.key_features))
        text(ui.keyFeaturesLabel, keyFeaturesHtml(reading.key_features, colours))
        set_(ui.keyFeaturesInfoText, text=reading.key_features_note)

    def _showOnlyNotes(self, notes: list[str], colours: Colours) -> None:
        self._showEstimates([], colours)
        lines = [cautionHtml(note, colours) for note in (_OLD_SERVER, *notes)]
        self._writer.text(self._ui.readingCautionsLabel, "<br>".join(lines))
        for label in (self._ui.headlineLabel, self._ui.noticeLabel, self._ui.keyFeaturesLabel):
            self._writer.text(label, "")
        self._writer.set(self._ui.keyFeaturesButton, enabled=False)

    def _showEstimates(self, estimates: list[EstimateReading], colours: Colours) -> None:
        while len(self._estimates) < len(estimates):
            self._estimates.append(_EstimateRow(self._ui, len(self._estimates), self._subscriptions))
        for place, row in enumerate(self._estimates):
            isShown = place < len(estimates)
            self._writer.set(row.area, visible=isShown)
            if isShown:
                self._writer.set(row.headline, text=headlineHtml(estimates[place], colours))
                self._writer.set(row.text, text=estimateHtml(estimates[place], colours))
                self._writer.set(row.details, text=detailsHtml(estimates[place]))


def _state(model: PanelModel, colours: Colours) -> str:
    """Whether the result is of what is selected now, or follows it."""
    if model.isUpdating:
        return "\u25cf Live: updating\u2026"
    if model.staleness:
        text = _("<b>{sign} out of date:</b> {reason}").format(sign=WARNING_SIGN, reason=escape(model.staleness))
        return f'<span style="color:{colours.caution}">{text}</span>'
    if model.isLive:
        return _("● Live: read again when the segment changes")
    readAt = model.result.readAt if model.result is not None else ""
    return _("Read {time}, saved with the scene").format(time=escape(readAt)) if readAt else ""
