"""Studies of the size of real ones, made of the sample studies: synthetic voxels on the grid of the BraTS cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import EXTENSION

from gliomics.study import Study, Volume, find_study, load_sequences, write_study_json, write_volume

SHAPE = (240, 240, 155)
SAMPLES = EXTENSION.parents[1] / "sample_studies"


def writeLargeStudy(root: Path, studyId: str, sample: str = "sample-01") -> Study:
    """A sample study on a grid of 240 x 240 x 155 voxels of 1 mm, with noise, so that it compresses as a real one."""
    study = find_study(SAMPLES, sample)
    rng, folder = np.random.default_rng(1), root / studyId
    paths = {name: folder / f"{name}.nii.gz" for name in study.sequences}
    for name, volume in load_sequences(study, list(paths)).items():
        where = [np.arange(n) * m // n for n, m in zip(SHAPE, volume.shape, strict=True)]
        array = np.asarray(volume.array[np.ix_(*where)], np.float32)
        noise = rng.normal(0, 0.02 * array.max(), array.shape) * (array > 0.05 * array.max())
        voxels = np.ascontiguousarray(np.clip(array + noise, 0, None).astype(np.int16))
        write_volume(Volume(voxels, np.diag([-1.0, -1.0, 1.0, 1.0])), paths[name])
    large = Study(id=studyId, patient_id=f"patient-{studyId}", folder=folder, sequences=paths)
    write_study_json(folder, [large])
    return large
