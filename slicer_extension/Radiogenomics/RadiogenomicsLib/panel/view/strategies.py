"""The server's ways to choose the next study, as an annotator reads them."""

from __future__ import annotations

from collections.abc import Iterable

from slicer.i18n import tr as _

from RadiogenomicsLib.panel.view.writer import escape

_TITLES = {
    "hybrid": (_("Most to learn from (recommended)"), _("uncertain, and unlike the studies that are labelled")),
    "epistemic": (_("Model least sure"), _("the model draws the lesion differently each time it is asked")),
    "disagreement": (_("Mask least steady"), _("the mask changes most when the image's contrast does")),
    "diversity": (_("Least like the labelled ones"), _("new to the model, whether or not it is unsure")),
    "clasp_pe": (_("Unsure of one class"), _("at first partly at random, later less and less")),
    "subtype": (_("Subtype depends on the mask"), _("a corrected mask may change the estimated subtype most")),
    "random": (_("At random"), _("any study without a final label")),
    "first": (_("In order"), _("the first study without a final label")),
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
