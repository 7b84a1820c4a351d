"""Small data sets in the layouts of the real ones: their names, folders, numberings and descriptions."""

from __future__ import annotations

import json
import os
import subprocess
import zlib
from collections.abc import Collection
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt

from gliomics.study import Study, list_studies, read_mask, read_volume
from gliomics.study.labels import label_path
from tests.processes import run

SHAPE = (8, 7, 6)
AFFINE = np.array([[-1.0, 0, 0, 90], [0, -1.0, 0, 120], [0, 0, 2.0, -30], [0, 0, 0, 1]])


def voxels(seed: str, shape: tuple[int, ...] = SHAPE) -> npt.NDArray[np.int16]:
    """Voxels that no other name gives."""
    return np.random.default_rng(zlib.crc32(seed.encode())).integers(1, 999, shape, dtype=np.int16)


def write_image(path: Path, seed: str | None = None, affine: npt.NDArray[np.float64] = AFFINE) -> Path:
    """An image whose voxels follow from its file's name (or from ``seed``)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels(seed or path.name), affine), path)
    return path


def write_volumes(path: Path, seeds: Collection[str]) -> Path:
    """A 4-D file with one volume for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.stack([voxels(seed) for seed in seeds], axis=-1), AFFINE), path)
    return path


def mask_voxels(values: Collection[int]) -> npt.NDArray[np.uint8]:
    """A small mask with these label values."""
    array = np.zeros(SHAPE, np.uint8)
    for row, value in enumerate(values):
        array[2:5, row, 1:4] = value
    return array


def write_label(path: Path, values: Collection[int] = (1, 2, 4)) -> Path:
    """A mask with these label values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(mask_voxels(values), AFFINE), path)
    return path


def write_json_file(path: Path, value: object) -> None:
    """A description that a data set comes with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def gliomics(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command line in its own process, without a terminal."""
    return run(*arguments, env={**os.environ, "COLUMNS": "240"})


def imported(source: Path, dest: Path, *options: str, code: int = 0) -> tuple[dict[str, Study], str]:
    """The studies that ``gliomics import --yes`` writes, by id, and what it said."""
    process = gliomics("import", source, dest, "--yes", *options)
    assert process.returncode == code, f"ended with {process.returncode}: {process.stderr}"
    studies = list_studies(dest) if dest.is_dir() else []
    return {study.id: study for study in studies}, process.stderr


def assert_images(study: Study, seeds: dict[str, str]) -> None:
    """The study has exactly these sequences, with the voxels of the files that ``seeds`` name."""
    assert set(study.sequences) == set(seeds)
    for sequence, seed in seeds.items():
        volume = read_volume(study.path(sequence))
        np.testing.assert_array_equal(volume.array, voxels(seed))
        np.testing.assert_array_equal(volume.affine, AFFINE)


def assert_label(dest: Path, study: Study, values: Collection[int], numbering: str | None) -> None:
    """The study's final label has these values at their places, and the study this numbering."""
    np.testing.assert_array_equal(read_mask(label_path(dest, study.id)).array, mask_voxels(values))
    assert study.numbering == numbering
