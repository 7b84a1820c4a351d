"""The class ``ibsi`` on regions whose values can be worked out otherwise; the phantoms are in ``test_ibsi.py``."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gliomics.errors import GliomicsError, InputError
from gliomics.export.codes import feature_code, modifiers
from gliomics.features.config import FeatureConfig, load_config, parse_config
from gliomics.features.describe import describe
from gliomics.features.extract import StudyImages, extract_regions
from gliomics.features.ibsi import intensities
from gliomics.features.ibsi.comparison import consensus_values
from gliomics.features.ibsi.morphology import autocorrelation, mask_features
from gliomics.features.ibsi.preparation import new_size, prepared_region
from gliomics.features.ibsi.settings import Bins, IbsiSettings
from gliomics.features.ibsi.textures import texture_features
from gliomics.features.sequence import PreparedSequence
from gliomics.study import Mask, Volume

SPACING = (1.0, 1.5, 2.0)


def settings(**section: Any) -> IbsiSettings:
    return IbsiSettings.model_validate({"bins": {"count": 8}, **section})


def ragged(seed: int = 3) -> tuple[Volume, Mask]:
    rng = np.random.default_rng(seed)
    inside = np.zeros((14, 12, 8), dtype=np.uint8)
    inside[3:11, 2:10, 2:7] = rng.random((8, 8, 5)) < 0.8
    affine = np.diag([-1.0, -1.5, 2.0, 1.0])
    return Volume(rng.normal(50, 20, inside.shape).round(), affine), Volume(inside, affine)


def test_moran_and_geary_are_the_sums_over_all_pairs_of_voxels() -> None:
    image, mask = ragged()
    inside = mask.array > 0
    places, values = np.argwhere(inside) * SPACING, image.array[inside]
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    weights = np.where(distances > 0, 1 / np.where(distances > 0, distances, 1), 0)
    deviations, n = values - values.mean(), len(values)
    moran = n * (weights * np.outer(deviations, deviations)).sum() / (weights.sum() * (deviations**2).sum())
    pairs = weights * (values[:, None] - values) ** 2
    geary = (n - 1) * pairs.sum() / (2 * weights.sum() * (deviations**2).sum())
    assert autocorrelation(image.array, inside, SPACING) == pytest.approx((moran, geary), rel=1e-9)


def test_peaks_are_means_of_a_sphere_of_one_cubic_centimetre() -> None:
    image, mask = ragged()
    inside = mask.array > 0
    places = np.argwhere(np.ones(image.shape, dtype=bool)) * SPACING
    means = [
        image.array.ravel()[np.linalg.norm(places - place, axis=1) <= 6.2].mean()
        for place in np.argwhere(inside) * SPACING
    ]
    brightest = image.array[inside] == image.array[inside].max()
    expected = {"peak_loc": np.max(np.array(means)[brightest]), "peak_glob": np.max(means)}
    assert intensities.peaks(image.array, inside, SPACING) == pytest.approx(expected, rel=1e-9)


def test_bins_of_a_width_begin_at_the_lower_end_of_the_range() -> None:
    values = np.array([-390.0, -376.0, -375.0, 0.0])
    assert intensities.levels_of(values, Bins(width=25), -500, "x").tolist() == [5, 5, 6, 21]
    assert intensities.levels_of(values, Bins(width=25), None, "x").tolist() == [1, 1, 1, 16]
    assert intensities.levels_of(values, Bins(count=4), None, "x").tolist() == [1, 1, 1, 4]


def test_volume_histogram_of_even_intensities_is_a_straight_line() -> None:
    values = np.arange(101.0)
    found = intensities.volume_histogram(values, None, None, "x")
    assert (found["i10"], found["i90"], found["diff_i10_i90"]) == (91, 11, 80)
    assert (found["v10"], found["v90"]) == pytest.approx((91 / 101, 11 / 101))
    binned = intensities.volume_histogram(values, Bins(width=10), (0, 200), "x")
    assert (binned["i10"], binned["i90"]) == (105, 25), "the middles of bins"
    assert binned["v10"] == pytest.approx(81 / 101), "a tenth of the range is in the third bin"


def test_histogram_names_the_steepest_steps() -> None:
    levels = np.repeat([1, 2, 3, 4], [10, 30, 4, 2])
    found = intensities.histogram(levels, 4)
    assert (found["mode"], found["max_grad"], found["max_grad_g"]) == (2, 20, 1)
    assert (found["min_grad"], found["min_grad_g"]) == (-14, 3)


def test_a_box_fills_its_hull_and_its_box() -> None:
    # Of its mesh, the corners are cut: hull and mesh are the same.
    shape = mask_features(np.pad(np.ones((6, 5, 4), dtype=bool), 1), SPACING)
    assert shape["vol_dens_conv_hull"] == pytest.approx(1)
    assert shape["area_dens_conv_hull"] == pytest.approx(1)
    assert shape["vol_approx"] == 6 * 5 * 4 * 3
    assert 0.9 < shape["vol_dens_aabb"] < 1


def test_textures_are_those_of_the_native_engine_where_its_settings_express_the_way() -> None:
    image, mask = ragged()
    native: dict[str, dict[str, float]] = {}
    for suffix, setting in {"3D_avg": {}, "3D_comb": {"weightingNorm": "no_weighting"}}.items():
        native[suffix] = _native(image, mask, setting)
        native[suffix.replace("3D", "2_5D")] = _native(image, mask, {"force2D": True, **setting})
    found = _textures(image, mask, ["2.5D", "3D"])
    for suffix, values in native.items():
        way = suffix.rpartition("_")[0]
        for tag, name in {
            f"cm_contrast_{suffix}": "glcm_Contrast", f"cm_info_corr2_{suffix}": "glcm_Imc2",
            f"rlm_srhge_{suffix}": "glrlm_ShortRunHighGrayLevelEmphasis",
            f"szm_zsnu_{way}": "glszm_SizeZoneNonUniformity",
            f"ngl_hdhge_{way}": "gldm_LargeDependenceHighGrayLevelEmphasis", f"ngt_busyness_{way}": "ngtdm_Busyness",
        }.items():  # fmt: skip
            assert found[tag] == pytest.approx(values[name], rel=1e-9), tag


def test_slices_are_averaged_with_the_grey_levels_of_the_whole_region() -> None:
    image, mask = ragged()
    found = _textures(image, mask, ["2D"])
    inside = mask.array > 0
    levels = np.zeros(image.shape, dtype=np.int64)
    levels[inside] = intensities.levels_of(image.array[inside], Bins(count=8), None, "x")
    contrasts, merged = [], []
    for number in np.flatnonzero(inside.any(axis=(0, 1))):
        plane = levels[:, :, number]
        differences = []
        for di, dj in ((1, 0), (0, 1), (1, 1), (1, -1)):
            pairs = [
                (plane[i, j], plane[i + di, j + dj])
                for i, j in product(range(plane.shape[0] - di), range(max(-dj, 0), plane.shape[1] - max(dj, 0)))
            ]
            differences.append([(a - b) ** 2 for a, b in pairs if a and b])
        contrasts += [np.mean(some) for some in differences]
        merged.append(np.mean(np.concatenate(differences)))
    assert found["cm_contrast_2D_avg"] == pytest.approx(np.mean(contrasts), rel=1e-9)
    assert found["cm_contrast_2D_comb"] == pytest.approx(np.mean(merged), rel=1e-9)


def test_directions_of_narrow_slices_are_joined_with_those_of_wide_ones() -> None:
    levels = np.random.default_rng(5).integers(1, 7, size=(6, 5, 3))
    inside = np.zeros(levels.shape, dtype=bool)
    inside[1:5, 2, 0] = inside[3, 1:5, 1] = inside[:, :, 2] = True
    found = texture_features(levels[inside], inside, inside, ["2.5D"])
    contrasts = []
    for di, dj in ((1, 0), (0, 1), (1, 1), (1, -1)):
        pairs = [
            (levels[i, j, k] - levels[i + di, j + dj, k]) ** 2
            for i, j, k in np.argwhere(inside)
            if 0 <= i + di < 6 and 0 <= j + dj < 5 and inside[i + di, j + dj, k]
        ]
        contrasts.append(np.mean(pairs))
    assert found["cm_contrast_2_5D_avg"] == pytest.approx(np.mean(contrasts), rel=1e-9)


def test_voxels_without_neighbours_have_no_cooccurrence_and_are_not_an_error() -> None:
    inside = np.zeros((5, 5, 5), dtype=bool)
    inside[[0, 2, 4, 0], [0, 2, 4, 4], [0, 2, 4, 1]] = True
    found = texture_features(np.array([1, 2, 3, 4]), inside, inside, ["2D", "2.5D", "3D"])
    assert np.isnan(found["cm_contrast_2_5D_comb"])
    assert found["rlm_sre_2_5D_comb"] == found["szm_sze_3D"] == 1


def test_zones_have_the_distance_of_their_voxel_nearest_to_the_border() -> None:
    inside = np.ones((5, 5, 5), dtype=bool)
    levels = np.ones((5, 5, 5), dtype=np.int64)
    levels[2, 2, 2] = 2
    found = texture_features(levels[inside], inside, inside, ["2D", "3D"])
    # The outer zone is at the border, the middle voxel three steps inside; in 2-D all others are slices of one zone.
    assert found["dzm_lde_3D"] == (1 + 9) / 2
    assert found["dzm_lde_2D"] == (4 * 1 + (1 + 9) / 2) / 5
    assert found["dzm_z_perc_3D"] == 2 / 125


def test_lone_voxels_are_runs_of_one_and_differ_from_nobody() -> None:
    inside = np.zeros((3, 3, 5), dtype=bool)
    inside[1, 1, 1:4] = True
    found = texture_features(np.array([1, 2, 2]), inside, inside, ["2D", "3D"])
    assert found["rlm_sre_2D_avg"] == 1
    assert found["rlm_r_perc_3D_comb"] == (12 * 3 + 2) / (13 * 3)
    assert np.isnan(found["cm_contrast_2D_avg"])


def test_new_grid_lies_about_the_centre_and_the_mask_is_cut_at_one_half() -> None:
    ramp = np.add.outer(np.add.outer(np.arange(12.0), 10 * np.arange(9.0)), 100 * np.arange(6.0))
    affine = np.diag([-1.0, -1.0, 3.0, 1.0])
    mask = np.zeros(ramp.shape, dtype=np.uint8)
    mask[2:9, 2:7, 1:5] = 1
    region = prepared_region(
        PreparedSequence(Volume(ramp, affine)), Volume(mask, affine), settings(voxelSize=[2, 2, 2]), "x", around=0
    )
    assert new_size(ramp.shape, (1, 1, 3), (2, 2, 2)) == [6, 5, 9]
    # Along k the centres of the new grid lie at -1/6, 1/2, 7/6, ... of the old: 1/2 and 9/2 are at the mask's edge.
    sizes = [np.count_nonzero(region.morphology.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    assert sizes == [4, 3, 7]
    inner = region.image[1:3, 1:3, 1:3]
    assert np.diff(inner, axis=0) == pytest.approx(2)
    assert np.diff(inner, axis=1) == pytest.approx(20)
    assert np.diff(inner, axis=2) == pytest.approx(200 / 3)


def test_cubic_interpolation_is_that_of_the_whole_image() -> None:
    image, mask = ragged()
    inside = np.zeros_like(mask.array)
    inside[5:8, 5:8, 3:5] = 1
    small = mask.with_array(inside)
    cubic = settings(voxelSize=[0.7, 0.7, 0.7], interpolation="cubic")
    near, far = (prepared_region(PreparedSequence(image), small, cubic, "x", around=mm) for mm in (0.0, 30.0))
    assert near.values == pytest.approx(far.values, abs=1e-9)


def test_outliers_are_of_the_voxels_in_range() -> None:
    values = np.concatenate([np.arange(100.0), [130.0, 5000.0]])
    image = Volume(np.zeros((104, 3, 1)), np.diag([-1.0, -1, 1, 1]))
    image.array[: len(values), 1, 0] = values
    mask = np.zeros(image.shape, dtype=np.uint8)
    mask[: len(values), 1, 0] = 1
    sequence, inside = PreparedSequence(image), image.with_array(mask)
    assert prepared_region(sequence, inside, settings(outliers=3), "x").values.max() == 130
    assert prepared_region(sequence, inside, settings(range=(0, 1000), outliers=2), "x").values.max() == 99
    with pytest.raises(InputError, match="leave 0; at least 2 are needed"):
        prepared_region(sequence, inside, settings(range=(-9, -8)), "the tumour")


def test_columns_say_sequence_and_tag_and_have_units_and_codes() -> None:
    image, mask = ragged()
    content = {"featureClass": {"ibsi": ["morph_volume", "cm_contrast"]}, "ibsi": {"bins": {"width": 10}}}
    (row,) = extract_regions(StudyImages("case-1", {"flair": image}), {"whole": mask}, parse_config(content, "my.yaml"))
    assert [*row.values] == [
        "original_ibsi_morph_volume",
        "flair_original_ibsi_cm_contrast_3D_avg",
        "flair_original_ibsi_cm_contrast_3D_comb",
    ]
    volume, contrast = (describe(column) for column in [*row.values][:2])
    assert volume is not None and (volume.unit, volume.ibsi_code) == ("mm3", "RNU0")
    assert contrast is not None and (contrast.unit, contrast.ibsi_code) == ("grey levels2", "ACUI")
    assert feature_code([*row.values][2]).value == "ACUI"
    image_measured, joining = modifiers([*row.values][2])
    assert (image_measured[1].value, joining[1].value, joining[1].scheme_designator) == ("FLAIR", "IAZD", "IBSI")
    assert modifiers("original_ibsi_morph_volume") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"featureClass": {"ibsi": None}}, "go together"),
        ({"ibsi": {"bins": {"width": 5}}}, "go together"),
        ({"featureClass": {"ibsi": None}, "ibsi": {"bins": {"width": 5, "count": 6}}}, "either a width or a count"),
        ({"featureClass": {"ibsi": None}, "ibsi": {"bins": {"width": 5}, "range": [4, 3]}}, "must rise"),
        ({"featureClass": {"ibsi": ["cm_contrast_3D"]}, "ibsi": {"bins": {"width": 5}}}, "did you mean 'cm_contrast'"),
        ({"featureClass": {"ibsi": None}, "ibsi": {"bins": {"width": 5}}, "slices": "each"}, "describes volumes"),
    ],
)
def test_settings_that_cannot_be_are_refused(content: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_config(content, "my.yaml")


def test_voxels_of_unknown_size_are_not_resampled() -> None:
    image, mask = ragged()
    images = StudyImages("case-1", {"flair": image}, spacing_known=False)
    with pytest.raises(InputError, match="voxel size is unknown"):
        extract_regions(images, {"whole": mask}, load_config("ibsi-c"))


def test_a_folder_without_phantoms_is_refused_by_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(GliomicsError, match=r"digital_phantom_reference.csv is missing"):
        list(consensus_values(tmp_path))
    (tmp_path / "digital_phantom_reference.csv").write_text("a;b\n1;2\n")
    with pytest.raises(GliomicsError, match="has the columns a, b"):
        list(consensus_values(tmp_path))


def _native(image: Volume, mask: Mask, setting: dict[str, Any]) -> dict[str, float]:
    classes = dict.fromkeys(("glcm", "glrlm", "glszm", "gldm", "ngtdm"))
    content = {"featureClass": classes, "setting": {"binCount": 8, **setting}, "engine": "native"}
    config: FeatureConfig = parse_config(content, "my.yaml")
    (row,) = extract_regions(StudyImages("case-1", {"flair": image}), {"whole": mask}, config)
    return {name.removeprefix("flair_original_"): value for name, value in row.values.items()}


def _textures(image: Volume, mask: Mask, dimensions: Any) -> dict[str, float]:
    inside = mask.array > 0
    levels = intensities.levels_of(image.array[inside], Bins(count=8), None, "x")
    return texture_features(levels, inside, inside, dimensions)
