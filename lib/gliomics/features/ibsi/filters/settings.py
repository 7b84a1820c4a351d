"""The filter in the section ``ibsi`` of a configuration, by its kind."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gliomics.features.settings import at_most

Boundary = Literal["zero", "nearest", "periodic", "mirror"]
Pooling = Literal["max", "min", "average"]
_Millimetres = Annotated[float, Field(gt=0), at_most(100, "no lesion is wider, in mm")]
_Reach = Annotated[int, Field(ge=0), at_most(50, "no lesion is wider, in voxels")]
_Level = Annotated[int, Field(gt=0), at_most(5, "an image of a head is smooth long before")]
_Orders = tuple[Annotated[int, Field(ge=0, le=4)], Annotated[int, Field(ge=0, le=4)], Annotated[int, Field(ge=0, le=4)]]


Kind = TypeVar("Kind", bound="Filter")


class Filter(BaseModel):
    """What all filters have: in slices across k or in three dimensions, and how the image goes on beyond its border."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    dimensions: Literal["2D", "3D"] = "3D"
    boundary: Boundary = "mirror"

    @property
    def axes(self) -> int:
        """Along how many axes it acts."""
        return 2 if self.dimensions == "2D" else 3


class Mean(Filter):
    """The mean over ``size`` voxels along each axis."""

    kind: Literal["mean"]
    size: Annotated[int, Field(gt=0, le=101)]

    @model_validator(mode="after")
    def _has_a_middle(self) -> Mean:
        if self.size % 2 == 0:
            raise ValueError(f"size must be odd, so that the mean has a middle; found {self.size}")
        return self


class LaplacianOfGaussian(Filter):
    """The Laplacian of a Gaussian of ``sigma`` mm, cut off at ``truncate`` sigma; maybe its Riesz transform."""

    kind: Literal["log"]
    sigma: _Millimetres
    truncate: Annotated[float, Field(gt=0, le=10)] = 4
    riesz: _Orders | None = None

    @model_validator(mode="after")
    def _riesz_is_of_volumes(self) -> LaplacianOfGaussian:
        return _checked_riesz(self, self.riesz)


class Laws(Filter):
    """Laws' kernels, one for each axis; pooled over rotations where ``pooling`` is given.

    ``energy``: the mean absolute response up to so many voxels away.
    """

    kind: Literal["laws"]
    kernels: Annotated[str, Field(pattern="^([LES][35]|[WR]5){2,3}$")]
    pooling: Pooling | None = None
    energy: _Reach | None = None

    @model_validator(mode="after")
    def _a_kernel_for_each_axis(self) -> Laws:
        return _checked_axes(self, "kernels", len(self.kernels) // 2)


class Gabor(Filter):
    """Modulus of a Gabor filter of slices, in 3-D the mean over the three planes; ``sigma`` and ``wavelength`` in mm.

    ``angle`` in degrees, or pooled over a turn in steps of ``angleStep``.
    """

    kind: Literal["gabor"]
    sigma: _Millimetres
    wavelength: _Millimetres
    ratio: Annotated[float, Field(ge=0.05, le=20)] = 1
    angle: Annotated[float, Field(ge=0, lt=360)] = 0
    angle_step: Annotated[float, Field(ge=1, le=180)] | None = Field(default=None, alias="angleStep")
    pooling: Pooling = "average"

    @property
    def angles(self) -> list[float]:
        """In degrees; half a turn gives the same modulus again."""
        if self.angle_step is None:
            return [self.angle]
        return [number * self.angle_step for number in range(max(1, round(180 / self.angle_step)))]


class Wavelet(Filter):
    """A band of an undecimated wavelet decomposition, such as ``LLH``; ``pooling`` is over its rotations."""

    kind: Literal["wavelet"]
    family: str
    band: Annotated[str, Field(pattern="^[LH]{2,3}$")]
    level: _Level = 1
    pooling: Pooling | None = None

    @model_validator(mode="after")
    def _a_letter_for_each_axis(self) -> Wavelet:
        import pywt

        if self.family not in pywt.wavelist(kind="discrete"):
            raise ValueError(f"wavelet family '{self.family[:40]}' is unknown; PyWavelets has, e.g., haar, db3, coif1")
        return _checked_axes(self, "band", len(self.band))


class Simoncelli(Filter):
    """Simoncelli's isotropic wavelet, made in the Fourier domain; maybe its Riesz transform.

    The image goes on periodically.
    """

    kind: Literal["simoncelli"]
    level: _Level = 1
    riesz: _Orders | None = None
    boundary: Literal["periodic"] = "periodic"

    @model_validator(mode="after")
    def _riesz_is_of_volumes(self) -> Simoncelli:
        return _checked_riesz(self, self.riesz)


AnyFilter = Annotated[Mean | LaplacianOfGaussian | Laws | Gabor | Wavelet | Simoncelli, Field(discriminator="kind")]


def _checked_axes(chosen: Kind, name: str, number: int) -> Kind:
    if number != chosen.axes:
        raise ValueError(f"{name} must be one for each axis: {chosen.axes} in {chosen.dimensions}; found {number}")
    return chosen


def _checked_riesz(chosen: Kind, orders: _Orders | None) -> Kind:
    if orders is not None and (chosen.dimensions == "2D" or sum(orders) == 0):
        raise ValueError("riesz gives the orders along i, j and k, one above 0, and needs 'dimensions: 3D'")
    return chosen
