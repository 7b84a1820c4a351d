"""Small real volumes and studies on disk for the tests of ``gliomics.study``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.study import Volume, write_volume
from tests.unit.study.grids import oblique_affine


@pytest.fixture
def an_oblique_volume() -> Volume:
    """An int16 image on an oblique, anisotropic grid."""
    values = np.random.default_rng(3).integers(-500, 2000, (7, 6, 5), dtype=np.int16)
    return Volume(values, oblique_affine())


@pytest.fixture
def a_studies_folder(tmp_path: Path, an_oblique_volume: Volume) -> Path:
    """A studies folder with one study of two sequences, ``case1``."""
    folder = tmp_path / "studies" / "case1"
    for name in ("t1", "flair"):
        write_volume(an_oblique_volume, folder / f"{name}.nii.gz")
    (folder / "study.json").write_text(
        '{"format": 1, "id": "case1", "patient_id": "P1", "sequences": {"t1": "t1.nii.gz", "flair": "flair.nii.gz"}}'
    )
    return folder.parent
