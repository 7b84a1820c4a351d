"""Side and position in the head, on heads whose truth is known, and nothing where it is not."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from gliomics.findings.place import Place, place_of
from gliomics.findings.segment import segment_of
from gliomics.preprocess.head import find_head
from gliomics.study.volumes import Volume

SHAPE = (80, 96, 60)
AFFINE = np.diag([-2.5, -2.5, 3.0, 1.0])
"""LPS: the first axis runs to the patient's left, the second backwards, the third upwards."""
CENTRE = np.array([41.0, 50.0, 28.0])
INDICES = np.indices(SHAPE).transpose(1, 2, 3, 0)


def head_image(seed: int = 0) -> Volume:
    """An ellipsoid of a head, 150 x 190 x 140 mm, with noise inside and in the air."""
    rng = np.random.default_rng(seed)
    inside = np.linalg.norm((INDICES - CENTRE) / (30, 38, 24), axis=3) < 1
    return Volume(np.where(inside, rng.normal(500, 60, SHAPE), np.abs(rng.normal(0, 12, SHAPE))), AFFINE)


def ball(offset: tuple[float, float, float], radius: float = 5.0) -> npt.NDArray[np.bool_]:
    """A lesion so many voxels left, behind and above of the head's centre."""
    return np.asarray(np.linalg.norm(INDICES - CENTRE - offset, axis=3) < radius)


def place(lesion: npt.NDArray[np.bool_], image: Volume | None = None) -> Place:
    image = image or head_image()
    return place_of(segment_of(Volume(lesion.astype(np.uint8), image.affine)), find_head(image, spacing_known=True))


@pytest.mark.parametrize(
    ("offset", "side", "depth", "height"),
    [
        ((14, 0, 0), "left", "middle", "middle"),
        ((-14, -22, 0), "right", "front", "middle"),
        ((14, 24, -14), "left", "back", "lower"),
        ((-12, 0, 14), "right", "middle", "upper"),
        ((0, 0, 0), "midline", "middle", "middle"),
    ],
)
def test_side_and_thirds_of_a_lesion(offset: tuple[float, float, float], side: str, depth: str, height: str) -> None:
    measured = place(ball(offset))
    assert (measured.side, measured.depth, measured.height) == (side, depth, height)


def test_the_answer_does_not_depend_on_how_the_volume_is_stored() -> None:
    lesion, image = ball((14, 24, -14)), head_image()
    for axes, signs in itertools.product(itertools.permutations(range(3)), [(1, 1, 1), (-1, 1, 1), (1, -1, -1)]):
        affine = AFFINE.copy()
        affine[:3, :3] = AFFINE[:3, list(axes)] * signs
        starts = [0 if sign > 0 else SHAPE[axis] - 1 for axis, sign in zip(axes, signs, strict=True)]
        affine[:3, 3] = AFFINE[:3, list(axes)] @ starts
        turned = tuple(slice(None, None, sign) for sign in signs)
        measured = place(lesion.transpose(axes)[turned], Volume(image.array.transpose(axes)[turned], affine))
        assert (measured.side, measured.depth, measured.height) == ("left", "back", "lower")


def test_one_part_across_the_midline_and_two_parts_beside_it_are_told_apart() -> None:
    assert place(ball((3, 0, 0), 9)).side == "midline"
    assert place(ball((14, 0, 0)) | ball((-14, 0, 0))).side == "both"


def test_a_speck_on_the_other_side_does_not_change_the_side() -> None:
    assert place(ball((14, 0, 0), 8) | ball((-14, 0, 0), 2)).side == "left"


def test_close_to_the_midline_no_side_is_claimed() -> None:
    """The middle of the head is only known to a few per cent of its width."""
    assert place(ball((5, 0, 0))).side == "midline"
    assert place(ball((9, 0, 0))).side == "left"


def test_near_the_border_of_two_thirds_both_are_named() -> None:
    assert place(ball((14, -12.7, 0))).depth == "front or middle"


def test_an_ear_on_one_side_does_not_move_the_midline() -> None:
    image = head_image()
    image.array[72:78, 48:54, 24:32] = 400
    image.array[68:78, 50:52, 26:30] = 400
    head, without = find_head(image, spacing_known=True), find_head(head_image(), spacing_known=True)
    assert head is not None and without is not None
    assert head.middle == pytest.approx(without.middle, abs=1.3)


def test_above_an_image_that_ends_below_the_crown_nothing_is_said_of_the_height() -> None:
    image, lesion = head_image(), ball((14, 0, 0))
    slab = Volume(image.array[:, :, 20:36], image.affine)
    assert place(lesion[:, :, 20:36], slab) == Place("left", 1.0, "middle", None)
    one = Volume(image.array[:, :, 28:29], image.affine)
    assert place(lesion[:, :, 28:29], one) == Place("left", 1.0, "middle", None)


@pytest.mark.parametrize(
    "image",
    [
        Volume(np.random.default_rng(0).normal(100, 20, SHAPE), AFFINE),
        Volume(np.zeros(SHAPE), AFFINE),
        Volume(np.random.default_rng(0).integers(0, 2, SHAPE) * 100.0, AFFINE),
        Volume(head_image().array, AFFINE, placed=False),
        Volume(head_image().array, np.diag([-0.2, -0.2, 0.2, 1.0])),
        Volume(np.where(INDICES[..., 0] > 40, np.nan, 1.0), AFFINE),
    ],
    ids=["noise", "nothing", "specks", "not placed", "a mouse", "NaN"],
)
def test_where_no_head_can_be_made_out_nothing_is_decided(image: Volume) -> None:
    assert find_head(image, spacing_known=True) is None
    assert place(ball((14, 0, 0)), image) == Place()


def test_a_brain_without_its_skull_is_a_head_also_where_air_is_zero_and_intensities_are_scores() -> None:
    image = head_image()
    scores = np.where(image.array > 200, (image.array - 500) / 60, 0.0)
    assert place(ball((14, 0, 0)), Volume(scores, AFFINE)).side == "left"


def test_a_head_of_unknown_voxel_size_is_one_whatever_its_width() -> None:
    image = Volume(head_image().array, np.diag([-1.0, -1.0, 1.0, 1.0]))
    assert find_head(image, spacing_known=False) is not None
