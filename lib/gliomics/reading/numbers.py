"""Numbers as people read them."""

from __future__ import annotations

import math


def number(value: float) -> str:
    """Three significant digits, without an exponent where that stays short.

    >>> number(0.04567), number(64532.1), number(1.25e8)
    ('0.0457', '64532', '1.25e+08')
    """
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if 0.001 <= abs(value) < 100_000:
        return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
    return f"{value:.2e}"


def probability(value: float, low: float, high: float) -> str:
    """A probability with its interval.

    >>> probability(0.861, 0.78, 0.93)
    '0.86 (0.78 to 0.93)'
    """
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def ordinal(percentile: float) -> str:
    """A percentile in words; its ends are what is known of the population.

    >>> [ordinal(value) for value in (1.0, 2.4, 11.6, 63.2, 99.0)]
    ['1st percentile or below', '2nd percentile', '12th percentile', '63rd percentile', '99th percentile or above']
    """
    whole = round(percentile)
    teens = 10 <= whole % 100 <= 20
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(whole % 10, "th")
    beyond = " or below" if whole <= 1 else " or above" if whole >= 99 else ""
    return f"{whole}{ending} percentile{beyond}"
