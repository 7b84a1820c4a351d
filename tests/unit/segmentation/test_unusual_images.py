"""Images that are not what a network was trained on: refused with the reason, or segmented on their own grid."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from gliomics.errors import GliomicsError
from gliomics.evaluation import dice
from gliomics.segmentation.labelled import load_volumes
from gliomics.segmentation.segmenter import Segmenter
from gliomics.study import Study, Volume
from tests.unit.tiny_networks import a_lesion_case

pytestmark = pytest.mark.slow


def a_head(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> tuple[Volume, np.ndarray]:
    """The head of the tiny model's training, 80 x 88 mm in the plane, drawn on another grid, and its lesion."""
    rng = np.random.default_rng(3)
    i, j, k = np.indices(shape)
    x, y = (i - shape[0] / 2) * spacing[0], (j - shape[1] / 2) * spacing[1]
    head = (x / 32) ** 2 + (y / 36) ** 2 < 1
    lesion = ((x - 8) ** 2 + (y + 6) ** 2 < 90) & (k > 0) & (k < max(2, shape[2] - 1))
    array = np.where(head, 90, 2) + 60 * lesion + rng.normal(0, 4, shape)
    return Volume(array.astype(np.float32), np.diag([-spacing[0], spacing[1], spacing[2], 1.0])), lesion


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [
        ((512, 512, 4), (0.18, 0.18, 5.0)),
        ((200, 220, 6), (0.4, 0.4, 0.4)),
        ((64, 200, 5), (1.6, 0.5, 5.0)),
        ((48, 48, 2), (2.0, 2.0, 5.0)),
        ((48, 48, 1), (2.0, 2.0, 5.0)),
    ],
    ids=["512x512", "0.4 mm", "pixels that are not square", "two slices", "one slice"],
)
def test_other_grid_is_segmented_in_its_own_geometry(
    trained: Segmenter, shape: tuple[int, int, int], spacing: tuple[float, float, float]
) -> None:
    flair, lesion = a_head(shape, spacing)
    if shape[2] == 1:
        lesion = a_head((*shape[:2], 3), spacing)[1][:, :, 1:2]
        flair = flair.with_array(flair.array + 60 * lesion.astype(np.float32))
    result = trained.segment({"flair": flair})
    for volume in (result.mask, result.probability, result.uncertainty):
        assert volume.shape == shape
        np.testing.assert_array_equal(volume.affine, flair.affine)
    assert dice(result.mask.array, lesion) > 0.7


def on_disk(folder: Path, array: np.ndarray) -> Study:
    path = folder / "flair.nii.gz"
    nibabel.save(nibabel.Nifti1Image(array.astype(np.float32), np.diag([2.0, 2.0, 5.0, 1.0])), path)
    return Study(id="case", patient_id="patient", folder=folder, sequences={"flair": path})


def with_nan(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array[3, 3, 3] = np.nan
    return array


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (np.zeros_like, "same value"),
        (with_nan, "NaN or infinite"),
        (lambda array: np.stack([array, array], axis=3), "4"),
        (lambda array: array[:, :, 0], "2"),
    ],
    ids=["zeros", "NaN", "four axes", "two axes"],
)
def test_image_that_shows_nothing_is_refused_with_the_reason(
    trained: Segmenter, tmp_path: Path, change: object, error: str
) -> None:
    study = on_disk(tmp_path, change(a_lesion_case(0)[0]["flair"].array))  # type: ignore[operator]
    with pytest.raises(GliomicsError, match=error):
        trained.segment(load_volumes(study, trained.card))


def test_sequences_that_the_model_does_not_know_are_left_alone(trained: Segmenter) -> None:
    volumes = a_lesion_case(4)[0]
    alone = trained.segment({"flair": volumes["flair"]})
    more = trained.segment({**volumes, "t2": volumes["t1"]})
    np.testing.assert_array_equal(more.mask.array, alone.mask.array)
    assert more.sequences_used == ["flair"]
