"""The pictures of an evaluation and of a training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.image import imread

from gliomics.errors import GeometryError, InputError
from gliomics.evaluation.pixelwise import Confusion
from gliomics.report.drawing import SKY, YELLOW, to_png
from gliomics.report.part_figures import PartsExample, parts_examples
from gliomics.report.segmentation_figures import (
    Example,
    confusion_matrix,
    dice_by_patient,
    example_slices,
    training_curves,
)
from gliomics.study import Volume
from gliomics.training.checkpoint import EpochRecord

from .conftest import AFFINE, EMPTY, HALF, REFERENCE, SHAPE, a_box

IMAGE = Volume(np.random.default_rng(0).normal(100, 5, SHAPE).astype(np.float32), AFFINE)


def pixels(figure: Figure, folder: Path) -> np.ndarray:
    """The picture as it is read back from its PNG file, (height, width, 4)."""
    (folder / "figure.png").write_bytes(to_png(figure))
    return np.asarray(imread(folder / "figure.png"))


def an_example(mask: Volume = HALF, reference: Volume = REFERENCE, title: str = "best: p1") -> Example:
    return Example(title, IMAGE, reference, mask)


def texts(figure: Figure) -> str:
    texts = [text.get_text() for axis in figure.axes for text in axis.texts]
    return " ".join([*texts, *(axis.get_title() + axis.get_title(loc="left") for axis in figure.axes)])


def test_examples_are_a_picture_of_sane_size_that_changes_with_the_mask(tmp_path: Path) -> None:
    half, whole = (pixels(example_slices([an_example(m)] * 3), tmp_path) for m in (HALF, REFERENCE))
    assert half.shape == whole.shape
    assert 200 < half.shape[0] < 1500 and 600 < half.shape[1] < 2000
    assert 0.0005 < (half != whole).any(axis=2).mean() < 0.2


def test_parts_of_reference_and_mask_are_filled_side_by_side(tmp_path: Path) -> None:
    whole, core = REFERENCE, HALF
    enhancing = HALF.with_array(np.zeros(SHAPE, np.uint8))
    regions = {"whole": whole, "tumour-core": core, "enhancing": enhancing}
    lost = {**regions, "tumour-core": enhancing}
    example = PartsExample("median: p1\nDice 1.00, 0.00, 1.00", IMAGE, regions, lost)
    figure = parts_examples([example])
    image, reference, mask = figure.axes
    assert len(image.images) == 1
    yellow = np.array(to_rgba(YELLOW, 0.6))
    filled = [np.isclose(axis.images[1].get_array(), yellow).all(axis=2).any() for axis in (reference, mask)]
    assert filled == [True, False]
    assert [axis.get_ylabel() for axis in figure.axes] == ["image", "reference", "mask"]
    assert 300 < pixels(figure, tmp_path).shape[1] < 700
    with pytest.raises(GeometryError, match="the whole of the mask"):
        moved = {**lost, "whole": Volume(whole.array, np.diag([3.0, 3, 3, 1]))}
        parts_examples([PartsExample("p", IMAGE, regions, moved)])


def test_reference_and_mask_are_outlined_in_their_colours_and_named_in_the_legend() -> None:
    figure = example_slices([an_example(title="worst: p9\nDice 0.667")])
    (axis,) = figure.axes
    colours = {to_hex(contour.get_edgecolor()[0]).upper() for contour in axis.collections}
    assert colours == {YELLOW, SKY}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["reference", "mask"]
    assert axis.get_title() == "worst: p9\nDice 0.667"


def test_slice_shown_is_the_one_of_the_largest_reference_area() -> None:
    reference = REFERENCE.array.copy()
    reference[14:18, 4:14, 3] = 1
    assert "z = 15 mm" in example_slices([an_example(reference=REFERENCE.with_array(reference))]).axes[0].get_xlabel()


@pytest.mark.parametrize(
    ("mask", "plane"), [(a_box(slice(4, 8), slice(4, 8), slice(5, 6)), "z = 25 mm"), (EMPTY, "z = 15 mm")]
)
def test_empty_reference_shows_the_mask_or_else_the_middle(mask: Volume, plane: str) -> None:
    assert example_slices([an_example(mask, EMPTY)]).axes[0].get_xlabel() == plane


def test_unknown_voxel_size_shows_no_millimetres() -> None:
    figure = example_slices([Example("p", IMAGE, REFERENCE, HALF, spacing_known=False)])
    assert figure.axes[0].get_xlabel() == "slice 2 of 6"
    assert "5 cm" not in texts(figure)


def test_image_on_another_grid_is_refused() -> None:
    other = Volume(np.zeros((3, 3, 3)), AFFINE)
    with pytest.raises(GeometryError, match="the image differs from the reference"):
        example_slices([Example("p", other, REFERENCE, HALF)])


def test_patients_stand_by_rising_dice_with_mean_and_median(tmp_path: Path) -> None:
    figure = dice_by_patient({"b": 0.9, "a": 0.5, "c": 0.7})
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "c", "b"]
    dots = next(line for line in axis.lines if line.get_marker() == "o")
    assert list(dots.get_xdata()) == [0.5, 0.7, 0.9]
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert labels == ["patient (n = 3)", "mean 0.700", "median 0.700"]
    assert pixels(figure, tmp_path).shape[1] > 400


def test_many_patients_are_not_named_and_stay_on_a_page(tmp_path: Path) -> None:
    figure = dice_by_patient({f"p{n}": n / 200 for n in range(200)})
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == []
    assert pixels(figure, tmp_path).shape[0] < 1000


def test_matrix_shows_counts_and_percent_of_the_row(tmp_path: Path) -> None:
    figure = confusion_matrix(Confusion(98_000, 2_000, 25, 75))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["98,000\n98.00 %", "2,000\n2.00 %", "25\n25.00 %", "75\n75.00 %"]
    assert not np.array_equal(pixels(figure, tmp_path), pixels(confusion_matrix(Confusion(1, 2, 3, 4)), tmp_path))


def test_matrix_without_lesion_says_so() -> None:
    assert [text.get_text() for text in confusion_matrix(Confusion(10, 5, 0, 0)).axes[0].texts][2:] == [
        "0\nno such voxels"
    ] * 2


def records(scored: bool) -> list[EpochRecord]:
    return [EpochRecord(n, 1 / n, 30.0, 1 - 1 / n if scored and n % 2 == 0 else None) for n in range(1, 9)]


def test_curves_have_a_second_panel_where_validation_was_scored(tmp_path: Path) -> None:
    training_curves(records(scored=False), tmp_path / "loss.png")
    training_curves(records(scored=True), tmp_path / "both.png")
    loss, both = (np.asarray(imread(tmp_path / name)) for name in ("loss.png", "both.png"))
    assert both.shape[0] > 1.5 * loss.shape[0] > 200
    assert (both[..., :3] < 0.9).any()


def test_curves_change_with_the_records(tmp_path: Path) -> None:
    training_curves(records(scored=True), tmp_path / "a.png")
    training_curves(records(scored=True)[:5], tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_nothing_to_draw_is_refused(tmp_path: Path) -> None:
    for draw in (lambda: example_slices([]), lambda: dice_by_patient({}), lambda: training_curves([], tmp_path / "x")):
        with pytest.raises(InputError, match="there is no"):
            draw()
