"""Explanations behind small buttons: a click, or the space bar, opens the text below."""

from __future__ import annotations

from typing import Any

from RadiogenomicsLib.panel.subscriptions import Subscriptions


def bindExplanation(button: Any, label: Any, subscriptions: Subscriptions) -> None:
    """Let a button that can be checked show and hide a label or a page."""
    label.setVisible(button.checked)
    subscriptions.connect(button, "toggled(bool)", lambda isOpen: label.setVisible(isOpen))


def bindEmphasis(button: Any, subscriptions: Subscriptions) -> None:
    """Write a button of several in bold while it is the one that is chosen: not every style's colours tell."""

    def show(isChosen: bool) -> None:
        font = button.font
        font.setBold(isChosen)
        button.font = font

    show(button.checked)
    subscriptions.connect(button, "toggled(bool)", show)


def bindExplanations(ui: Any, subscriptions: Subscriptions) -> None:
    """Bind every widget ``...Info`` to its label ``...InfoText``."""
    for name in sorted(vars(ui)):
        if name.endswith("Info") and hasattr(ui, f"{name}Text"):
            bindExplanation(getattr(ui, name), getattr(ui, f"{name}Text"), subscriptions)
