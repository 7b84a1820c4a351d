"""Tables of features in the scene: one for each segment, and the rows of it that are on display; on real MRML."""

from __future__ import annotations

import time
from typing import Any

import pytest
from RadiogenomicsLib.server.volumes import OrientedImage

from gliomics.reading.record import KeyFeature, Reading
from gliomics.records import FeatureRow

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture
def segmentation(logic: Any, flairImage: OrientedImage, tumourMask: OrientedImage) -> Any:
    flair = logic.addVolume(flairImage, "glioma-01", "flair")
    return logic.addSegmentation(tumourMask, flair, {"tumour": 1, "enhancing": 4}, "seg")


def publish(segmentation: Any, segmentId: str, values: dict[str, float], **options: Any) -> Any:
    from RadiogenomicsLib.scene.tables import publishFeatures

    reading = options.pop("reading", None)
    return publishFeatures(FeatureRow("glioma-01", "tumour", values, **options), segmentation, segmentId, reading)


def column(table: Any, title: str) -> list[str]:
    columns = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
    return [table.GetCellText(row, columns.index(title)) for row in range(table.GetNumberOfRows())]


def test_features_become_a_table_with_words_numbers_and_units(segmentation: Any) -> None:
    table = publish(segmentation, "a", {"original_shape_MeshVolume": 1234.5678, "t1_original_glcm_Id": 0.5})
    columns = [table.GetColumnName(i) for i in range(table.GetNumberOfColumns())]
    assert columns == ["Feature", "Value", "Unit", "Percentile", "Stability", "Measured on", "Name"]
    assert [table.GetCellText(0, c) for c in (0, 2, 3, 4, 5)] == ["Mesh volume", "mm³", "", "", "Shape"]
    assert table.GetTable().GetColumnByName("Value").GetValue(0) == 1234.5678
    assert column(table, "Name")[1] == "t1_original_glcm_Id"
    assert table.GetLocked()


def test_features_that_should_not_be_trusted_are_marked_in_the_table(segmentation: Any) -> None:
    names = ("t1_original_firstorder_Mean", "t1_original_firstorder_Minimum", "t2_original_firstorder_Mean")
    diagnostics = {"stability": {names[0]: 0.998, names[1]: 0.543}, "unstable": [names[1]]}
    table = publish(segmentation, "a", dict.fromkeys(names, 1.0), diagnostics=diagnostics)
    assert column(table, "Stability") == ["0.99", "⚠ 0.54", ""]


def test_features_known_among_the_training_patients_have_their_percentile(segmentation: Any) -> None:
    keys = [KeyFeature("x", "X", 1.0, "1.0", percentile=7.0), KeyFeature("y", "Y", 2.0, "2.0")]
    reading = Reading("glioma-01", "tumour", "Tumour", [], key_features=keys)
    table = publish(segmentation, "a", {"x": 1.0, "y": 2.0, "z": 3.0}, reading=reading)
    assert column(table, "Percentile") == ["7", "", ""]


def test_a_segment_s_second_table_replaces_its_first_and_no_other_segment_s(segmentation: Any, scene: Any) -> None:
    first = publish(segmentation, "a", {"x": 1.0, "y": 2.0})
    assert publish(segmentation, "b", {"x": 4.0}) is not first
    assert publish(segmentation, "a", {"z": 3.0}) is first
    assert (first.GetNumberOfRows(), first.GetNumberOfColumns()) == (1, 7)
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 2


def test_a_table_lies_in_the_folder_of_its_segmentation(segmentation: Any, scene: Any) -> None:
    from panels import tree

    table = publish(segmentation, "a", {"x": 1.0})
    assert table.GetName() in tree(scene)["glioma-01"]


def test_a_table_of_a_segmentation_that_has_gone_is_made_all_the_same(scene: Any) -> None:
    assert publish(None, "a", {"x": 1.0}).GetNumberOfRows() == 1


def test_parts_stand_side_by_side_in_one_table(segmentation: Any, scene: Any) -> None:
    from RadiogenomicsLib.scene.tables import publishRegions

    rows = {
        "Whole tumour": FeatureRow("glioma-01", "whole", {"original_shape_MeshVolume": 5.0, "x": 1.5}),
        "Core": FeatureRow("glioma-01", "core", {"original_shape_MeshVolume": 2.0}),
    }
    table = publishRegions(rows, segmentation)
    assert column(table, "Whole tumour") == ["5", "1.5"]
    assert column(table, "Core")[0] == "2"
    assert column(table, "Unit") == ["mm³", ""]
    assert publishRegions(rows, segmentation) is table


MANY = {
    f"{s}_original_{f}_{n}": float(i)
    for i, (s, f, n) in enumerate(
        (s, f, f"F{n}")
        for s in ("flair", "t1", "t1c", "t2")
        for f in ("glcm", "glrlm", "firstorder")
        for n in range(33)
    )
}


def shown(table: Any, words: str = "", order: str = "As measured") -> Any:
    from RadiogenomicsLib.scene.tables import showRows

    node, count = showRows(table, words, order)
    assert node.GetNumberOfRows() == count
    return node


def test_rows_that_have_all_the_words_are_on_display_and_the_table_stays_whole(segmentation: Any) -> None:
    table = publish(segmentation, "a", MANY)
    assert shown(table).GetNumberOfRows() == 396
    assert shown(table, "t1c GLRLM").GetNumberOfRows() == 33
    assert shown(table, "no such feature").GetNumberOfRows() == 0
    assert table.GetNumberOfRows() == 396
    node = shown(table, "FLAIR first f3")
    assert set(column(node, "Measured on")) == {"FLAIR, first order"}
    assert not node.GetSaveWithScene() and node.GetHideFromEditors()


def test_rows_are_put_in_order_with_unknown_ones_last(segmentation: Any) -> None:
    values = {"b": 2.0, "a": 11.0, "c": 1.0, "d": 3.0}
    keys = [KeyFeature(name, name, values[name], "", percentile=p) for name, p in (("b", 40.0), ("c", 3.0))]
    reading = Reading("glioma-01", "tumour", "Tumour", [], key_features=keys)
    diagnostics = {"stability": {"a": 0.5, "b": 0.9}, "unstable": ["a"]}
    table = publish(segmentation, "a", values, reading=reading, diagnostics=diagnostics)
    orders = {
        "As measured": "bacd",
        "Name": "abcd",
        "Most unusual first": "cbad",
        "Most stable first": "bacd",
        "Largest value first": "adbc",
        "Smallest value first": "cbda",
    }
    assert {order: "".join(column(shown(table, order=order), "Feature")) for order in orders} == orders


def test_filtering_takes_less_than_100_ms(segmentation: Any) -> None:
    table = publish(segmentation, "a", MANY)
    shown(table)
    started = time.perf_counter()
    shown(table, "t1 glcm", "Most unusual first")
    assert time.perf_counter() - started < 0.1
