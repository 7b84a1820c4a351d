"""Strokes and boxes made with the mouse in slice views that are really drawn, by 3D Slicer's own event handling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from clicks import isPlacing, points, voxels
from harness.segmenteditor import EFFECTS
from inprocess import InProcessBackend
from panels import Spin, paint, paintOneSlice, press
from RadiogenomicsLib.server.prompts import Stroke
from RadiogenomicsLib.server.volumes import OrientedImage

from gliomics.records import Box

SIZE = 240
GRID = np.diag([2.0, 2.0, 3.0, 1.0])


@pytest.fixture
def image() -> OrientedImage:
    """A head of 60 x 60 x 10 voxels with a bright block."""
    array = np.random.default_rng(3).normal(100, 5, (10, 60, 60)).astype(np.float32)
    array[4:7, 25:35, 25:35] += 80
    return OrientedImage(array, GRID)


@pytest.fixture
def layout(scene: Any) -> Iterator[Any]:
    """The views of the conventional layout; a pixel of a slice view is half a millimetre."""
    import slicer
    from harness.layout import LayoutManager
    from harness.views import Screen

    screen = Screen(scene, (SIZE, SIZE))
    manager = LayoutManager(screen)
    slicer.app._layout = manager
    yield manager
    slicer.app._layout = None
    manager.close()
    screen.close()


@pytest.fixture
def drawable(panel: Any, backend: InProcessBackend, image: OrientedImage, layout: Any, spin: Spin) -> Any:
    """The panel with a segment and a model that corrects, and the red view at slice 5."""
    import slicer

    backend.corrects, backend.study = True, {"flair": image}
    for button in ("connectButton", "nextStudyButton", "segmentButton"):
        press(panel, button, spin)
    red = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    red.SetOrientation("Axial")
    red.SetFieldOfView(120, 120, 3)
    red.JumpSliceByCentering(60, 60, 15)
    return panel


def choose(panel: Any, tool: str) -> None:
    panel.ui.toolSelector.setCurrentIndex(panel.ui.toolSelector.findText(tool))


def curves() -> list[Any]:
    import slicer

    return list(slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode"))


def windowAndLevel(panel: Any) -> tuple[float, float]:
    display = panel.selection.firstVolume().GetDisplayNode()
    return display.GetWindow(), display.GetLevel()


def answered(panel: Any, backend: InProcessBackend, count: int) -> Any:
    return lambda: len(backend.corrections) == count and not panel.model.running


# Strokes


def test_a_stroke_is_sent_as_the_voxels_under_it_and_is_one_step(
    drawable: Any, backend: InProcessBackend, layout: Any, spin: Spin
) -> None:
    before = voxels(drawable)
    choose(drawable, "Stroke")
    drawable.ui.addLesionButton.click()
    layout.mouse("Red").drag((40, 40), (80, 40), (80, 80))
    spin(answered(drawable, backend, 1))
    (stroke,) = backend.corrections[0]
    assert isinstance(stroke, Stroke)
    assert stroke.lesion
    (mouse, volume) = layout.mouse("Red"), drawable.selection.firstVolume()
    corners = [drawable.logic.voxelAt(volume, mouse.worldAt(*corner)) for corner in ((40, 40), (80, 40), (80, 80))]
    drawn = [tuple(voxel) for voxel in stroke.voxels.tolist()]
    assert [drawn[0], drawn[-1]] == [corners[0], corners[-1]]
    assert corners[1] in drawn
    assert np.abs(np.diff(stroke.voxels, axis=0)).max() == 1, "no voxel of the line is left out"
    after = voxels(drawable)
    assert after[stroke.index].all()
    assert after.sum() - before.sum() == len(drawn)
    drawable.ui.undoClickButton.click()
    assert np.array_equal(voxels(drawable), before)
    assert curves() == []
    assert not drawable.ui.undoClickButton.enabled


def test_the_view_shows_the_stroke_and_does_nothing_else_with_the_mouse(
    drawable: Any, backend: InProcessBackend, layout: Any, spin: Spin
) -> None:
    import slicer

    interaction = slicer.app.applicationLogic().GetInteractionNode()
    choose(drawable, "Stroke")
    drawable.ui.addLesionButton.click()
    before, view = windowAndLevel(drawable), layout._screen.picture("Red")
    interaction.SetCurrentInteractionMode(interaction.AdjustWindowLevel)
    mouse = layout.mouse("Red")
    mouse.drag((40, 40), (80, 40))
    spin(answered(drawable, backend, 1))
    assert windowAndLevel(drawable) == before
    assert (layout._screen.picture("Red") != view).any()
    drawable.ui.addLesionButton.click()
    mouse.drag((40, 60), (80, 80))
    assert windowAndLevel(drawable) != before, "without strokes the view has the mouse again"
    assert len(backend.corrections) == 1
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)


def test_a_stroke_beside_the_lesion_takes_away(
    drawable: Any, backend: InProcessBackend, layout: Any, spin: Spin
) -> None:
    choose(drawable, "Stroke")
    drawable.ui.removeLesionButton.click()
    layout.mouse("Red").drag((120, 100), (120, 130))
    spin(answered(drawable, backend, 1))
    (stroke,) = backend.corrections[0]
    assert not stroke.lesion
    assert not voxels(drawable)[stroke.index].any()
    assert "removed from" in drawable.model.message


def test_an_earlier_stroke_holds_when_the_next_one_is_answered(
    drawable: Any, backend: InProcessBackend, layout: Any, spin: Spin, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(drawable, "Stroke")
    drawable.ui.addLesionButton.click()
    mouse = layout.mouse("Red")
    mouse.drag((40, 40), (80, 40))
    spin(answered(drawable, backend, 1))
    backend.forgets = True
    mouse.drag((40, 200), (80, 200))
    spin(answered(drawable, backend, 2))
    for stroke in backend.corrections[1]:
        assert voxels(drawable)[stroke.index].all()
    assert len(curves()) == 2


def test_the_shift_key_leaves_the_mouse_to_the_view(drawable: Any, backend: InProcessBackend, layout: Any) -> None:
    choose(drawable, "Stroke")
    drawable.ui.addLesionButton.click()
    layout.mouse("Red").drag((40, 40), (80, 40), shift=True)
    assert curves() == []
    assert backend.corrections == []


def test_a_stroke_beside_the_volume_is_refused_and_leaves_nothing(
    drawable: Any, backend: InProcessBackend, layout: Any
) -> None:
    import slicer

    slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode").JumpSliceByCentering(900, 60, 15)
    choose(drawable, "Stroke")
    drawable.ui.addLesionButton.click()
    layout.mouse("Red").drag((40, 40), (80, 40))
    assert "the stroke is outside 'glioma-01 FLAIR'; draw on the volume" in drawable.model.message
    assert curves() == []


def test_a_stroke_that_is_under_way_when_the_tool_changes_is_dropped(
    drawable: Any, backend: InProcessBackend, layout: Any
) -> None:
    choose(drawable, "Stroke")
    drawable.ui.addLesionButton.click()
    mouse = layout.mouse("Red")
    for event in ("EnterEvent", "LeftButtonPressEvent", "MouseMoveEvent"):
        mouse.send(event, 60, 60)
    assert len(curves()) == 1
    choose(drawable, "Click")
    assert curves() == []
    assert isPlacing()
    mouse.send("LeftButtonReleaseEvent", 90, 90)
    assert backend.corrections == []


@pytest.mark.parametrize("name", EFFECTS[:3])
def test_an_effect_takes_the_mouse_from_strokes(drawable: Any, layout: Any, name: str) -> None:
    choose(drawable, "Stroke")
    drawable.ui.addLesionButton.click()
    drawable.ui.segmentEditor.setActiveEffectByName(name)
    assert not drawable.ui.addLesionButton.checked
    layout.mouse("Red").drag((40, 40), (80, 40))
    assert curves() == []
    drawable.ui.addLesionButton.click()
    assert drawable.ui.segmentEditor.activeEffect() is None, "and a stroke takes it back"


def test_strokes_are_drawn_in_the_views_of_a_new_layout(
    drawable: Any, backend: InProcessBackend, layout: Any, spin: Spin
) -> None:
    choose(drawable, "Stroke")
    drawable.ui.addLesionButton.click()
    layout._screen.layout.SetViewArrangement(layout._screen.layout.SlicerLayoutOneUpRedSliceView)
    layout.layoutChanged.emit(layout._screen.layout.SlicerLayoutOneUpRedSliceView)
    layout.mouse("Red").drag((40, 40), (80, 40))
    spin(answered(drawable, backend, 1))
    assert len(backend.corrections) == 1, "each event counts once"


def test_closing_the_scene_ends_strokes_and_leaves_no_line(
    drawable: Any, backend: InProcessBackend, layout: Any, scene: Any, spin: Spin
) -> None:
    choose(drawable, "Stroke")
    drawable.ui.addLesionButton.click()
    layout.mouse("Red").drag((40, 40), (80, 40))
    spin(answered(drawable, backend, 1))
    scene.Clear(False)
    assert curves() == []
    assert not drawable.ui.addLesionButton.checked


# Boxes


def test_two_corners_in_two_slices_are_a_box(drawable: Any, backend: InProcessBackend, layout: Any, spin: Spin) -> None:
    import slicer

    before = voxels(drawable)
    red, mouse = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode"), layout.mouse("Red")
    volume = drawable.selection.firstVolume()
    choose(drawable, "Box")
    drawable.ui.addLesionButton.click()
    mouse.click(60, 60)
    first = drawable.logic.voxelAt(volume, mouse.worldAt(60, 60))
    spin(lambda: points().get("Corners of a box with lesion") == 1)
    red.JumpSliceByCentering(60, 60, 21)
    mouse.click(100, 90)
    second = drawable.logic.voxelAt(volume, mouse.worldAt(100, 90))
    spin(answered(drawable, backend, 1))
    assert backend.corrections[0] == [Box(first, second, True)]
    assert (first[2], second[2]) == (5, 7)
    lower, upper = np.minimum(first, second), np.maximum(first, second) + 1
    inside = tuple(slice(a, b) for a, b in zip(lower[::-1], upper[::-1], strict=True))
    assert voxels(drawable)[inside].all()
    assert points()["Corners of a box with lesion"] == 0
    drawable.ui.undoClickButton.click()
    assert np.array_equal(voxels(drawable), before)


def outlines() -> list[Any]:
    import slicer

    return [node for node in slicer.util.getNodesByClass("vtkMRMLModelNode") if node.GetName().startswith("Box")]


def movedTo(mouse: Any, x: int, y: int) -> bool:
    """Move the mouse; whether the box is seen, which is so a moment after its first corner was placed."""
    mouse.move(x, y)
    return len(outlines()) == 1


def coloured(picture: np.ndarray) -> np.ndarray:
    """Where a picture has the green of what is drawn on the lesion, from its lower left corner: (y, x) of a row."""
    red, green, blue = np.moveaxis(picture[::-1].astype(int), -1, 0)
    return np.argwhere((green > red + 60) & (green > blue + 60))


def test_a_box_is_seen_while_it_is_drawn_and_until_it_is_answered(
    drawable: Any, backend: InProcessBackend, layout: Any, spin: Spin
) -> None:
    import slicer

    drawable.selection.segmentation().GetDisplayNode().SetVisibility(False)
    mouse, before = layout.mouse("Red"), voxels(drawable)
    choose(drawable, "Box")
    drawable.ui.addLesionButton.click()
    mouse.click(60, 60)
    spin(lambda: points().get("Corners of a box with lesion") == 1)
    spin(lambda: movedTo(mouse, 120, 90))
    seen = coloured(layout._screen.picture("Red"))
    assert np.abs(np.ptp(seen, axis=0) - [30, 60]).max() <= 16, "in whole voxels of four pixels, and the corners' signs"
    mouse.move(140, 160)
    higher = coloured(layout._screen.picture("Red"))
    assert np.ptp(higher, axis=0)[0] > np.ptp(seen, axis=0)[0] + 50
    inner = higher[(higher > 70).all(axis=1) & (higher < [150, 130]).all(axis=1)]
    assert not len(inner), "it is an outline"
    backend.gate.clear()
    mouse.click(140, 160)
    spin(lambda: len(backend.corrections) == 1 or drawable.model.running == "Correct")
    (box,) = outlines()
    assert not box.GetSaveWithScene()
    slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode").JumpSliceByCentering(60, 60, 27)
    assert not len(coloured(layout._screen.picture("Red"))), "only in the slices that it crosses"
    backend.gate.set()
    spin(answered(drawable, backend, 1))
    assert outlines() == []
    assert not np.array_equal(voxels(drawable), before)


def test_a_box_that_is_given_up_leaves_no_outline(
    drawable: Any, backend: InProcessBackend, layout: Any, spin: Spin
) -> None:
    mouse = layout.mouse("Red")
    choose(drawable, "Box")
    for stop in (drawable.ui.removeLesionButton.click, lambda: drawable.selection.chooseSegmentation(None)):
        drawable.ui.removeLesionButton.click()
        mouse.click(60, 60)
        spin(lambda: points().get("Corners of a box without lesion") == 1)
        spin(lambda: movedTo(mouse, 120, 90))
        stop()
        assert outlines() == []
    assert backend.corrections == []


def test_a_corner_that_waits_for_another_goes_when_the_mouse_is_given_back(
    drawable: Any, backend: InProcessBackend, layout: Any, spin: Spin
) -> None:
    choose(drawable, "Box")
    drawable.ui.removeLesionButton.click()
    layout.mouse("Red").click(60, 60)
    spin(lambda: points().get("Corners of a box without lesion") == 1)
    drawable.ui.removeLesionButton.click()
    spin(lambda: points() == {"Corners of a box without lesion": 0})
    drawable.ui.removeLesionButton.click()
    layout.mouse("Red").click(70, 70)
    spin(lambda: points().get("Corners of a box without lesion") == 1)
    assert backend.corrections == [], "one corner is no box"


def test_a_click_and_a_hand_s_edit_are_kept_beside_a_box(
    drawable: Any, backend: InProcessBackend, layout: Any, spin: Spin
) -> None:
    paint(drawable, paintOneSlice)
    before = voxels(drawable)
    choose(drawable, "Box")
    drawable.ui.removeLesionButton.click()
    mouse = layout.mouse("Red")
    mouse.click(100, 100)
    spin(lambda: points().get("Corners of a box without lesion") == 1)
    mouse.click(140, 140)
    spin(answered(drawable, backend, 1))
    (box,) = backend.corrections[0]
    after, changed = voxels(drawable), np.argwhere(before != voxels(drawable))[:, ::-1]
    assert len(changed)
    assert (changed.min(axis=0) >= np.minimum(box.first, box.second)).all()
    assert (changed.max(axis=0) <= np.maximum(box.first, box.second)).all()
    assert (after <= before).all()
