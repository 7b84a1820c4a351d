"""Layouts of the application, really drawn, as the panel fills them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from inprocess import InProcessBackend
from layouts import FEATURES, FOUR, SLICES, SURFACE, choose
from panels import Spin, paint, press


def test_each_sequence_has_its_view_and_a_missing_one_says_so(views: Any, screen: Any, spin: Spin) -> None:
    choose(views, FOUR, spin)
    assert screen.tags() == SLICES
    volumes = views.selection.volumes()
    backgrounds = [screen.composite(tag).GetBackgroundVolumeID() for tag in SLICES]
    assert backgrounds == [*(volumes[sequence].GetID() for sequence in ("flair", "t1", "t1c")), None]
    labels = [screen.node(tag).GetLayoutLabel() for tag in SLICES]
    assert labels == ["FLAIR", "T1", "T1 contrast", "T2: none chosen"]
    views.selection.segmentation().GetDisplayNode().SetVisibility(False)
    brightest = [int(screen.picture(tag).max()) for tag in SLICES]
    assert brightest[3] == 0
    assert all(grey > 100 for grey in brightest[:3])


def test_the_outline_of_the_segment_is_drawn_in_every_view(views: Any, screen: Any, spin: Spin) -> None:
    choose(views, FOUR, spin)
    withOutline = {tag: screen.picture(tag) for tag in SLICES}
    views.selection.segmentation().GetDisplayNode().SetVisibility(False)
    for tag in SLICES:
        changed = (screen.picture(tag) != withOutline[tag]).any(axis=2)
        rows, columns = np.nonzero(changed)
        assert 1000 < changed.sum() < 20000
        # 15 of 60 columns and 20 of 60 rows of a view that shows 60 x 60 mm
        assert 50 <= np.ptp(columns) <= 70
        assert 70 <= np.ptp(rows) <= 90


def test_outline_only_leaves_the_inside_to_the_image(views: Any, screen: Any, spin: Spin) -> None:
    choose(views, FOUR, spin)
    filled = screen.picture("GliomicsT1")
    views.ui.outlineOnlyCheckBox.click()
    outlined = screen.picture("GliomicsT1")
    views.selection.segmentation().GetDisplayNode().SetVisibility(False)
    bare = screen.picture("GliomicsT1")
    assert 0 < (outlined != bare).any(axis=2).sum() < 0.3 * (filled != bare).any(axis=2).sum()


def test_the_views_move_together_in_the_plane_of_the_volume(views: Any, screen: Any, spin: Spin) -> None:
    choose(views, FOUR, spin)
    planes = [screen.node(tag).GetSliceOffset() for tag in SLICES]
    assert len(set(planes)) == 1
    assert {screen.composite(tag).GetLinkedControl() for tag in SLICES} == {1}
    logic = screen.view("GliomicsFLAIR").logic
    logic.StartSliceNodeInteraction(screen.node("GliomicsFLAIR").SliceToRASFlag)
    logic.SetSliceOffset(planes[0] + 5)
    logic.EndSliceNodeInteraction()
    assert [screen.node(tag).GetSliceOffset() for tag in SLICES] == [planes[0] + 5] * 4


def test_the_segment_is_in_the_middle_of_the_first_picture(views: Any, screen: Any, spin: Spin) -> None:
    choose(views, FOUR, spin)
    assert screen.node("GliomicsFLAIR").GetSliceOffset() == pytest.approx(30)


def test_window_and_level_are_the_volume_s_own(views: Any, spin: Spin) -> None:
    display = views.selection.volumes()["flair"].GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(33.0, 120.0)
    choose(views, FOUR, spin)
    choose(views, SURFACE, spin)
    assert (display.GetWindow(), display.GetLevel()) == (33.0, 120.0)


def test_the_layout_before_comes_back_as_it_was(views: Any, screen: Any, spin: Spin) -> None:
    red = screen.node("Red")
    red.SetOrientation("Coronal")
    background = screen.composite("Red").GetBackgroundVolumeID()
    choose(views, FOUR, spin)
    choose(views, SURFACE, spin)
    choose(views, "Your own", spin)
    assert screen.layout.GetViewArrangement() == screen.layout.SlicerLayoutConventionalView
    assert screen.node("Red").GetOrientation() == "Coronal"
    assert screen.composite("Red").GetBackgroundVolumeID() == background


def test_the_panel_follows_the_application_s_own_menu(views: Any, screen: Any, spin: Spin) -> None:
    choose(views, FOUR, spin)
    screen.layout.SetViewArrangement(screen.layout.SlicerLayoutFourUpView)
    assert views.ui.layoutSelector.currentText == "Your own"


def test_the_next_study_takes_its_place_in_the_views(
    views: Any, screen: Any, spin: Spin, backend: InProcessBackend
) -> None:
    choose(views, FOUR, spin)
    backend.studyId = "glioma-02"
    press(views, "nextStudyButton", spin)
    assert views.model.selection.studyId == "glioma-02"
    volumes = views.selection.volumes()
    backgrounds = [screen.composite(tag).GetBackgroundVolumeID() for tag in SLICES]
    assert backgrounds == [*(volumes[sequence].GetID() for sequence in ("flair", "t1", "t1c")), None]


def test_a_slice_that_was_asked_for_is_shown_in_every_view(views: Any, screen: Any, spin: Spin) -> None:
    choose(views, FOUR, spin)
    views.logic.showSlice(views.selection.firstVolume(), 7)
    assert [screen.node(tag).GetSliceOffset() for tag in SLICES] == [pytest.approx(35)] * 4


def surfacePixels(screen: Any) -> int:
    """Pixels of the segment's orange in the 3-D view, whose background is blue."""
    picture = screen.picture("GliomicsSurface").astype(int)
    return int((picture[..., 0] > picture[..., 2] + 30).sum())


