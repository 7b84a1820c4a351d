"""One examination drawn: from the patient's description to its images and true mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gliomics.samples.anatomy import fold, paint_brain
from gliomics.samples.scanner import SUBSLICES, acquire, thick_slices
from gliomics.samples.shapes import Array, Grid
from gliomics.samples.skull import cranium, paint_skull
from gliomics.samples.synthetic_patients import Pose, SyntheticPatient, Timepoint
from gliomics.samples.tissues import PlacedHead, TissueMap
from gliomics.samples.tumour import displace, grow, margin, paint_tumour
from gliomics.study.records import SEQUENCES
from gliomics.study.volumes import Mask, Volume

SHAPE = (144, 144, 24)
"""Voxels along left, posterior and superior."""

SPACING_MM = (1.5, 1.5, 5.0)
"""A clinical protocol of thick axial slices."""

LOWEST_SLICE_MM = -42.5
"""Height of the first slice above the level of the commissures."""

MASK_LABELS = {"core without enhancement": 1, "oedema": 2, "enhancing": 4}
"""Values of the true masks."""


@dataclass(frozen=True)
class Drawing:
    """An examination: images by sequence, the true mask, and the fractions of brain and of white matter."""

    volumes: dict[str, Volume]
    mask: Mask
    brain: Array
    white: Array


def draw(patient: SyntheticPatient, timepoint: Timepoint) -> Drawing:
    """Draw one examination; the same patient always gives the same voxels."""
    grid, head, tumour = _grid(timepoint.pose), patient.head, timepoint.tumour
    surfaces = cranium(grid, head)
    distance = margin(grid, tumour)
    placed = PlacedHead(head, grid, displace(grid, surfaces, tumour))
    swelling = 1.6 * np.exp(-((np.maximum(distance, 0.0) / 12.0) ** 2))
    brain = fold(placed, surfaces, swelling)

    tissues = TissueMap(grid.shape)
    paint_skull(tissues, surfaces, grid, head)
    paint_brain(tissues, brain, surfaces, placed)
    growth = grow(grid, tumour, brain, tissues, distance=distance, cavity=surfaces.cavity)
    paint_tumour(tissues, growth)

    affine = _affine(grid)
    volumes = {}
    for name in SEQUENCES:
        image = acquire(name, tissues, grid, timepoint.scanner, texture=growth.texture, mismatch=tumour.mismatch)
        volumes[name] = Volume(image, affine)
    fractions = tissues.fractions
    parts = ("grey", "white", "deep", "oedema", "solid", "enhancing", "necrosis")
    tissue = np.sum([fractions[name] for name in parts], axis=0)
    return Drawing(
        volumes,
        Volume(_labels(thick_slices(growth.mask())), affine),
        thick_slices(tissue),
        thick_slices(fractions["white"]),
    )


def _labels(fractions: Array) -> npt.NDArray[np.uint8]:
    """The label that fills most of a voxel where the tumour fills more than half of it."""
    values = np.array(list(MASK_LABELS.values()), dtype=np.uint8)
    return np.where(fractions.sum(0) > 0.5, values[fractions.argmax(0)], np.uint8(0))


def _grid(pose: Pose) -> Grid:
    """The scanner's fine planes in the turned head's coordinates; columns run to the left, rows to the back."""
    i, j = (-SPACING_MM[n] * (np.arange(SHAPE[n], dtype=np.float64) - (SHAPE[n] - 1) / 2.0) for n in range(2))
    fine = SPACING_MM[2] / SUBSLICES
    k = LOWEST_SLICE_MM + (np.arange(SHAPE[2] * SUBSLICES, dtype=np.float64) - (SUBSLICES - 1) / 2.0) * fine
    yaw, pitch, roll = (np.deg2rad(angle) for angle in (pose.yaw, pose.pitch, pose.roll))
    about_z = np.array([[np.cos(yaw), -np.sin(yaw), 0.0], [np.sin(yaw), np.cos(yaw), 0.0], [0.0, 0.0, 1.0]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(pitch), -np.sin(pitch)], [0.0, np.sin(pitch), np.cos(pitch)]])
    about_y = np.array([[np.cos(roll), 0.0, np.sin(roll)], [0.0, 1.0, 0.0], [-np.sin(roll), 0.0, np.cos(roll)]])
    return Grid((i, j, k), about_z @ about_x @ about_y)


def _affine(grid: Grid) -> Array:
    i, j, _ = grid.axes
    affine = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
    affine[:3, 3] = i[0], j[0], LOWEST_SLICE_MM
    return affine
