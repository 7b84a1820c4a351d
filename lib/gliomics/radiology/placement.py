"""Where the voxels of a study lie in the atlas: an affine registration of one of its images to the reference brain.

A study that is in SRI24 space, as those of BraTS are, whole or cropped, is not registered. Others are: by mutual
information (Mattes 2003), from several places to start from, coarse to fine. A whole head is no hindrance, because only
what falls on the reference brain and close around it counts. Where the voxel size is unknown, several are
tried.
"""

# ruff: noqa: N802 - the names are those of SimpleITK

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy.ndimage import binary_dilation, gaussian_filter

from gliomics.errors import InputError
from gliomics.preprocess.bias_field import one_thread
from gliomics.preprocess.head import find_head, origin
from gliomics.preprocess.intensity import foreground
from gliomics.preprocess.orientation import to_lps
from gliomics.radiology.atlas import Atlas
from gliomics.study.images import to_sitk
from gliomics.study.itk import reason_of
from gliomics.study.volumes import Volume

Array = npt.NDArray[np.float64]

SEQUENCES = ("t1", "t1c", "t2", "flair")
"""The sequences to register by, the first that a study has: the reference brain is a T1."""
ALREADY, REGISTERED = "in SRI24 space", "affine registration"
_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
_TOLERANCE_MM = 0.01
_OFF_CENTRE_MM = 15.0
"""No brain in SRI24 space has its middle further from that of the reference, along any axis."""
_HEAD_DEPTH_MM, _SCALP_MM = 190.0, 12.0
"""From forehead to occiput, and from the crown to the top of the brain."""
_HEIGHTS_MM = (125.0, 150.0, 175.0)
"""What the slices of a head may cover, where their distance is unknown."""
_SCALES = (0.7, 1.4)
"""How far the registration may scale: heads of adults differ by less from the reference."""
_LEAST_OVERLAP = 0.75
_BESIDE_MM = 10.0
"""By so much the middle of a head may differ from the midline of its brain, where ears or a cut skull shift it."""
_COARSE, _FINE = 6, 3
_MARGIN_VOXELS = 2
_ITERATIONS = 60


class _Registration(Protocol):
    """SimpleITK's registration, which has no types."""

    def SetMetricAsMattesMutualInformation(self, bins: int, /) -> None: ...
    def SetMetricFixedMask(self, mask: sitk.Image, /) -> None: ...
    def SetOptimizerAsRegularStepGradientDescent(self, step: float, least: float, iterations: int, /) -> None: ...
    def SetOptimizerScalesFromPhysicalShift(self) -> None: ...
    def SetInterpolator(self, interpolator: int, /) -> None: ...
    def SetInitialTransform(self, transform: object, in_place: bool, /) -> None: ...
    def Execute(self, fixed: sitk.Image, moving: sitk.Image, /) -> sitk.Transform: ...
    def GetMetricValue(self) -> float: ...


class _Affine(Protocol):
    def GetMatrix(self) -> tuple[float, ...]: ...
    def GetTranslation(self) -> tuple[float, ...]: ...
    def SetMatrix(self, matrix: Sequence[float], /) -> None: ...
    def SetTranslation(self, translation: Sequence[float], /) -> None: ...
    def SetCenter(self, center: Sequence[float], /) -> None: ...


_new_registration: Callable[[], _Registration] = sitk.ImageRegistrationMethod
_new_affine: Callable[[int], _Affine] = sitk.AffineTransform


@dataclass(frozen=True)
class Placement:
    """``to_atlas`` (4 x 4) takes RAS mm of a study to those of the atlas; ``method`` says how it was found.

    ``overlap`` is the share of the reference brain that falls on the head in the image.
    """

    to_atlas: Array
    method: str
    overlap: float

    def places(self, inside: npt.NDArray[np.bool_], affine: Array) -> Array:
        """Where the voxels lie that are true on a grid of the study: (n, 3), RAS mm of the atlas."""
        voxels = self.to_atlas @ affine
        return np.asarray(np.argwhere(inside) @ voxels[:3, :3].T + voxels[:3, 3])


@dataclass(frozen=True)
class _Reference:
    """The reference brain, where it counts, and the ``centre`` of that in LPS mm, (3,)."""

    image: sitk.Image
    near: sitk.Image
    centre: Array


@dataclass(frozen=True)
class _Fit:
    """``linear`` (4 x 4) takes LPS mm of the atlas to those of an image whose voxels ``start`` places in RAS mm.

    ``value`` is the negative mutual information of both.
    """

    linear: Array
    start: Array
    value: float

    @property
    def to_atlas(self) -> Array:
        """From voxels of the image to RAS mm of the atlas, (4, 4)."""
        return np.asarray(_FLIP @ np.linalg.inv(self.linear) @ _FLIP @ self.start)

    @property
    def scales(self) -> Array:
        """By how much the head was scaled along its three main directions."""
        return np.asarray(np.linalg.svd(self.linear[:3, :3], compute_uv=False))

    @property
    def is_plausible(self) -> bool:
        """Whether a registration was found that makes the head neither much larger nor much smaller."""
        return math.isfinite(self.value) and _SCALES[0] < self.scales.min() and self.scales.max() < _SCALES[1]


