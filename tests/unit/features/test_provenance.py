"""What a row tells of itself: how it came about, and what to beware of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gliomics.features.config import parse_config
from gliomics.features.extract import StudyImages, extract_features
from gliomics.features.provenance import of_region, warnings_of
from gliomics.features.windows import window_of
from gliomics.preprocess.bias_field import correct_bias_field
from gliomics.preprocess.intensity import foreground
from gliomics.preprocess.orientation import to_lps
from gliomics.preprocess.resampling import resample_to_spacing
from gliomics.records import FeatureRow
from gliomics.study import Mask, Volume, to_sitk
from tests.unit.features.heads import SHAPE, ball, head, lesion

MEAN = {"featureClass": {"firstorder": ["Mean"]}}
TEXTURE = {"featureClass": {"glcm": ["Contrast"]}, "setting": {"binWidth": 3}}


def measured(content: dict[str, Any], *, affine: np.ndarray | None = None, **facts: Any) -> FeatureRow:
    image, mask = head(), lesion()
    if affine is not None:
        image, mask = Volume(image.array, affine), Volume(mask.array, affine)
    images = StudyImages("case-1", {"flair": image}, **facts)
    return extract_features(images, mask, parse_config(content, "mine.yaml"))


def warnings_about(bins: dict[str, int]) -> list[str]:
    config = parse_config(MEAN, "mine.yaml")
    diagnostics = of_region(lesion(), window_of(lesion().array > 0), config, ["flair"], True)
    return warnings_of({**diagnostics, "flair_bins": bins}, config)


def brain() -> Mask:
    return lesion().with_array(ball(SHAPE, (20, 22, 5), (12, 14, 4)).astype(np.uint8))


def test_row_tells_that_nothing_was_done_to_the_image() -> None:
    diagnostics = measured(MEAN).diagnostics
    assert (diagnostics["bias_field"], diagnostics["resampling"]) == ("as in the file", "as in the file")
    assert diagnostics["flair_normalisation"] == [0, 1]


def test_row_tells_that_the_bias_field_was_corrected() -> None:
    assert measured({**MEAN, "biasField": True}).diagnostics["bias_field"] == "N4"


@pytest.mark.parametrize("content", [{"resampling": [2, 2, 2]}, {"setting": {"resampledPixelSpacing": [2, 2, 2]}}])
def test_row_tells_the_voxels_that_the_image_was_resampled_to(content: dict[str, Any]) -> None:
    assert measured({**MEAN, **content}).diagnostics["resampling"] == [2, 2, 2]


def test_row_tells_the_grid_and_the_voxels_that_were_measured() -> None:
    diagnostics = measured({**MEAN, "resampling": [2, 2, 2]}).diagnostics
    resampled = resample_to_spacing(to_lps(lesion()), (2, 2, 2), labels=True)
    assert (diagnostics["size"], diagnostics["spacing"]) == ([40, 44, 25], [2, 2, 2])
    assert diagnostics["voxels"] == np.count_nonzero(resampled.array)
    np.testing.assert_allclose(diagnostics["affine"], resampled.affine[:3], atol=1e-6)


def test_row_tells_mean_and_deviation_within_the_brain_mask() -> None:
    table = measured({**MEAN, "normalisation": {"method": "zscore"}}, brain=brain())
    values = head().array[brain().array > 0].astype(float)
    assert table.diagnostics["flair_normalisation"] == pytest.approx([values.mean(), values.std()])
    expected = 100 * (head().array[lesion().array > 0].astype(float).mean() - values.mean()) / values.std()
    assert table.values["flair_original_firstorder_Mean"] == pytest.approx(expected)


def test_bias_field_is_corrected_before_resampling_and_normalisation() -> None:
    content = {**MEAN, "biasField": True, "resampling": [2, 2, 2], "normalisation": {"method": "zscore"}}
    image = correct_bias_field(to_lps(head()), foreground(to_lps(head()).array))
    image = resample_to_spacing(image, (2, 2, 2))
    inside = resample_to_spacing(to_lps(lesion()), (2, 2, 2), labels=True).array > 0
    values = image.array[foreground(image.array)]
    expected = 100 * (image.array[inside].mean() - values.mean()) / values.std()
    assert measured(content).values["flair_original_firstorder_Mean"] == pytest.approx(expected)


def test_row_counts_the_grey_levels_of_each_filtered_image() -> None:
    content = {**TEXTURE, "imageType": {"Original": {}, "Wavelet": {"binCount": 20}, "LoG": {"sigma": [4.0]}}}
    bins = measured(content).diagnostics["flair_bins"]
    assert len(bins) == 10
    assert {bins[name] for name in bins if name.startswith("wavelet")} == {20}


@pytest.mark.parametrize(
    "content",
    [
        {"featureClass": {"shape": ["MeshVolume"]}},
        {"featureClass": {"outline": None}},
        {"featureClass": {"shape2D": None}, "slices": "largest"},
    ],
    ids=str,
)
def test_lengths_without_a_known_voxel_size_are_said_to_be_in_voxels(content: dict[str, Any]) -> None:
    warning = "the voxel size is unknown: shape features are in voxels (taken as 2 x 2 x 5), not in millimetres"
    assert warning in measured(content, spacing_known=False).warnings
    assert warning not in measured(content).warnings


def test_sigma_without_a_known_voxel_size_is_said_to_be_in_voxels() -> None:
    content = {**MEAN, "imageType": {"LoG": {"sigma": [4.0], "binCount": 32}}}
    warning = "the voxel size is unknown: sigma of LoG is in voxels (taken as 2 x 2 x 5), not in millimetres"
    assert measured(content, spacing_known=False).warnings == [warning]


@pytest.mark.parametrize("content", [TEXTURE, {"featureClass": {"ellipsoid": None}}], ids=str)
def test_measures_without_a_length_do_not_warn_of_an_unknown_voxel_size(content: dict[str, Any]) -> None:
    assert measured(content, spacing_known=False).warnings == []


FAR = np.diag([1.0, 1.0, 6.0, 1.0])
SAID = ["voxels of 1 x 1 x 6 mm are far from cubes: 3-D shape and texture depend on the slice direction"]


@pytest.mark.parametrize(
    "content",
    [
        TEXTURE,
        {"featureClass": {"shape": None}},
        {"featureClass": {"shape": None}, "slices": "largest"},
        {**MEAN, "imageType": {"Wavelet": {"binCount": 32}}},
    ],
    ids=str,
)
def test_measures_across_thick_slices_are_said_to_depend_on_them(content: dict[str, Any]) -> None:
    assert measured(content, affine=FAR).warnings == SAID


@pytest.mark.parametrize(
    "content",
    [
        {**TEXTURE, "slices": "largest"},
        {**TEXTURE, "setting": {"binWidth": 3, "force2D": True}},
        {"featureClass": {"outline": None, "ellipsoid": None}},
        {**MEAN, "setting": {"binWidth": 3}},
    ],
    ids=str,
)
def test_measures_within_slices_do_not_warn_of_thick_ones(content: dict[str, Any]) -> None:
    assert measured(content, affine=FAR).warnings == []


def test_voxels_three_times_as_long_as_wide_are_not_yet_far_from_cubes() -> None:
    assert measured(TEXTURE, affine=np.diag([2.0, 2.0, 6.0, 1.0])).warnings == []


@pytest.mark.parametrize(("voxels", "said"), [(63, True), (64, False)])
def test_fewer_than_64_voxels_are_said(voxels: int, said: bool) -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[10:14, 20:24, 3:7] = 1
    array[10, 20, 3] = 1 if voxels == 64 else 0
    table = extract_features(
        StudyImages("x", {"flair": head()}),
        lesion().with_array(array),
        parse_config({**TEXTURE, "setting": {"binWidth": 1}}, "x"),
    )
    assert [text for text in table.warnings if "voxels" in text] == (
        ["the region has 63 voxels; below 64 texture features are mostly noise"] if said else []
    )


@pytest.mark.parametrize(("count", "word"), [(15, "fewer"), (16, None), (128, None), (129, "more")])
def test_grey_levels_outside_16_to_128_are_said(count: int, word: str | None) -> None:
    said = [
        f"flair: the region spans {word} grey levels than the 16 to 128" in text
        for text in warnings_about({"original": count})
    ]
    assert said == ([True] if word else [])


def test_filtered_images_with_too_few_or_too_many_grey_levels_are_named() -> None:
    few, many = warnings_about({"original": 30, "wavelet-LLH": 3, "wavelet-LLL": 200, "gradient": 9})
    assert few.startswith("flair: the region spans fewer grey levels in wavelet-LLH, gradient than the 16 to 128")
    assert many.startswith("flair: the region spans more grey levels in wavelet-LLL than the 16 to 128")


def test_undefined_features_are_named_in_the_row_that_lacks_them() -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[8:20:3, 20:28:3, 3:8:3] = 1
    table = extract_features(
        StudyImages("case-1", {"flair": head()}), lesion().with_array(array), parse_config(TEXTURE, "x")
    )
    assert table.values == {}
    assert "left out because undefined for this region: flair_original_glcm_Contrast" in table.warnings


def plain_diagnostics(setting: dict[str, Any]) -> dict[str, Any]:
    """What PyRadiomics itself says of the region that it measured."""
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    extractor = RadiomicsFeatureExtractor({**MEAN, "setting": setting})
    return dict(extractor.execute(to_sitk(to_lps(head())), to_sitk(to_lps(lesion())), label=1))


@pytest.mark.parametrize(
    "setting",
    [
        {"resampledPixelSpacing": [1.5, 1.5, 3], "interpolator": "sitkLinear"},
        {"resampledPixelSpacing": [0, 0, 2]},
        {"resampledPixelSpacing": [4, 4, 4], "padDistance": 2},
        {"preCrop": True, "padDistance": 3},
    ],
    ids=str,
)
def test_row_tells_the_grid_that_pyradiomics_made_and_the_voxels_on_it(setting: dict[str, Any]) -> None:
    diagnostics, plain = measured({**MEAN, "setting": setting}).diagnostics, plain_diagnostics(setting)
    grid = "Mask-interpolated" if "resampledPixelSpacing" in setting else "Mask-corrected"
    if grid == "Mask-interpolated":
        assert diagnostics["size"] == list(plain["diagnostics_Mask-interpolated_Size"])
        assert diagnostics["spacing"] == pytest.approx(plain["diagnostics_Mask-interpolated_Spacing"])
        assert diagnostics["voxels"] == plain["diagnostics_Mask-interpolated_VoxelNum"]
    else:
        assert diagnostics["size"] < [40, 44, 10]
        assert diagnostics["voxels"] == plain["diagnostics_Mask-original_VoxelNum"]
    affine = np.array(diagnostics["affine"])
    inside = np.argwhere(lesion().array > 0) @ head().affine[:3, :3]
    corner = affine @ [*(n / 2 for n in diagnostics["size"]), 1]
    assert (inside.min(axis=0) <= corner).all() and (corner <= inside.max(axis=0)).all()


def test_row_of_a_resampled_region_tells_how_it_was_drawn() -> None:
    for content in ({"resampling": [1, 1, 2]}, {"setting": {"resampledPixelSpacing": [1, 1, 2]}}):
        diagnostics = measured({**MEAN, **content}).diagnostics
        assert (diagnostics["drawn_size"], diagnostics["drawn_spacing"]) == ([40, 44, 10], [2.0, 2.0, 5.0])
        assert diagnostics["drawn_voxels"] == np.count_nonzero(lesion().array) < diagnostics["voxels"]
        assert diagnostics["spacing"] == [1, 1, 2]
    assert "drawn_voxels" not in measured(MEAN).diagnostics


@pytest.mark.parametrize("content", [{"resampling": [6, 6, 6]}, {"setting": {"resampledPixelSpacing": [6, 6, 6]}}])
def test_few_voxels_are_those_that_are_left_after_resampling(content: dict[str, Any]) -> None:
    table = measured({**MEAN, **content})
    assert table.diagnostics["voxels"] < 64 < table.diagnostics["drawn_voxels"]
    assert any("voxels; below 64" in warning for warning in table.warnings)


@pytest.mark.parametrize(
    ("spacing", "warned"), [([2.5, 2.5, 2.5], False), ([1, 1, 5], True), ([1, 1, 0], True)], ids=str
)
def test_flat_voxels_are_those_that_were_measured(spacing: list[float], warned: bool) -> None:
    table = measured({"featureClass": {"shape": ["MeshVolume"]}, "setting": {"resampledPixelSpacing": spacing}})
    assert any("far from cubes" in warning for warning in table.warnings) == warned


def test_row_counts_the_voxels_that_resegmentation_leaves_in_each_sequence() -> None:
    table = measured({**MEAN, "setting": {"resegmentRange": [150, 400]}})
    count = np.count_nonzero((lesion().array > 0) & (head().array >= 150))
    assert table.diagnostics["flair_voxels"] == count < table.diagnostics["voxels"]


def test_row_tells_what_normalisation_by_pyradiomics_took_out() -> None:
    values = head().array.astype(float)
    diagnostics = measured({**MEAN, "setting": {"normalize": True}}).diagnostics["flair_normalisation"]
    assert diagnostics == pytest.approx([values.mean(), values.std(ddof=1)])


@pytest.mark.parametrize(
    ("content", "plane"),
    [
        ({}, None),
        ({"setting": {"force2D": True}}, "axial"),
        ({"setting": {"force2D": True, "force2Ddimension": 2}}, "sagittal"),
        ({"slices": "largest"}, "axial"),
    ],
    ids=str,
)
def test_row_tells_the_plane_of_its_textures(content: dict[str, Any], plane: str | None) -> None:
    assert measured({**TEXTURE, **content}).diagnostics["plane"] == plane
