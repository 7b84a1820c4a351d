"""Random images, regions and settings, measured by the native engine and by PyRadiomics."""

from __future__ import annotations

import copy
import logging
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from gliomics.errors import InputError
from gliomics.features.engines import native
from gliomics.features.mesh import mesh_of
from gliomics.features.native import cooccurrence
from gliomics.features.native.counts import count
from gliomics.features.native.levels import discretised
from gliomics.features.native.neighbours import RegionLevels, offsets_of
from gliomics.features.native.textures import entropy_terms
from gliomics.features.native.tier import Tier, counting_by
from gliomics.features.windows import window_of
from gliomics.study import Mask, Volume, to_sitk

CLASSES: dict[str, list[str]] = {
    name: [] for name in ("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm", "shape")
}
TIERS: list[Tier] = ["numpy", "compiled"] if find_spec("numba") is not None else ["numpy"]
RELATIVE, ABSOLUTE = 1e-9, 1e-9
OF_A_ROOT = 1e-6
"""Of lengths of axes and their ratios: of a flat region the root of 0, or of what rounding left of it."""


@dataclass(frozen=True)
class Case:
    """What is measured: intensities, the region (true), the size of a voxel in mm and PyRadiomics' settings."""

    image: npt.NDArray[Any]
    inside: npt.NDArray[np.bool_]
    spacing: tuple[float, float, float]
    setting: dict[str, Any]

    def volumes(self) -> tuple[Volume, Mask]:
        """Image and mask, cut to the region's box."""
        affine = np.diag([*self.spacing, 1.0])
        box = window_of(self.inside)
        return box.crop(Volume(self.image, affine)), box.crop(Volume(self.inside.astype(np.uint8), affine))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to 9 voxels along an axis, from smooth to noise, of one to fifty grey levels, in regions of any share."""
    shape = draw(st.tuples(*[st.integers(1, 9)] * 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    noise = gaussian_filter(rng.normal(size=shape), draw(st.sampled_from([0, 0.6, 1.5])))
    spread = draw(st.sampled_from([0, 10, 60, 400]))
    image = 200 + spread * noise / (noise.std() or 1)
    kind = draw(st.sampled_from(["float64", "float32", "int16"]))
    inside = rng.random(shape) < draw(st.floats(0.1, 1))
    if draw(st.booleans()):
        inside &= gaussian_filter(rng.normal(size=shape), 1) > -0.05
    inside.flat[rng.integers(inside.size)] = True
    setting: dict[str, Any] = {"minimumROIDimensions": 1}
    optional = {
        "binWidth": st.sampled_from([3, 10, 25, 47.3]),
        "binCount": st.integers(1, 40),
        "distances": st.sampled_from([[1], [2], [1, 2], [1, 3]]),
        "force2D": st.booleans(),
        "force2Ddimension": st.sampled_from([0, 1, 2]),
        "symmetricalGLCM": st.booleans(),
        "weightingNorm": st.sampled_from(["euclidean", "manhattan", "infinity", "no_weighting"]),
        "gldm_a": st.integers(0, 3),
        "voxelArrayShift": st.sampled_from([0, 300]),
    }
    for name in draw(st.lists(st.sampled_from(sorted(optional)), unique=True, max_size=4)):
        setting[name] = draw(optional[name])
    spacing = draw(st.tuples(*[st.sampled_from([0.5, 0.9, 1.0, 2.5])] * 3))
    return Case(np.rint(image).astype(kind) if kind == "int16" else image.astype(kind), inside, spacing, setting)


def by_native(case: Case) -> dict[str, float]:
    """Every feature by the native engine, whose tiers must agree to the last bit."""
    found = [_by_tier(case, tier) for tier in TIERS]
    for values in found[1:]:
        np.testing.assert_equal(values, found[0])
    return found[0]


def _by_tier(case: Case, tier: Tier) -> dict[str, float]:
    image, mask = case.volumes()
    levels = discretised(image, mask, case.setting, "the region")
    textures = {name: names for name, names in CLASSES.items() if name != "shape"}
    with counting_by(tier):
        values = native.intensity_features(image, mask, levels, textures, settings=case.setting, what="the region")
    return {**values, **native.shape_features(mask, "shape", [], case.setting)}


def by_pyradiomics(case: Case) -> dict[str, float]:
    """Every feature by PyRadiomics' own classes, each as it is."""
    from radiomics.featureextractor import getFeatureClasses

    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    image, mask = (to_sitk(volume) for volume in case.volumes())
    values = {}
    for kind in CLASSES:
        with warnings.catch_warnings(action="ignore"):
            measure = getFeatureClasses()[kind](image, sitk.Cast(mask, sitk.sitkUInt32), **copy.deepcopy(case.setting))
            values |= {f"{kind}_{name}": float(value) for name, value in measure.execute().items()}
    return values


