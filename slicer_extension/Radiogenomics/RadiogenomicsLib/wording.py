"""Feature tables, subtype estimates and errors in words, for tables and labels."""

from __future__ import annotations

import logging
import math
import re
from html import escape
from itertools import pairwise

from gliomics.client import ClientError
from gliomics.errors import GliomicsError
from gliomics.records import FeatureRow, SubtypeEstimate
from RadiogenomicsLib.sequences import TITLES

WARNING_SIGN = "\u26a0"

_CLASSES = {
    "shape": "Shape",
    "shape2D": "Shape (2-D)",
    "firstorder": "First order",
    "glcm": "GLCM",
    "glrlm": "GLRLM",
    "glszm": "GLSZM",
    "gldm": "GLDM",
    "ngtdm": "NGTDM",
    "outline": "Outline",
    "ellipsoid": "Ellipsoid",
}
_VOLUMES = {"MeshVolume", "VoxelVolume"}
_AREAS = {"SurfaceArea", "MeshSurface", "PixelSurface"}
_LENGTHS = {
    "MajorAxisLength",
    "MinorAxisLength",
    "LeastAxisLength",
    "Maximum2DDiameterColumn",
    "Maximum2DDiameterRow",
    "Maximum2DDiameterSlice",
    "Maximum3DDiameter",
    "MaximumDiameter",
    "Perimeter",
    "EquivalentDiameter",
}
_INTENSITIES = {
    "10Percentile",
    "90Percentile",
    "InterquartileRange",
    "Maximum",
    "Mean",
    "MeanAbsoluteDeviation",
    "Median",
    "Minimum",
    "Range",
    "RobustMeanAbsoluteDeviation",
    "RootMeanSquared",
    "StandardDeviation",
}


def featureRow(name: str) -> tuple[str, str, str]:
    """A feature's name in words, where it is measured, and its unit.

    ``"flair_original_firstorder_Mean"`` gives ``("Mean", "FLAIR, first order", "intensity")``. A name that does not
    follow PyRadiomics is left as it is.
    """
    parts = name.split("_")
    index = next((i for i, part in enumerate(parts) if part in _CLASSES), None)
    if index is None or index + 1 >= len(parts):
        return name, "", ""
    family, feature = parts[index], "_".join(parts[index + 1 :])
    words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", feature)
    sequence = [TITLES.get(part, part) for part in parts[:index] if part != "original"]
    group = _CLASSES[family] if not sequence else f"{' '.join(sequence)}, {_lowerFirst(_CLASSES[family])}"
    return words, group, _unit(family, feature)


def _unit(family: str, feature: str) -> str:
    if family in ("shape", "shape2D", "outline"):
        return (
            "mm\u00b3"
            if feature in _VOLUMES
            else "mm\u00b2"
            if feature in _AREAS
            else ("mm" if feature in _LENGTHS else "")
        )
    return "intensity" if family == "firstorder" and feature in _INTENSITIES else ""


def _lowerFirst(text: str) -> str:
    return text if text.isupper() else text[0].lower() + text[1:]


def stabilityCell(features: FeatureRow, name: str) -> str:
    """The ICC that a feature reaches at least, with a sign where that is too little; empty where it is not known."""
    icc = _stability(features).get(name)
    if icc is None:
        return ""
    sign = f"{WARNING_SIGN} " if name in features.diagnostics.get("unstable", ()) else ""
    return f"{sign}{math.floor(100 * icc) / 100:.2f}"


def stabilityLegend(features: FeatureRow) -> str:
    """What the sign and the numbers of :func:`stabilityCell` mean; empty where nothing is known."""
    if not _stability(features):
        return ""
    cells = [stabilityCell(features, name) for name in features.values]
    unstable = sum(cell.startswith(WARNING_SIGN) for cell in cells)
    source = features.diagnostics.get("stability_source")
    where = f" in {source}" if source else ""
    return (
        f"{WARNING_SIGN} marks {unstable} of {len(cells)} features that depend on exactly where the edge is drawn: do "
        f"not trust their numbers. Stability is the lower end of the 95 % interval of the intraclass correlation (1 is "
        f"best){where}." + ("" if all(cells) else " Features without a number were not studied.")
    )


