"""PyRadiomics' settings by its own names: which values each may have, where it may stand and what is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from gliomics.study.geometry import GRID_TOLERANCE

MOST_VALUE = 2**31 - 1
"""Masks hold no larger label, and PyRadiomics takes no larger whole number."""


def at_most(bound: float, why: str) -> AfterValidator:
    """Refuse a value beyond ``bound``, up or down, with the reason: it would be computed for hours, or fail far on."""

    def check(value: Any) -> Any:
        if abs(value) > bound:
            raise ValueError(f"{why}; give at most {bound:.10g}")
        return value

    return AfterValidator(check)


_LARGE = at_most(1e9, "no image has such values")
_MILLIMETRES = at_most(200, "no head is wider, in mm")
_VOXELS = at_most(512, "no image of a head is wider, in voxels")
_LEVELS = at_most(10, "each level filters the image again, and a head is smooth long before")
_Above0 = Annotated[float, Field(gt=0), _LARGE]
_Whole = at_most(MOST_VALUE, "masks and images hold no larger whole numbers")
_WholeAbove0 = Annotated[int, Field(gt=0), _Whole]
_Sphere = at_most(6, "the points on the sphere are four times as many each time")
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
    "resampledPixelSpacing": Annotated[
        list[Annotated[float, Field(ge=0), _MILLIMETRES]], Field(min_length=3, max_length=3)
    ],
    "interpolator": _Interpolator,
    "padDistance": Annotated[int, Field(ge=0), _VOXELS],
    "distances": Annotated[list[Annotated[int, Field(gt=0), _VOXELS]], Field(min_length=1, max_length=16)],
    "force2D": bool,
    "force2Ddimension": Literal[0, 1, 2],
    "resegmentRange": Annotated[list[Annotated[float, _LARGE]], Field(min_length=1, max_length=2)],
    "resegmentMode": Literal["absolute", "relative", "sigma"],
    "preCrop": bool,
    # Whole numbers stay whole: PyRadiomics writes them into the names of its features as they are.
    "sigma": Annotated[list[Annotated[int | float, Field(gt=0), _MILLIMETRES]], Field(max_length=32)],
    "start_level": Annotated[int, Field(ge=0), _LEVELS],
    "level": Annotated[int, Field(gt=0), _LEVELS],
    "wavelet": str,
    "gradientUseSpacing": bool,
    "lbp2DRadius": Annotated[float, Field(gt=0), _VOXELS],
    "lbp2DSamples": Annotated[int, Field(gt=0), at_most(32, "each sample doubles the number of patterns")],
    "lbp2DMethod": Literal["default", "ror", "uniform", "var"],
    "lbp3DLevels": Annotated[int, Field(gt=0), _LEVELS],
    "lbp3DIcosphereRadius": Annotated[float, Field(gt=0), _VOXELS],
    "lbp3DIcosphereSubdivision": Annotated[int, Field(ge=0), _Sphere],
    "voxelArrayShift": Annotated[int, _Whole],
    "symmetricalGLCM": bool,
    "weightingNorm": Literal["euclidean", "manhattan", "infinity", "no_weighting"],
    "gldm_a": Annotated[int, Field(ge=0), _Whole],
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
_OF_FILTERS = {
    "LoG": ("sigma",),
    "Wavelet": ("start_level", "level", "wavelet"),
    "Gradient": ("gradientUseSpacing",),
    "LBP2D": ("lbp2DRadius", "lbp2DSamples", "lbp2DMethod"),
    "LBP3D": ("lbp3DLevels", "lbp3DIcosphereRadius", "lbp3DIcosphereSubdivision"),
}
FILTER_OF_SETTING = {name: image_type for image_type, names in _OF_FILTERS.items() for name in names}
"""The filter that alone has a setting; in the section of another, PyRadiomics ignores it."""


class VoxelSettings(BaseModel):
    """PyRadiomics' ``voxelSetting``: how maps of features are measured, with its names and defaults.

    ``kernelRadius``: voxels to each side of the one whose surroundings are measured. ``maskedKernel``: whether these
    end at the edge of the region. ``initValue``: what a map holds outside of the region, NaN among others.
    ``voxelBatch``: how many voxels at most are measured at a time, as many as fit into the memory that this may take
    where it is -1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kernelRadius: Annotated[int, Field(gt=0), at_most(10, "a larger kernel holds more than 9,261 voxels")] = 1  # noqa: N815
    maskedKernel: bool = True  # noqa: N815
    initValue: Annotated[float, Field(allow_inf_nan=True)] = 0.0  # noqa: N815
    voxelBatch: Annotated[int, Field(ge=-1), _Whole] = -1  # noqa: N815


VOXEL_SETTINGS = tuple(VoxelSettings.model_fields)
"""The names of PyRadiomics' settings for maps of features."""

_fields: Any = {name: (kind | None, None) for name, kind in SETTINGS.items()}
Settings: Any = create_model(
    "Settings",
    __config__=ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False),
    __doc__="PyRadiomics settings under PyRadiomics' names; one that is None is left to PyRadiomics' default.",
    **_fields,
)
