"""A DICOM examination of a head with a lesion of two parts, imported as a study with its label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.intake import import_folder
from gliomics.study import Mask, Study, label_path, read_volume, write_mask
from tests.unit.dicom.dicom_files import TIMES, write_enhanced, write_series

SHAPE = (9, 44, 36)
"""Slices, rows, columns."""
OEDEMA, ENHANCING = 2, 3
NUMBERING = "brats-2023"


def pixels(seed: int) -> npt.NDArray[np.uint16]:
    """A head with a lesion, brighter in its middle."""
    rng = np.random.default_rng(seed)
    image = 300.0 * _inside((5, 22, 18), (6, 20, 16)) + 150 * (parts() > 0) + 100 * (parts() == ENHANCING)
    return (image + rng.integers(0, 40, SHAPE)).astype(np.uint16)


def parts() -> npt.NDArray[np.uint8]:
    """Oedema, and enhancing tumour in its middle, in no way symmetric; as ``(slice, row, column)``."""
    outer, inner = _inside((4, 18, 12), (3, 7, 5)), _inside((4, 17, 11), (2, 4, 3))
    return np.where(inner, ENHANCING, np.where(outer, OEDEMA, 0)).astype(np.uint8)


def _inside(centre: tuple[int, int, int], radii: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    ijk = np.indices(SHAPE)
    distance = sum(((axis - middle) / radius) ** 2 for axis, middle, radius in zip(ijk, centre, radii, strict=True))
    return np.asarray(distance < 1)


def write_examination(folder: Path, *, enhanced: bool = False, axes: npt.NDArray[np.float64] | None = None) -> Path:
    """FLAIR (4) and T1 (5), as one file for each slice or as one file each."""
    write: Any = write_enhanced if enhanced else write_series
    more: dict[str, Any] = {"repetition_time": 9000.0, "echoes": (120.0,)} if enhanced else TIMES["flair"]
    write(folder, 4, "AX FLAIR", pixels=pixels(1), axes=axes, **more)
    more = {} if enhanced else TIMES["t1"]
    write(folder, 5, "AX T1", pixels=pixels(2), axes=axes, **more)
    return folder


def import_examination(folder: Path, studies: Path) -> Study:
    """The study of an examination, with its label in the numbering :data:`NUMBERING`."""
    (study,) = import_folder(folder, studies)
    image = read_volume(study.path("flair"))
    write_mask(Mask(parts().transpose(2, 1, 0), image.affine), label_path(studies, study.id))
    return study
