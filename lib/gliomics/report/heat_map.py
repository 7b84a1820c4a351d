"""What a tumour network says of an examination: its estimate, and a picture of what each place of the tumour adds."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from gliomics.findings.network_estimates import network_answer, read_network_estimate
from gliomics.preprocess.orientation import to_canonical
from gliomics.report.axial_plane import axial_plane, draw_plane, head_box, orient, plane_title
from gliomics.report.case_report import Picture
from gliomics.report.drawing import INK, TEXT, blank, to_png
from gliomics.report.lesion_slices import lesion_planes
from gliomics.study.geometry import check_same_grid
from gliomics.study.volumes import Mask, Volume
from gliomics.tumour_network.predict import TumourReading

_PANEL = 2.6
"""Width of one slice, in inches."""
_COLOURS = "PuOr_r"
"""Purple against, orange for: told apart by readers who do not see red and green."""


def heat_map_picture(image: Volume, mask: Mask, reading: TumourReading, *, spacing_known: bool = True) -> Picture:
    """Axial slices of the tumour with the network's heat map over it, and in words what the network estimates.

    ``image``, one that the network saw, ``mask`` and the heat map share a grid (:class:`GeometryError` otherwise).
    """
    check_same_grid(mask, image, "the mask", "the image")
    estimate = reading.estimate
    figure = slices_with_heat_map(image, mask, reading.heat_map, spacing_known=spacing_known)
    sentences, answer = read_network_estimate(estimate), network_answer(estimate)
    return Picture(to_png(figure), " ".join(sentences), f"Heat map of {estimate.study_id}. {answer}.")


def slices_with_heat_map(
    image: Volume, mask: Mask, heat_map: Volume, *, columns: int = 3, spacing_known: bool = True
) -> Figure:
    """The slices of :func:`~gliomics.report.lesion_slices.slices_with_outline`, with the map over the tumour."""
    shown, lesion, heat = to_canonical(image), to_canonical(mask), to_canonical(heat_map).array
    inside = lesion.array > 0
    window, planes = head_box([shown], inside), lesion_planes(inside, columns)
    most = float(np.abs(heat[inside]).max()) or 1.0
    width, height = ((part.stop - part.start) * edge for part, edge in zip(window, lesion.spacing[:2], strict=True))
    figure = blank(_PANEL * len(planes), _PANEL * height / width)
    axes = figure.subplots(1, len(planes), squeeze=False, gridspec_kw={"wspace": 0.02})[0]
    for axis, k in zip(axes, planes, strict=True):
        draw_plane(axis, shown, {"mask": inside}, window, k)
        over = np.ma.masked_where(~axial_plane(inside, window, k), axial_plane(heat, window, k))
        drawn = axis.imshow(
            over, cmap=_COLOURS, vmin=-most, vmax=most, alpha=0.65, origin="lower",
            aspect=shown.spacing[1] / shown.spacing[0], interpolation="nearest",
        )  # fmt: skip
        axis.set_title(plane_title(lesion, k, spacing_known), fontsize=TEXT, color=INK, pad=3)
    orient(axes[0], lesion.spacing[0], spacing_known)
    bar = figure.colorbar(drawn, ax=list(axes), fraction=0.03, pad=0.02)
    bar.set_label("log-odds", fontsize=TEXT, color=INK)
    bar.ax.tick_params(labelsize=TEXT - 1, colors=INK)
    return figure
