"""Maps of features, against PyRadiomics' voxel-based extraction and against the region's own features."""

from __future__ import annotations

import logging
import re
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from gliomics.errors import GliomicsError, InputError, UnknownNameError
from gliomics.features.config import FeatureConfig, parse_config
from gliomics.features.engines import native
from gliomics.features.extract import StudyImages, extract_features
from gliomics.features.maps.measure import feature_maps
from gliomics.features.maps.names import MAPPED
from gliomics.features.native.tier import Tier, counting_by
from gliomics.study.images import to_sitk
from gliomics.study.volumes import Mask, Volume
from tests.unit.features.random_regions import TIERS

SPACING = (1.0, 1.5, 2.5)
LPS = np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])
"""The order of axes that is measured."""
NOT_MADE = {"glcm_JointAverage", "glcm_MCC"}
"""PyRadiomics has no value of these where a kernel has no neighbours along some direction; of MCC, in no voxel of the
batch. Its documentation says that such a direction is left out, as it does with all other features."""


def case(seed: int = 0) -> tuple[Volume, Mask]:
    """A noisy image of few grey levels, and a ragged region in it that has a single voxel apart and meets a border."""
    random = np.random.default_rng(seed)
    image = random.normal(100, 40, (9, 8, 7)).round(1)
    mask = np.zeros((9, 8, 7), np.uint8)
    mask[1:6, 2:8, 1:4] = random.random((5, 6, 3)) < 0.8
    mask[8, 0, 6] = 1
    return Volume(image, LPS), Mask(mask, LPS)


def plain_maps(image: Volume, mask: Mask, config: FeatureConfig, settings: dict[str, Any]) -> dict[str, sitk.Image]:
    """What PyRadiomics says, called as its documentation says."""
    extractor = pytest.importorskip("radiomics.featureextractor").RadiomicsFeatureExtractor
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    plain = extractor(**config.general_settings, **settings)
    plain.disableAllFeatures()
    plain.enableFeaturesByName(**{kind: native_names(kind) for kind in MAPPED})
    plain.disableAllImageTypes()
    for name in config.image_type:
        own = {key: value for key, value in config.image_type[name] if value is not None}
        plain.enableImageTypeByName(name, customArgs=own)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = plain.execute(to_sitk(image), to_sitk(mask), voxelBased=True)
    return {name: value for name, value in answer.items() if not name.startswith("diagnostics")}


def native_names(kind: str) -> list[str]:
    deprecated = {"StandardDeviation", *native._ON_REQUEST.get(kind, ())}
    return [name for name in native.feature_names()[kind] if name not in deprecated]


def on_grid(part: sitk.Image, image: Volume, fill: float) -> np.ndarray:
    """PyRadiomics' map, which is cut to the region, on the grid of the whole image."""
    start = to_sitk(image).TransformPhysicalPointToIndex(part.GetOrigin())
    array = np.full(image.shape, fill)
    inside = sitk.GetArrayFromImage(part).transpose(2, 1, 0)
    array[tuple(slice(a, a + n) for a, n in zip(start, inside.shape, strict=True))] = inside
    return array


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "defaults": ({}, {}),
    "radius 2, no mask": ({}, {"kernelRadius": 2, "maskedKernel": False}),
    "batches, NaN outside": ({"binCount": 8, "gldm_a": 1}, {"voxelBatch": 1, "initValue": float("nan")}),
    "in slices, weighted": (
        {"force2D": True, "force2Ddimension": 0, "weightingNorm": "euclidean", "symmetricalGLCM": False},
        {},
    ),
    "far": ({"distances": [1, 2], "weightingNorm": "no_weighting"}, {"kernelRadius": 2}),
    "shifted": ({"voxelArrayShift": 50, "binWidth": 10, "resegmentRange": [30, 170]}, {"maskedKernel": False}),
}


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", CASES)
def test_maps_are_those_of_pyradiomics(name: str, tier: Tier) -> None:
    setting, voxels = CASES[name]
    image, mask = case()
    config = parse_config({"setting": setting, "voxelSetting": voxels}, name)
    expected = plain_maps(image, mask, config, voxels)
    names = [f"original_{kind}_{feature}" for kind in MAPPED for feature in native_names(kind)]
    assert sorted(names) == sorted(expected)
    with counting_by(tier):
        maps = feature_maps(StudyImages("case-1", {"flair": image}), mask, config, names)
    fill, compared = float(config.voxel_setting.initValue), {}
    for each in maps:
        feature = each.name.removeprefix("flair_original_")
        value = on_grid(expected[f"original_{feature}"], image, fill)
        assert np.array_equal(each.volume.affine, image.affine)
        made = ~np.isnan(value) & (value != fill) if feature in NOT_MADE else np.full(value.shape, True)
        np.testing.assert_allclose(each.volume.array[made], value[made], rtol=1e-6, atol=1e-6, err_msg=each.name)
        compared[feature] = int(np.count_nonzero(made))
    assert len(maps) == len(names)
    assert compared["glcm_JointAverage"] > 60
    assert compared["glcm_MCC"] > 40 or config.voxel_setting.voxelBatch != 1


def test_maps_of_filtered_images_are_those_of_pyradiomics() -> None:
    image, mask = case()
    config = parse_config({"imageType": {"LoG": {"sigma": [1.5]}, "Wavelet": {}, "Gradient": {}}}, "filters")
    expected = plain_maps(image, mask, config, {})
    images = ("log-sigma-1-5-mm-3D", "wavelet-HLH", "gradient")
    names = [f"{name}_{feature}" for name in images for feature in ("firstorder_Mean", "glszm_ZoneEntropy")]
    maps = feature_maps(StudyImages("case-1", {"t1": image}), mask, config, names)
    assert [each.name for each in maps] == [f"t1_{name}" for name in names]
    for each, name in zip(maps, names, strict=True):
        np.testing.assert_allclose(each.volume.array, on_grid(expected[name], image, 0.0), rtol=1e-5, atol=1e-5)