def sequence_to_place(sequences: Mapping[str, object]) -> str:
    """The sequence of a study that is laid on the atlas: the first of :data:`SEQUENCES` that it has, else its first."""
    return next((name for name in SEQUENCES if name in sequences), next(iter(sequences)))


def place_on_atlas(image: Volume, atlas: Atlas, *, spacing_known: bool, name: str = "the image") -> Placement:
    """Lay an image of a brain or a head on the atlas.

    Raises :class:`InputError` where no head can be made out, or where what was found is no head of an adult; ``name``
    is the image's in errors.
    """
    remedy = "give an image of the whole head or brain that says how it lies"
    upright = to_lps(image)
    head = find_head(image, spacing_known=spacing_known)
    if head is None or min(image.shape) < 8:
        raise InputError(f"{name} shows no head that could be laid on the atlas; {remedy}")
    if spacing_known and _lies_in_atlas(upright, atlas):
        placement = Placement(np.eye(4), ALREADY, _overlap(image, np.eye(4), atlas))
        if placement.overlap >= _LEAST_OVERLAP:
            return placement
    low, high = ((end - origin(upright)) / np.array(upright.spacing) for end in (head.low, head.high))
    starts = [
        _start(upright, atlas, (low, high), spacing, above)
        for spacing in _spacings(upright, high - low, spacing_known=spacing_known)
        for above in (0.0, _SCALP_MM)
    ]
    with one_thread():
        fit = _best(upright, atlas, starts)
    to_atlas = fit.to_atlas @ np.linalg.inv(upright.affine)
    overlap = _overlap(image, to_atlas, atlas)
    centre = np.array([head.middle, *(head.low + head.high)[1:] / 2])
    middle = (centre - origin(upright)) / np.array(upright.spacing)
    beside = abs(float(atlas.left_of_midline((fit.to_atlas[:3, :3] @ middle + fit.to_atlas[:3, 3])[None])[0]))
    if overlap < _LEAST_OVERLAP or beside > _BESIDE_MM or not fit.is_plausible:
        raise InputError(
            f"{name} could not be laid on the atlas: {overlap:.0%} of the reference brain lies on the head, whose "
            f"middle came to lie {beside:.0f} mm beside the midline, scaled by {fit.scales.min():.2f} to "
            f"{fit.scales.max():.2f}; expected {_LEAST_OVERLAP:.0%} and more, at most {_BESIDE_MM:g} mm, "
            f"{_SCALES[0]} to {_SCALES[1]}; {remedy}"
        )
    return Placement(to_atlas, REGISTERED, overlap)


def _lies_in_atlas(upright: Volume, atlas: Atlas) -> bool:
    """Whether an image (LPS) has the voxels of the atlas, or a box of them, with a brain where the atlas has one."""
    if not np.allclose(upright.affine[:3, :3], _FLIP[:3, :3], atol=_TOLERANCE_MM):
        return False
    corners = np.array([[0, 0, 0], np.array(upright.shape) - 1]) @ upright.affine[:3, :3].T + upright.affine[:3, 3]
    index = corners - atlas.brain.affine[:3, 3]
    whole = np.allclose(index, np.rint(index), atol=_TOLERANCE_MM)
    within = (index >= -_TOLERANCE_MM).all() and (index <= np.array(atlas.brain.shape) - 1 + _TOLERANCE_MM).all()
    if not whole or not within:
        return False
    middle = _middle(foreground(upright.array)) @ upright.affine[:3, :3].T + upright.affine[:3, 3]
    reference = _middle(atlas.brain.array > 0) + atlas.brain.affine[:3, 3]
    return bool((np.abs(middle - reference) < _OFF_CENTRE_MM).all())


def _middle(inside: npt.NDArray[np.bool_]) -> Array:
    """The middle of the box of what is true, in voxels."""
    spans = [np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis})))[[0, -1]] for axis in range(3)]
    return np.asarray(np.mean(spans, axis=1))


def _spacings(upright: Volume, head: Array, *, spacing_known: bool) -> list[Array]:
    """Voxel sizes to start from; ``head`` is its size in voxels."""
    if spacing_known:
        return [np.array(upright.spacing)]
    x, y, _ = upright.spacing  # a placeholder, but the pixels are squares where it says so
    edge = _HEAD_DEPTH_MM / (head[1] * y)
    return [np.array([x * edge, y * edge, height / upright.shape[2]]) for height in _HEIGHTS_MM]


