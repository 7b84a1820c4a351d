"""A filter that sees only its window gives, within the region, what it gives on the whole image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from gliomics.features.engines import pyradiomics as engine
from gliomics.features.windows import Window, filter_window, union, window_of
from gliomics.study import Volume
from tests.unit.features.plain import oblique

FILTERS: list[tuple[str, dict[str, Any], float]] = [
    ("Original", {}, 0),
    ("LoG", {"sigma": [1.0]}, 1e-5),
    ("Wavelet", {}, 0),
    ("Wavelet", {"wavelet": "db3", "start_level": 1, "level": 2}, 0),
    ("Wavelet", {"force2D": True}, 0),
    ("Gradient", {}, 0),
    ("LBP2D", {"lbp2DRadius": 2.5, "lbp2DSamples": 12}, 0),
    ("LBP2D", {"force2Ddimension": 2}, 0),
    ("Square", {}, 0),
    ("Exponential", {}, 0),
]


def boxes(shape: tuple[int, int, int]) -> st.SearchStrategy[Window]:
    """Boxes of at least one voxel, often at the border."""
    edges = [st.tuples(st.integers(0, size - 1), st.integers(1, size)).map(sorted) for size in shape]
    return st.tuples(*edges).map(lambda found: Window(tuple(slice(a, max(b, a + 1)) for a, b in found)))  # type: ignore[arg-type]


def noise(shape: tuple[int, int, int], seed: int = 0, *, plateaus: bool = False) -> Volume:
    smooth = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2 if plateaus else 0.7)
    array = 100 + 30 * smooth / smooth.std()
    return Volume((array // 17 * 17 * 0.37 if plateaus else array).astype(np.float64), oblique())


def results(volume: Volume, name: str, setting: dict[str, Any], keep: Window) -> dict[str, np.ndarray]:
    return {result: image.array for result, image in engine.filtered(volume, name, setting, keep)}


@pytest.mark.parametrize(("name", "setting", "tolerance"), FILTERS, ids=str)
@settings(max_examples=8, deadline=None)
@given(data=st.data(), odd=st.tuples(*[st.booleans()] * 3), plateaus=st.booleans())
def test_filter_sees_all_that_its_result_depends_on(
    name: str, setting: dict[str, Any], tolerance: float, data: st.DataObject, odd: tuple[bool, ...], plateaus: bool
) -> None:
    shape = 46 + odd[0], 40 + odd[1], 24 + odd[2]
    volume = noise(shape, plateaus=plateaus)
    needed = data.draw(boxes(shape))
    seen = filter_window(needed, name, setting, volume)
    from_part = results(seen.crop(volume), name, setting, needed.within(seen))
    from_whole = results(volume, name, setting, needed)
    assert from_part.keys() == from_whole.keys() != set()
    for result, values in from_whole.items():
        np.testing.assert_allclose(from_part[result], values, rtol=0, atol=tolerance * volume.array.std())


@pytest.mark.parametrize(
    ("name", "setting", "margins"),
    [
        ("Original", {}, (0, 0, 0)),
        ("Gradient", {}, (2, 2, 2)),
        ("Wavelet", {}, (6, 6, 6)),
        ("Wavelet", {"wavelet": "db3", "start_level": 1, "level": 2}, (18, 18, 18)),
        ("LoG", {"sigma": [1.0]}, (14, 11, 5)),
        ("LoG", {"sigma": [0.5]}, (7, 6, 4)),
    ],
    ids=str,
)
def test_filter_sees_no_more_than_its_margin(name: str, setting: dict[str, Any], margins: tuple[int, int, int]) -> None:
    volume = Volume(np.zeros((100, 100, 100)), np.diag([0.9, 1.1, 2.5, 1.0]))
    seen = filter_window(Window((slice(50, 60),) * 3), name, setting, volume)
    assert seen.box == tuple(slice(50 - margin, 60 + margin) for margin in margins)


def test_binary_patterns_see_their_slices_alone() -> None:
    volume = Volume(np.zeros((30, 40, 20)), np.eye(4))
    needed = Window((slice(10, 12), slice(20, 22), slice(5, 7)))
    assert filter_window(needed, "LBP2D", {}, volume).box == (slice(0, 30), slice(0, 40), slice(5, 7))
    across_i = filter_window(needed, "LBP2D", {"force2Ddimension": 2}, volume)
    assert across_i.box == (slice(10, 12), slice(0, 40), slice(0, 20))


def test_crop_keeps_each_voxel_where_it_is_in_space() -> None:
    volume = noise((12, 11, 10))
    part = Window((slice(3, 8), slice(2, 9), slice(4, 6))).crop(volume)
    assert part.array[1, 2, 0] == volume.array[4, 4, 4]
    np.testing.assert_allclose(part.affine @ [1, 2, 0, 1], volume.affine @ [4, 4, 4, 1])


def test_window_is_the_smallest_box_around_what_is_inside() -> None:
    inside = np.zeros((9, 8, 7), dtype=bool)
    inside[2, 7, 1] = inside[5, 3, 1] = True
    assert window_of(inside).box == (slice(2, 6), slice(3, 8), slice(1, 2))


def test_union_holds_all_its_windows() -> None:
    one, two = Window((slice(1, 3),) * 3), Window((slice(2, 9), slice(0, 1), slice(2, 3)))
    assert union([one, two]).box == (slice(1, 9), slice(0, 3), slice(1, 3))
