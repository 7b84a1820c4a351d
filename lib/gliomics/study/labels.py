"""Where labels lie beside the studies, and what a usable mask is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gliomics.errors import InputError
from gliomics.files import safe_name
from gliomics.study.geometry import check_same_grid
from gliomics.study.records import Mask, Volume

LABELS_FOLDER = "labels"
"""Folder of the labels inside a studies folder (MONAI Label's convention)."""


def label_path(root: Path, study_id: str, tag: str = "final") -> Path:
    """Path of a study's label: ``root/labels/<tag>/<study id>.nii.gz``; unsafe names are refused."""
    return Path(root) / LABELS_FOLDER / safe_name(tag, "label tag") / f"{safe_name(study_id, 'study id')}.nii.gz"


def check_mask(mask: Mask, volume: Volume, name: str, *, allow_empty: bool = False) -> None:
    """Refuse a mask that cannot be used with ``volume``; ``name`` says in the error which mask it is.

    Raises :class:`GeometryError` when the grids differ and :class:`InputError` when the
    values are not integers or no voxel is labelled (unless ``allow_empty``).
    """
    if mask.array.dtype.kind not in "iub":
        raise InputError(f"{name} has values of type {mask.array.dtype}; expected integer label values")
    check_same_grid(mask, volume, name, "its image")
    if not allow_empty and not np.any(mask.array):
        raise InputError(
            f"{name} is empty: no voxel is labelled; draw the tumour and save it again, or, where there is none, "
            "say so with allow_empty"
        )
