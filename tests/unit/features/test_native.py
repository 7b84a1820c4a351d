"""The native engine against PyRadiomics on odd and on random regions, measured as its documentation calls it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tests.unit.features.random_regions import Case, assert_equal, by_native, cases


def region(*boxes: tuple[slice, slice, slice]) -> np.ndarray:
    """A mask of a 7 x 6 x 5 image, true in the boxes."""
    inside = np.zeros((7, 6, 5), dtype=bool)
    for box in boxes:
        inside[box] = True
    return inside


ALL = slice(None)
ODD = {
    "line": region((ALL, slice(2, 3), slice(2, 3))),
    "one slice": region((ALL, slice(1, 5), slice(2, 3))),
    "whole border": region((ALL, ALL, slice(0, 1)), (slice(0, 1), ALL, ALL)),
    "two parts": region((slice(0, 2), slice(0, 3), slice(0, 2)), (slice(4, 7), slice(3, 6), slice(3, 5))),
    "single voxels": region(*((slice(i, i + 1), slice(j, j + 1), slice(0, 1)) for i, j in ((0, 0), (3, 5), (6, 1)))),
    "two voxels": region((slice(2, 4), slice(3, 4), slice(2, 3))),
    "hole": region((slice(0, 3), ALL, ALL), (slice(4, 7), ALL, ALL)),
}


@pytest.mark.parametrize("levels", [1, 3, 40], ids=["flat", "few levels", "many levels"])
@pytest.mark.parametrize("name", ODD)
def test_odd_region_has_the_values_of_pyradiomics(name: str, levels: int) -> None:
    image = np.random.default_rng(len(name)).integers(0, levels, (7, 6, 5)) * 25.0 + 3
    assert_equal(Case(image, ODD[name], (0.9, 1.1, 2.5), {"minimumROIDimensions": 1}))


@pytest.mark.parametrize("setting", [{"weightingNorm": "euclidean"}, {"force2D": True}, {"distances": [1, 2]}], ids=str)
@pytest.mark.parametrize("name", ["one slice", "two parts", "hole"])
def test_odd_region_has_the_values_of_pyradiomics_with_settings(name: str, setting: dict[str, Any]) -> None:
    image = np.random.default_rng(1).integers(0, 5, (7, 6, 5)) * 25.0
    assert_equal(Case(image, ODD[name], (0.9, 1.1, 2.5), setting))


@settings(max_examples=40, deadline=None, derandomize=True)  # the benchmark draws others each time
@given(case=cases())
def test_random_region_has_the_values_of_pyradiomics(case: Case) -> None:
    assert_equal(case)


def test_mesh_without_a_volume_has_no_ratio_to_it() -> None:
    """PyRadiomics divides by what rounding left of 0: 2e15, or less than 0."""
    inside = np.zeros((3, 9, 5), dtype=bool)
    inside[(0, 0, 1, 2, 2, 2), (0, 0, 6, 3, 6, 8), (0, 3, 4, 3, 3, 0)] = True
    values = by_native(Case(np.full(inside.shape, 100.0), inside, (0.9, 0.9, 0.5), {"minimumROIDimensions": 1}))
    assert (values["shape_MeshVolume"], values["shape_Sphericity"]) == (0, 0)
    assert np.isnan(values["shape_SurfaceVolumeRatio"])
    assert values["shape_SurfaceArea"] > 0
