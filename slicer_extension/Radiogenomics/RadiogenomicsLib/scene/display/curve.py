"""The curve of a training: loss, and the Dice on the patients that the epoch is chosen on, by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import slicer
from slicer.i18n import tr as _

from RadiogenomicsLib.scene.display.layouts import CURVE_TAG
from RadiogenomicsLib.scene.display.plots import addSeries, emptyChart, removeChart
from RadiogenomicsLib.server.learning import Epoch

CURVE_CHART = _("Curve of the training")
_LOSS, _DICE = (0.75, 0.1, 0.0), (0.0, 0.35, 0.62)
_HEADROOM = 1.25
"""How much higher than the curves the chart is, so that the legend covers none of them."""


def plotCurve(curve: Sequence[Epoch], title: str) -> Any:
    """Draw the epochs until now and show them in the view of the curve; no line before the second one.

    Trainings that follow each other, each from the start, are lines apart. Dice is at most 1 and losses are not much
    more, so that both have the same axis.
    """
    chart = emptyChart(CURVE_CHART)
    chart.SetSaveWithScene(False)
    wasModified = chart.StartModify()
    chart.SetTitle(title)
    chart.SetXAxisTitle(_("Epoch"))
    chart.SetYAxisTitle(_("Loss, and Dice on patients kept apart"))
    losses = _columns([(epoch, epoch.loss) for epoch in curve])
    dices = _columns([(epoch, epoch.dice) for epoch in curve if epoch.dice is not None])
    for name, columns, colour in ((_("loss"), losses, _LOSS), (_("Dice"), dices, _DICE)):
        if len(columns["x"]) > 1:  # VTK draws no line of one point
            series = addSeries(chart, name, columns, colour)
            series.SetMarkerStyle(series.MarkerStyleCircle)
            for node in (series, series.GetTableNode()):
                node.SetSaveWithScene(False)
    chart.SetXAxisRangeAuto(False)
    chart.SetXAxisRange(0.0, max((epoch.number for epoch in curve), default=1) + 1.0)
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0.0, _HEADROOM * max([1.0, *(epoch.loss for epoch in curve)]))
    chart.EndModify(wasModified)
    view = slicer.mrmlScene.GetSingletonNode(CURVE_TAG, "vtkMRMLPlotViewNode")
    if view is not None:
        view.SetDoPropagatePlotChartSelection(False)
        view.SetPlotChartNodeID(chart.GetID())
    return chart


def _columns(points: Sequence[tuple[Epoch, float | None]]) -> dict[str, list[float]]:
    """The points of a line, with a gap, which is no number, between trainings."""
    xs: list[float] = []
    ys: list[float] = []
    run = points[0][0].run if points else 0
    for epoch, value in points:
        if epoch.run != run:
            run = epoch.run
            xs.append(float(epoch.number))
            ys.append(math.nan)
        xs.append(float(epoch.number))
        ys.append(float(value or 0.0))
    return {"x": xs, "y": ys}


def hasCurve() -> bool:
    """Whether the chart is in the scene, which may have been closed."""
    return slicer.mrmlScene.GetFirstNodeByName(CURVE_CHART) is not None


def removeCurve() -> None:
    """Take the chart out of the scene."""
    chart = slicer.mrmlScene.GetFirstNodeByName(CURVE_CHART)
    if chart is not None:
        removeChart(chart)
