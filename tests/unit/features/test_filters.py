"""Every filter and every setting of PyRadiomics, compared with plain PyRadiomics on the whole image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.features.config import parse_config
from gliomics.features.engines import pyradiomics as engine
from gliomics.features.extract import StudyImages, extract_features, extract_regions
from gliomics.study import Volume
from tests.unit.features.plain import EVERY_CLASS, assert_measured_as_plain, oblique, plain_pyradiomics, ragged_case

pytestmark = pytest.mark.slow

SOME = {"firstorder": [], "glcm": ["Contrast", "Idn", "MCC"], "glszm": ["ZoneEntropy"]}
FILTERS: list[dict[str, Any]] = [
    {"Original": {"binWidth": 7}},
    {"LoG": {"sigma": [1.0, 3.0], "binWidth": 5}},
    {"LoG": {"sigma": [2], "binCount": 12}},
    {"Wavelet": {"binWidth": 7}},
    {"Wavelet": {"wavelet": "db2", "level": 2, "start_level": 1, "binCount": 16}},
    {"Wavelet": {"wavelet": "bior2.2", "force2D": True, "force2Ddimension": 2}},
    {"Square": {}, "SquareRoot": {"binWidth": 9}, "Logarithm": {}, "Exponential": {"binCount": 20}},
    {"Gradient": {}},
    {"Gradient": {"gradientUseSpacing": False, "binWidth": 4}},
    {"LBP2D": {"force2D": True, "binWidth": 1}},
    {"LBP2D": {"force2D": True, "force2Ddimension": 1, "lbp2DRadius": 2.5, "lbp2DSamples": 12, "lbp2DMethod": "ror"}},
    {"LBP2D": {"lbp2DMethod": "var"}},
]
IMAGE = {"Original": {}, "Wavelet": {"binCount": 8}, "LoG": {"sigma": [2.0]}}
SETTINGS: list[dict[str, Any]] = [
    {"binCount": 16},
    {"binWidth": 7, "distances": [1, 2, 3]},
    {"binWidth": 7, "force2D": True},
    {"binWidth": 7, "force2D": True, "force2Ddimension": 1},
    {"binWidth": 7, "weightingNorm": "euclidean"},
    {"binWidth": 7, "weightingNorm": "manhattan"},
    {"binWidth": 7, "weightingNorm": "infinity"},
    {"binWidth": 7, "weightingNorm": "no_weighting"},
    {"binWidth": 7, "symmetricalGLCM": False},
    {"binWidth": 7, "gldm_a": 2},
    {"voxelArrayShift": 300},
    {"binWidth": 7, "removeOutliers": 2},
    {"binWidth": 7, "normalize": True, "normalizeScale": 100},
    {"binWidth": 7, "normalize": True, "normalizeScale": 100, "removeOutliers": 2},
    {"binWidth": 7, "resampledPixelSpacing": [2, 2, 2]},
    {"binWidth": 7, "resampledPixelSpacing": [0, 0, 1]},
    {"binWidth": 7, "resampledPixelSpacing": [1.3, 0, 0], "padDistance": 1},
    {"binWidth": 7, "resampledPixelSpacing": [2, 2, 2], "padDistance": 12, "interpolator": "sitkLinear"},
    {"binWidth": 7, "resampledPixelSpacing": [0, 0, 0], "padDistance": 2},
    {"binWidth": 7, "preCrop": True},
    {"binWidth": 7, "preCrop": True, "padDistance": 2, "normalize": True, "normalizeScale": 100},
    {"binWidth": 7, "preCrop": True, "resampledPixelSpacing": [2, 2, 2]},
    {"binWidth": 7, "minimumROIDimensions": 3, "minimumROISize": 20},
]
RESEGMENTED: list[dict[str, Any]] = [
    {"resegmentRange": [80, 140]},
    {"resegmentRange": [80]},
    {"resegmentRange": [140, 80], "resegmentMode": "absolute"},
    {"resegmentRange": [0.5, 0.9], "resegmentMode": "relative"},
    {"resegmentRange": [-1, 1.5], "resegmentMode": "sigma"},
    {"resegmentRange": [-2, 2], "resegmentMode": "sigma", "normalize": True, "resampledPixelSpacing": [2, 2, 2]},
]


def named(parameters: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in parameters.items())


def test_every_filter_that_runs_is_compared() -> None:
    compared = {name for filters in FILTERS for name in filters}
    assert compared == {name for name, reason in engine.image_types().items() if reason is None}


@pytest.mark.parametrize("filters", FILTERS, ids=named)
@pytest.mark.parametrize(
    ("shape", "where"), [((43, 40, 15), "middle"), ((24, 25, 11), "border"), ((23, 26, 12), "corner")], ids=str
)
def test_filter_equals_plain_pyradiomics(shape: tuple[int, int, int], where: str, filters: dict[str, Any]) -> None:
    image, mask = ragged_case(shape, where=where, affine=oblique())
    assert_measured_as_plain(image, mask, {"imageType": filters, "featureClass": SOME})


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "int64", "float64"])
def test_voxel_type_of_the_file_is_filtered_as_plain_pyradiomics_does(dtype: str) -> None:
    image, mask = ragged_case(dtype=dtype)
    filters = {**IMAGE, "Square": {}, "Gradient": {}, "LBP2D": {"binWidth": 1}}
    assert_measured_as_plain(image, mask, {"imageType": filters, "featureClass": SOME})


def test_bins_of_whole_numbers_up_to_the_highest_of_their_type_are_those_of_a_wider_type() -> None:
    image, mask = ragged_case(dtype="uint8")
    image.array[mask.array > 0] += np.uint8(255) - image.array[mask.array > 0].max()
    assert_measured_as_plain(image.with_array(image.array.astype(np.int16)), mask, {"featureClass": SOME})
    wide, narrow = (
        extract_features(StudyImages("case-1", {"flair": volume}), mask, parse_config({"featureClass": SOME}, "x"))
        for volume in (image.with_array(image.array.astype(np.int16)), image)
    )
    assert narrow.values == wide.values


@pytest.mark.parametrize("setting", SETTINGS, ids=named)
def test_setting_does_what_it_does_in_plain_pyradiomics(setting: dict[str, Any]) -> None:
    image, mask = ragged_case(where="corner", affine=oblique())
    assert_measured_as_plain(image, mask, {"imageType": IMAGE, "setting": setting})


@pytest.mark.parametrize("setting", RESEGMENTED, ids=named)
def test_resegmented_intensities_equal_plain_pyradiomics(setting: dict[str, Any]) -> None:
    image, mask = ragged_case(where="corner")
    classes = {name: names for name, names in EVERY_CLASS.items() if name != "shape"}
    assert_measured_as_plain(image, mask, {"imageType": IMAGE, "setting": setting, "featureClass": classes})


def test_shape_is_that_of_the_drawn_mask_whatever_resegmentation_leaves_out() -> None:
    image, mask = ragged_case(where="corner")
    shape = {"featureClass": {"shape": []}}
    config = parse_config({**shape, "setting": {"resegmentRange": [80]}}, "resegment.yaml")
    ours = extract_features(StudyImages("case-1", {"flair": image}), mask, config).values
    assert ours == pytest.approx(plain_pyradiomics(image, mask, shape), rel=1e-9)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"minimumROISize": 100000}, "Size of the ROI is too small"),
        ({"minimumROIDimensions": 3, "minimumROISize": 1000}, "Size of the ROI is too small"),
        ({"resegmentRange": [1000, 2000]}, "Resegmentation excluded too many voxels"),
    ],
    ids=str,
)
def test_region_that_pyradiomics_refuses_is_refused_with_its_name(setting: dict[str, Any], reason: str) -> None:
    image, mask = ragged_case()
    with pytest.raises(ValueError, match=reason):
        plain_pyradiomics(image, mask, {"setting": setting})
    config = parse_config({"setting": setting}, "limits.yaml")
    with pytest.raises(InputError, match=f"region 'tumour' of 'case-1' cannot be measured: {reason}"):
        extract_features(StudyImages("case-1", {"flair": image}), mask, config)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_flat_region_is_measured_where_two_dimensions_are_enough(dimensions: int) -> None:
    image, mask = ragged_case()
    flat = np.zeros_like(mask.array)
    flat[..., 5] = mask.array[..., 5]
    setting = {"minimumROIDimensions": dimensions}
    if dimensions == 2:
        assert_measured_as_plain(image, mask.with_array(flat), {"setting": setting})
    else:
        with pytest.raises(InputError, match="too few dimensions"):
            assert_measured_as_plain(image, mask.with_array(flat), {"setting": setting})


def test_distances_longer_than_the_region_are_refused() -> None:
    image, mask = ragged_case()
    config = parse_config({"setting": {"distances": [50]}}, "far.yaml")
    with pytest.raises(InputError, match=r"region 'tumour'.*too small for the neighbours at distances \[50\].*glcm"):
        extract_features(StudyImages("case-1", {"flair": image}), mask, config)


@pytest.mark.parametrize(
    "setting", [{}, {"resampledPixelSpacing": [2, 2, 2]}, {"preCrop": True}, {"normalize": True}], ids=named
)
def test_regions_measured_together_have_the_values_of_each_alone(setting: dict[str, Any]) -> None:
    image, first = ragged_case((40, 41, 12))
    _, second = ragged_case((40, 41, 12), where="far corner", seed=1)
    config = parse_config({"imageType": IMAGE, "featureClass": {**SOME, "shape": None}, "setting": setting}, "x.yaml")
    together = extract_regions(StudyImages("case-1", {"flair": image}), {"one": first, "two": second}, config)
    for table, mask in zip(together, (first, second), strict=True):
        alone = extract_features(StudyImages("case-1", {"flair": image}), mask, config, region=table.region)
        assert list(table.values) == list(alone.values)
        assert table.values == pytest.approx(alone.values, rel=1e-5, abs=1e-6)
        exact = {name: value for name, value in alone.values.items() if "log-sigma" not in name}
        assert {name: table.values[name] for name in exact} == pytest.approx(exact, rel=1e-12)
        assert table.warnings == alone.warnings


@pytest.mark.parametrize("setting", [{}, {"preCrop": True}], ids=named)
def test_columns_follow_sequence_then_filter_then_class(setting: dict[str, Any]) -> None:
    image, mask = ragged_case()
    filters = {"Square": {}, "LoG": {"sigma": [2, 1.0]}, "Original": {}}
    classes = {"glcm": ["Idn"], "shape": ["Flatness"], "firstorder": ["Mean"]}
    config = parse_config({"imageType": filters, "featureClass": classes, "setting": setting}, "order.yaml")
    names = ["square", "log-sigma-2-mm-3D", "log-sigma-1-0-mm-3D", "original"]
    for table in extract_regions(
        StudyImages("case-1", {"zz": image, "flair": image, "t1": image}), {"a": mask}, config
    ):
        assert list(table.values) == [
            "original_shape_Flatness",
            *(
                f"{sequence}_{name}_{feature}"
                for sequence in ("t1", "flair", "zz")
                for name in names
                for feature in ("glcm_Idn", "firstorder_Mean")
            ),
        ]


def test_each_image_is_filtered_once_for_all_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = engine.filtered

    def counted(*arguments: Any) -> Iterator[tuple[str, Volume]]:
        calls.append((arguments[1], arguments[2].get("sigma")))
        return original(*arguments)

    monkeypatch.setattr(engine, "filtered", counted)
    image, first = ragged_case()
    _, second = ragged_case(where="corner", seed=1)
    filters = {"Original": {}, "LoG": {"sigma": [1.0, 2.0]}, "Wavelet": {}}
    config = parse_config({"imageType": filters, "featureClass": {"firstorder": ["Mean"]}}, "count.yaml")
    extract_regions(StudyImages("case-1", {"t1": image, "flair": image}), {"one": first, "two": second}, config)
    assert calls == [("Original", None), ("LoG", [1.0]), ("LoG", [2.0]), ("Wavelet", None)] * 2


@pytest.mark.parametrize("slices", [1, 3])
def test_log_of_too_few_slices_is_left_out_with_a_warning(slices: int) -> None:
    image, mask = ragged_case()
    thin, inside = (Volume(volume.array[..., 4 : 4 + slices], volume.affine) for volume in (image, mask))
    parameters = {"imageType": {"Original": {}, "LoG": {"sigma": [1.0]}}, "featureClass": {"firstorder": ["Mean"]}}
    table = extract_features(StudyImages("case-1", {"flair": thin}), inside, parse_config(parameters, "log.yaml"))
    assert list(table.values) == ["flair_original_firstorder_Mean"]
    assert any(
        warning.startswith("flair: LoG with sigma 1 mm is left out: it needs at least four voxels")
        and f"24 x 25 x {slices} voxels of 0.9 x 1.1 x 2.5 mm" in warning
        for warning in table.warnings
    )


@pytest.mark.parametrize(("sigma", "fits"), [(20.0, True), (21.0, False)])
def test_log_is_left_out_where_plain_pyradiomics_leaves_it_out(sigma: float, fits: bool) -> None:
    image, mask = ragged_case()
    parameters = {"imageType": {"LoG": {"sigma": [1.0, sigma]}}, "featureClass": {"firstorder": ["Mean", "Maximum"]}}
    assert len(assert_measured_as_plain(image, mask, parameters)) == (4 if fits else 2)


def test_only_the_region_whose_cut_out_is_too_small_lacks_log() -> None:
    image, large = ragged_case()
    small = np.zeros_like(large.array)
    small[10:14, 10:14, 5:7] = 1
    config = parse_config(
        {
            "imageType": {"LoG": {"sigma": [4.0]}},
            "featureClass": {"firstorder": ["Mean"]},
            "setting": {"preCrop": True, "padDistance": 0},
        },
        "crop.yaml",
    )
    regions = {"large": large, "small": large.with_array(small)}
    tables = extract_regions(StudyImages("case-1", {"flair": image}), regions, config)
    assert [len(table.values) for table in tables] == [1, 0]
    assert [any("LoG with sigma 4 mm is left out" in text for text in table.warnings) for table in tables] == [
        False,
        True,
    ]


@pytest.mark.parametrize(
    "filters",
    [{"Original": {}}, {"Wavelet": {}}, {"Gradient": {}}, {"LBP2D": {"force2D": True, "binWidth": 1}}, {"Square": {}}],
    ids=named,
)
def test_image_of_one_slice_equals_plain_pyradiomics(filters: dict[str, Any]) -> None:
    image, mask = ragged_case()
    flat, inside = (Volume(volume.array[..., 5:6], volume.affine) for volume in (image, mask))
    assert_measured_as_plain(flat, inside, {"imageType": filters})


def test_resampling_two_slices_by_splines_is_refused() -> None:
    image, mask = ragged_case()
    thin, inside = (Volume(volume.array[..., 4:6], volume.affine) for volume in (image, mask))
    config = parse_config({"setting": {"resampledPixelSpacing": [1, 1, 1]}}, "thin.yaml")
    with pytest.raises(InputError, match=r"image of region 'tumour'.*two voxels along an axis, shape \(24, 25, 2\)"):
        extract_features(StudyImages("case-1", {"flair": thin}), inside, config)


def test_region_that_vanishes_in_resampling_is_refused() -> None:
    image, mask = ragged_case()
    tiny = np.zeros_like(mask.array)
    tiny[10:12, 10:12, 5:7] = 1
    config = parse_config({"setting": {"resampledPixelSpacing": [30, 30, 30]}}, "coarse.yaml")
    with pytest.raises(InputError, match="nothing is left of region 'tumour' of 'case-1' in voxels of 30 x 30 x 30 mm"):
        extract_features(StudyImages("case-1", {"flair": image}), mask.with_array(tiny), config)


def test_filter_that_is_undefined_for_the_image_is_refused_with_its_name() -> None:
    image, mask = ragged_case()
    dark = image.array.copy()
    dark[6:18, 6:19, 2:9] = 0
    inside = np.zeros_like(mask.array)
    inside[9:15, 9:16, 4:7] = 1
    config = parse_config({"imageType": {"Logarithm": {}}, "setting": {"preCrop": True, "padDistance": 1}}, "log.yaml")
    with pytest.raises(
        InputError, match="region 'tumour' of 'case-1' in image 'logarithm' of sequence 'flair' has vox"
    ):
        extract_features(StudyImages("case-1", {"flair": image.with_array(dark)}), mask.with_array(inside), config)


def test_more_grey_levels_than_fit_into_memory_are_refused() -> None:
    image, mask = ragged_case()
    config = parse_config({"setting": {"binWidth": 1e-6}}, "fine.yaml")
    with pytest.raises(InputError, match=r"'original'.*which makes .* grey levels; at most 4096.*larger binWidth"):
        extract_features(StudyImages("case-1", {"flair": image}), mask, config)
