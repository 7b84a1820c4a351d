"""The one place that knows PyRadiomics, and that gives it images as SimpleITK's.

Its filters and feature classes do the work; what it would do again and again is done once here: the region is
discretised once for all classes instead of once for each, and the surface mesh is summed up in time proportional to the
region (:mod:`gliomics.features.mesh`). The values are those of its ``RadiomicsFeatureExtractor``.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import SimpleITK as sitk

from gliomics.errors import DependencyError, InputError
from gliomics.features.mesh import mesh_of
from gliomics.features.native.image_filters import laplacians_of_gaussian
from gliomics.features.native.levels import Discretised
from gliomics.features.windows import Window
from gliomics.preprocess.resampling import check_for_splines, check_size
from gliomics.study.images import from_sitk, to_sitk
from gliomics.study.volumes import Mask, Volume

_NOT_INSTALLED = (
    "PyRadiomics, which the configuration names as its engine, is not installed: leave 'engine' out for the native "
    "one, or install the server part (see 'Installation' in README.md)"
)
_NOT_RUNNING = {"LBP3D": "PyRadiomics' LBP3D needs functions that SciPy has removed; use LBP2D"}


@functools.cache
def _pyradiomics() -> Any:
    try:
        import radiomics.featureextractor
    except ImportError as error:
        raise DependencyError(_NOT_INSTALLED) from error
    # It warns about its own defaults on every extraction; what a user should know is in FeatureRow.warnings.
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    return radiomics


@functools.cache
def versions() -> dict[str, str]:
    """Versions of the packages that decide a feature's value, found without loading them."""
    try:
        return {name.lower(): version(name) for name in ("pyradiomics", "SimpleITK", "PyWavelets", "numpy", "scipy")}
    except PackageNotFoundError as error:
        raise DependencyError(_NOT_INSTALLED) from error


def image_types() -> dict[str, str | None]:
    """Names of PyRadiomics' filters, ``Original`` among them, each with the reason if it cannot be used."""
    return {name: _NOT_RUNNING.get(name) for name in sorted(_pyradiomics().getImageTypes())}


def feature_names() -> dict[str, list[str]]:
    """Names of PyRadiomics' features by class."""
    return {name: sorted(kind.getFeatureNames()) for name, kind in _pyradiomics().getFeatureClasses().items()}


def prepared(image: Volume, regions: Mapping[str, Mask], settings: Mapping[str, Any]) -> Iterator[tuple[Volume, Mask]]:
    """The image after PyRadiomics' own ``normalize``, ``resampledPixelSpacing`` and ``preCrop``, for each region.

    ``regions`` are masks of 0 and 1 by their names in errors; each comes with its image, on the grid of that.
    """
    # The extractor fills these in; they decide whether its loader resamples.
    full = {"interpolator": "sitkBSpline", "padDistance": 5, **settings, "label": 1}
    spacing = full.get("resampledPixelSpacing")
    if spacing and full["interpolator"] == "sitkBSpline":
        check_for_splines(image, f"the image of {next(iter(regions))}")
    itk_image = to_sitk(image)
    for what, region in regions.items():
        check_size(image.shape, image.spacing, spacing or (0, 0, 0), what)
        with _refusals(what):
            loaded = _pyradiomics().featureextractor.RadiomicsFeatureExtractor.loadImage(
                itk_image, to_sitk(region), **full
            )
        part, inside = (from_sitk(item) for item in loaded)
        yield part, inside.with_array((inside.array == 1).astype(np.uint8))


def resampled_region(region: Mask, settings: Mapping[str, Any], what: str) -> Mask:
    """A region after PyRadiomics' own ``resampledPixelSpacing`` and ``preCrop``.

    ``what`` is the region's name in errors, here and below.
    """
    nearest = {**settings, "normalize": False, "interpolator": "sitkNearestNeighbor"}
    ((_, resampled),) = prepared(region, {what: region}, nearest)
    return resampled


def filtered(image: Volume, image_type: str, settings: Mapping[str, Any], keep: Window) -> Iterator[tuple[str, Volume]]:
    """The image after one of PyRadiomics' filters, by name: one image, or one for each sigma or wavelet band.

    Of each result only the voxels ``keep`` are made. An image too small for LoG has no result.
    """
    grid, itk_image = keep.crop(image), to_sitk(image)
    if image_type == "LoG":
        yield from ((name, grid.with_array(array)) for name, array in laplacians_of_gaussian(image, settings, keep))
        return
    make = getattr(_pyradiomics().imageoperations, f"get{image_type}Image")
    with _quietly():
        results = list(make(itk_image, itk_image, **settings))
    for result, name, _ in results:
        yield name, grid.with_array(from_sitk(result[keep.box]).array)