def test_where_the_kernel_holds_all_of_a_region_a_map_is_the_feature_of_the_region() -> None:
    image, mask = case(1)
    inside = mask.with_array(np.zeros_like(mask.array))
    inside.array[2:6, 3:7, 1:5] = mask.array[2:6, 3:7, 1:5]
    config = parse_config({"voxelSetting": {"kernelRadius": 4}, "engine": "native"}, "whole")
    images = StudyImages("case-1", {"flair": image})
    row = extract_features(images, inside, config)
    names = [name for name in row.values if "_shape_" not in name]
    assert len(names) > 90
    for each in feature_maps(images, inside, config, names):
        values = each.volume.array[inside.array > 0]
        np.testing.assert_allclose(values, row.values[each.name], rtol=1e-6, atol=1e-6, err_msg=each.name)
        assert not each.volume.array[inside.array == 0].any()


def test_a_map_lies_on_the_images_of_the_study_however_these_are_stored() -> None:
    image, mask = case()
    names = ["original_glcm_Contrast", "original_firstorder_Median"]
    config = parse_config({"setting": {"force2D": True}}, "2D")
    straight = feature_maps(StudyImages("case-1", {"flair": image}), mask, config, names)
    # Stored as j, k backwards, i: the same voxels in the same places.
    affine = image.affine[:, [1, 2, 0, 3]] @ np.diag([1, -1, 1, 1.0])
    affine[:3, 3] = image.affine[:3, 3] + image.affine[:3, 2] * (image.shape[2] - 1)

    def stored(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array.transpose(1, 2, 0)[:, ::-1])

    turned, drawn = Volume(stored(image.array), affine), Mask(stored(mask.array), affine)
    for one, other in zip(
        straight, feature_maps(StudyImages("case-1", {"flair": turned}), drawn, config, names), strict=True
    ):
        assert np.array_equal(other.volume.affine, affine)
        np.testing.assert_allclose(other.volume.array, stored(one.volume.array), rtol=1e-6)


def test_progress_is_told_and_a_map_can_be_cancelled() -> None:
    image, mask = case()
    images, told = StudyImages("case-1", {"flair": image}), []
    config = parse_config({"voxelSetting": {"voxelBatch": 20}}, "batches")
    feature_maps(images, mask, config, ["original_gldm_DependenceEntropy"], report=lambda *said: told.append(said))
    texts, fractions = zip(*told, strict=True)
    assert set(texts) == {"flair_original_gldm"}
    assert list(fractions) == sorted(fractions)
    assert len(fractions) == -(-np.count_nonzero(mask.array) // 20)
    with pytest.raises(InterruptedError):
        feature_maps(
            images, mask, config, ["original_gldm_DependenceEntropy"], cancelled=lambda: len(told) > len(fractions) - 1
        )


REFUSED: list[tuple[dict[str, Any], str, type[GliomicsError], str]] = [
    ({}, "original_shape_Sphericity", InputError, "has no map: 'shape' describes the region as a whole"),
    ({}, "original_glioma_Mean", InputError, "has no map"),
    ({}, "original_glcm_SumVariance", UnknownNameError, "is gone: ClusterTendency equals it"),
    ({}, "original_glcm_Kontrast", UnknownNameError, "did you mean 'Contrast'"),
    ({}, "Contrast", UnknownNameError, "'Contrast' is no feature; give its name as tables have it"),
    ({}, "original_sift_Mean", UnknownNameError, "classes with maps are firstorder, glcm"),
    ({}, "t2_original_firstorder_Mean", UnknownNameError, "is of sequence 't2'; there are flair"),
    ({}, "wavelet-LLH_firstorder_Mean", UnknownNameError, "the configuration has Original under imageType"),
    ({"imageType": {"Wavelet": {}}}, "wavelet-LL_firstorder_Mean", UnknownNameError, "no filtered image 'wavelet-LL'"),
    (
        {"resampling": [2, 2, 2]},
        "original_firstorder_Mean",
        InputError,
        "leave resampling and resampledPixelSpacing out",
    ),
    ({"setting": {"distances": [3]}}, "original_glcm_Contrast", InputError, "at distances [3] that glcm looks for"),
    ({"slices": "largest"}, "original_firstorder_Mean", InputError, "leave out 'slices', and set 'force2D: true'"),
]


@pytest.mark.parametrize(("content", "name", "kind", "message"), REFUSED)
def test_what_has_no_map_is_refused(
    content: dict[str, Any], name: str, kind: type[GliomicsError], message: str
) -> None:
    image, mask = case()
    with pytest.raises(kind, match=re.escape(message)):
        feature_maps(StudyImages("case-1", {"flair": image}), mask, parse_config(content, "x"), [name])


def test_memory_follows_the_batch_and_not_the_region() -> None:
    """32 levels in a kernel of 7 voxels, 4,000 voxels: all at once they would take 4 GB."""
    random = np.random.default_rng(0)
    image = Volume(random.normal(100, 100, (24, 24, 24)), LPS)
    mask = Mask(np.zeros((24, 24, 24), np.uint8), LPS)
    mask.array[4:20, 4:20, 4:20] = 1
    config = parse_config({"voxelSetting": {"kernelRadius": 3}, "setting": {"binCount": 32}}, "memory")
    tracemalloc.start()
    try:
        feature_maps(StudyImages("case-1", {"flair": image}), mask, config, ["original_glcm_JointEnergy"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 600 * 2**20
