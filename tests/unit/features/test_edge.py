"""What is measured of a lesion whose edge is moved: a voxel larger, a voxel smaller, and drawn anew."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gliomics.evaluation import dice
from gliomics.features.config import load_config
from gliomics.features.edge import MOVES, edge_shift, measure_moved_edge, moved_edges
from gliomics.features.extract import StudyImages, extract_features
from gliomics.features.regions import shift_boundary
from gliomics.preprocess.orientation import from_canonical, to_canonical
from gliomics.study.volumes import Mask, Volume
from gliomics.subtype.blocks import FEATURE_CLASSES
from tests.unit.features.heads import AFFINE, SHAPE, ball, head, lesion

CONFIG = load_config("panel")
IMAGES = StudyImages("a-study", {"flair": head(), "t1": head(seed=1)})


def small(*radii: float) -> Mask:
    return Volume(ball(SHAPE, (14, 24, 5), (radii[0], radii[1], radii[2])).astype(np.uint8), AFFINE)


def test_features_are_those_of_the_mask_grown_and_shrunk_by_a_voxel() -> None:
    moved = measure_moved_edge(IMAGES, lesion(), CONFIG, FEATURE_CLASSES)
    assert moved.missing == {}
    for what, voxels in (("grown", 1), ("shrunk", -1)):
        whole_row = extract_features(IMAGES, shift_boundary(lesion(), voxels), CONFIG).values
        assert moved.values[what] == {name: whole_row[name] for name in moved.values[what]}
        assert {name for name in whole_row if "_glioma_" in name} <= set(moved.values[what])


def test_blocks_of_the_models_are_measured_and_nothing_else() -> None:
    moved = measure_moved_edge(IMAGES, lesion(), CONFIG, FEATURE_CLASSES)
    assert {name.split("_original_")[-1].removeprefix("original_").split("_")[0] for name in moved.values["grown"]} == {
        "outline", "ellipsoid", "glioma"
    }  # fmt: skip


def test_lesion_is_also_measured_with_contours_drawn_anew() -> None:
    moved = measure_moved_edge(IMAGES, lesion(), CONFIG, FEATURE_CLASSES)
    assert tuple(moved.values) == MOVES
    masks = [lesion(), *(moved_edges(lesion(), 1)[what] for what in MOVES[2:])]
    for number, (one, other) in enumerate(itertools.combinations(masks, 2)):
        assert 0.7 < dice(one.array, other.array) < 0.99, number
    for what, mask in zip(MOVES[2:], masks[1:], strict=True):
        whole_row = extract_features(IMAGES, mask, CONFIG).values
        assert moved.values[what] == {name: whole_row[name] for name in moved.values[what]}


def test_contours_are_drawn_anew_alike_in_whatever_order_the_axes_are_stored() -> None:
    stored = lesion()
    turned = to_canonical(stored)
    for what, region in moved_edges(turned, 2).items():
        np.testing.assert_array_equal(from_canonical(region, stored).array, moved_edges(stored, 2)[what].array)


def test_lesion_of_which_nothing_would_be_left_is_measured_without_that_and_says_so() -> None:
    moved = measure_moved_edge(IMAGES, small(1.2, 1.2, 0.5), CONFIG, FEATURE_CLASSES)
    assert "grown" in moved.values and "shrunk" not in moved.values
    assert moved.missing.keys() == {"shrunk"}


def test_lesion_of_lines_cannot_be_shrunk() -> None:
    line = np.zeros(SHAPE, np.uint8)
    line[10:14, 20:22, 5] = 1
    moved = measure_moved_edge(IMAGES, Volume(line, AFFINE), CONFIG, FEATURE_CLASSES)
    assert moved.missing == {"shrunk": "nothing of it would be left"}
    assert "grown" in moved.values and "shrunk" not in moved.values


@pytest.mark.parametrize(
    ("pixel", "known", "voxels"), [(0.45, True, 2), (1, True, 1), (2.5, True, 1), (0.45, False, 1)]
)
def test_edge_is_moved_by_a_millimetre_and_a_voxel_at_least(pixel: float, known: bool, voxels: int) -> None:
    mask = Volume(np.ones((4, 4, 4), np.uint8), np.diag([pixel, pixel, 5.0, 1.0]))
    assert edge_shift(mask, spacing_known=known) == voxels