def check_region(region: Mask, settings: Mapping[str, Any], what: str) -> None:
    """PyRadiomics' limits on a region: ``minimumROIDimensions`` and ``minimumROISize``."""
    itk_region = to_sitk(region)
    with _refusals(what):
        _pyradiomics().imageoperations.checkMask(itk_region, itk_region, **{**settings, "label": 1})


def resegmented(image: Volume, region: Mask, settings: Mapping[str, Any], what: str) -> Mask:
    """The region without the voxels outside ``resegmentRange``."""
    with _refusals(what):
        rest = _pyradiomics().imageoperations.resegmentMask(to_sitk(image), to_sitk(region), **{**settings, "label": 1})
    rest = region.with_array(from_sitk(rest).array.astype(np.uint8))
    check_region(rest, settings, f"{what}, after resegmentRange,")
    return rest


def intensity_features(
    image: Volume,
    region: Mask,
    grey_levels: Discretised,
    classes: Mapping[str, list[str]],
    *,
    settings: Mapping[str, Any],
    what: str,
) -> dict[str, float]:
    """Features by class (all of a class where its list is empty), as ``firstorder_Mean``; NaN where undefined."""
    values: dict[str, float] = {}
    itk_image, itk_region = to_sitk(image), to_sitk(region)
    for kind, names in classes.items():
        measure = _sharing(kind)(itk_image, itk_region, **settings, label=1, grey_levels=grey_levels)
        try:
            values |= _executed(measure, kind, names)
        except RuntimeError as error:  # PyRadiomics' C code, where no voxel is as far from another as it should look
            distances = settings.get("distances", [1])
            raise InputError(
                f"{what} is too small for the neighbours at distances {distances}, in voxels, that {kind} looks for "
                f"({error}); set smaller distances"
            ) from error
    return values


def shape_features(region: Mask, kind: str, names: list[str], settings: Mapping[str, Any]) -> dict[str, float]:
    """Features of the class ``shape`` or ``shape2D``, as ``shape_MeshVolume``; ``region`` is cut to its box."""
    itk_region = to_sitk(region)
    measure = (_mesh_shape() if kind == "shape" else _classes()[kind])(itk_region, itk_region, **settings, label=1)
    return _executed(measure, kind, names)


def _executed(measure: Any, kind: str, names: list[str]) -> dict[str, float]:
    for name in names:
        measure.enableFeatureByName(name)
    with _quietly():
        return {f"{kind}_{name}": float(value) for name, value in measure.execute().items()}


def _classes() -> dict[str, Any]:
    classes: dict[str, Any] = _pyradiomics().getFeatureClasses()
    return classes


@functools.cache
def _sharing(kind: str) -> Any:
    """The feature class, taking the grey levels it is given instead of making its own."""

    def given_levels(self: Any, matrix: Any) -> Any:
        grey_levels = self.settings["grey_levels"]
        self.coefficients["grayLevels"] = grey_levels.levels
        self.coefficients["Ng"] = grey_levels.count
        return grey_levels.matrix

    def moment(a: Any, moment: int = 1) -> Any:
        """The same as PyRadiomics', by multiplication, which is ten times as fast as raising to a power."""
        deviation = a - np.nanmean(a, 1, keepdims=True)
        return np.nanmean(functools.reduce(np.multiply, [deviation] * moment), 1)

    base = _classes()[kind]
    # The module's name is that of its log, which is kept quiet.
    members = {"_applyBinning": given_levels, "__module__": base.__module__}
    if kind == "firstorder":
        members["_moment"] = staticmethod(moment)
    return type(kind, (base,), members)


@functools.cache
def _mesh_shape() -> Any:
    """PyRadiomics' 3-D shape class with its mesh taken from :mod:`gliomics.features.mesh`."""

    def measure_mask(self: Any) -> None:
        self.pixelSpacing = np.array(self.inputImage.GetSpacing()[::-1])
        self.maskArray = np.pad(sitk.GetArrayViewFromImage(self.inputMask) == 1, 1)
        self.labelledVoxelCoordinates = np.nonzero(self.maskArray)
        self.SurfaceArea, self.Volume, self.diameters = mesh_of(self.maskArray, self.pixelSpacing)
        centres = np.stack(self.labelledVoxelCoordinates, axis=1) * self.pixelSpacing
        centres -= centres.mean(axis=0)
        variances = np.linalg.eigvalsh(centres.T @ centres / len(centres))
        self.eigenValues = np.where((variances < 0) & (variances > -1e-10), 0, variances)

    base = _classes()["shape"]
    return type("shape", (base,), {"_initSegmentBasedCalculation": measure_mask, "__module__": base.__module__})


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the warnings of numpy and scikit-image about features that are undefined; a row names those itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    """PyRadiomics' refusals of a region as :class:`InputError`; ``what`` is its name."""
    try:
        yield
    except ValueError as error:
        raise InputError(
            f"{what} cannot be measured: {error}; change the region or the setting of this limit"
        ) from error
