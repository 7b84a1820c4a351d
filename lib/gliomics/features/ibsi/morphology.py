"""Features of a region's shape and of where intensities lie in it, by the standard."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import next_fast_len, rfftn
from scipy.spatial import ConvexHull

from gliomics.features.ibsi.preparation import Array, Bools, PreparedRegion
from gliomics.features.mesh import surface_vertices
from gliomics.features.native.shape import shape_features
from gliomics.features.windows import window_of

Features = dict[str, float]

_SHAPE = {
    "volume": "MeshVolume", "vol_approx": "VoxelVolume", "area_mesh": "SurfaceArea", "av": "SurfaceVolumeRatio",
    "comp_1": "Compactness1", "comp_2": "Compactness2", "sph_dispr": "SphericalDisproportion",
    "sphericity": "Sphericity", "diam": "Maximum3DDiameter", "pca_elongation": "Elongation", "pca_flatness": "Flatness",
}  # fmt: skip
_AXES = {"pca_maj_axis": "MajorAxisLength", "pca_min_axis": "MinorAxisLength", "pca_least_axis": "LeastAxisLength"}
_TERMS = 20
FROM_MASK = (
    *_SHAPE, *_AXES, "asphericity", "vol_dens_aabb", "area_dens_aabb", "vol_dens_aee", "area_dens_aee",
    "vol_dens_conv_hull", "area_dens_conv_hull",
)  # fmt: skip
"""Tags, without the family's prefix, of what the mask alone decides."""


def mask_features(region: Bools, spacing: tuple[float, float, float]) -> Features:
    """What the mask alone decides, by the standard's tags without the family's prefix; lengths in mm."""
    inside = region[window_of(region).box].transpose(2, 1, 0)
    edges = np.array(spacing[::-1])
    shape = shape_features(inside, edges.tolist())
    features = {tag: shape[name] for tag, name in _SHAPE.items()}
    count = int(np.count_nonzero(inside))
    # The standard's covariance is over the voxels less one.
    unbiased = np.sqrt(count / (count - 1)) if count > 1 else np.nan
    features |= {tag: float(shape[name] * unbiased) for tag, name in _AXES.items()}
    volume, area = features["volume"], features["area_mesh"]
    features["asphericity"] = float((area**3 / (36 * np.pi * volume**2)) ** (1 / 3) - 1) if volume else np.nan
    vertices = surface_vertices(np.pad(inside, 1)) * edges
    box = np.ptp(vertices, axis=0)
    hull = ConvexHull(vertices)
    a, b, c = (features[tag] / 2 for tag in _AXES)
    enclosing = {
        "aabb": (box.prod(), 2 * (box[0] * box[1] + box[0] * box[2] + box[1] * box[2])),
        "aee": (4 / 3 * np.pi * a * b * c, _ellipsoid_area(a, b, c)),
        "conv_hull": (hull.volume, hull.area),
    }
    for tag, (of_volume, of_area) in enclosing.items():
        features[f"vol_dens_{tag}"] = float(volume / of_volume) if of_volume > 0 else np.nan
        features[f"area_dens_{tag}"] = float(area / of_area) if of_area > 0 else np.nan
    return features


def _ellipsoid_area(a: float, b: float, c: float) -> float:
    """The area that the standard gives an ellipsoid of semi-axes a >= b >= c: twenty terms of its series.

    The series is not the ellipsoid's area, but 4 % below it for the axes of the digital phantom; the consensus is the
    series'.
    """
    if a == 0:
        return 0.0
    alpha, beta = 1 - (b / a) ** 2, 1 - (c / a) ** 2
    before, term, total = 0.0, 1.0, 1.0
    for n in range(_TERMS):
        # (alpha beta)^n times the Legendre polynomial n, whose argument has alpha beta as its divisor.
        before, term = term, ((2 * n + 1) * (alpha + beta) / 2 * term - n * alpha * beta * before) / (n + 1)
        total += term / (1 - 4 * (n + 1) ** 2)
    return float(4 * np.pi * a * b * total)


def placed_intensities(region: PreparedRegion, volume: float) -> Features:
    """Centre of mass and integrated intensity, by the standard's tags; ``volume`` is the mesh's in mm3."""
    values = region.values
    edges = np.array(region.spacing)
    centre = np.argwhere(region.morphology).mean(axis=0)
    total = values.sum()
    weighted = (np.argwhere(region.intensity) * values[:, None]).sum(axis=0) / total if total else np.full(3, np.nan)
    return {
        "com": float(np.linalg.norm((weighted - centre) * edges)),
        "integ_int": float(values.mean() * volume),
    }


def autocorrelation(image: Array, inside: Bools, spacing: tuple[float, float, float]) -> tuple[float, float]:
    """Moran's I and Geary's C, weighted by the inverse distance of voxels; undefined where all intensities are equal.

    A sum over all pairs of voxels is one over the steps between them, of the step's weight times the correlation of the
    region with itself moved by that step: a product of Fourier transforms, in seconds where the pairs take hours.
    """
    values = image[inside]
    count, variance = len(values), float(values.var())
    if variance == 0:
        return np.nan, np.nan
    sizes = [next_fast_len(2 * size - 1, real=True) for size in image.shape]
    weights = _inverse_distances(sizes, spacing)
    deviations = np.where(inside, image - values.mean(), 0)
    moved = {
        name: rfftn(part, sizes)
        for name, part in {"one": inside.astype(float), "x": deviations, "x2": deviations**2}.items()
    }
    spectrum = rfftn(weights).real
    # The half of the spectrum that is left out is the mirror of the other.
    twice = np.full(spectrum.shape[-1], 2.0)
    twice[0] = 1
    if sizes[-1] % 2 == 0:
        twice[-1] = 1

    def over_pairs(first: str, second: str) -> float:
        product = (moved[first] * np.conj(moved[second])).real * spectrum
        return float((product * twice).sum() / np.prod(sizes))

    total, products = over_pairs("one", "one"), over_pairs("x", "x")
    differences = 2 * over_pairs("x2", "one") - 2 * products
    moran = products / (total * variance)
    geary = (count - 1) * differences / (2 * total * count * variance)
    return moran, geary


def _inverse_distances(sizes: list[int], spacing: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """1 / distance of each step from the first place of a periodic grid, 0 for no step."""
    steps = [
        np.minimum(np.arange(size), size - np.arange(size)) * edge for size, edge in zip(sizes, spacing, strict=True)
    ]
    squares = steps[0][:, None, None] ** 2 + steps[1][None, :, None] ** 2 + steps[2][None, None, :] ** 2
    squares[0, 0, 0] = np.inf
    return np.asarray(1 / np.sqrt(squares))
