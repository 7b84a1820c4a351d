"""Filters by the standard: closed forms, and the initiative's response maps and values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.features.config import parse_config
from gliomics.features.describe import describe
from gliomics.features.extract import StudyImages, extract_regions
from gliomics.features.ibsi.filters.apply import filtered
from gliomics.features.ibsi.filters.comparison import RESPONSE_MAPS, filtered_values, response_maps
from gliomics.features.ibsi.filters.separable import LAWS, laws, rotations
from gliomics.features.ibsi.preparation import prepared_region
from gliomics.features.ibsi.settings import IbsiSettings
from gliomics.features.sequence import PreparedSequence
from gliomics.study import Mask, Volume
from tests.unit.features.pages import FILTERS_PAGE, filtered_cell, map_line

pytestmark = pytest.mark.slow

SOME = ("1.A", "1.B", "2.A", "3.A", "3.B", "4.A", "5.A", "6.A", "7.A", "8.A", "9.A")
"""Tests of the filtered CT that take a second each; the page has all of them."""
EVERY_KIND: list[dict[str, Any]] = [
    {"kind": "mean", "size": 3},
    {"kind": "log", "sigma": 1.5},
    {"kind": "laws", "kernels": "L5E5E5", "pooling": "max", "energy": 2},
    {"kind": "gabor", "sigma": 1, "wavelength": 2, "angleStep": 45},
    {"kind": "wavelet", "family": "db2", "band": "LLH", "pooling": "average"},
    {"kind": "simoncelli", "level": 1},
]


def response(image: np.ndarray, spacing: tuple[float, float, float] = (1, 1, 1), **settings: Any) -> np.ndarray:
    chosen = IbsiSettings.model_validate({"bins": {"count": 8}, "filter": settings}).filter
    assert chosen is not None
    return filtered(image, chosen, spacing, "the image")


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(5).normal(50, 20, (20, 18, 16))


@pytest.mark.realdata
def test_every_response_map_is_that_of_the_consensus_and_of_the_page(real_data: Path) -> None:
    maps = list(response_maps(real_data / "ibsi"))
    assert [one.test for one in maps] == [*RESPONSE_MAPS]
    assert [(one.test, one.deviation) for one in maps if not one.matches] == []
    page = FILTERS_PAGE.read_text(encoding="utf-8")
    assert [one.test for one in maps if map_line(one) not in page] == []


@pytest.mark.realdata
def test_values_of_the_filtered_ct_are_those_of_the_consensus_and_of_the_page(real_data: Path) -> None:
    values = list(filtered_values(real_data / "ibsi", SOME))
    assert len(values) == 18 * len(SOME)
    assert [(value.test, value.tag, value.ours, value.consensus) for value in values if not value.matches] == []
    page = FILTERS_PAGE.read_text(encoding="utf-8")
    assert [(value.test, value.tag) for value in values if f" {filtered_cell(value)} |" not in page] == []


def test_filters_of_a_flat_image_are_flat(noise: np.ndarray) -> None:
    flat = np.full_like(noise, 7.0)
    assert response(flat, kind="mean", size=5) == pytest.approx(7)
    # The kernels that see edges add up to 0; a Gaussian that is cut off does so but for what is cut.
    assert np.abs(response(flat, kind="log", sigma=2)).max() < 7 * 4e-4
    assert response(flat, kind="laws", kernels="E5L5S5") == pytest.approx(0, abs=1e-12)
    assert response(flat, kind="wavelet", family="db3", band="HLL", level=2) == pytest.approx(0, abs=1e-9)
    assert response(flat, kind="wavelet", family="db3", band="LLL") == pytest.approx(7 * 2**1.5)


def test_laplacian_of_a_gaussian_bump_is_that_of_a_wider_one() -> None:
    steps = np.arange(-20, 21) * 0.5
    squares = (steps**2)[:, None, None] + (steps**2)[None, :, None] + (steps**2)[None, None, :]
    found = response(np.exp(-squares / (2 * 2.0**2)), (0.5, 0.5, 0.5), kind="log", sigma=1.5)
    # Variances add; the Laplacian is per voxel, 0.5 mm.
    wide = 2.0**2 + 1.5**2
    bump = (2.0**2 / wide) ** 1.5 * np.exp(-squares / (2 * wide))
    expected = bump * (squares / wide**2 - 3 / wide) * 0.5**2
    middle = (slice(12, 29),) * 3
    assert found[middle] == pytest.approx(expected[middle], abs=2e-4 * np.abs(expected).max())


def test_gabor_of_a_wave_is_largest_along_it() -> None:
    wave = np.cos(2 * np.pi * np.arange(40) / 8)[:, None, None] * np.ones((40, 40, 2))
    settings: dict[str, Any] = {"kind": "gabor", "sigma": 4, "wavelength": 8, "dimensions": "2D"}
    along, across = (response(wave, **settings, angle=angle)[15:25, 15:25] for angle in (0, 90))
    assert along == pytest.approx(np.pi * 4**2, rel=1e-2), "half of the Gaussian's sum, whatever the phase"
    assert across.max() < 1e-3 * along.min()


def test_simoncelli_lets_its_own_frequency_pass() -> None:
    wave = np.cos(2 * np.pi * np.arange(65) * 16 / 65)[:, None, None] * np.ones((65, 5, 5))
    assert response(wave, kind="simoncelli", level=1) == pytest.approx(wave, abs=0.01)
    assert np.abs(response(wave, kind="simoncelli", level=3)).max() < 1e-9


def test_riesz_transform_turns_a_wave_by_a_quarter() -> None:
    phase = 2 * np.pi * np.arange(65) * 16 / 65
    wave = np.cos(phase)[:, None, None] * np.ones((65, 5, 5))
    turned = response(wave, kind="simoncelli", level=1, riesz=[1, 0, 0])
    assert turned == pytest.approx(np.sin(phase)[:, None, None] * np.ones((65, 5, 5)), abs=0.01)


def test_kernels_have_a_norm_of_one_and_their_rotations_are_all_that_keep_the_hand() -> None:
    assert all(np.linalg.norm(kernel) == pytest.approx(1) for name in LAWS for kernel in laws(name))
    whole = [np.einsum("i,j,k->ijk", *some) for some in rotations(laws("E5L5W5"))]
    assert len(whole) == 24
    turned = np.rot90(whole[0], axes=(1, 2))
    assert any(np.allclose(turned, other) for other in whole)


@pytest.mark.parametrize("settings", EVERY_KIND[:-1], ids=lambda settings: str(settings["kind"]))
def test_pooled_responses_turn_with_the_image(settings: dict[str, Any], noise: np.ndarray) -> None:
    cube = noise[:16, :16, :16]
    for axes in ((0, 1), (1, 2)):
        turned = response(np.rot90(cube, axes=axes), **settings)
        assert turned == pytest.approx(np.rot90(response(cube, **settings), axes=axes), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("settings", EVERY_KIND, ids=lambda settings: str(settings["kind"]))
def test_a_region_is_filtered_as_the_whole_image(settings: dict[str, Any]) -> None:
    image = np.random.default_rng(2).normal(50, 20, (40, 38, 36))
    mask = np.zeros(image.shape, dtype=np.uint8)
    mask[18:22, 17:20, 16:19] = 1
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    section = IbsiSettings.model_validate({"bins": {"count": 8}, "filter": settings})
    region = prepared_region(PreparedSequence(Volume(image, affine)), Mask(mask, affine), section, "x", around=0)
    assert region.values == pytest.approx(response(image, **settings)[mask == 1], abs=2e-6 * 50)


def test_columns_name_the_filter_and_keep_the_mask_s_features() -> None:
    image = Volume(np.random.default_rng(2).normal(50, 20, (16, 15, 14)), np.diag([-1.0, -1.0, 1.0, 1.0]))
    mask = np.zeros(image.shape, dtype=np.uint8)
    mask[5:10, 4:9, 4:8] = 1
    content = {
        "featureClass": {"ibsi": ["morph_volume", "stat_mean"]},
        "ibsi": {"bins": {"count": 8}, "filter": {"kind": "log", "sigma": 1.5}},
    }
    config = parse_config(content, "mine.yaml")
    (row,) = extract_regions(StudyImages("x", {"flair": image}), {"whole": image.with_array(mask)}, config)
    assert [*row.values] == ["original_ibsi_morph_volume", "flair_log-3D_ibsi_stat_mean"]
    feature = describe("flair_log-3D_ibsi_stat_mean")
    assert feature is not None and feature.ibsi_code == "Q4LE"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "mean", "size": 4}, "must be odd"),
        ({"kind": "laws", "kernels": "L5E5"}, "one for each axis: 3 in 3D; found 2"),
        ({"kind": "laws", "kernels": "W3E5L5"}, "kernels"),
        (
            {"kind": "wavelet", "family": "db3", "band": "LHL", "dimensions": "2D"},
            "one for each axis: 2 in 2D; found 3",
        ),
        ({"kind": "wavelet", "family": "sinc", "band": "LHL"}, "wavelet family 'sinc' is unknown"),
        ({"kind": "simoncelli", "boundary": "mirror"}, "periodic"),
        ({"kind": "log", "sigma": 2, "riesz": [0, 0, 0]}, "one above 0"),
        ({"kind": "sobel"}, "sobel"),
    ],
)
def test_filters_that_cannot_be_are_refused(settings: dict[str, Any], message: str) -> None:
    content = {"featureClass": {"ibsi": None}, "ibsi": {"bins": {"count": 8}, "filter": settings}}
    with pytest.raises(InputError, match=message):
        parse_config(content, "mine.yaml")


def test_filters_of_all_directions_need_voxels_of_one_edge(noise: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"the image has voxels of 1 x 1 x 5 mm.*set 'voxelSize'"):
        response(noise, (1, 1, 5), kind="gabor", sigma=2, wavelength=2)
    assert response(noise, (1, 1, 5), kind="gabor", sigma=2, wavelength=2, dimensions="2D").shape == noise.shape
    with pytest.raises(InputError, match=r"1 x 1.5 mm, .*'gabor'.*: set 'voxelSize' to edges of one length$"):
        response(noise, (1, 1.5, 5), kind="gabor", sigma=2, wavelength=2, dimensions="2D")
    with pytest.raises(InputError, match=r"1 x 1 x 5 mm, and the filter 'log' as it is set takes them for cubes"):
        response(noise, (1, 1, 5), kind="log", sigma=2, riesz=[1, 0, 0])
    assert response(noise, (1, 1, 5), kind="log", sigma=2).shape == noise.shape
