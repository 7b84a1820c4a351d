"""Filters that are a product of one for each axis: mean, Laplacian of Gaussian, Laws' kernels, wavelets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import permutations, product

import numpy as np
import numpy.typing as npt
import pywt
from scipy.ndimage import convolve1d, uniform_filter1d

from gliomics.features.ibsi.filters.settings import Boundary, Pooling

Array = npt.NDArray[np.float64]

MODES: dict[Boundary, str] = {"zero": "constant", "nearest": "nearest", "periodic": "wrap", "mirror": "reflect"}
"""SciPy's names of the ways in which an image goes on beyond its border; a mirror repeats the outermost voxels."""
LAWS = {
    "L3": np.array([1, 2, 1]), "E3": np.array([-1, 0, 1]), "S3": np.array([-1, 2, -1]),
    "L5": np.array([1, 4, 6, 4, 1]), "E5": np.array([-1, -2, 0, 2, 1]), "S5": np.array([-1, 0, 2, 0, -1]),
    "W5": np.array([-1, 2, 0, -2, 1]), "R5": np.array([1, -4, 6, -4, 1]),
}  # fmt: skip
_POOLINGS: dict[Pooling, Callable[[Array, Array], Array]] = {"max": np.maximum, "min": np.minimum, "average": np.add}


def mean_filter(image: Array, size: int, dimensions: int, boundary: Boundary) -> Array:
    """The mean over ``size`` voxels along each of the first ``dimensions`` axes."""
    for axis in range(dimensions):
        image = uniform_filter1d(image, size, axis=axis, mode=MODES[boundary])
    return image


def laplacian_of_gaussian(image: Array, sigma: Sequence[float], truncate: float, boundary: Boundary) -> Array:
    """The Laplacian of a Gaussian of ``sigma`` voxels along each axis (of the first ones), cut off at so many sigma."""
    steps = [np.arange(-reach, reach + 1) for reach in (int(truncate * width + 0.5) for width in sigma)]
    smooth = [
        np.exp(-(step**2) / (2 * width**2)) / (np.sqrt(2 * np.pi) * width)
        for step, width in zip(steps, sigma, strict=True)
    ]
    curved = [
        part * (step**2 / width**2 - 1) / width**2 for part, step, width in zip(smooth, steps, sigma, strict=True)
    ]
    total = np.zeros_like(image)
    for axis in range(len(sigma)):
        kernels = [curved[other] if other == axis else smooth[other] for other in range(len(sigma))]
        total += along_axes(image, kernels, boundary)
    return total


def along_axes(image: Array, kernels: Sequence[Array], boundary: Boundary) -> Array:
    """The convolution with one kernel along each of the first axes."""
    for axis, kernel in enumerate(kernels):
        image = convolve1d(image, kernel, axis=axis, mode=MODES[boundary])
    return image


def laws(name: str) -> list[Array]:
    """The kernels of a name like ``L5E5S5``, one for each axis, of norm 1."""
    kernels = [LAWS[name[start : start + 2]].astype(np.float64) for start in range(0, len(name), 2)]
    return [kernel / np.linalg.norm(kernel) for kernel in kernels]


def energy(response: Array, distance: int, dimensions: int, boundary: Boundary) -> Array:
    """The mean absolute response up to ``distance`` voxels away."""
    return mean_filter(np.abs(response), 2 * distance + 1, dimensions, boundary)


def wavelet(
    image: Array, family: str, band: str, level: int, boundary: Boundary, *, pooling: Pooling | None = None
) -> Array:
    """One band (such as ``LHL``) of an undecimated wavelet decomposition.

    With ``pooling``, over its filters' rotations by right angles.
    """
    steps = [*("L" * len(band) for _ in range(level - 1)), band]
    filters = [_filters(family, name, step) for step, name in enumerate(steps, start=1)]
    if pooling is None:
        return _cascade(image, filters, boundary)
    turned = zip(*(rotations(kernels) for kernels in filters), strict=True)
    return pool((_cascade(image, some, boundary) for some in turned), pooling)


def _filters(family: str, band: str, level: int) -> list[Array]:
    found = pywt.Wavelet(family)
    return [_spread(np.array(found.dec_lo if letter == "L" else found.dec_hi), level) for letter in band]


def _cascade(image: Array, filters: Sequence[Sequence[Array]], boundary: Boundary) -> Array:
    for kernels in filters:
        image = along_axes(image, kernels, boundary)
    return image


def _spread(kernel: Array, level: int) -> Array:
    """A filter of a level: zeros between its values, and one more where that puts its centre in the middle."""
    spread = np.zeros(len(kernel) * 2 ** (level - 1) + 1 - len(kernel) % 2)
    spread[: len(kernel) * 2 ** (level - 1) : 2 ** (level - 1)] = kernel
    return spread


def rotations(kernels: Sequence[Array]) -> Iterator[list[Array]]:
    """A product of kernels turned by right angles: 4 ways in two dimensions, 24 in three."""
    number = len(kernels)
    for order in permutations(range(number)):
        for flips in product((1, -1), repeat=number):
            sign = round(np.linalg.det(np.eye(number)[list(order)] * flips))
            if sign == 1:
                yield [kernels[axis][::flip] for axis, flip in zip(order, flips, strict=True)]


def pool(responses: Iterator[Array], pooling: Pooling) -> Array:
    """Voxel by voxel the largest, smallest or mean of several responses."""
    total, number = next(responses), 1
    for response in responses:
        total, number = _POOLINGS[pooling](total, response), number + 1
    return total / number if pooling == "average" else total
