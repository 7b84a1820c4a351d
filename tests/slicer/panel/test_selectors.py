"""The stand-ins of the selectors do what the real widgets do, where a panel can trip over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from panels import Spin

pytestmark = pytest.mark.usefixtures("scene")


def addVolume(name: str) -> Any:
    import slicer.util

    return slicer.util.addVolumeFromArray(np.zeros((2, 2, 2)), name=name)


def addSegmentation(scene: Any, *segments: str) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    for name in segments:
        node.GetSegmentation().AddEmptySegment(name, name)
    return node


@pytest.fixture
def makeSelector(scene: Any) -> Iterator[Callable[..., Any]]:
    """Makes a node selector over volumes, and takes it off the scene in the end."""
    import slicer

    selectors = []

    def make(*, noneEnabled: bool = False) -> Any:
        selector = slicer.qMRMLNodeComboBox()
        selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
        selector.noneEnabled = noneEnabled
        selector.setMRMLScene(scene)
        selectors.append(selector)
        return selector

    yield make
    for selector in selectors:
        selector.setMRMLScene(None)


@pytest.fixture
def segmentSelector(scene: Any) -> Iterator[Any]:
    """A segment selector with *None*, as the panel's."""
    import slicer

    selector = slicer.qMRMLSegmentSelectorWidget()
    selector.noneEnabled = True
    selector.setMRMLScene(scene)
    yield selector
    selector.setMRMLScene(None)


# Segments


def test_without_a_segment_a_segmentation_is_chosen_with_none(segmentSelector: Any, scene: Any) -> None:
    segmentSelector.setCurrentNode(addSegmentation(scene, "tumour"))
    assert segmentSelector.currentSegmentID() == ""


def test_none_stays_when_segments_are_added(segmentSelector: Any, scene: Any) -> None:
    node = addSegmentation(scene)
    segmentSelector.setCurrentNode(node)
    node.GetSegmentation().AddEmptySegment("tumour", "tumour")
    assert segmentSelector.currentSegmentID() == ""


def test_a_chosen_segment_stays_when_others_are_added_or_renamed(segmentSelector: Any, scene: Any) -> None:
    node = addSegmentation(scene, "oedema", "tumour")
    segmentSelector.setCurrentNode(node)
    segmentSelector.setCurrentSegmentID("tumour")
    changes: list[str] = []
    segmentSelector.connect("currentSegmentChanged(QString)", changes.append)
    node.GetSegmentation().AddEmptySegment("necrosis", "necrosis")
    node.GetSegmentation().GetSegment("tumour").SetName("lesion")
    assert segmentSelector.currentSegmentID() == "tumour"
    assert changes == [], "what stays chosen is restored without a signal"


def test_an_empty_id_chooses_none(segmentSelector: Any, scene: Any) -> None:
    segmentSelector.setCurrentNode(addSegmentation(scene, "tumour"))
    segmentSelector.setCurrentSegmentID("tumour")
    segmentSelector.setCurrentSegmentID("")
    assert segmentSelector.currentSegmentID() == ""


def test_the_first_segment_takes_the_place_of_a_removed_one(segmentSelector: Any, scene: Any) -> None:
    node = addSegmentation(scene, "oedema", "tumour")
    segmentSelector.setCurrentNode(node)
    segmentSelector.setCurrentSegmentID("tumour")
    node.GetSegmentation().RemoveSegment("tumour")
    assert segmentSelector.currentSegmentID() == "oedema"


def test_the_id_of_the_last_segment_is_kept_without_a_segmentation(segmentSelector: Any, scene: Any) -> None:
    segmentSelector.setCurrentNode(addSegmentation(scene, "tumour"))
    segmentSelector.setCurrentSegmentID("tumour")
    segmentSelector.setCurrentNode(None)
    assert segmentSelector.currentSegmentID() == "tumour"


# Nodes


def test_a_renamed_current_node_counts_as_a_change(makeSelector: Callable[..., Any]) -> None:
    selector, volume = makeSelector(), addVolume("a")
    selector.setCurrentNode(volume)
    nodes: list[Any] = []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", nodes.append)
    volume.SetName("b")
    assert nodes == [volume]


def test_without_none_the_last_node_takes_the_place_of_a_removed_one(
    makeSelector: Callable[..., Any], scene: Any
) -> None:
    selector = makeSelector()
    first, second = addVolume("a"), addVolume("b")
    selector.setCurrentNode(second)
    scene.RemoveNode(second)
    assert selector.currentNode() is first


def test_a_loaded_scene_leaves_none_chosen(makeSelector: Callable[..., Any], scene: Any) -> None:
    selector = makeSelector(noneEnabled=True)
    selector.setCurrentNode(addVolume("a"))
    scene.StartState(scene.ImportState)
    scene.EndState(scene.ImportState)
    assert selector.currentNode() is None
    assert selector.nodeCount() == 1


def test_a_selector_off_the_scene_has_no_node_and_is_disabled(makeSelector: Callable[..., Any]) -> None:
    selector = makeSelector(noneEnabled=True)
    selector.setCurrentNode(addVolume("a"))
    selector.setMRMLScene(None)
    addVolume("b")
    assert (selector.currentNode(), selector.nodeCount(), selector.enabled) == (None, 0, False)


def test_a_node_asked_for_before_the_scene_is_chosen_with_it(scene: Any) -> None:
    import slicer

    selector, volume = slicer.qMRMLNodeComboBox(), addVolume("a")
    addVolume("b")
    selector.nodeTypes, selector.noneEnabled = ["vtkMRMLScalarVolumeNode"], True
    selector.setCurrentNode(volume)
    selector.setMRMLScene(scene)
    assert selector.currentNode() is volume
    selector.setMRMLScene(None)


# The panel on them


def test_a_renamed_volume_stays_recognised(panel: Any, spin: Callable[..., None]) -> None:
    volume = addVolume("case7 flair")
    spin(lambda: panel.ui.flairSelector.currentNode() is volume)
    volume.SetName("case8 flair")
    assert panel.ui.flairHint.text.startswith("Recognised by its name")


def test_choosing_a_segmentation_chooses_its_first_segment(panel: Any, scene: Any) -> None:
    panel.ui.segmentSelector.setCurrentNode(addSegmentation(scene, "oedema", "tumour"))
    assert panel.model.selection.segment == "oedema"


def test_a_user_who_chose_no_segment_keeps_none_when_the_segmentation_is_renamed(panel: Any, scene: Any) -> None:
    node = addSegmentation(scene, "tumour")
    panel.ui.segmentSelector.setCurrentNode(node)
    panel.ui.segmentSelector.setCurrentSegmentID("")
    node.SetName("another name")
    assert panel.model.selection.segment == ""


def test_data_added_from_a_scene_file_leave_the_selection(panel: Any, scene: Any, spin: Spin) -> None:
    volume, node = addVolume("mine"), addSegmentation(scene, "oedema", "tumour")
    panel.ui.t1Selector.setCurrentNode(volume)
    panel.ui.segmentSelector.setCurrentNode(node)
    panel.ui.segmentSelector.setCurrentSegmentID("tumour")
    scene.StartState(scene.ImportState)
    scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "another")
    scene.EndState(scene.ImportState)
    spin(lambda: not panel.isLoading)
    assert panel.ui.t1Selector.currentNode() is volume
    assert panel.model.selection.segment == "tumour"
