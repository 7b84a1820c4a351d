"""Too little memory for a region is said before it is measured."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.features.config import FeatureConfig, parse_config
from gliomics.features.engines import memory, native
from gliomics.features.extract import StudyImages, extract_features
from gliomics.features.maps.measure import feature_maps
from gliomics.features.native.tier import counting_by
from gliomics.features.windows import window_of
from gliomics.study import Mask, Volume


def ball(size: int) -> tuple[Volume, Mask]:
    """An image of noise and the largest ball in it."""
    noise = np.random.default_rng(0).normal(100, 20, (size, size, size)).astype(np.float32)
    inside = np.linalg.norm(np.indices(noise.shape) - size / 2, axis=0) < size / 2 - 1
    return Volume(noise, np.eye(4)), Volume(inside.astype(np.uint8), np.eye(4))


def config(**parameters: Any) -> FeatureConfig:
    return parse_config({"engine": "native", **parameters}, "parameters.yaml")


def needed(image: Volume, mask: Mask, parameters: FeatureConfig) -> int:
    inside = mask.array > 0
    return max(memory.bytes_of_steps(window_of(inside), int(inside.sum()), image, parameters).values())


@pytest.mark.parametrize(
    ("parameters", "remedy"),
    [
        ({"setting": {"resampledPixelSpacing": [0.02, 0.02, 0.02]}}, "resample to larger voxels"),
        ({"resampling": [0.05, 0.05, 0.05]}, "resample to larger voxels"),
        ({"imageType": {"Wavelet": {}}, "featureClass": {"firstorder": None}}, "leave out the filter Wavelet"),
        ({"setting": {"binCount": 4000}}, "set wider bins"),
        ({"setting": {"binCount": 8}}, "measure a smaller region or in larger voxels"),
    ],
    ids=["resampledPixelSpacing", "resampling", "filter", "levels", "size"],
)
def test_region_that_takes_too_much_is_refused_with_its_remedy(
    parameters: dict[str, Any], remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, mask = ball(24)
    if "Wavelet" in parameters.get("imageType", {}):
        mask = mask.with_array(np.where(np.indices(mask.shape).sum(axis=0) == 36, mask.array, 0))
    monkeypatch.setattr(memory, "free_memory", lambda: 10**6)
    with pytest.raises(InputError) as refusal:
        extract_features(StudyImages("case-1", {"flair": image}), mask, config(**parameters))
    assert str(refusal.value).startswith("region 'tumour' of 'case-1' needs about ")
    assert "0.000931 GB (1,000,000 bytes) are free" in str(refusal.value)
    assert f": {remedy}, or end other programs" in str(refusal.value)


@pytest.mark.parametrize(
    ("image_type", "remedy"), [("original", "ask for fewer maps at a time"), ("square", "leave out the filter Square")]
)
def test_maps_that_take_too_much_are_refused_with_their_remedy(
    image_type: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, mask = ball(24)
    monkeypatch.setattr(memory, "free_memory", lambda: memory.MOST_OF_BATCH)
    with pytest.raises(InputError) as refusal:
        names = [f"{image_type}_firstorder_Mean"] * (1 if image_type == "square" else 10)
        parameters = config(imageType={"Original": {}, "Square": {}})
        feature_maps(StudyImages("case-1", {"flair": image}), mask, parameters, names)
    assert str(refusal.value).startswith("region 'tumour' of 'case-1' needs about ")
    assert f"for its maps, beside the images, and 0.25 GB (268,435,456 bytes) are free: {remedy}, or" in str(
        refusal.value
    )


def test_maps_take_no_more_than_is_reckoned_with() -> None:
    image, mask = ball(18)
    names = [f"original_{kind}_{name}" for kind in ("glcm", "glszm") for name in native._NAMES[kind]]
    tracemalloc.start()
    feature_maps(StudyImages("case-1", {"flair": image}), mask, config(setting={"binCount": 32}), names)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most <= len(names) * image.array.size * memory.OF_MAP + memory.MOST_OF_BATCH


@pytest.mark.parametrize(
    ("image_type", "levels"), [("Original", 32), ("Original", 400), ("Square", 32), ("Wavelet", 8)]
)
def test_region_takes_no_more_than_is_reckoned_with(image_type: str, levels: int) -> None:
    image, mask = ball(32)
    parameters = config(imageType={image_type: {}}, setting={"binCount": levels})
    with counting_by("numpy"):  # which takes more
        extract_features(StudyImages("case-1", {"flair": image}), mask, parameters)
        tracemalloc.start()
        extract_features(StudyImages("case-1", {"flair": image}), mask, parameters)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most <= needed(image, mask, parameters)


def test_region_of_200_000_voxels_needs_less_than_two_gigabytes() -> None:
    """The benchmark measures such regions; here is what a machine must have free for them to be tried."""
    image, mask = ball(76)
    assert np.count_nonzero(mask.array) > 200_000
    filters = {"Original": {}, "LoG": {"sigma": [1.0, 5.0]}, "Wavelet": {}}
    for levels in (32, 400):
        assert needed(image, mask, config(imageType=filters, setting={"binCount": levels})) < 2 * 2**30


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say")
def test_what_ulimit_leaves_counts_as_free() -> None:
    code = (
        "import resource; from gliomics.features.engines.memory import free_memory;"
        "before = free_memory();"
        "resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33));"
        "print(before, free_memory())"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    before, after = (int(word) for word in output.split())
    assert before > 10**8
    assert 0 < after < 2**33
