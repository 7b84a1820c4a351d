"""The section ``ibsi`` of a configuration: how a region is prepared, cut into grey levels and joined."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gliomics.features.ibsi.filters.settings import AnyFilter
from gliomics.features.settings import at_most

_MOST_LEVELS = 4096
_Above0 = Annotated[float, Field(gt=0), at_most(1e9, "no image has such values")]
_Edge = Annotated[float, Field(ge=0), at_most(200, "no head is wider, in mm")]
_Intensity = Annotated[float, at_most(1e9, "no image has such values")]
_Count = Annotated[int, Field(gt=1), at_most(_MOST_LEVELS, "more grey levels are not told apart")]

Dimensions = Literal["2D", "2.5D", "3D"]


class Bins(BaseModel):
    """Bins of one width, from the lower end of ``range`` or else the lowest intensity; or so many over the region."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    width: _Above0 | None = None
    count: _Count | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Bins:
        if (self.width is None) == (self.count is None):
            raise ValueError("bins need either a width or a count")
        return self


class IbsiSettings(BaseModel):
    """The parameters of IBSI's configurations, which the reference manual explains (arXiv:1612.07003, section 5).

    ``voxelSize``: image and mask are interpolated to voxels of so many mm along i, j and k (0: as they are), on a grid
    about the image's centre; the region is where the mask is at least one half. ``interpolation`` is the image's; the
    mask's is linear. ``rounding``: to the nearest whole number. ``range`` and ``outliers`` (so many standard
    deviations from the mean) leave voxels out of all but morphology. ``bins`` cut intensities for histogram and
    textures, ``volumeHistogram`` for the intensity-volume histogram (steps of 1 where it is None). ``dimensions``:
    textures within slices averaged (2D), within slices merged (2.5D), or through all of the volume (3D).
    ``filter``: intensities are those of the response of :mod:`gliomics.features.ibsi.filters`; ``range`` and
    ``outliers`` are of the image before it, and bins of a width begin at the lowest response.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    voxel_size: tuple[_Edge, _Edge, _Edge] | None = Field(default=None, alias="voxelSize")
    interpolation: Literal["linear", "cubic"] = "linear"
    rounding: bool = False
    range: tuple[_Intensity, _Intensity] | None = None
    outliers: _Above0 | None = None
    bins: Bins
    volume_histogram: Bins | None = Field(default=None, alias="volumeHistogram")
    dimensions: list[Dimensions] = Field(default=["3D"], min_length=1)
    filter: AnyFilter | None = None

    @model_validator(mode="after")
    def _range_rises(self) -> IbsiSettings:
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError(f"range must rise; found {self.range[0]:g} to {self.range[1]:g}")
        return self
