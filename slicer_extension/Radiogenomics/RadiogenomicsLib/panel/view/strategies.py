"""The server's ways to choose the next study, as an annotator reads them."""

from __future__ import annotations

from collections.abc import Iterable

from RadiogenomicsLib.panel.view.writer import escape

_TITLES = {
    "hybrid": ("Most to learn from (recommended)", "uncertain, and unlike the studies that are labelled"),
    "epistemic": ("Model least sure", "the model draws the lesion differently each time it is asked"),
    "disagreement": ("Mask least steady", "the mask changes most when the image's contrast does"),
    "diversity": ("Least like the labelled ones", "new to the model, whether or not it is unsure"),
    "clasp_pe": ("Unsure of one class", "at first partly at random, later less and less"),
    "subtype_change": ("Subtype depends on the mask", "a corrected mask may change the estimated subtype most"),
    "random": ("At random", "any study without a final label"),
    "first": ("In order", "the first study without a final label"),
}


def strategyTitle(name: str) -> str:
    """What an annotator chooses; a strategy that is not known here is called as the server calls it."""
    return _TITLES[name][0] if name in _TITLES else name


def strategiesHtml(names: Iterable[str]) -> str:
    """What each of these strategies means, and its name in the documentation."""
    return "<br>".join(
        f"<b>{escape(_TITLES[name][0])}</b>: {escape(_TITLES[name][1])} ({escape(name)})"
        if name in _TITLES
        else f"<b>{escape(name)}</b>"
        for name in names
    )
