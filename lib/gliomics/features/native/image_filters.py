"""PyRadiomics' filters by its names and definitions, each made only where its result is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from gliomics.features.native.binary_patterns import binary_patterns
from gliomics.features.windows import Window
from gliomics.study.images import from_sitk, to_sitk
from gliomics.study.volumes import Volume

Voxels = npt.NDArray[Any]
_recursive_gaussian: Callable[[sitk.Image, float, bool, int, int], sitk.Image] = sitk.RecursiveGaussian
"""Of an image: sigma in mm, whether normalised across scales, order of the derivative, axis. SimpleITK has no types."""
_gradient_magnitude: Callable[[sitk.Image, bool], sitk.Image] = sitk.GradientMagnitude
"""Of an image, whether by its spacing."""


def filtered(image: Volume, image_type: str, settings: Mapping[str, Any], keep: Window) -> Iterator[tuple[str, Volume]]:
    """The image after a filter, by name: one image, or one for each sigma or wavelet band; of each, ``keep``."""
    grid = keep.crop(image)
    for name, array in _FILTERS[image_type](image, settings, keep):
        yield name, grid.with_array(array)


def laplacians_of_gaussian(
    image: Volume, settings: Mapping[str, Any], keep: Window
) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """LoG of each ``sigma``; an image that is too small for ITK's filter has none.

    What ITK's ``LaplacianRecursiveGaussian`` gives in ``keep``, bit by bit, in a third of the time: it passes along
    single axes, and once an axis has been passed along, only what is kept of it is needed.
    """
    size, spacing = np.array(image.shape), np.array(image.spacing)
    itk_image = to_sitk(image)
    for sigma in settings["sigma"]:
        # PyRadiomics' own condition; it leaves the image out otherwise.
        if size.min() >= 4 and (size >= np.ceil(sigma / spacing) + 1).all():
            name = f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D"
            yield name, _laplacian_of_gaussian(itk_image, sigma, image.spacing, keep.box)


def _laplacian_of_gaussian(
    image: sitk.Image, sigma: float, spacing: tuple[float, float, float], keep: tuple[slice, slice, slice]
) -> npt.NDArray[np.float32]:
    gaussian = sitk.RecursiveGaussianImageFilter
    total = np.zeros([part.stop - part.start for part in reversed(keep)], dtype=np.float32)
    for axis in range(3):
        part = image
        for along in (axis, *(other for other in range(3) if other != axis)):
            order = gaussian.SecondOrder if along == axis else gaussian.ZeroOrder
            part = _recursive_gaussian(part, sigma, True, order, along)
            part = part[tuple(keep[along] if other == along else slice(None) for other in range(3))]
        # ITK scales and adds in double precision and stores each sum in single precision.
        term = sitk.GetArrayViewFromImage(part).astype(np.float64) * (1 / spacing[axis] ** 2)
        total = (total.astype(np.float64) + term).astype(np.float32)
    return total.transpose(2, 1, 0)


def _wavelets(image: Volume, settings: Mapping[str, Any], keep: Window) -> Iterator[tuple[str, Voxels]]:
    """The bands of ``level`` stationary wavelet decompositions, the first ``start_level`` ones passed over."""
    import pywt

    wavelet, levels = pywt.Wavelet(settings.get("wavelet", "coif1")), settings.get("level", 1)
    axes = [2, 1, 0]
    if settings.get("force2D"):
        axes.remove(settings.get("force2Ddimension", 0))
    voxels = image.array.transpose(2, 1, 0)
    wanted = tuple(reversed(keep.box))
    smooth = "a" * len(axes)
    # An odd axis wraps around by one voxel, which the transform cannot do without.
    low_pass = np.pad(voxels, [(0, size % 2) for size in voxels.shape], "wrap")
    for level in range(1 - settings.get("start_level", 0), levels + 1):
        (bands,) = pywt.swtn(low_pass, wavelet, level=1, start_level=0, axes=tuple(axes))
        low_pass = bands.pop(smooth)
        prefix = "wavelet" if level == 1 else f"wavelet{level}"
        for band, result in bands.items() if level > 0 else ():
            yield f"{prefix}-{band.replace('a', 'L').replace('d', 'H')}", result[wanted].transpose(2, 1, 0)
    prefix = "wavelet" if levels == 1 else f"wavelet{levels}"
    yield f"{prefix}-{'L' * len(axes)}", low_pass[wanted].transpose(2, 1, 0)


def _gradient(image: Volume, settings: Mapping[str, Any], keep: Window) -> Iterator[tuple[str, Voxels]]:
    magnitude = _gradient_magnitude(to_sitk(image), settings.get("gradientUseSpacing", True))
    yield "gradient", from_sitk(magnitude).array[keep.box]


def _patterns(image: Volume, settings: Mapping[str, Any], keep: Window) -> Iterator[tuple[str, Voxels]]:
    """Slice by slice across ``force2Ddimension``; of an image of whole numbers, as whole numbers, which fit."""
    across = settings.get("force2Ddimension", 0)
    # PyRadiomics swaps the slices' axis with the first, which turns slices around for the others.
    stack = image.array.transpose(2, 1, 0).swapaxes(0, across)
    parts = list(reversed(keep.box))
    parts[0], parts[across] = parts[across], parts[0]
    numbers = range(parts[0].start, parts[0].stop)
    found = np.stack([binary_patterns(stack[number], parts[1], parts[2], settings) for number in numbers])
    kind = image.array.dtype if image.array.dtype.kind == "f" else np.int64
    yield "lbp-2D", found.astype(kind).swapaxes(0, across).transpose(2, 1, 0)


def _of_each_voxel(name: str, function: Callable[[Voxels, Any], Voxels]) -> Any:
    """A filter of single voxels, as floating point numbers, and of the largest absolute value of all."""

    def make(image: Volume, settings: Mapping[str, Any], keep: Window) -> Iterator[tuple[str, Voxels]]:
        largest = np.abs(image.array.astype(np.float64)).max()
        yield name, function(image.array[keep.box].astype(np.float64), largest)

    return make


def _square(values: Voxels, largest: Any) -> Voxels:
    return np.asarray((1 / np.sqrt(largest) * values) ** 2)


def _square_root(values: Voxels, largest: Any) -> Voxels:
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values) * largest))


def _logarithm(values: Voxels, largest: Any) -> Voxels:
    return np.asarray(np.sign(values) * np.log(np.abs(values) + 1) * (largest / np.log(largest + 1)))


def _exponential(values: Voxels, largest: Any) -> Voxels:
    return np.asarray(np.exp(np.log(largest) / largest * values))


def _original(image: Volume, settings: Mapping[str, Any], keep: Window) -> Iterator[tuple[str, Voxels]]:
    yield "original", image.array[keep.box]


_FILTERS: dict[str, Callable[[Volume, Mapping[str, Any], Window], Iterator[tuple[str, Voxels]]]] = {
    "Exponential": _of_each_voxel("exponential", _exponential),
    "Gradient": _gradient,
    "LBP2D": _patterns,
    "LoG": laplacians_of_gaussian,
    "Logarithm": _of_each_voxel("logarithm", _logarithm),
    "Original": _original,
    "Square": _of_each_voxel("square", _square),
    "SquareRoot": _of_each_voxel("squareroot", _square_root),
    "Wavelet": _wavelets,
}
IMAGE_TYPES = tuple(_FILTERS)