def surface(panel: Any) -> Any:
    segment = panel.selection.segmentation().GetSegmentation().GetNthSegment(0)
    return segment.GetRepresentation("Closed surface")


def test_the_segment_has_a_surface_in_3d_only_while_it_is_shown(views: Any, screen: Any, spin: Spin) -> None:
    assert surface(views) is None
    choose(views, SURFACE, spin)
    assert screen.tags() == [*SLICES, "GliomicsSurface"]
    assert surface(views).GetNumberOfPoints() > 100
    screen.view("GliomicsSurface")
    views.views._surfaces.aim()
    assert surfacePixels(screen) > 2000
    views.selection.segmentation().GetDisplayNode().SetVisibility3D(False)
    assert surfacePixels(screen) == 0
    choose(views, FOUR, spin)
    assert surface(views) is None


def test_the_surface_follows_an_edit_and_another_segmentation(views: Any, screen: Any, spin: Spin) -> None:
    choose(views, SURFACE, spin)
    first = views.selection.segmentation()
    bounds = surface(views).GetBounds()

    def grow(array: np.ndarray) -> None:
        array[9, 20:40, 15:30] = 1

    paint(views, grow)
    spin(lambda: surface(views) is not None)
    assert surface(views).GetBounds()[5] > bounds[5] + 4
    press(views, "segmentButton", spin)
    spin(lambda: surface(views) is not None)
    assert views.selection.segmentation() is not first
    assert surface(views).GetNumberOfPoints() > 100
    assert first.GetSegmentation().GetNthSegment(0).GetRepresentation("Closed surface") is None


def test_surfaces_that_the_user_made_stay(views: Any, screen: Any, spin: Spin) -> None:
    views.selection.segmentation().CreateClosedSurfaceRepresentation()
    choose(views, SURFACE, spin)
    choose(views, FOUR, spin)
    assert surface(views) is not None


def test_an_empty_segment_has_no_surface_and_no_error(views: Any, screen: Any, spin: Spin) -> None:
    views.selection.segmentation().GetSegmentation().AddEmptySegment("", "nothing yet")
    choose(views, SURFACE, spin)
    assert surface(views).GetNumberOfPoints() > 100


def test_all_features_are_in_a_table_that_can_be_filtered_and_put_in_order(views: Any, screen: Any, spin: Spin) -> None:
    choose(views, FEATURES, spin)
    assert views.ui.viewsHint.text == "There are no features yet: press Read segment."
    press(views, "computeButton", spin)
    assert not views.ui.viewsHint.visible
    node = screen.node("GliomicsFeatures").GetTableNode()
    assert node.GetNumberOfRows() == 4
    assert views.ui.featureCountLabel.text == "4 of 4"
    views.ui.featureFilterEdit.text = "flair order"
    spin(lambda: views.ui.featureCountLabel.text == "2 of 4")
    names = [node.GetCellText(row, 0) for row in range(2)]
    assert names == ["Mean", "Entropy"]
    order = views.ui.featureOrderSelector
    order.setCurrentIndex(order.findText("Name"))
    spin(lambda: node.GetCellText(0, 0) == "Entropy")
    assert views.parameters.reference("features").GetNumberOfRows() == 4


def test_a_scene_that_is_closed_empties_the_views(views: Any, screen: Any, spin: Spin, scene: Any) -> None:
    choose(views, SURFACE, spin)
    scene.Clear(False)
    spin(lambda: not views.views._settleTimer.isActive())
    assert views.model.state.value != "error", views.model.message
    assert views.ui.layoutSelector.enabled


def test_without_views_the_section_says_so(panel: Any) -> None:
    assert not panel.ui.layoutSelector.enabled
    assert panel.ui.viewsHint.text == "There are no views here."
