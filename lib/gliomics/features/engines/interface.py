"""What an engine of features does, and which one a configuration is measured by."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any, Literal, Protocol

from gliomics.features.native.levels import Discretised
from gliomics.features.windows import Window
from gliomics.study.volumes import Mask, Volume

EngineName = Literal["pyradiomics", "native"]
"""PyRadiomics itself, or the same definitions written with NumPy and SciPy, which need no compiler."""

SHAPE_CLASSES = ("shape", "shape2D")


class Engine(Protocol):
    """Filters and feature classes by PyRadiomics' names, definitions and settings; a module is one."""

    def versions(self) -> dict[str, str]:
        """Versions of the packages that decide a feature's value."""

    def image_types(self) -> dict[str, str | None]:
        """Names of the filters, ``Original`` among them, each with the reason if it cannot be used."""

    def feature_names(self) -> dict[str, list[str]]:
        """Names of the features by class."""

    def prepared(
        self, image: Volume, regions: Mapping[str, Mask], settings: Mapping[str, Any]
    ) -> Iterator[tuple[Volume, Mask]]:
        """The image after ``normalize``, ``resampledPixelSpacing`` and ``preCrop``, for each region.

        ``regions`` are masks of 0 and 1 by their names in errors; each comes with its image, on the grid of that.
        """

    def resampled_region(self, region: Mask, settings: Mapping[str, Any], what: str) -> Mask:
        """A region after ``resampledPixelSpacing`` and ``preCrop``. ``what`` is its name in errors, here and below."""

    def filtered(
        self, image: Volume, image_type: str, settings: Mapping[str, Any], keep: Window
    ) -> Iterator[tuple[str, Volume]]:
        """The image after one filter, by name: one image, or one for each sigma or wavelet band.

        Of each result only the voxels ``keep`` are made. An image too small for LoG has no result.
        """

    def check_region(self, region: Mask, settings: Mapping[str, Any], what: str) -> None:
        """The limits on a region: ``minimumROIDimensions`` and ``minimumROISize``."""

    def resegmented(self, image: Volume, region: Mask, settings: Mapping[str, Any], what: str) -> Mask:
        """The region without the voxels outside ``resegmentRange``."""

    def intensity_features(
        self,
        image: Volume,
        region: Mask,
        grey_levels: Discretised,
        classes: Mapping[str, list[str]],
        *,
        settings: Mapping[str, Any],
        what: str,
    ) -> dict[str, float]:
        """Features by class (all of a class where its list is empty), as ``firstorder_Mean``; NaN where undefined."""

    def shape_features(
        self, region: Mask, kind: str, names: list[str], settings: Mapping[str, Any]
    ) -> dict[str, float]:
        """Features of the class ``shape`` or ``shape2D``, as ``shape_MeshVolume``; ``region`` is cut to its box."""


def engine_of(name: EngineName | None) -> Engine:
    """The engine of that name; where none is asked for, PyRadiomics if it is installed, else the native one."""
    if (name or default_engine()) == "native":
        from gliomics.features.engines import native

        return native
    from gliomics.features.engines import pyradiomics

    return pyradiomics


@functools.cache
def default_engine() -> EngineName:
    """The engine of configurations that name none."""
    return "pyradiomics" if find_spec("radiomics") is not None else "native"


@functools.cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> contextlib.AbstractContextManager[Any]:
    """Keep linear algebra to one thread: for matrices this small, threads that wait for a busy core take far longer."""
    if find_spec("threadpoolctl") is None:
        return contextlib.nullcontext()
    limit: contextlib.AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limit
