"""Surface, volume and diameters of a mask's surface mesh, in time proportional to the mask's size.

The mesh is that of marching cubes through the middles of edges (Lorensen and Cline 1987), with the triangles that
PyRadiomics draws where the corners of a cube leave a choice. It is a sum over the 256 ways in which the corners can lie
inside or outside, so that the cubes of each way are counted and not drawn; the diameters are looked for among vertices
that are far out and on the convex hull, where PyRadiomics compares every vertex with every other.
"""

from __future__ import annotations

import functools
import math
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from gliomics.features.native import kernels
from gliomics.features.native.tier import compiled_for, kernel

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_CORNERS = list(product((0, 1), repeat=3))
_EDGES = [
    (first, second)
    for first, second in product(_CORNERS, repeat=2)
    if first < second and sum(np.not_equal(first, second)) == 1
]
"""The edges of a cube by their two corners; in :data:`_TRIANGLES` each is a letter: a, b, c, ..."""
_TRIANGLES = """\
- cba ade decbdc gfb cgfcfa adegfb gfdgdegec dfh cbadfh fheafe hecfhcbfc ghdgdb cghchdcda ghebgeabe ghegec cij ijbiba
adecij eijdejbdj gfbcij ijgigfifa adegfbcij eijejgegfefd cijdfh ijbibadfh fheafecij fheeijfejbfj ghdgdbcij
ghdijgigdida ghebgeabecij ijgeigegh kie cbakie dkiadi bdkkicbkc gfbkie cgfcfakie dkiadigfb dkigfdgdigic dfhkie
cbadfhkie hkifhiafi kichkcfhcbfc ghdgdbkie cghchdcdakie bghhkibhiabi hkihicghc ekjcej kjbekbeba dkjdjcadc dkjbdj
gfbekjcej ekjejgegfefa dkjdjcadcgfb jgfjfdkjd ekjcejdfh kjbekbebadfh kjchkcfhcafc fhkbfkbkj decbdcjkhjhg
hdaghajgakjaeka abgaghahkakjajc hkjghj jlg lgblbacjlcla adejlg cjlecldelbdlblg jlfjfb lfacjlcla fdelfejlebjeabe
jlfjfdjdejec fgjdfjjlhdjh cjlclhchdcdabfg fgjafjjlhjheaje bfghecjlhjhc jlhjhdjdb cjlclhchdcda bjllhebleabe hecjlhjhc
ilgcig lgblbaila deidildlgdgcadc ilgeigdegbdg ilfcifcfb ilfifa abcilfeifefd ilfeifefd lhdildciddfgcdg lhdldailabfg
fgcafcilheih bfgilheih cilclhchdcdb lhdldaila abcilheih ilheih gjigieklgkge eklelgegbebajic klgdkgadggjiagi
bdkklgbkgjic eklelfefbjiejeb lfaeklelajic bjiabiklfkfd jicklfkfd jiegjefgedfeklh edabfgjicklh gjifgiafiklh bfgjicklh
jiejedjdbklh edajicklh bjiabiklh jicklh klgekgceg eklelgegbeba dkllgcdlcadc bdkklgbkg klfcekckfcfb lfaeklela abcklfkfd
klfkfd dfgedgcegklh edabfgklh fgcafcklh bfgklh cedcdbklh edaklh abcklh klh
"""
"""Triangles by three edges each, for every way in which corners are inside while the last of them is outside.

Bit n of a way tells whether corner n of :data:`_CORNERS` is inside. A way and its opposite have the same triangles,
seen from the other side.
"""
_FEW = 32
_DIRECTIONS = np.arange(12) * np.pi / 12
"""Angles all around in a plane."""
_ROUNDING = 1e-9
"""Volumes in voxels are multiples of more; what is below is what rounding left of 0."""


def mesh_of(mask: Bools, spacing: Array) -> tuple[float, float, list[float]]:
    """Area (mm2), volume (mm3) and the diameters (mm): within planes across axis 0, 1 and 2, and in 3-D.

    ``mask`` must have a layer of background on every side; ``spacing`` is in the order of its axes.
    """
    cubes = _cubes(mask)
    crossing = np.flatnonzero(cubes.ravel() - np.uint8(1) < 254)  # neither of 0, which is 255 less 1, nor of 255
    kinds, places = cubes.ravel()[crossing], np.stack(np.unravel_index(crossing, cubes.shape), axis=1)
    volumes, normals = _volume_table()
    area = np.bincount(kinds, minlength=256) @ _area_table(tuple(spacing))
    volume = (volumes[kinds] + np.einsum("ij,ij->i", normals[kinds], places)).sum()
    if abs(volume) < _ROUNDING:  # of single voxels that the mesh takes for holes as much as for parts
        volume = 0.0
    diameters = _diameters(surface_vertices(mask), spacing, compiled=compiled_for(int(np.count_nonzero(mask))))
    return float(area), float(volume * spacing.prod()), diameters


def _cubes(mask: Bools) -> npt.NDArray[np.uint8]:
    """Which of the 256 ways each cube of eight neighbouring voxels is; one cube less than voxels along each axis."""
    cubes = np.zeros(tuple(size - 1 for size in mask.shape), dtype=np.uint8)
    for bit, corner in enumerate(_CORNERS):
        part = mask[tuple(slice(start, start + size - 1) for start, size in zip(corner, mask.shape, strict=True))]
        cubes |= part.astype(np.uint8) << np.uint8(bit)
    return cubes