def _start(upright: Volume, atlas: Atlas, head: tuple[Array, Array], spacing: Array, above: float) -> Array:
    """The affine of voxels of ``spacing`` with the top of the head ``above`` mm over that of the reference brain."""
    low, high = head
    inside = atlas.brain.array > 0
    top = np.flatnonzero(inside.any(axis=(0, 1)))[-1] + atlas.brain.affine[2, 3]
    target = np.array([*(_middle(inside) + atlas.brain.affine[:3, 3])[:2], top + above])
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    centre = np.array([*(low + high)[:2] / 2, min(high[2], upright.shape[2] - 1)])
    affine[:3, 3] = target - affine[:3, :3] @ centre
    return affine


def _best(upright: Volume, atlas: Atlas, starts: Sequence[Array]) -> _Fit:
    """The best of the registrations from several starts, refined."""
    coarse, fine = (_reference(atlas, step) for step in (_COARSE, _FINE))
    fits = []
    for start in starts:
        linear, value = _registered(coarse, _moving(upright, start, _COARSE / 2), np.eye(4))
        fits.append(_Fit(linear, start, value))
    best = min(fits, key=lambda fit: (not fit.is_plausible, fit.value))
    linear, value = _registered(fine, _moving(upright, best.start, _FINE / 2), best.linear)
    return _Fit(linear, best.start, value)


def _reference(atlas: Atlas, step: int) -> _Reference:
    """The reference brain in voxels of ``step`` mm, counted in the brain and close around it."""
    smooth = gaussian_filter(atlas.brain.array, step / 2)[::step, ::step, ::step]
    affine = atlas.brain.affine @ np.diag([step, step, step, 1.0])
    near = binary_dilation(atlas.brain.array[::step, ::step, ::step] > 0, iterations=_MARGIN_VOXELS * _FINE // step)
    centre = _FLIP[:3, :3] @ (affine[:3, :3] @ np.argwhere(near).mean(axis=0) + affine[:3, 3])
    return _Reference(
        to_sitk(Volume(smooth, affine)), to_sitk(Volume(near.astype(np.uint8), affine)), np.asarray(centre)
    )


def _moving(upright: Volume, affine: Array, sigma: float) -> sitk.Image:
    """The image with its outliers cut off and smoothed by ``sigma`` mm, with fewer voxels where they are small."""
    edges = np.abs(np.diag(affine)[:3])
    brightest = np.percentile(upright.array[::2, ::2], 99.5)
    array = gaussian_filter(np.minimum(upright.array, brightest).astype(np.float32), sigma / edges)
    steps = [max(1, int(sigma / edge)) for edge in edges]
    scaled = affine @ np.diag([*map(float, steps), 1.0])
    return to_sitk(Volume(array[:: steps[0], :: steps[1], :: steps[2]], scaled))


def _registered(reference: _Reference, moving: sitk.Image, linear: Array) -> tuple[Array, float]:
    """The affine (4 x 4, LPS mm) that fits better than ``linear``, and the negative mutual information."""
    transform = _new_affine(3)
    middle = reference.centre
    transform.SetCenter(middle.tolist())
    transform.SetMatrix(linear[:3, :3].ravel().tolist())
    transform.SetTranslation((linear[:3, 3] + linear[:3, :3] @ middle - middle).tolist())
    registration = _new_registration()
    registration.SetMetricAsMattesMutualInformation(32)
    registration.SetMetricFixedMask(reference.near)
    registration.SetOptimizerAsRegularStepGradientDescent(2.0, 0.01, _ITERATIONS)
    registration.SetOptimizerScalesFromPhysicalShift()
    registration.SetInterpolator(sitk.sitkLinear)
    registration.SetInitialTransform(transform, True)
    try:
        registration.Execute(reference.image, moving)
    except RuntimeError as error:
        if "outside" not in reason_of(error):  # ITK's own, where the images no longer overlap
            raise
        return linear, math.inf
    matrix = np.array(transform.GetMatrix()).reshape(3, 3)
    found = np.eye(4)
    found[:3, :3] = matrix
    found[:3, 3] = np.array(transform.GetTranslation()) + middle - matrix @ middle
    return found, registration.GetMetricValue()


def _overlap(image: Volume, to_atlas: Array, atlas: Atlas) -> float:
    """The share of the reference brain that falls on the box of the head's voxels in the image's slices."""
    step = 4
    brain = np.argwhere(atlas.brain.array[::step, ::step, ::step] > 0) * step + atlas.brain.affine[:3, 3]
    back = np.linalg.inv(to_atlas @ image.affine)
    index = np.rint(brain @ back[:3, :3].T + back[:3, 3]).astype(int)
    within = ((index >= 0) & (index < image.shape)).all(axis=1)
    i, j, k = index[within].T
    inside = foreground(gaussian_filter(image.array.astype(np.float32), 1.0))
    return float(np.count_nonzero(inside[i, j, k]) / len(brain))
