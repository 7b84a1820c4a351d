"""Slices with the outline of the mask."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from gliomics.errors import GeometryError, InputError
from gliomics.report.drawing import SKY, YELLOW
from gliomics.report.lesion_slices import slices_with_outline
from gliomics.study import Mask, Volume


def image_of(axis: Axes) -> np.ndarray:
    return np.asarray(axis.get_images()[0].get_array())


def titles(figure_axes: list[Axes]) -> list[str]:
    return [axis.get_title() for axis in figure_axes if axis.get_title()]


def lesion_at(volume: Volume, k: int, columns: slice) -> Mask:
    """A block in slice ``k``; the samples' first axis runs from the patient's right to the left."""
    array = np.zeros(volume.shape, np.uint8)
    array[columns, 60:80, k] = 1
    return volume.with_array(array)


def test_slice_of_largest_area_is_among_those_shown(volumes: Mapping[str, Volume], mask: Mask) -> None:
    largest = int((mask.array > 0).sum(axis=(0, 1)).argmax())
    height = mask.affine[2, 3] + mask.affine[2, 2] * largest
    shown = titles(slices_with_outline(volumes, mask).axes)
    assert len(shown) == 3
    assert f"z = {height:.0f} mm" in shown


def test_unknown_voxel_size_is_not_shown_in_millimetres(volumes: Mapping[str, Volume], mask: Mask) -> None:
    figure = slices_with_outline(volumes, mask, spacing_known=False)
    texts = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert all(title.startswith("slice ") and title.endswith(" of 24") for title in titles(figure.axes))
    assert "5 cm" not in texts


def test_patients_right_is_on_the_left_of_the_picture_and_front_on_top(volumes: Mapping[str, Volume]) -> None:
    flair = volumes["flair"]
    array = np.asarray(flair.array).copy()
    array[45:50, 40:45, 12] = 255
    figure = slices_with_outline({"flair": flair.with_array(array)}, lesion_at(flair, 12, slice(60, 80)))
    rows, columns = np.nonzero(image_of(figure.axes[0]) == 255)
    height, width = image_of(figure.axes[0]).shape
    assert columns.mean() < width / 2
    assert rows.mean() > height / 2
    assert figure.axes[0].get_ylim()[0] < figure.axes[0].get_ylim()[1]


def test_outline_surrounds_the_lesion(volumes: Mapping[str, Volume]) -> None:
    lesion = lesion_at(volumes["flair"], 12, slice(60, 80))
    axis = slices_with_outline({"flair": volumes["flair"]}, lesion).axes[0]
    corners = axis.collections[0].get_paths()[0].get_extents()
    assert (round(corners.width), round(corners.height)) == (20, 20)


def test_storage_order_of_the_voxels_does_not_matter(volumes: Mapping[str, Volume], mask: Mask) -> None:
    """The same image with axes turned and flipped in memory shows the same pixels."""

    def turned(volume: Volume) -> Volume:
        array = volume.array.transpose(2, 0, 1)[:, ::-1]
        affine = volume.affine[:, [2, 0, 1, 3]].copy()
        affine[:3, 3] += affine[:3, 1] * (array.shape[1] - 1)
        affine[:3, 1] *= -1
        return Volume(np.ascontiguousarray(array), affine)

    usual = slices_with_outline({"flair": volumes["flair"]}, mask).axes
    other = slices_with_outline({"flair": turned(volumes["flair"])}, turned(mask)).axes
    assert titles(usual) == titles(other)
    for one, two in zip(usual, other, strict=True):
        np.testing.assert_array_equal(image_of(one), image_of(two))


def test_compared_mask_is_dashed_in_another_colour_and_named(volumes: Mapping[str, Volume], mask: Mask) -> None:
    enhancing = mask.with_array((mask.array == 4).astype(np.uint8))
    figure = slices_with_outline(volumes, mask, mask_name="corrected", compared={"automatic": enhancing})
    colours = {to_hex(colour).upper() for axis in figure.axes for c in axis.collections for colour in c.get_edgecolor()}
    assert colours == {YELLOW, SKY}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["corrected", "automatic"]


def test_mask_of_another_geometry_is_refused_with_its_name(volumes: Mapping[str, Volume], mask: Mask) -> None:
    shifted = mask.affine.copy()
    shifted[0, 3] += 10.0
    with pytest.raises(GeometryError, match="mask 'drawn'"):
        slices_with_outline(volumes, Volume(mask.array, shifted), mask_name="drawn")


def test_empty_mask_is_refused_with_its_name(volumes: Mapping[str, Volume], mask: Mask) -> None:
    with pytest.raises(InputError, match="mask 'drawn' is empty"):
        slices_with_outline(volumes, mask.with_array(np.zeros_like(mask.array)), mask_name="drawn")


def test_more_outlines_than_can_be_told_apart_are_refused(volumes: Mapping[str, Volume], mask: Mask) -> None:
    with pytest.raises(InputError, match="at most two"):
        slices_with_outline(volumes, mask, compared={"a": mask, "b": mask, "c": mask})
