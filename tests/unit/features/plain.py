"""Plain PyRadiomics to compare with, and small images with ragged lesions to compare on."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from gliomics.features.config import parse_config
from gliomics.features.extract import StudyImages, extract_features
from gliomics.preprocess.orientation import begin_at, to_lps
from gliomics.study import Mask, Volume, to_sitk

ANISOTROPIC = np.diag([0.9, 1.1, 2.5, 1.0])
EVERY_CLASS: dict[str, list[str]] = {
    name: [] for name in ("shape", "firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm")
}
CENTRES = {
    "middle": (0.5, 0.5, 0.5),
    "border": (0.0, 0.5, 0.5),
    "corner": (0.0, 0.0, 0.0),
    "far corner": (1.0, 1.0, 1.0),
}


def oblique() -> npt.NDArray[np.float64]:
    """The affine of a tilted scan whose first axis is flipped."""
    affine = np.eye(4)
    tilted = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()
    affine[:3, :3] = tilted @ np.diag([-0.9, 1.1, 2.5])
    affine[:3, 3] = [-30, 12, 77]
    return affine


def ragged_case(
    shape: tuple[int, int, int] = (24, 25, 11),
    *,
    where: str = "middle",
    affine: npt.NDArray[np.float64] = ANISOTROPIC,
    dtype: npt.DTypeLike = np.float32,
    seed: int = 0,
) -> tuple[Volume, Mask]:
    """A noisy image between 0 and 255 with a dark edge, and a lesion with a ragged border and loose parts."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.normal(size=shape), 0.7)
    image = 100 + 40 * smooth / smooth.std() + rng.normal(0, 5, shape)
    image[:3] *= 0.05
    image = np.clip(image, 0, 255)
    grid = np.indices(shape).astype(float)
    away = sum(((grid[k] - share * (shape[k] - 1)) / (shape[k] / 3.2)) ** 2 for k, share in enumerate(CENTRES[where]))
    inside = away + gaussian_filter(rng.normal(size=shape), 1.0) < 1
    if np.dtype(dtype).kind != "f":
        image = np.rint(image)
    return Volume(image.astype(dtype), affine), Volume(inside.astype(np.uint8), affine)


def plain_pyradiomics(image: Volume, mask: Mask, parameters: Mapping[str, Any]) -> dict[str, float]:
    """PyRadiomics as its own documentation calls it, on the whole image as it is measured here.

    That is: in one order of axes, beginning at 0. Where the image begins counts only where resampling finds two voxels
    equally near: then PyRadiomics takes the one that rounding makes nearer.
    """
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    extractor = RadiomicsFeatureExtractor(copy.deepcopy(dict(parameters)))
    features = extractor.execute(*(to_sitk(begin_at(to_lps(volume), (0, 0, 0))) for volume in (image, mask)), label=1)
    return {name: float(value) for name, value in features.items() if not name.startswith("diagnostics_")}


def assert_equal_to_plain(ours: Mapping[str, float], plain: Mapping[str, float], sequence: str) -> None:
    """The same features with the same values; those that are undefined in PyRadiomics must be absent."""
    named = {
        name if name.startswith("original_shape") else f"{sequence}_{name}": value
        for name, value in plain.items()
        if np.isfinite(value)
    }
    assert set(ours) == set(named)
    for name, value in named.items():
        # ITK's LoG computes in single precision, and the part of the image that it sees here starts elsewhere.
        tolerance = {"rel": 1e-5, "abs": 1e-6} if "log-sigma" in name else {"rel": 1e-9, "abs": 1e-12}
        assert ours[name] == pytest.approx(value, **tolerance), name


def assert_measured_as_plain(image: Volume, mask: Mask, parameters: Mapping[str, Any]) -> dict[str, float]:
    """Measure ``mask`` by a PyRadiomics parameter file (every class unless it names some), and compare; our values.

    Both engines are compared.
    """
    parameters = {"imageType": {"Original": {}}, "featureClass": EVERY_CLASS, **parameters}
    rows = []
    for engine in ("native", "pyradiomics"):
        config = parse_config({**copy.deepcopy(parameters), "engine": engine}, "parameters.yaml")
        rows.append(extract_features(StudyImages("case-1", {"flair": image}), mask, config).values)
    plain = plain_pyradiomics(image, mask, parameters)
    for values in rows:
        assert_equal_to_plain(values, plain, "flair")
    return rows[-1]
