"""A chart's nodes, drawn by VTK's charts as the application draws them.

Modelled on ``qMRMLPlotView::updateWidgetFromViewNode`` of 3D Slicer 5.12, as far as scatter plots with lines, markers,
titles, ranges, legend and grid go; anything else raises.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy


def picture(chart: Any, size: tuple[int, int]) -> np.ndarray:
    """The chart on white: uint8, [row from the top, column, red-green-blue]."""
    drawn = vtk.vtkChartXY()
    drawn.SetTitle(chart.GetTitle())
    drawn.GetTitleProperties().SetFontSize(chart.GetTitleFontSize())
    drawn.SetShowLegend(chart.GetLegendVisibility())
    for position, axis in (("X", drawn.GetAxis(vtk.vtkAxis.BOTTOM)), ("Y", drawn.GetAxis(vtk.vtkAxis.LEFT))):
        axis.SetTitle(getattr(chart, f"Get{position}AxisTitle")())
        axis.GetTitleProperties().SetFontSize(chart.GetAxisTitleFontSize())
        axis.GetLabelProperties().SetFontSize(chart.GetAxisLabelFontSize())
        axis.SetGridVisible(chart.GetGridVisibility())
        if not getattr(chart, f"Get{position}AxisRangeAuto")():
            axis.SetBehavior(vtk.vtkAxis.FIXED)
            axis.SetRange(*getattr(chart, f"Get{position}AxisRange")())
    for index in range(chart.GetNumberOfPlotSeriesNodes()):
        _addSeries(drawn, chart.GetNthPlotSeriesNode(index))
    drawn.GetLegend().SetLabelSize(chart.GetLegendFontSize())
    view = vtk.vtkContextView()
    view.GetRenderer().SetBackground(1, 1, 1)
    window = view.GetRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetSize(*size)
    window.SetMultiSamples(0)
    view.GetScene().AddItem(drawn)
    window.Render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.ReadFrontBufferOff()
    grab.Update()
    width, height, _ = grab.GetOutput().GetDimensions()
    pixels = np.array(vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()).reshape(height, width, -1))
    window.Finalize()
    return pixels[::-1, :, :3]


def _addSeries(drawn: Any, series: Any) -> None:
    if series.GetPlotType() != series.PlotTypeScatter:
        raise ValueError(f"series '{series.GetName()}' is no scatter plot")
    table = series.GetTableNode().GetTable()
    names = [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())]
    line = vtk.vtkPlotLine()
    line.SetInputData(table, names.index(series.GetXColumnName()), names.index(series.GetYColumnName()))
    line.SetLabel(series.GetName())
    line.SetColorF(*series.GetColor())
    line.SetWidth(series.GetLineWidth())
    line.SetMarkerStyle(series.GetMarkerStyle())
    line.SetMarkerSize(series.GetMarkerSize())
    line.GetPen().SetLineType(series.GetLineStyle())
    drawn.AddPlot(line)