@functools.cache
def _triangles(kind: int) -> Array:
    """The corners of the triangles of one way, (n, 3, 3) in voxels, counter-clockwise seen from outside."""
    if kind > 127:
        return _triangles(255 - kind)[:, ::-1]
    middles = np.array(_EDGES, dtype=float).mean(axis=1)
    letters = _TRIANGLES.split()[kind].replace("-", "")
    return np.asarray(middles[[ord(letter) - ord("a") for letter in letters]]).reshape(-1, 3, 3)


@functools.lru_cache(maxsize=64)
def _area_table(spacing: tuple[float, ...]) -> Array:
    areas = np.zeros(256)
    for kind in range(256):
        a, b, c = (_triangles(kind) * spacing).transpose(1, 0, 2)
        areas[kind] = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    return areas


@functools.cache
def _volume_table() -> tuple[Array, Array]:
    """Signed volume under the triangles of each way at the origin, and what it gains for each step along each axis."""
    volumes, normals = np.zeros(256), np.zeros((256, 3))
    for kind in range(256):
        a, b, c = _triangles(kind).transpose(1, 0, 2)
        volumes[kind] = np.einsum("ij,ij->", a, np.cross(b, c)) / 6
        normals[kind] = (np.cross(a, b) + np.cross(b, c) + np.cross(c, a)).sum(axis=0) / 6
    return volumes, normals


def surface_vertices(mask: Bools) -> Array:
    """The vertices of a mask's mesh or outline, (n, axes) in voxels: halfway between neighbours of which one is inside.

    ``mask`` must have a layer of background on every side.
    """
    row, vertices = np.ascontiguousarray(mask).ravel(), []
    for axis in range(mask.ndim):
        step = math.prod(mask.shape[axis + 1 :])  # from the end of a line to the next, background follows background
        places = np.unravel_index(np.flatnonzero(row[step:] != row[:-step]), mask.shape)
        between = np.stack(places, axis=1).astype(np.float64)
        between[:, axis] += 0.5
        vertices.append(between)
    return np.concatenate(vertices)


def _diameters(vertices: Array, spacing: Array, *, compiled: bool) -> list[float]:
    points = vertices * spacing
    if compiled:
        planes = [_by_kernel(vertices, spacing, axis) for axis in range(3)]
        return [*(largest for largest, _ in planes), largest_distance(planes[0][1])]
    return [*(_in_planes(points, vertices[:, axis], axis) for axis in range(3)), largest_distance(points)]


def _by_kernel(vertices: Array, spacing: Array, axis: int) -> tuple[float, Array]:
    """As :func:`_in_planes`, by outlines of which one after the other is gone around; and the points on their hulls.

    No other point is on the hull of all.
    """
    others = [other for other in range(3) if other != axis]
    twice = (2 * vertices).astype(np.int64)
    plane, row, column = (twice[:, place] for place in (axis, *others))
    height, width = int(row.max()) + 1, int(column.max()) + 1
    codes = np.sort((plane * height + row) * width + column)
    in_order = np.stack([codes // width // height, codes // width % height, codes % width], axis=1)
    outer, square = np.zeros(len(codes), dtype=bool), np.zeros(1)
    kernel(kernels.find_largest_in_planes)(in_order, spacing[others] / 2, outer, square)
    return float(np.sqrt(square[0])), in_order[outer] * spacing[[axis, *others]] / 2


def _in_planes(points: Array, plane: Array, axis: int) -> float:
    """The largest distance between two points of one plane; planes that cannot hold it are skipped.

    Seen from the nearest of :data:`_DIRECTIONS`, a distance loses no more than its angle to that takes from it.
    """
    order = np.argsort(plane, kind="stable")
    points, plane = np.delete(points[order], axis, axis=1), plane[order]
    starts = np.flatnonzero(np.diff(plane, prepend=plane[0] - 1))
    seen = np.cos(_DIRECTIONS)[:, None] * points[:, 0] + np.sin(_DIRECTIONS)[:, None] * points[:, 1]
    widths = (np.maximum.reduceat(seen, starts, axis=1) - np.minimum.reduceat(seen, starts, axis=1)).max(axis=0)
    reach = widths / np.cos(_DIRECTIONS[1] / 2) * (1 + _ROUNDING)
    parts = np.split(points, starts[1:])
    best = 0.0
    for index in np.argsort(-reach):
        if reach[index] <= best:
            break
        best = max(best, largest_distance(parts[index]))
    return best


def largest_distance(points: Array) -> float:
    """The largest distance between two of the vertices of a mesh or an outline, (n, axes); 0 of fewer than two."""
    if len(points) < 2:
        return 0.0
    far = _far_out(points)
    try:
        corners = far if len(far) <= _FEW else far[ConvexHull(far).vertices]
    except QhullError:  # all in one plane, or on one line
        corners = outermost(points)
    return float(pdist(corners).max())


def _far_out(points: Array) -> Array:
    """Those that may be an end of the largest distance, which is at most that from end to centre to end."""
    radii = _distances(points, (points.min(axis=0) + points.max(axis=0)) / 2)
    reach, end = radii.max(), points[radii.argmax()]
    for _ in range(2):
        distances = _distances(points, end)
        longest, end = distances.max(), points[distances.argmax()]
    return np.asarray(points[radii + reach >= longest * (1 - _ROUNDING)])


def _distances(points: Array, place: Array) -> Array:
    offsets = points - place
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", offsets, offsets)))


def outermost(points: Array) -> Array:
    """Those of the vertices of a mesh or an outline, (n, axes), that lie on its convex hull; all where they are few."""
    if len(points) <= _FEW:
        return points
    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except QhullError:  # all on one line, whose ends are extremes along some axis; in 3-D a mesh is never flat
        return np.asarray(points[np.unique(np.concatenate([points.argmin(axis=0), points.argmax(axis=0)]))])
