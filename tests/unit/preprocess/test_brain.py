from __future__ import annotations

import numpy as np
import pytest

from gliomics.errors import GeometryError, InputError
from gliomics.preprocess.brain import brain_mask, outside_brain
from gliomics.study import Volume
from tests.unit.preprocess.test_lesion import a_head

IMAGE, HEAD, BRAIN = a_head()
SMALL = np.zeros_like(HEAD)
SMALL[14:24, 14:24, 4:8] = True


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (BRAIN + 2 * SMALL, "brain mask has the values 1, 3; expected one value inside the brain and 0 outside"),
        (0 * BRAIN, "brain mask is empty; leave it out or draw the brain"),
        (
            ~HEAD,
            r"100% of brain mask lies in the air of its image; expected at most 50%: .* the brain 1 and the rest 0",
        ),
        (
            SMALL,
            r"brain mask is too small for a brain's: 4\.3% of the head .* expected at least 10%\. Is it the tumour's",
        ),
    ],
)
def test_what_is_no_brain_is_refused_with_what_was_found(values: np.ndarray, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        brain_mask(IMAGE.with_array(values.astype(np.uint8)), IMAGE, "brain mask")


def test_a_heads_mask_is_refused_by_its_volume_where_the_voxel_size_is_known() -> None:
    image = Volume(IMAGE.array, np.diag([5.0, 5.0, 12.0, 1.0]))
    head = image.with_array(HEAD.astype(np.uint8))
    with pytest.raises(InputError, match=r"brain mask is too large for a brain's: 2\d{3} ml; expected at most 2500 ml"):
        brain_mask(head, image, "brain mask")
    assert brain_mask(head, image, "brain mask", spacing_known=False).array.sum() == HEAD.sum()


def test_a_mask_of_another_image_is_refused() -> None:
    other = Volume(BRAIN.astype(np.uint8), np.diag([2.0, 2.0, 6.0, 1.0]))
    with pytest.raises(GeometryError, match="brain mask differs from its image"):
        brain_mask(other, IMAGE, "brain mask")


def test_any_one_value_is_the_brain() -> None:
    mask = brain_mask(IMAGE.with_array(255 * BRAIN.astype(np.uint8)), IMAGE, "brain mask")
    np.testing.assert_array_equal(mask.array, BRAIN)


def test_a_brain_mask_that_misses_the_tumour_is_refused_and_a_few_voxels_are_not() -> None:
    brain = IMAGE.with_array(BRAIN.astype(np.uint8))
    voxels = np.argwhere(SMALL)
    for missed, accepted in ((20, True), (21, False)):
        lacking = brain.array.copy()
        lacking[tuple(voxels[:missed].T)] = 0
        if accepted:
            assert outside_brain(SMALL, brain.with_array(lacking), "brain mask", "case-1") == 0.05
            continue
        with pytest.raises(InputError) as refused:
            outside_brain(SMALL, brain.with_array(lacking), "brain mask case-1.nii.gz", "case-1")
        assert str(refused.value).startswith(
            "brain mask case-1.nii.gz misses the tumour of study 'case-1': 21 of its 400 voxels (5%) lie outside; "
            "expected at most 5%. Draw the brain around the tumour, or make the mask with gliomics masks brain --masks"
        )
