"""What is measured of a lesion whose edge is moved: a mask a voxel larger and one a voxel smaller."""

from __future__ import annotations

import numpy as np
import pytest

from gliomics.features.config import load_config
from gliomics.features.edge import edge_shift, measure_moved_edge
from gliomics.features.extract import StudyImages, extract_features
from gliomics.features.regions import shift_boundary
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


def test_lesion_of_which_nothing_would_be_left_is_measured_grown_alone_and_says_so() -> None:
    moved = measure_moved_edge(IMAGES, small(1.2, 1.2, 0.5), CONFIG, FEATURE_CLASSES)
    assert list(moved.values) == ["grown"]
    assert moved.missing.keys() == {"shrunk"}


def test_lesion_of_lines_cannot_be_shrunk() -> None:
    line = np.zeros(SHAPE, np.uint8)
    line[10:14, 20:22, 5] = 1
    moved = measure_moved_edge(IMAGES, Volume(line, AFFINE), CONFIG, FEATURE_CLASSES)
    assert moved.missing == {"shrunk": "nothing of it would be left"}
    assert list(moved.values) == ["grown"]


@pytest.mark.parametrize(
    ("pixel", "known", "voxels"), [(0.45, True, 2), (1, True, 1), (2.5, True, 1), (0.45, False, 1)]
)
def test_edge_is_moved_by_a_millimetre_and_a_voxel_at_least(pixel: float, known: bool, voxels: int) -> None:
    mask = Volume(np.ones((4, 4, 4), np.uint8), np.diag([pixel, pixel, 5.0, 1.0]))
    assert edge_shift(mask, spacing_known=known) == voxels
