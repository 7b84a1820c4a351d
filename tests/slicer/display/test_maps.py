"""A model's maps over the images: drawn by 3D Slicer's own slice logic, asked of a backend in this process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from inprocess import InProcessBackend
from layouts import FOUR, SLICES, choose
from panels import Spin, edit, idle, press, tree


@pytest.fixture
def mapped(views: Any, screen: Any, spin: Spin) -> Any:
    """The panel with a map of the probability over four sequences; the segmentation is hidden."""
    choose(views, FOUR, spin)
    for tag in SLICES:
        screen.view(tag)
    views.selection.segmentation().GetDisplayNode().SetVisibility(False)
    press(views, "probabilityButton", spin)
    return views


def maps() -> list[Any]:
    import slicer.util

    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return [node for node in nodes if node.GetAttribute("Gliomics.Map")]


def checked(panel: Any) -> list[bool]:
    ui = panel.ui
    return [button.checked for button in (ui.noMapButton, ui.probabilityButton, ui.uncertaintyButton)]


def colourfulness(picture: np.ndarray) -> float:
    """The mean difference between the red and the blue of the pixels of the block: a grey image has none."""
    block = picture[90:150, 65:115].astype(int)
    return float(np.abs(block[..., 0] - block[..., 2]).mean())


def test_a_map_lies_over_all_sequences_as_strongly_as_the_slider_says(mapped: Any, screen: Any) -> None:
    slider = mapped.ui.mapOpacitySlider
    assert slider.enabled and slider.value == 50
    assert checked(mapped) == [False, True, False]
    strengths = []
    for value in (0, 50, 100):
        slider.value = value
        strengths.append([colourfulness(screen.picture(tag)) for tag in SLICES])
    none, half, full = np.array(strengths)[:, :3]
    assert (none < 2).all()
    assert (half > 10).all()
    assert (full > 1.5 * half).all()


def test_a_map_is_in_colours_from_0_to_1_with_a_legend_and_the_image_is_seen_where_it_is_low(
    mapped: Any, screen: Any
) -> None:
    import slicer

    (node,) = maps()
    display = node.GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0.0, 1.0)
    assert display.GetLowerThreshold() == pytest.approx(0.05)
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node)
    assert legend.GetTitleText() == "Probability of tumour"
    withLegend = screen.picture("GliomicsT2")
    legend.SetVisibility(False)
    assert (screen.picture("GliomicsT2")[:, 190:] != withLegend[:, 190:]).any(axis=2).sum() > 300


def test_a_map_cannot_be_chosen_for_a_sequence(mapped: Any, spin: Spin) -> None:
    selectors = [getattr(mapped.ui, f"{sequence}Selector") for sequence in ("flair", "t1", "t1c", "t2")]
    assert [selector.nodeCount() for selector in selectors] == [3, 3, 3, 3], "the three images"
    press(mapped, "uncertaintyButton", spin)
    assert len(maps()) == 2
    assert [selector.nodeCount() for selector in selectors] == [3, 3, 3, 3]
    assert sorted(mapped.selection.volumes()) == ["flair", "t1", "t1c"]
    selectors[3].setCurrentNode(maps()[0])
    assert selectors[3].currentNode() is None


def test_uncertainty_takes_the_place_of_probability_and_none_of_both(
    mapped: Any, screen: Any, spin: Spin, backend: InProcessBackend
) -> None:
    probability = screen.picture("GliomicsT1")
    press(mapped, "uncertaintyButton", spin)
    assert checked(mapped) == [False, False, True]
    assert (screen.picture("GliomicsT1") != probability).any()
    mapped.ui.noMapButton.click()
    assert checked(mapped) == [True, False, False]
    assert colourfulness(screen.picture("GliomicsT1")) < 2
    assert not mapped.ui.mapOpacitySlider.enabled
    press(mapped, "probabilityButton", spin)
    assert np.array_equal(screen.picture("GliomicsT1"), probability)
    assert backend.maps == [("segmentation_flair", "probability"), ("segmentation_flair", "uncertainty")]


def test_a_map_is_no_sequence_and_lies_in_the_study_s_folder(mapped: Any, scene: Any) -> None:
    from RadiogenomicsLib.scene.recognition import volumesOfScene

    (node,) = maps()
    assert node not in volumesOfScene()
    assert node.GetName() in tree(scene)["glioma-01"]
    mapped.ui.recogniseButton.click()
    assert node not in mapped.selection.volumes().values()


def test_a_map_of_images_that_were_edited_goes_and_is_asked_for_again(
    mapped: Any, spin: Spin, backend: InProcessBackend
) -> None:
    edit(mapped.selection.volumes()["flair"])
    mapped.enter()
    assert checked(mapped) == [True, False, False]
    press(mapped, "probabilityButton", spin)
    assert len(backend.maps) == 2
    assert len(maps()) == 1, "the map of the image before has gone"


def test_the_next_study_is_shown_without_the_map_of_the_one_before(
    mapped: Any, screen: Any, spin: Spin, backend: InProcessBackend
) -> None:
    backend.studyId = "glioma-02"
    press(mapped, "nextStudyButton", spin)
    assert checked(mapped) == [True, False, False]
    assert {screen.composite(tag).GetForegroundVolumeID() for tag in SLICES} == {None}


def test_a_map_that_was_removed_is_shown_no_more(mapped: Any, scene: Any) -> None:
    scene.RemoveNode(maps()[0])
    mapped.enter()
    assert checked(mapped) == [True, False, False]


def test_a_map_that_cannot_be_made_says_why(views: Any, spin: Spin, backend: InProcessBackend) -> None:
    from inprocess import Refusal

    backend.error = Refusal("the server is out of memory")
    views.ui.probabilityButton.click()
    spin(idle(views))
    assert views.model.state.value == "error"
    assert "out of memory" in views.model.message
    assert checked(views) == [True, False, False]


def test_a_map_of_another_grid_is_refused(views: Any, spin: Spin, backend: InProcessBackend) -> None:
    from RadiogenomicsLib.server.volumes import OrientedImage

    image = backend.study["flair"]
    backend.study["flair"] = OrientedImage(image.array[1:], image.ijkToRas)
    views.ui.probabilityButton.click()
    spin(idle(views))
    assert "the map has 60 x 60 x 11 voxels" in views.model.message
    assert maps() == []


def test_a_map_that_is_cancelled_leaves_nothing(views: Any, spin: Spin, backend: InProcessBackend) -> None:
    backend.gate.clear()
    views.ui.probabilityButton.click()
    spin(lambda: views.model.running == "Map")
    views.ui.cancelButton.click()
    backend.gate.set()
    assert views.model.running == ""
    assert checked(views) == [True, False, False]
    assert maps() == []


def test_what_is_missing_for_a_map_is_said_at_its_button(panel: Any) -> None:
    assert not panel.ui.probabilityButton.enabled
    assert panel.ui.probabilityButton.toolTip == "Connect to a server first."
    assert panel.ui.noMapButton.enabled


def test_a_map_is_also_in_views_that_a_layout_brings_later(views: Any, screen: Any, spin: Spin) -> None:
    press(views, "probabilityButton", spin)
    (node,) = maps()
    assert screen.composite("Red").GetForegroundVolumeID() == node.GetID()
    choose(views, FOUR, spin)
    assert {screen.composite(tag).GetForegroundVolumeID() for tag in SLICES} == {node.GetID()}


def test_a_scene_that_is_closed_while_a_map_is_made_gets_none(
    views: Any, scene: Any, spin: Spin, backend: InProcessBackend
) -> None:
    backend.gate.clear()
    views.ui.probabilityButton.click()
    spin(lambda: views.model.running == "Map")
    scene.Clear(False)
    backend.gate.set()
    spin(idle(views))
    assert maps() == []
    assert views.model.state.value != "error", views.model.message


def test_a_volume_that_goes_while_its_map_is_made_is_named(
    views: Any, scene: Any, spin: Spin, backend: InProcessBackend
) -> None:
    backend.gate.clear()
    views.ui.probabilityButton.click()
    spin(lambda: views.model.running == "Map")
    scene.RemoveNode(views.selection.volumes()["flair"])
    backend.gate.set()
    spin(idle(views))
    assert "'glioma-01 FLAIR' was removed while its map was made" in views.model.message
