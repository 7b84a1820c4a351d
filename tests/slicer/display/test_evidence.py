"""What speaks for an estimate of a tumour network, over the images: drawn by 3D Slicer's own slice logic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from inprocess import NETWORK, InProcessBackend
from layouts import FOUR, SLICES, choose
from panels import REMOTE, Spin, idle, paint, paintOneSlice, press


@pytest.fixture
def explaining(backend: InProcessBackend, views: Any, screen: Any, spin: Spin) -> Any:
    """The panel with a map of what speaks for a network's estimate."""
    backend.networks = (NETWORK, replace(NETWORK, name="network_idh", description="IDH"))
    press(views, "connectButton", spin)
    choose(views, FOUR, spin)
    for tag in SLICES:
        screen.view(tag)
    press(views, "evidenceButton", spin)
    return views


def maps() -> list[Any]:
    import slicer.util

    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return [node for node in nodes if node.GetAttribute("Gliomics.Map") == "evidence"]


def isShown(panel: Any, screen: Any) -> bool:
    """Whether the map is over the images, as its button and its text say."""
    composites = {screen.composite(tag).GetForegroundVolumeID() for tag in SLICES}
    expected = {maps()[0].GetID()} if panel.ui.evidenceButton.checked else {None}
    assert composites == expected
    assert panel.ui.evidenceText.isHidden() != panel.ui.evidenceButton.checked
    return bool(panel.ui.evidenceButton.checked)


