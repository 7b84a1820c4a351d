"""Where a patient lies among those that the models were fitted on: two charts, of all key features and of one."""

from __future__ import annotations

from typing import Any

import slicer
import slicer.util
import vtk
from slicer.i18n import tr as _

from gliomics.reading.record import KeyFeature, Population, Reading
from RadiogenomicsLib.scene.display.layouts import PLOT_TAGS
from RadiogenomicsLib.scene.hierarchy import fileBeside

KEY_CHART, FEATURE_CHART = "Key features among the training patients", "One feature among the training patients"
_LIMITS = (5, 50, 95)
"""Percentiles between which most patients lie, and their middle."""
_LEGEND_ROOM = 2.0
"""How much higher than its rows a chart is, so that the legend covers none of them."""
_MARGIN, _LEGEND_WIDTH = 0.05, 0.5
"""Room beside the curves of one feature, in parts of their width; the legend is on the right."""
_TITLE_SIZE, _LEGEND_SIZE = 14, 11
_PATIENT, _ALL = (0.75, 0.1, 0.0), (0.35, 0.35, 0.35)
# Dark enough on the white of a plot, and told apart by people who do not see red and green.
_CLASSES = ((0.0, 0.35, 0.62), (0.0, 0.5, 0.38), (0.55, 0.27, 0.5), (0.48, 0.36, 0.0))
_SEGMENTATION_ROLE = "Gliomics.Segmentation"

_Columns = dict[str, list[float]]


def comparable(reading: Reading | None) -> dict[str, KeyFeature]:
    """The key features that are known of the training patients, by name; none without a reading."""
    features = reading.key_features if reading is not None else []
    return {key.name: key for key in features if key.population is not None and key.percentile is not None}


def plotReading(reading: Reading, feature: KeyFeature, segmentation: Any) -> tuple[Any, Any]:
    """Plot all comparable features of a reading as percentiles, and one in its unit by class; returns both charts."""
    charts = _keyChart(list(comparable(reading).values()), reading.title), _featureChart(feature)
    for tag, chart in zip(PLOT_TAGS, charts, strict=True):
        if segmentation is not None:
            chart.SetNodeReferenceID(_SEGMENTATION_ROLE, segmentation.GetID())
            fileBeside(chart, segmentation)
        view = slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLPlotViewNode")
        if view is not None:
            view.SetDoPropagatePlotChartSelection(False)
            view.SetPlotChartNodeID(chart.GetID())
    return charts


def removePlots(segmentation: Any) -> None:
    """Take the charts out of the scene that are of a segmentation."""
    for chart in slicer.util.getNodesByClass("vtkMRMLPlotChartNode"):
        if chart.GetNodeReference(_SEGMENTATION_ROLE) is segmentation:
            removeChart(chart)


def removeChart(chart: Any) -> None:
    """Take a chart out of the scene with what it is made of."""
    _empty(chart)
    slicer.mrmlScene.RemoveNode(chart)


def _keyChart(features: list[KeyFeature], title: str) -> Any:
    """A row for each feature with a mark at its percentile; lines where 5, 50 and 95 % of the patients lie below."""
    chart, top = emptyChart(KEY_CHART), _LEGEND_ROOM * (len(features) + 1)
    wasModified = chart.StartModify()
    chart.SetTitle(_("{title} among {population}").format(title=title, population=_patients(features[0].population)))
    chart.SetXAxisTitle(_("Percentile among the training patients, %"))
    chart.SetYAxisTitle(_("Key feature, by its number"))
    chart.SetXAxisRangeAuto(False)
    chart.SetXAxisRange(0.0, 100.0)
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0.0, top)
    for percent in _LIMITS:
        series = addSeries(chart, f"{percent} %", {"x": [percent, percent], "y": [0.0, top]}, _ALL)
        series.SetLineStyle(series.LineStyleSolid if percent == 50 else series.LineStyleDash)
    for number, feature in enumerate(features, start=1):
        name = f"{number}. {feature.name}: {feature.text}, {feature.percentile_text or feature.percentile}"
        place = [float(feature.percentile or 0)]
        series = addSeries(chart, name, {"x": place * 2, "y": [float(number)] * 2}, _PATIENT)  # VTK refuses one point
        series.SetPlotType(series.PlotTypeScatter)
        series.SetMarkerStyle(series.MarkerStyleDiamond)
        series.SetMarkerSize(11)
        series.SetLineStyle(series.LineStyleNone)
    chart.EndModify(wasModified)
    return chart


