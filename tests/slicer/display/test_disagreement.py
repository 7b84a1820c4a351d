"""The map of where two labels disagree, drawn by 3D Slicer's own slice logic; a scene that is saved with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layouts import FOUR, SLICES, choose
from panels import Spin, paint, press


def _shifted(array: np.ndarray) -> None:
    array[:] = np.roll(array, 6, axis=2)


@pytest.fixture
def compared(views: Any, screen: Any, spin: Spin) -> Any:
    """The panel with the two versions of a label, one of them shifted, compared over four sequences."""
    views.ui.annotateButton.click()
    press(views, "submitButton", spin)
    paint(views, _shifted)
    press(views, "submitButton", spin)
    choose(views, FOUR, spin)
    for tag in SLICES:
        screen.view(tag)
    views.ui.manageButton.click()
    for button in ("reviewListButton", "reviewOpenButton", "disagreementButton"):
        press(views, button, spin)
    return views


def maps() -> list[Any]:
    import slicer.util

    return list(slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode"))


def share(picture: np.ndarray, colour: str) -> float:
    """The share of the pixels that have the hue of a colour, laid over grey."""
    pixels = picture.reshape(-1, 3).astype(float)
    pixels = pixels[pixels.max(axis=1) - pixels.min(axis=1) > 20]
    wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)], float)
    hues = [each - each.mean(axis=-1, keepdims=True) for each in (pixels, wanted)]
    cosines = (hues[0] @ hues[1]) / (np.linalg.norm(hues[0], axis=1) * np.linalg.norm(hues[1]))
    return float((cosines > 0.98).sum()) / (picture.shape[0] * picture.shape[1])


def test_the_map_is_seen_in_its_colours_over_every_sequence(compared: Any, screen: Any, spin: Spin) -> None:
    import slicer.util
    from RadiogenomicsLib.scene.difference import ONLY_FIRST, ONLY_SECOND
    from RadiogenomicsLib.scene.display.disagreement import COLOURS

    pictures = [screen.picture(tag) for tag in SLICES[:3]]
    for value in (ONLY_FIRST, ONLY_SECOND):
        assert all(0.01 < share(picture, COLOURS[value]) < 0.2 for picture in pictures), value
    press(compared, "disagreementButton", spin)
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        assert node.GetDisplayNode().GetVisibility2D()
        node.GetDisplayNode().SetVisibility(False)  # their colours may be like those of the map
    for value in (ONLY_FIRST, ONLY_SECOND):
        assert share(screen.picture(SLICES[1]), COLOURS[value]) < 0.005
    assert maps() == []


def test_a_scene_that_was_saved_with_a_map_shows_its_segmentations_again(
    compared: Any, scene: Any, spin: Spin, tmp_path: Path
) -> None:
    import slicer.util

    (node,) = maps()
    name = compared.selection.segmentation().GetName()
    assert not compared.selection.segmentation().GetDisplayNode().GetVisibility2D()
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    scene.Clear(False)
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    spin(lambda: not compared.isLoading)
    assert maps() == []
    assert slicer.util.getNode(name).GetDisplayNode().GetVisibility2D()
    assert compared.ui.disagreementArea.isHidden()
    assert node.GetScene() is None


def test_a_map_that_the_user_deletes_leaves_nothing_hidden(compared: Any, scene: Any) -> None:
    scene.RemoveNode(maps()[0])
    compared.refresh()
    assert compared.selection.segmentation().GetDisplayNode().GetVisibility2D()
    assert not compared.ui.disagreementButton.checked
