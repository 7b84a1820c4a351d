"""All parts of the tumour in the section *Reading*: their sizes, where the whole lies, and its VASARI features."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from RadiogenomicsLib.panel.facts import PartsReading
from RadiogenomicsLib.panel.subscriptions import Subscriptions
from RadiogenomicsLib.panel.view.colours import Colours
from RadiogenomicsLib.panel.view.explanations import bindExplanation
from RadiogenomicsLib.panel.view.readinghtml import cautionHtml, factsHtml, factsToolTip, partsHtml, vasariHtml
from RadiogenomicsLib.panel.view.writer import Writer, escape
from RadiogenomicsLib.panel.viewmodel import PanelModel

_PLACE = ("Side", "Location", "Position")
"""The facts of where a tumour lies, by an atlas or by the head."""


class PartsView:
    """Makes its widgets at the end of the section, above its buttons, and shows them once parts were read."""

    def __init__(self, ui: Any, writer: Writer, subscriptions: Subscriptions) -> None:
        self._writer = writer
        self._shown: tuple[PartsReading, bool, Colours] | None = None
        self.area, self.button = qt.QWidget(), qt.QPushButton()
        self.text, self.vasari = qt.QLabel(), qt.QLabel()
        widgets = {"Area": self.area, "Text": self.text, "VasariButton": self.button, "Vasari": self.vasari}
        for name, widget in widgets.items():
            widget.objectName = f"parts{name}"
        self.button.text, self.button.checkable = _("VASARI features"), True
        self.button.toolTip = _(
            "Show or hide the VASARI features that parts and an atlas tell of the whole tumour, and which stay open."
        )
        column = qt.QVBoxLayout(self.area)
        column.setContentsMargins(0, 0, 0, 0)
        for label in (self.text, self.vasari):
            label.wordWrap = True
            label.textFormat = qt.Qt.RichText
        for widget in (self.text, self.button, self.vasari):
            column.addWidget(widget)
        bindExplanation(self.button, self.vasari, subscriptions)
        ui.resultsContents.layout().insertWidget(1, self.area)

    def show(self, model: PanelModel, colours: Colours) -> None:
        """Show what was read of the parts, and whether it is of them as they are now."""
        parts = model.parts
        self._writer.set(self.area, visible=parts is not None)
        if parts is None or self._shown == (parts, parts.edited, colours):
            return
        self._shown = (parts, parts.edited, colours)
        heading = _("All parts of {segmentation}, read {time}").format(
            segmentation=escape(parts.segmentation), time=escape(parts.readAt)
        )
        changed = cautionHtml(_("out of date: a segment has changed since"), colours) if parts.edited else ""
        whole = next(iter(parts.readings.values()), None)
        place = [fact for fact in whole.headline if fact.name in _PLACE] if whole is not None else []
        texts = [heading, changed, partsHtml(parts.readings, colours) + factsHtml(place, colours)]
        self._writer.set(self.text, text="<br>".join(filter(None, texts)), toolTip=factsToolTip(place))
        vasari = whole.vasari if whole is not None else None
        self._writer.set(self.button, visible=vasari is not None)
        self._writer.set(
            self.vasari,
            text=vasariHtml(vasari, colours) if vasari is not None else "",
            toolTip=factsToolTip(vasari.told) if vasari is not None else "",
        )
