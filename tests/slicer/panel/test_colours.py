"""Everything is readable in a light and in a dark style."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from harness import EXTENSION
from inprocess import ESTIMATE_READING, InProcessBackend, Refusal
from panels import Spin, estimateTexts, idle, paint, paintOneSlice
from RadiogenomicsLib.panel.view.colours import LEAST_CONTRAST, Colours, contrast, mixed, readable

STYLES = {"light": ("#1a1a1a", "#efefef", "#308cc6"), "dark": ("#e6e6e6", "#2b2b2b", "#3d8ee0")}
FIXED = re.compile(r"color:\s*(#[0-9a-f]{6})", re.IGNORECASE)


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#ffffff", "#777777") == contrast("#777777", "#ffffff")


def test_mixing_goes_from_one_to_the_other() -> None:
    assert (mixed("#000000", "#ffffff", 0), mixed("#000000", "#ffffff", 1)) == ("#000000", "#ffffff")
    assert mixed("#000000", "#ffffff", 0.5) == "#808080"


def test_a_readable_colour_is_left_as_it_is() -> None:
    assert readable("#0000aa", "#ffffff", "#000000") == "#0000aa"


@pytest.mark.parametrize("style", STYLES)
def test_every_colour_of_text_has_contrast(style: str) -> None:
    colours = Colours(*STYLES[style])
    for colour in (colours.muted, colours.caution):
        assert contrast(colour, colours.background) >= LEAST_CONTRAST
        assert colour != colours.text, "and is another than that of plain text"
    for tone in (colours.plain, colours.working, colours.good, colours.warning, colours.error):
        assert contrast(tone.text, tone.background) >= LEAST_CONTRAST


def test_no_file_of_widgets_fixes_a_colour() -> None:
    assert [path.name for path in (EXTENSION / "Resources" / "UI").glob("*.ui") if "color:" in path.read_text()] == []


@pytest.fixture(params=STYLES)
def style(request: pytest.FixtureRequest, application: Any) -> Iterator[str]:
    """The application's palette, light or dark."""
    from PySide6.QtGui import QColor, QPalette

    before = QPalette(application.palette())
    text, background, accent = (QColor(name) for name in STYLES[request.param])
    palette = QPalette()
    for role in ("WindowText", "Text", "ButtonText", "ToolTipText"):
        palette.setColor(getattr(QPalette.ColorRole, role), text)
    for role in ("Window", "Base", "Button", "ToolTipBase"):
        palette.setColor(getattr(QPalette.ColorRole, role), background)
    palette.setColor(QPalette.ColorRole.Highlight, accent)
    application.setPalette(palette)
    yield request.param
    application.setPalette(before)


def unreadable(panel: Any) -> list[str]:
    """Labels with a colour of their text, or of a part of it, that lacks contrast with what is behind it."""
    found = []
    for label in (widget for widget in vars(panel.ui).values() if widget.className() == "QLabel"):
        behind = re.search(r"background-color: (#[0-9a-f]{6})", label.styleSheet)
        background = behind.group(1) if behind else label.palette.color(label.backgroundRole()).name()
        own = re.search(r"(?<!-)color: (#[0-9a-f]{6})", label.styleSheet)
        colours = [own.group(1) if own else label.palette.color(label.foregroundRole()).name()]
        colours += FIXED.findall(label.text)
        found += [f"{label.name}: {colour} on {background}" for colour in colours if contrast(colour, background) < 4.5]
    return found


def test_every_label_of_every_state_is_readable(style: str, panel: Any, backend: InProcessBackend, spin: Spin) -> None:
    backend.estimateReading = replace(ESTIMATE_READING, tone="weak", cautions=["outside the training range"])
    states = []

    def look() -> None:
        import slicer.util

        states.append(panel.model.state.value)
        panel.ui.__dict__.update(vars(slicer.util.childWidgetVariables(panel.ui.estimatesPage)))
        assert unreadable(panel) == [], states

    look()
    for name in ("connectButton", "nextStudyButton", "segmentButton", "computeButton"):
        getattr(panel.ui, name).click()
        look()
        spin(idle(panel))
        look()
    assert panel.ui.estimate0Text.text.count("color:") > 3, "there is something to look at"
    paint(panel, paintOneSlice)
    look()
    backend.error = Refusal("the disk is full")
    panel.ui.computeButton.click()
    spin(idle(panel))
    look()
    assert {"no server", "connecting", "ready", "running", "warning", "error"} <= set(states)


def test_the_colours_follow_when_the_style_changes_while_the_panel_is_open(
    computed: Any, application: Any, spin: Spin
) -> None:
    from PySide6.QtGui import QColor, QPalette

    before, text = QPalette(application.palette()), estimateTexts(computed)
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Window, QColor("#202020"))
    palette.setColor(QPalette.ColorRole.WindowText, QColor("#f0f0f0"))
    application.setPalette(palette)
    try:
        spin(lambda: FIXED.findall("".join(estimateTexts(computed))) != FIXED.findall("".join(text)))
    finally:
        application.setPalette(before)
