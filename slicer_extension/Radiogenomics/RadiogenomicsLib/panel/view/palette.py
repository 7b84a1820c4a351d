"""The colours of 3D Slicer's style."""

from __future__ import annotations

from typing import Any

import qt

from RadiogenomicsLib.panel.view.colours import Colours


def coloursOf(widget: Any) -> Colours:
    """Colours that go with the palette of a widget, as it is now: the user may change the style at any time."""
    palette = widget.palette
    roles = (qt.QPalette.WindowText, qt.QPalette.Window, qt.QPalette.Highlight)
    text, background, accent = (str(palette.color(role).name()) for role in roles)
    return Colours(text, background, accent)
