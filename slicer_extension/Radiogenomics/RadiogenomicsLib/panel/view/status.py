"""What there is to say, with progress and Cancel, in the section of the button that was pressed."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from gliomics.reading.feature_words import WARNING_SIGN
from RadiogenomicsLib.panel.view.arrangement import Arrangement
from RadiogenomicsLib.panel.view.colours import Colours, Tone
from RadiogenomicsLib.panel.view.writer import Writer, sentence
from RadiogenomicsLib.panel.viewmodel import PanelModel, PanelState

GENERAL = "general"
"""At the top of the panel, where no section is concerned, or its own is folded or not shown."""


class StatusView:
    """Moves the one status area from section to section: it stands last in the section's contents."""

    def __init__(self, ui: Any, arrangement: Arrangement, writer: Writer) -> None:
        self._ui, self._arrangement, self._writer = ui, arrangement, writer
        self._place = GENERAL

    def show(self, model: PanelModel, colours: Colours) -> None:
        """Show message, progress and Cancel, or nothing where there is nothing to say."""
        text = self._text(model)
        tone = _tone(model, colours)
        style = f"color: {tone.text}; background-color: {tone.background}; padding: 4px; border-radius: 3px;"
        self._writer.set(self._ui.statusLabel, styleSheet=style, text=text)
        self._writer.set(self._ui.progressRow, visible=model.isBusy)
        if model.isBusy:
            maximum, value = (0, 0) if model.fraction is None else (100, round(100 * model.fraction))
            self._writer.set(self._ui.progressBar, maximum=maximum, value=value)
        place = model.section if model.section and self._arrangement.isOpen(model.section) else GENERAL
        self._moveTo(place.lower())
        self._writer.set(self._ui.statusArea, visible=bool(text))

    def _text(self, model: PanelModel) -> str:
        lines = [sentence(model.message)] if model.message else []
        if lines and model.state is PanelState.ERROR:
            lines[0] = _("<b>{sign} Error:</b> {text}").format(sign="\u2716", text=lines[0])
        elif lines and model.isDone:
            lines[0] = f"\u2714 {lines[0]}"
        lines += [
            _("<b>{sign} Note:</b> {notice}").format(sign=WARNING_SIGN, notice=sentence(notice))
            for notice in model.notices
        ]
        return "<br>".join(lines)

    def _moveTo(self, place: str) -> None:
        if place != self._place:
            self._place = place
            getattr(self._ui, f"{place}Contents").layout().addWidget(self._ui.statusArea)


def _tone(model: PanelModel, colours: Colours) -> Tone:
    if model.isBusy:
        return colours.working
    if model.state is PanelState.ERROR:
        return colours.error
    if model.notices:
        return colours.warning
    return colours.good if model.isDone else colours.plain
