from __future__ import annotations

import numpy as np
import pytest

from gliomics.errors import GeometryError, InputError
from gliomics.preprocess import lesion_mask
from gliomics.study import Volume

AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])


def a_head(brain_only: bool = False) -> tuple[Volume, np.ndarray, np.ndarray]:
    """An image with noise in the air, where the head is and where the brain."""
    places = np.indices((40, 40, 12)).transpose(1, 2, 3, 0) - np.array([19.5, 19.5, 5.5])
    radius = np.linalg.norm(places / np.array([18, 18, 7]), axis=-1)
    head, brain = radius < 1, radius < 0.85
    rng = np.random.default_rng(2)
    array = rng.integers(0, 8, head.shape).astype(np.int16)
    array[head] += 300
    array[brain] += rng.integers(0, 200, int(brain.sum())).astype(np.int16)
    return Volume(array * brain if brain_only else array, AFFINE), head, brain


@pytest.mark.parametrize("brain_only", [False, True])
@pytest.mark.parametrize("what", ["brain", "head", "background", "everything", "everything but the tumour"])
def test_what_is_no_tumour_is_refused_by_its_size(what: str, brain_only: bool) -> None:
    image, head, brain = a_head(brain_only)
    masks = {
        "brain": brain,
        "head": head,
        "background": ~head,
        "everything": np.ones_like(head),
        "everything but the tumour": np.pad(
            np.zeros((6, 6, 4), bool), [(8, 26), (8, 26), (4, 4)], constant_values=True
        ),
    }
    with pytest.raises(InputError, match=r"label 'final' is too large for a tumour's: .* at most a third"):
        lesion_mask(image.with_array(masks[what].astype(np.uint8)), image, "label 'final'")


@pytest.mark.parametrize("brain_only", [False, True])
def test_a_glioma_of_a_quarter_of_the_brain_is_accepted(brain_only: bool) -> None:
    image, _, brain = a_head(brain_only)
    lesion = brain & (np.cumsum(brain).reshape(brain.shape) <= 0.25 * brain.sum())
    mask = image.with_array(lesion.astype(np.uint8))
    np.testing.assert_array_equal(lesion_mask(mask, image, "mask").array, mask.array)


def test_an_atlas_of_few_labels_is_refused() -> None:
    image, _, brain = a_head()
    atlas = brain * (1 + np.indices(brain.shape)[0] // 10)
    with pytest.raises(InputError, match="too large for a tumour's"):
        lesion_mask(image.with_array(atlas.astype(np.uint8)), image, "mask")


def test_an_empty_mask_is_refused_with_its_name_unless_there_is_no_tumour() -> None:
    image, head, _ = a_head()
    empty = image.with_array(np.zeros(head.shape, np.uint8))
    with pytest.raises(InputError, match="label of 'case1' is empty"):
        lesion_mask(empty, image, "label of 'case1'")
    assert not lesion_mask(empty, image, "label of 'case1'", allow_empty=True).array.any()


def test_a_mask_of_another_geometry_is_refused_with_its_name() -> None:
    image, head, _ = a_head()
    with pytest.raises(GeometryError, match="label of 'case1' differs from its image: spacing"):
        lesion_mask(Volume(np.ones(head.shape, np.uint8), np.eye(4)), image, "label of 'case1'")


def test_a_mask_of_fractions_is_refused_with_its_type() -> None:
    image, head, _ = a_head()
    with pytest.raises(InputError, match="values of type float32"):
        lesion_mask(image.with_array(np.full(head.shape, 0.5, np.float32)), image, "label")
