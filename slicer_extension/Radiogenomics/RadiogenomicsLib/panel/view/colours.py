"""Colours that can be read on whatever background 3D Slicer's style has. Pure Python: no Qt, no MRML.

Contrast is that of the Web Content Accessibility Guidelines 2.1 (success criterion 1.4.3).
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST_CONTRAST = 4.5
_STEPS = 20
_CAUTION, _ERROR, _GOOD = "#c06000", "#d02020", "#2e8b40"
_TINT = 0.12
"""How much of its colour a background of the status has."""


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (``"#rrggbb"``), from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mixed(colour: str, other: str, share: float) -> str:
    """``colour`` with a share (0 to 1) of another one in it."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(255 * (one + share * (two - one))):02x}" for one, two in pairs)


def readable(colour: str, background: str, text: str) -> str:
    """``colour``, with as little of the text's colour in it as makes it readable on the background."""
    candidates = (mixed(colour, text, step / _STEPS) for step in range(_STEPS + 1))
    return next((candidate for candidate in candidates if contrast(candidate, background) >= LEAST_CONTRAST), text)


@dataclass(frozen=True)
class Tone:
    """A text's colour and its background."""

    text: str
    background: str


@dataclass(frozen=True)
class Colours:
    """What follows from a palette's text, background and highlight."""

    text: str
    background: str
    accent: str

    @property
    def muted(self) -> str:
        """Text of less weight."""
        return readable(mixed(self.background, self.text, 0.55), self.background, self.text)

    @property
    def caution(self) -> str:
        """Text of a warning."""
        return readable(_CAUTION, self.background, self.text)

    @property
    def plain(self) -> Tone:
        """A line that says what is."""
        return self._tone(self.text)

    @property
    def working(self) -> Tone:
        """A line about work that is under way."""
        return self._tone(self.accent)

    @property
    def good(self) -> Tone:
        """A line about work that is done."""
        return self._tone(_GOOD)

    @property
    def warning(self) -> Tone:
        """A line to beware of."""
        return self._tone(_CAUTION)

    @property
    def error(self) -> Tone:
        """A line about what went wrong."""
        return self._tone(_ERROR)

    def bar(self, *, weak: bool) -> tuple[str, str, str, str]:
        """A bar up to its interval's low end, up to the estimate, up to the high end, and beyond."""
        full = mixed(self.background, self.text, 0.45) if weak else self.accent
        return full, mixed(full, self.background, 0.35), mixed(full, self.background, 0.7), self._empty

    @property
    def _empty(self) -> str:
        return mixed(self.background, self.text, 0.08)

    def _tone(self, colour: str) -> Tone:
        return Tone(self.text, mixed(self.background, colour, _TINT))


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