def _featureChart(feature: KeyFeature) -> Any:
    """How many patients of each class have a lower value, over the value in its unit; the patient is a line across."""
    chart, population = emptyChart(FEATURE_CHART), feature.population
    assert population is not None, "only comparable features are plotted"
    wasModified = chart.StartModify()
    chart.SetTitle(_("{name} among {population}").format(name=feature.name, population=_patients(population)))
    chart.SetXAxisTitle(f"{feature.name}, {feature.unit}" if feature.unit else feature.name)
    chart.SetYAxisTitle(_("Patients with a lower value, %"))
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0.0, 100.0)
    values = [feature.value, *population.overall, *(x for each in population.by_class.values() for x in each)]
    low, high = min(values), max(values)
    width = (high - low) or 1.0
    chart.SetXAxisRangeAuto(False)
    chart.SetXAxisRange(low - _MARGIN * width, high + _LEGEND_WIDTH * width)
    shares = [100.0 * level for level in population.levels]
    everybody = addSeries(chart, "all", {"x": list(population.overall), "y": shares}, _ALL)
    everybody.SetLineStyle(everybody.LineStyleDash)
    for (label, quantiles), colour in zip(
        population.by_class.items(), _CLASSES * len(population.by_class), strict=False
    ):
        addSeries(chart, population.titles.get(label, label), {"x": list(quantiles), "y": shares}, colour)
    patient = addSeries(
        chart,
        _("this patient: {text}").format(text=feature.text),
        {"x": [feature.value, feature.value], "y": [0.0, 100.0]},
        _PATIENT,
    )
    patient.SetLineWidth(3)
    chart.EndModify(wasModified)
    return chart


def _patients(population: Population | None) -> str:
    """How many they are; their name is too long for a title and stands in the panel."""
    return (
        _("{count} training patients").format(count=population.n)
        if population is not None
        else _("the training patients")
    )


def emptyChart(name: str) -> Any:
    """The chart of that name without its series, made where there is none."""
    chart = slicer.mrmlScene.GetFirstNodeByName(name)
    if chart is None:
        chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode", name)
    _empty(chart)
    chart.SetLegendVisibility(True)
    chart.SetGridVisibility(True)
    chart.SetTitleFontSize(_TITLE_SIZE)
    chart.SetLegendFontSize(_LEGEND_SIZE)
    return chart


def _empty(chart: Any) -> None:
    series = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    chart.RemoveAllPlotSeriesNodeIDs()
    for node in series:
        if node is not None:
            slicer.mrmlScene.RemoveNode(node.GetTableNode())
            slicer.mrmlScene.RemoveNode(node)


def addSeries(chart: Any, name: str, columns: _Columns, colour: tuple[float, float, float]) -> Any:
    """A line through points, in the chart; what it is made of is not listed in the *Data* module."""
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", f"{chart.GetName()}: {name}")
    for title, values in columns.items():
        column = vtk.vtkDoubleArray()
        column.SetName(title)
        for value in values:
            column.InsertNextValue(value)
        table.AddColumn(column)
    series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetPlotType(series.PlotTypeScatter)
    series.SetXColumnName("x")
    series.SetYColumnName("y")
    series.SetMarkerStyle(series.MarkerStyleNone)
    series.SetLineStyle(series.LineStyleSolid)
    series.SetLineWidth(2)
    series.SetColor(*colour)
    for node in (table, series):
        node.SetHideFromEditors(True)
    chart.AddAndObservePlotSeriesNodeID(series.GetID())
    return series
