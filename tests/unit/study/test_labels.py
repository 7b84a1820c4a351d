from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.errors import GeometryError, InputError
from gliomics.study import Volume, check_mask, label_path


def test_labels_lie_in_the_folder_of_their_tag() -> None:
    assert label_path(Path("studies"), "case1") == Path("studies/labels/final/case1.nii.gz")
    assert label_path(Path("studies"), "case1", "original") == Path("studies/labels/original/case1.nii.gz")


@pytest.mark.parametrize(("study_id", "tag"), [("../x", "final"), ("case1", "../../x"), ("/etc/x", "final"), ("a", "")])
def test_names_that_leave_the_labels_folder_are_refused(study_id: str, tag: str) -> None:
    with pytest.raises(InputError, match="is not allowed"):
        label_path(Path("studies"), study_id, tag)


def test_a_mask_on_the_image_grid_is_accepted(an_oblique_volume: Volume) -> None:
    check_mask(an_oblique_volume.with_array((an_oblique_volume.array > 0).astype(np.uint8)), an_oblique_volume, "mask")


def test_an_empty_mask_is_refused_with_its_name(an_oblique_volume: Volume) -> None:
    empty = an_oblique_volume.with_array(np.zeros(an_oblique_volume.shape, np.uint8))
    with pytest.raises(InputError, match="label of 'case1' is empty"):
        check_mask(empty, an_oblique_volume, "label of 'case1'")


def test_a_mask_of_another_geometry_is_refused_with_its_name(an_oblique_volume: Volume) -> None:
    other = Volume(np.ones(an_oblique_volume.shape, np.uint8), np.eye(4))
    with pytest.raises(GeometryError, match="label of 'case1' differs from its image: spacing"):
        check_mask(other, an_oblique_volume, "label of 'case1'")


def test_a_mask_of_fractions_is_refused_with_its_type(an_oblique_volume: Volume) -> None:
    fractions = an_oblique_volume.with_array(np.full(an_oblique_volume.shape, 0.5, np.float32))
    with pytest.raises(InputError, match="values of type float32"):
        check_mask(fractions, an_oblique_volume, "label")
