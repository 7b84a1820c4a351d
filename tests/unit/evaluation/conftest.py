from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from gliomics.evaluation import Pair
from gliomics.study import Mask, Study, Volume, write_mask, write_study_json, write_volume

quick = settings(max_examples=40, deadline=None)
"""For laws that are checked on arrays: a busy computer is no failure."""

SHAPE = (24, 20, 6)
AFFINE = np.diag([-2.0, 2.0, 5.0, 1.0])
VOXEL_ML = 0.02


def a_box(i: slice, j: slice, k: slice) -> Mask:
    array = np.zeros(SHAPE, dtype=np.uint8)
    array[i, j, k] = 1
    return Volume(array, AFFINE)


REFERENCE = a_box(slice(4, 12), slice(4, 14), slice(1, 5))
"""320 voxels in 4 of 6 slices."""
HALF = a_box(slice(4, 8), slice(4, 14), slice(1, 5))
"""Half of the reference and nothing else: Dice 2/3."""
EMPTY = a_box(slice(0), slice(0), slice(0))


@dataclass(frozen=True)
class Cohort:
    """A studies folder with references in ``labels/final``, and a folder of masks."""

    root: Path
    masks: Path

    def add(
        self,
        study_id: str,
        mask: Mask | None,
        reference: Mask | None = REFERENCE,
        *,
        patient: str | None = None,
        spacing_known: bool = True,
    ) -> Pair:
        """Write a study with one FLAIR image, its reference and its mask."""
        folder = self.root / study_id
        noise = np.random.default_rng(0).normal(100.0, 5.0, SHAPE).astype(np.float32)
        write_volume(Volume(noise, AFFINE), folder / "flair.nii.gz")
        study = Study(
            study_id, patient or study_id, folder, {"flair": folder / "flair.nii.gz"}, spacing_known=spacing_known
        )
        write_study_json(folder, [study])
        pair = Pair(study, self.masks / f"{study_id}.nii.gz", self.root / "labels" / "final" / f"{study_id}.nii.gz")
        for volume, path in ((mask, pair.mask), (reference, pair.reference)):
            if volume is not None:
                write_mask(volume, path)
        return pair


@pytest.fixture
def a_cohort(tmp_path: Path) -> Cohort:
    (tmp_path / "masks").mkdir()
    (tmp_path / "studies").mkdir()
    return Cohort(tmp_path / "studies", tmp_path / "masks")


@pytest.fixture
def ten_patients(a_cohort: Cohort) -> Callable[[], list[Pair]]:
    """Ten TCGA patients of two sites whose masks cover 1/10 to 10/10 of the reference."""

    def write() -> list[Pair]:
        pairs = []
        for tenths in range(1, 11):
            site = "CS" if tenths <= 6 else "DU"
            mask = a_box(slice(4, 12), slice(4, 4 + tenths), slice(1, 5))
            pairs.append(a_cohort.add(f"TCGA_{site}_{tenths:04d}", mask, patient=f"TCGA-{site}-{tenths:04d}"))
        return pairs

    return write