def rounding_alone(case: Case) -> set[str]:
    """Features that PyRadiomics gives rounding errors for: where levels do not depend on their neighbours' at all.

    Then the second eigenvalue is 0, and the mutual information, of which it takes the root of what rounding left, or
    leaves out directions in which that is negative. Where there are no neighbours and no runs, it gives some
    features of a flat region values that others do not have. To neighbours of one level, rounding may leave
    a variance, so that their correlation is 0 instead of 1; and to a mesh without a volume, a volume.
    """
    image, mask = case.volumes()
    levels = discretised(image, mask, case.setting, "the region")
    distances = case.setting.get("distances", [1])
    region = RegionLevels.of(levels.matrix, max(distances))
    offsets = offsets_of(region.shape, distances, case.setting)
    adjacent = offsets_of(region.shape, [1], case.setting)
    counts = count(region, offsets, adjacent, wanted=["glcm", "glrlm"])
    names = set() if any(len(runs.counts) for runs in counts.runs) else {"glrlm_RunEntropy", "glrlm_RunVariance"}
    if mesh_of(np.pad(mask.array > 0, 1), np.array(case.spacing))[1] == 0:
        names.add("shape_SurfaceVolumeRatio")
    matrix = cooccurrence.matrices_of(counts.pairs, offsets, levels.levels, case.setting, case.spacing[::-1])
    if matrix is None:
        return names | {"glcm_MCC", "glcm_InverseVariance"}
    marginal = entropy_terms(np.stack([matrix.px, matrix.py])).sum(axis=2)
    flat = "weightingNorm" not in case.setting and len(levels.levels) == 1
    if marginal.min() < 1e-6 and not flat:  # the variance of one level, 0 but for rounding
        names.add("glcm_Correlation")
    entropies = marginal.max(axis=0)
    if ((entropies != 0) & (entropies < 1e-6)).any():  # by which Imc1 divides
        names.add("glcm_Imc1")
    return names | {f"glcm_{name}" for name in ("MCC", "Imc2") if cooccurrence.FEATURES[name](matrix).min() < 1e-4}


def differences(case: Case) -> dict[str, float]:
    """How far each feature is from PyRadiomics', as a share of what may be; infinite where only one has a value.

    A region that is too small for the distances is refused by both.
    """
    try:
        ours = by_native(case)
    except InputError as error:
        assert "too small for the neighbours" in str(error)
        try:
            by_pyradiomics(case)
        except RuntimeError:
            return {}
        raise
    plain = by_pyradiomics(case)
    assert ours.keys() == plain.keys()
    excused = rounding_alone(case)
    found = {}
    for name in sorted(ours.keys() - excused):
        if np.isnan(ours[name]) or np.isnan(plain[name]):
            found[name] = 0.0 if np.isnan(ours[name]) and np.isnan(plain[name]) else np.inf
        else:
            root = name.endswith(("AxisLength", "Elongation", "Flatness"))
            allowed = RELATIVE * abs(plain[name]) + (OF_A_ROOT if root else ABSOLUTE)
            found[name] = abs(ours[name] - plain[name]) / allowed if ours[name] != plain[name] else 0.0
    return found


def assert_equal(case: Case) -> None:
    """Every feature has PyRadiomics' value."""
    far = {name: share for name, share in differences(case).items() if share > 1}
    assert far == {}, case