def test_the_map_is_orange_where_a_place_speaks_for_the_class_and_purple_where_it_speaks_against_it(
    explaining: Any, screen: Any
) -> None:
    import slicer

    assert isShown(explaining, screen)
    (node,) = maps()
    display = node.GetDisplayNode()
    most = display.GetWindowLevelMax()
    inside = slicer.util.arrayFromVolume(node) > -999
    assert (
        display.GetWindowLevelMin() == -most == pytest.approx(-np.abs(slicer.util.arrayFromVolume(node)[inside]).max())
    )
    assert inside.sum() == 5 * 20 * 15, "nothing is drawn outside of the segment"
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node)
    assert legend.GetTitleText() == "Log-odds of with a spot"
    colours = display.GetColorNode().GetLookupTable()
    low, middle, high = (np.array(colours.GetTableValue(value)[:3]) for value in (20, 127, 234))
    assert low[2] > low[1] and high[0] > high[2], "purple and orange"
    assert np.ptp(middle) < 0.01 and middle.min() > 0.9, "0 has the middle colour"
    explaining.ui.mapOpacitySlider.value = 100
    explaining.selection.segmentation().GetDisplayNode().SetVisibility(False)
    picture = screen.picture("GliomicsFLAIR").astype(int)
    red, blue = picture[..., 0], picture[..., 2]
    columns = np.flatnonzero((abs(red - blue) > 40).any(axis=0))
    columns = columns[columns < 180]  # beyond is the legend
    halves = columns[: len(columns) // 3], columns[-(len(columns) // 3) :]
    greener = [(red - blue)[90:150, half].mean() for half in halves]
    assert max(greener) > 40 and min(greener) < -10, "brighter to one side"
    assert abs(red - blue)[:60].max() < 10, "the image is as it was outside"


def test_what_the_network_estimates_and_warns_of_stands_below_with_the_notice(
    explaining: Any, backend: InProcessBackend
) -> None:
    assert explaining.ui.evidenceText.text.startswith(
        "spot by network_spots: with a spot 0.61 &lt;of 2&gt;. For research"
    )
    assert explaining.model.message == "What speaks for with a spot is shown over the images."
    assert backend.maps == [("network_spots", "tumour")]
    assert backend.cases[-1].studyId == "glioma-01", "a study of the server is not sent"


def test_the_segment_is_an_outline_while_a_map_is_seen_inside_of_it(explaining: Any) -> None:
    display = explaining.selection.segmentation().GetDisplayNode()
    assert not display.GetVisibility2DFill() and display.GetVisibility2DOutline()
    assert explaining.ui.outlineOnlyCheckBox.checked
    explaining.ui.noMapButton.click()
    assert display.GetVisibility2DFill()
    assert not explaining.ui.outlineOnlyCheckBox.checked


def test_a_map_of_another_mask_goes_and_comes_back_when_the_edit_is_undone(
    explaining: Any, screen: Any, spin: Spin, backend: InProcessBackend
) -> None:
    def toggle(array: np.ndarray) -> None:
        array[1, 6:12, 8:15] = 1 - array[1, 6:12, 8:15]

    paint(explaining, toggle)
    assert not isShown(explaining, screen)
    paint(explaining, toggle)
    explaining.ui.evidenceButton.click()
    assert isShown(explaining, screen)
    assert len(backend.maps) == 1, "the map that is there"
    paint(explaining, toggle)
    press(explaining, "evidenceButton", spin)
    assert isShown(explaining, screen)
    assert (len(backend.maps), len(maps())) == (2, 1)


def test_a_mask_that_is_edited_while_its_map_is_made_gets_none(
    explaining: Any, screen: Any, spin: Spin, backend: InProcessBackend
) -> None:
    paint(explaining, paintOneSlice)
    backend.gate.clear()
    explaining.ui.evidenceButton.click()
    spin(lambda: explaining.model.running == "Map")
    paint(explaining, lambda array: array[7:].fill(0))
    backend.gate.set()
    spin(idle(explaining))
    assert not isShown(explaining, screen)
    assert explaining.model.message == "The segment was changed while its map was made: press the button again."


def test_another_network_is_chosen_and_asked(
    explaining: Any, screen: Any, spin: Spin, backend: InProcessBackend
) -> None:
    selector = explaining.ui.networkSelector
    assert [selector.itemText(index) for index in range(selector.count)] == ["Spots", "IDH"]
    selector.setCurrentIndex(1)
    assert not isShown(explaining, screen)
    press(explaining, "evidenceButton", spin)
    assert backend.maps[-1] == ("network_idh", "tumour")
    assert isShown(explaining, screen)
    explaining.parameters.setText("network", "of another server")
    explaining.maps.restore(explaining.parameters)
    explaining.refresh()
    assert (selector.currentText, explaining.ui.evidenceButton.enabled) == ("Spots", True)


def test_it_is_offered_where_the_server_has_a_network_and_results_are_shown(
    views: Any, spin: Spin, backend: InProcessBackend
) -> None:
    row = views.ui.evidenceRow
    assert row.isHidden()
    backend.networks = (replace(NETWORK, requiredSequences=("flair", "t2")),)
    press(views, "connectButton", spin)
    assert not row.isHidden()
    assert not views.ui.evidenceButton.enabled
    assert views.ui.evidenceButton.toolTip == "'network_spots' needs T2: choose the volume under Images."
    views.ui.annotateButton.click()
    assert row.isHidden()
    views.ui.readButton.click()
    backend.networks = (NETWORK,)
    press(views, "connectButton", spin)
    views.selection.chooseSegmentation(None)
    assert views.ui.evidenceButton.toolTip == "Choose a segment under Segmentation."


def test_labelling_is_not_swayed_by_a_map_of_an_estimate(explaining: Any, screen: Any) -> None:
    explaining.ui.annotateButton.click()
    assert not isShown(explaining, screen)
    explaining.ui.readButton.click()
    explaining.ui.evidenceButton.click()
    assert isShown(explaining, screen)


def test_probability_takes_its_place(explaining: Any, spin: Spin) -> None:
    press(explaining, "probabilityButton", spin)
    assert not explaining.ui.evidenceButton.checked
    assert explaining.ui.evidenceText.isHidden()
    assert explaining.selection.segmentation().GetDisplayNode().GetVisibility2DFill()


def test_nothing_is_sent_to_another_computer_without_consent(
    explaining: Any, spin: Spin, backend: InProcessBackend
) -> None:
    import qt
    from harness.ctk import ctkMessageBox

    explaining.ui.serverUrl.text = REMOTE
    press(explaining, "connectButton", spin)
    paint(explaining, paintOneSlice)
    ctkMessageBox.answers.append(qt.QMessageBox.No)
    explaining.ui.evidenceButton.click()
    assert len(backend.maps) == 1
    assert explaining.model.message.startswith("Nothing was sent to")
