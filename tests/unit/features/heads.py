"""A small head with a lesion, drawn from formulas: what the radiomics tests measure."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gliomics.study import Study, Volume, write_mask, write_study_json, write_volume

SHAPE = (40, 44, 10)
AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])


def ball(
    shape: tuple[int, int, int], centre: tuple[float, float, float], radii: tuple[float, float, float]
) -> np.ndarray:
    """Voxels inside an ellipsoid with half-axes ``radii`` voxels."""
    grid = np.indices(shape).astype(float)
    return sum(((grid[k] - centre[k]) / radii[k]) ** 2 for k in range(3)) <= 1


def head(*, seed: int = 0, contrast: float = 60.0) -> Volume:
    """A head of about 100 with noise, a lesion brighter by ``contrast``, and dark air."""
    rng = np.random.default_rng(seed)
    image = rng.normal(2, 1, SHAPE)
    inside = ball(SHAPE, (20, 22, 5), (17, 19, 5))
    image[inside] = rng.normal(100, 12, inside.sum())
    image[lesion().array > 0] += contrast
    return Volume(image.astype(np.float32), AFFINE)


def lesion(value: int = 1) -> Volume:
    """The lesion's mask: label 1, or BraTS-like labels 1 and 4 in an outer 2 when ``value`` is 0."""
    whole, core = ball(SHAPE, (14, 24, 5), (7, 6, 3)), ball(SHAPE, (14, 24, 5), (4, 4, 2))
    enhancing = core & ~ball(SHAPE, (14, 24, 5), (2, 2, 1))
    labels = np.select([enhancing, core, whole], [4, 1, 2]) if value == 0 else whole * value
    return Volume(labels.astype(np.uint8), AFFINE)


def write_study(root: Path, study_id: str, *, seed: int = 0, patient_id: str | None = None) -> Study:
    """A study with FLAIR and contrast-enhanced T1 on disk, its mask in ``root/labels/final``."""
    folder = root / study_id
    sequences = {"flair": folder / "flair.nii.gz", "t1c": folder / "t1c.nii.gz"}
    for number, path in enumerate(sequences.values()):
        write_volume(head(seed=2 * seed + number), path)
    study = Study(id=study_id, patient_id=patient_id or study_id, folder=folder, sequences=sequences)
    write_study_json(folder, [study])
    write_mask(lesion(), root / "labels" / "final" / f"{study_id}.nii.gz")
    return study
