"""All parts of the tumour read in one go: the panel with views, a backend in this process."""

from __future__ import annotations

from typing import Any

import numpy as np
from inprocess import InProcessBackend
from panels import Spin, idle, press, tree


def addSegment(panel: Any, name: str, rows: slice) -> None:
    """Draw another segment inside the block that the automatic one has."""
    import slicer

    segmentation, reference = panel.selection.segmentation(), panel.selection.firstVolume()
    array = np.zeros((12, 60, 60), np.uint8)
    array[4:9, rows, 15:30] = 1
    segmentId = segmentation.GetSegmentation().AddEmptySegment("", name)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, segmentId, reference)


def test_parts_are_read_side_by_side_in_one_table_of_the_study(
    views: Any, screen: Any, scene: Any, spin: Spin, backend: InProcessBackend
) -> None:
    addSegment(views, "enhancing", slice(20, 26))
    addSegment(views, "oedema", slice(26, 40))
    press(views, "allPartsButton", spin)
    assert backend.numberings == ["2=oedema,3=enhancing"]
    table = screen.node("GliomicsFeatures").GetTableNode()
    columns = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
    assert columns == ["Feature", "Whole tumour", "Enhancing part", "Oedema", "Unit", "Measured on", "Name"]
    assert [table.GetCellText(0, column) for column in (1, 2, 3)] == ["1500", "450", "1050"]
    assert "Radiomics features: glioma-01, all parts" in tree(scene)["glioma-01"]


def test_parts_and_vasari_features_are_shown_until_the_segmentation_is_gone(views: Any, scene: Any, spin: Spin) -> None:
    shown = views.view.parts
    assert not shown.area.isVisibleTo(shown.area.parentWidget())
    addSegment(views, "enhancing", slice(20, 26))
    addSegment(views, "oedema", slice(26, 40))
    press(views, "allPartsButton", spin)
    assert shown.text.text.startswith("All parts of ")
    for text in ("Enhancing part", "1050 voxels", "frontal lobe 80%"):
        assert text in shown.text.text
    assert not shown.vasari.isVisibleTo(shown.area)
    shown.button.click()
    assert shown.vasari.isVisibleTo(shown.area)
    assert "F1 Location" in shown.vasari.text and "laid on an atlas" in shown.vasari.text
    assert "F8 Cysts, F16 Haemorrhage: Seen in images." in shown.vasari.text
    addSegment(views, "necrosis", slice(41, 43))
    assert "Out of date" in shown.text.text
    scene.RemoveNode(views.selection.segmentation())
    views.refresh()
    assert views.model.parts is None
    views.refresh()
    assert not shown.area.isVisibleTo(shown.area.parentWidget())


def test_parts_can_be_compared_with(views: Any, spin: Spin) -> None:
    addSegment(views, "enhancing", slice(20, 26))
    addSegment(views, "oedema", slice(26, 40))
    press(views, "allPartsButton", spin)
    segments = views.selection.segmentation().GetSegmentation()
    views.selection.chooseSegment(segments.GetSegmentIdBySegmentName("enhancing"))
    press(views, "computeButton", spin)
    selector = views.ui.compareSelector
    assert views.ui.changesButton.enabled and selector.count == 2
    assert selector.itemText(1).startswith("glioma-01, enhancing, read ")
    selector.setCurrentIndex(1)
    assert "450 voxels" in views.ui.changesLabel.text


def test_a_part_that_is_not_there_is_said_and_all_features_come_back(views: Any, screen: Any, spin: Spin) -> None:
    press(views, "computeButton", spin)
    press(views, "allPartsButton", spin)
    assert any("enhancing part, oedema" in notice for notice in views.model.warnings)
    shown = screen.node("GliomicsFeatures").GetTableNode()
    assert shown.GetColumnName(1) == "Whole tumour"
    views.ui.allFeaturesButton.click()
    assert shown.GetColumnName(1) == "Value"


def test_what_lies_beyond_the_core_is_said_to_be_unknown_where_nothing_tells_it(views: Any, spin: Spin) -> None:
    addSegment(views, "enhancing", slice(20, 26))
    segments = views.selection.segmentation().GetSegmentation()
    segments.RemoveSegment(
        next(name for name in segments.GetSegmentIDs() if "enhancing" not in segments.GetSegment(name).GetName())
    )
    press(views, "allPartsButton", spin)
    (notice,) = views.model.warnings
    assert notice.startswith("Unknown: whole tumour, oedema.") and "Not in" not in notice


def test_an_unknown_part_is_refused_by_its_name(views: Any, spin: Spin, backend: InProcessBackend) -> None:
    addSegment(views, "label 7", slice(20, 26))
    views.ui.allPartsButton.click()
    spin(idle(views))
    assert views.model.state.value == "error"
    assert "'label 7'" in views.model.message
    assert backend.numberings == []


def test_what_is_missing_is_said_at_the_button(panel: Any) -> None:
    assert not panel.ui.allPartsButton.enabled
    assert panel.ui.allPartsButton.toolTip == "Connect to a server first."