def _stability(features: FeatureRow) -> dict[str, float]:
    stability = features.diagnostics.get("stability")
    return stability if isinstance(stability, dict) else {}


def estimateHtml(estimate: SubtypeEstimate) -> str:
    """One estimate: the predicted class, a bar with its 90 % interval per class, and on whom the model was fitted."""
    order = sorted(estimate.probabilities, key=lambda name: -estimate.probabilities[name])
    rows = "".join(_barRow(estimate, name) for name in order)
    reasons = "; ".join(escape(reason) for reason in estimate.reasons)
    warning = f'<p style="margin:2px 0; color:#b86e00">Note: {reasons}.</p>' if reasons else ""
    if not estimate.inside_training_range:
        warning = (
            '<p style="margin:2px 0; color:#c05a00"><b>Outside the training range:</b> '
            f"{reasons or 'the features are unlike those patients'}. "
            "The probabilities below cannot be relied on.</p>"
        )
    return (
        f'<p style="margin:6px 0 2px 0"><b>{escape(estimate.target)}: {escape(estimate.predicted)}</b>'
        f' <span style="color:#808690">({escape(estimate.model)}, version {escape(estimate.model_version)})</span></p>'
        f'{warning}<table width="100%" cellspacing="2" cellpadding="0">{rows}</table>'
        f'<p style="margin:2px 0; color:#808690">Fitted on {escape(estimate.population)}, '
        f"n = {estimate.n_training}. {escape(estimate.performance.rstrip('.'))}.</p>"
    )


def _barRow(estimate: SubtypeEstimate, name: str) -> str:
    probability = estimate.probabilities[name]
    interval = estimate.intervals.get(name)
    words = f"{probability:.2f}"
    low = high = probability
    if interval:
        low, high = interval
        words += f' <span style="color:#808690">(90 %: {low:.2f} to {high:.2f})</span>'
    label = f"<b>{escape(name)}</b>" if name == estimate.predicted else escape(name)
    return (
        f'<tr><td width="20%">{label}&nbsp;</td><td width="42%">{_bar(low, probability, high)}</td>'
        f'<td width="38%">&nbsp;{words}</td></tr>'
    )


def _bar(low: float, probability: float, high: float) -> str:
    """Dark up to the interval's lower end, then lighter at the estimate, and lightest at its upper end."""
    edges = [0.0, min(low, probability), probability, max(high, probability), 1.0]
    colours = ("#1f6fb2", "#5b9bd0", "#bcd6ec", "#e9ecef")
    cells = ""
    for (start, end), colour in zip(pairwise(edges), colours, strict=True):
        width = round(100 * end) - round(100 * start)
        if width > 0:
            cells += f'<td width="{width}%" bgcolor="{colour}">&nbsp;</td>'
    return f'<table width="100%" cellspacing="0" cellpadding="0"><tr>{cells}</tr></table>'


def errorInWords(error: Exception, *, withToken: bool = False) -> str:
    """What the panel says of an error; one that nobody foresaw goes to the application's log as well.

    ``withToken`` says whether a token was sent with the request that failed.
    """
    if isinstance(error, ClientError) and error.status == 401:
        if withToken:
            return (
                "The server refuses this token: it is mistyped, or was taken back. Paste it again under Server, or ask "
                "whoever runs the server for a new one."
            )
        return (
            "The server asks for a token: paste yours under Server. Whoever runs the server makes one with "
            "`gliomics tokens add`."
        )
    if isinstance(error, ClientError) and error.status == 403:
        return f"{error}. Ask whoever runs the server for a token that allows it."
    if isinstance(error, GliomicsError):
        return str(error)
    logging.getLogger("gliomics").error("an unexpected error", exc_info=error)
    return f"Unexpected {type(error).__name__}: {error}. The Python console and the application's log have the details."
