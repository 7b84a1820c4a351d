"""PyRadiomics' settings by its own names: which values each may have, where it may stand and what is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, create_model

from gliomics.study.geometry import GRID_TOLERANCE

_Above0 = Annotated[float, Field(gt=0)]
_WholeAbove0 = Annotated[int, Field(gt=0)]
_WholeFrom0 = Annotated[int, Field(ge=0)]
_Interpolator = Literal[
    "sitkNearestNeighbor", "sitkLinear", "sitkBSpline", "sitkGaussian", "sitkLabelGaussian", "sitkHammingWindowedSinc",
    "sitkCosineWindowedSinc", "sitkWelchWindowedSinc", "sitkLanczosWindowedSinc", "sitkBlackmanWindowedSinc",
]  # fmt: skip
"""PyRadiomics takes SimpleITK's numbers too, but they mean other interpolators in each version of it."""

SETTINGS: dict[str, Any] = {
    "minimumROIDimensions": Literal[1, 2, 3],
    "minimumROISize": _WholeAbove0,
    "label": _WholeAbove0,
    "binWidth": _Above0,
    "binCount": _WholeAbove0,
    "normalize": bool,
    "normalizeScale": _Above0,
    "removeOutliers": _Above0,
    "resampledPixelSpacing": Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=3, max_length=3)],
    "interpolator": _Interpolator,
    "padDistance": _WholeFrom0,
    "distances": Annotated[list[_WholeAbove0], Field(min_length=1)],
    "force2D": bool,
    "force2Ddimension": Literal[0, 1, 2],
    "resegmentRange": Annotated[list[float], Field(min_length=1, max_length=2)],
    "resegmentMode": Literal["absolute", "relative", "sigma"],
    "preCrop": bool,
    # Whole numbers stay whole: PyRadiomics writes them into the names of its features as they are.
    "sigma": list[Annotated[int | float, Field(gt=0)]],
    "start_level": _WholeFrom0,
    "level": _WholeAbove0,
    "wavelet": str,
    "gradientUseSpacing": bool,
    "lbp2DRadius": _Above0,
    "lbp2DSamples": _WholeAbove0,
    "lbp2DMethod": Literal["default", "ror", "uniform", "var"],
    "lbp3DLevels": _WholeAbove0,
    "lbp3DIcosphereRadius": _Above0,
    "lbp3DIcosphereSubdivision": _WholeFrom0,
    "voxelArrayShift": int,
    "symmetricalGLCM": bool,
    "weightingNorm": Literal["euclidean", "manhattan", "infinity", "no_weighting"],
    "gldm_a": _WholeFrom0,
    # Grids that differ by less than a hundredth of a voxel are one here, so that up to there it is met.
    "geometryTolerance": Annotated[float, Field(gt=0, le=GRID_TOLERANCE)],
}
NOT_PASSED_ON = ("geometryTolerance", "label")
"""Settings whose effect is had before PyRadiomics sees a region."""
FOR_ALL_FILTERS = (
    "label", "normalize", "normalizeScale", "removeOutliers", "resampledPixelSpacing", "interpolator", "padDistance",
    "preCrop", "resegmentRange", "resegmentMode", "minimumROIDimensions", "minimumROISize",
)  # fmt: skip
"""Settings that come before any filter; in the section of one, PyRadiomics ignores them."""
ONLY_AT_DEFAULT: dict[str, tuple[Any, str]] = {
    "additionalInfo": (
        True,
        "each row tells where it comes from; leave out the diagnostics_ columns where they disturb",
    ),
    "correctMask": (False, "no mask is resampled on the way; bring masks to their images by gliomics masks resample"),
    "label_channel": (0, "masks are single label maps here; choose a label value with 'label'"),
    "resegmentShape": (False, "shape features are computed once per region, from the mask as it was drawn"),
}
"""Settings that are accepted at PyRadiomics' default, which changes nothing, and why they are refused at others."""
VOXEL_SETTINGS: dict[str, Any] = {"kernelRadius": 1, "maskedKernel": True, "initValue": 0, "voxelBatch": -1}
"""PyRadiomics' settings for maps of features, with their defaults."""
NO_MAPS = "features are computed per region; maps of voxel-wise features are not offered"
_OF_FILTERS = {
    "LoG": ("sigma",),
    "Wavelet": ("start_level", "level", "wavelet"),
    "Gradient": ("gradientUseSpacing",),
    "LBP2D": ("lbp2DRadius", "lbp2DSamples", "lbp2DMethod"),
    "LBP3D": ("lbp3DLevels", "lbp3DIcosphereRadius", "lbp3DIcosphereSubdivision"),
}
FILTER_OF_SETTING = {name: image_type for image_type, names in _OF_FILTERS.items() for name in names}
"""The filter that alone has a setting; in the section of another, PyRadiomics ignores it."""

_fields: Any = {name: (kind | None, None) for name, kind in SETTINGS.items()}
Settings: Any = create_model(
    "Settings",
    __config__=ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False),
    __doc__="PyRadiomics settings under PyRadiomics' names; one that is None is left to PyRadiomics' default.",
    **_fields,
)
