"""Writes to widgets what has changed, and nothing else."""

from __future__ import annotations

import html
from typing import Any

from RadiogenomicsLib.panel.viewmodel import Action


def escape(text: str) -> str:
    """``text`` as it is to be read in a rich text label."""
    return html.escape(text, quote=False)


def sentence(text: str) -> str:
    """``text`` with a capital and, where it has no mark at its end, a full stop."""
    return escape(text[:1].upper() + text[1:] + ("." if text and text[-1] not in ".!?\u2026:" else ""))


class Writer:
    """The panel is shown anew after every event of a job and every stroke of a brush.

    What has not changed is not written again: a style sheet that is set anew, for one, makes Qt lay out everything.
    """

    def __init__(self) -> None:
        self._written: dict[tuple[str, str], Any] = {}

    def set(self, widget: Any, **properties: Any) -> None:
        """Give a widget these properties."""
        for name, value in properties.items():
            if self._written.get((widget.name, name)) != value:
                setattr(widget, name, value)
                self._written[widget.name, name] = value

    def text(self, label: Any, text: str) -> None:
        """Show a text, or hide the label where there is none."""
        self.set(label, text=text, visible=bool(text))

    def enable(self, button: Any, action: Action, toolTip: str) -> None:
        """Let a button be pressed, or say in its tooltip why not."""
        self.set(button, enabled=action.enabled, toolTip=toolTip if action.enabled else action.reason)

    def fill(self, comboBox: Any, items: list[tuple[str, str]], current: str) -> None:
        """Give a selector these texts with what they stand for, and choose what ``current`` stands for."""
        if self._written.get((comboBox.name, "items")) != items:
            self._written[comboBox.name, "items"] = items
            blocked = comboBox.blockSignals(True)
            comboBox.clear()
            for text, data in items:
                comboBox.addItem(text, data)
            comboBox.blockSignals(blocked)
        index = next((place for place, (_, data) in enumerate(items) if data == current), 0 if items else -1)
        if comboBox.currentIndex != index:
            blocked = comboBox.blockSignals(True)
            comboBox.setCurrentIndex(index)
            comboBox.blockSignals(blocked)
