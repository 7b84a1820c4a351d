"""The slow change of brightness across an MR image that its coils cause, taken out by N4."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from gliomics.errors import InputError
from gliomics.study.images import from_sitk, to_sitk
from gliomics.study.volumes import Volume

_SHRINK = 4
"""The field is smooth, so it is estimated on every fourth voxel in each direction and applied to all."""
_ITERATIONS = [50, 50, 50]


class _Corrector(Protocol):
    """SimpleITK's filter, which has no types."""

    def SetMaximumNumberOfIterations(self, iterations: Sequence[int], /) -> None: ...  # noqa: N802
    def Execute(self, image: sitk.Image, mask: sitk.Image, /) -> sitk.Image: ...  # noqa: N802
    def GetLogBiasFieldAsImage(self, image: sitk.Image, /) -> sitk.Image: ...  # noqa: N802


_new_corrector: Callable[[], _Corrector] = sitk.N4BiasFieldCorrectionImageFilter
_shrink: Callable[[sitk.Image, Sequence[int]], sitk.Image] = sitk.Shrink
_threads: Callable[[], int] = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads
set_threads: Callable[[int], None] = sitk.ProcessObject.SetGlobalDefaultNumberOfThreads
"""On how many threads SimpleITK's filters run, in all of this process."""


def correct_bias_field(volume: Volume, inside: npt.NDArray[np.bool_], name: str = "the image") -> Volume:
    """``volume`` (float64) over its bias field, estimated from the voxels that are true (N4ITK; Tustison 2010).

    Raises :class:`InputError` for an image of one slice, for negative intensities and where no voxel is true; ``name``
    is the image's in errors.
    """
    if min(volume.shape) < 2:
        raise InputError(
            f"{name} is one slice {volume.shape}; its bias field can only be estimated in three dimensions"
        )
    if not inside.any():
        raise InputError(f"{name} shows no head or brain to estimate a bias field from; is it the right file?")
    lowest = volume.array[inside].min()
    if lowest < 0:
        raise InputError(
            f"{name} has intensities down to {lowest:g}; a bias field multiplies and needs the scanner's intensities, "
            "which are not negative: leave out biasField or give the image before it was standardised"
        )
    image = to_sitk(volume.with_array(volume.array.astype(np.float32)))
    mask = to_sitk(volume.with_array(inside.astype(np.uint8)))
    factors = [max(1, min(_SHRINK, size // _SHRINK)) for size in volume.shape]
    corrector = _new_corrector()
    corrector.SetMaximumNumberOfIterations(_ITERATIONS)
    with one_thread():
        corrector.Execute(_shrink(image, factors), _shrink(mask, factors))
    field = from_sitk(corrector.GetLogBiasFieldAsImage(image)).array
    return volume.with_array(volume.array.astype(np.float64) / np.exp(field.astype(np.float64)))


@contextmanager
def one_thread() -> Iterator[None]:
    """On several threads N4 adds up in another order and may stop at another iteration: the field would depend on how
    many cores a computer has, by up to 1 %. Its parts ask for the number of threads that holds for all of ITK."""
    before = _threads()
    set_threads(1)
    try:
        yield
    finally:
        set_threads(before)
