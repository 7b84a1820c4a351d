"""Tables in the scene: all features of a segment or of all parts, and those rows of one that a table view shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import slicer
import slicer.util
import vtk
from slicer.i18n import tr as _

from gliomics.reading.feature_words import WARNING_SIGN, read_feature_name, stability_text
from gliomics.reading.record import Reading
from gliomics.records import FeatureRow
from RadiogenomicsLib.scene.hierarchy import fileBeside
from RadiogenomicsLib.scene.origin import STUDY_ATTRIBUTE

TABLE_NAME = "Radiomics features"
SHOWN_NAME = "Radiomics features on display"
MEASURED_ON = "Measured on"
_SEGMENTATION_ROLE = "Gliomics.Segmentation"
_SEGMENT_ATTRIBUTE = "Gliomics.SegmentId"
_ALL_PARTS = "all parts"
COLUMNS = ("Feature", "Value", "Unit", "Percentile", "Stability", MEASURED_ON, "Name")
"""*Percentile* is where the value lies among the training patients; *Name* is the column of a cohort's table."""

_Row = dict[str, str]
_Key = Callable[[_Row], tuple[Any, ...]]


def publishFeatures(features: FeatureRow, segmentation: Any, segmentId: str, reading: Reading | None = None) -> Any:
    """Put the features of a segment into its table node, which is made where there is none; returns the node.

    ``segmentation`` may be None where it has gone. ``reading`` has the percentiles of those features that are known
    among the training patients.
    """
    keyFeatures = reading.key_features if reading is not None else []
    percentiles = {key.feature: f"{key.percentile:.0f}" for key in keyFeatures if key.percentile is not None}
    rows: list[tuple[str | float, ...]] = []
    for name, value in features.values.items():
        words, percentile = read_feature_name(name), percentiles.get(name, "")
        stability = stability_text(features, name)
        rows.append((words.feature, value, words.unit, percentile, stability, words.place, name))
    node = _tableOf(segmentation, segmentId)
    _fill(node, COLUMNS, rows)
    node.SetAttribute(STUDY_ATTRIBUTE, features.study_id)
    node.SetName(f"{TABLE_NAME}: {features.study_id} {features.region}")
    return node


def publishRegions(rowsByTitle: Mapping[str, FeatureRow], segmentation: Any) -> Any:
    """Put the features of several parts of a segmentation side by side, one column each, into its table node."""
    first = next(iter(rowsByTitle.values()))
    names = list(dict.fromkeys(name for row in rowsByTitle.values() for name in row.values))
    rows: list[tuple[str | float, ...]] = []
    for name in names:
        words = read_feature_name(name)
        values = (row.values.get(name, math.nan) for row in rowsByTitle.values())
        rows.append((words.feature, *values, words.unit, words.place, name))
    node = _tableOf(segmentation, _ALL_PARTS)
    _fill(node, ("Feature", *rowsByTitle, "Unit", MEASURED_ON, "Name"), rows)
    node.SetAttribute(STUDY_ATTRIBUTE, first.study_id)
    node.SetName(f"{TABLE_NAME}: {first.study_id}, all parts")
    return node


def tablesOf(segmentation: Any) -> list[Any]:
    """The tables of features that were measured on a segmentation."""
    tables = slicer.util.getNodesByClass("vtkMRMLTableNode")
    return [table for table in tables if table.GetNodeReference(_SEGMENTATION_ROLE) is segmentation]


def segmentOf(table: Any) -> tuple[Any, str]:
    """The segmentation node, None where it has gone, and the ID of the segment that a table is of."""
    return table.GetNodeReference(_SEGMENTATION_ROLE), table.GetAttribute(_SEGMENT_ATTRIBUTE) or ""


def showRows(table: Any, words: str, order: str) -> tuple[Any, int]:
    """Put those rows of a feature table that have all the words into the table node on display.

    Case does not matter, and a word may be any part of a cell. ``order`` is a key of :data:`ORDERS`. The table itself
    stays whole: it is what is saved. Returns the node on display, which is not saved with the scene, and its rows.
    """
    titles = [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())]
    rows = [
        {title: _text(table, row, column) for column, title in enumerate(titles)}
        for row in range(table.GetNumberOfRows())
    ]
    searched = [word.casefold() for word in words.split()]
    rows = [row for row in rows if all(word in " ".join(row.values()).casefold() for word in searched)]
    rows.sort(key=ORDERS[order])
    node = shownTable() or slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", SHOWN_NAME)
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    _fill(node, titles, [tuple(row.values()) for row in rows])
    return node, len(rows)


def shownTable() -> Any:
    """The table node on display, or None."""
    return slicer.mrmlScene.GetFirstNodeByName(SHOWN_NAME)


def _tableOf(segmentation: Any, segmentId: str) -> Any:
    """The table node of a segment, a new one where it has none."""
    for table in tablesOf(segmentation) if segmentation is not None else ():
        if table.GetAttribute(_SEGMENT_ATTRIBUTE) == segmentId:
            return table
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", TABLE_NAME)
    node.SetAttribute(_SEGMENT_ATTRIBUTE, segmentId)
    if segmentation is not None:
        node.SetNodeReferenceID(_SEGMENTATION_ROLE, segmentation.GetID())
        fileBeside(node, segmentation)
    return node


def _number(row: _Row, column: str) -> float | None:
    try:
        number = float(row.get(column, "").strip(f"{WARNING_SIGN} ").split(" ")[0].rstrip("stndrh%."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _by(column: str, sign: int) -> _Key:
    """Rows by a column of numbers, those without one last."""

    def key(row: _Row) -> tuple[Any, ...]:
        number = _number(row, column)
        return number is None, sign * (number or 0.0)

    return key


def _unusual(row: _Row) -> tuple[Any, ...]:
    percentile = _number(row, "Percentile")
    return percentile is None, -abs((percentile or 50.0) - 50.0)


ORDERS: dict[str, _Key] = {
    _("As measured"): lambda row: (),
    _("Name"): lambda row: (row.get("Feature", "").casefold(), row.get(MEASURED_ON, "")),
    _("Most unusual first"): _unusual,
    _("Most stable first"): _by("Stability", -1),
    _("Largest value first"): _by("Value", -1),
    _("Smallest value first"): _by("Value", 1),
}
"""The orders in which features can be shown, by their titles."""


def _text(table: Any, row: int, column: int) -> str:
    value = table.GetTable().GetValue(row, column)
    if value.IsDouble():
        number = value.ToDouble()
        return f"{number:.5g}" if math.isfinite(number) else ""
    return str(value.ToString())


def _fill(node: Any, titles: tuple[str, ...] | list[str], rows: list[tuple[str | float, ...]]) -> None:
    wasModified = node.StartModify()
    node.RemoveAllColumns()
    for index, title in enumerate(titles):
        isNumber = bool(rows) and isinstance(rows[0][index], float)
        column = vtk.vtkDoubleArray() if isNumber else vtk.vtkStringArray()
        column.SetName(title)
        for row in rows:
            column.InsertNextValue(row[index])
        node.AddColumn(column)
        node.SetColumnTitle(title, title)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    node.EndModify(wasModified)
