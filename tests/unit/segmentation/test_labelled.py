"""Labels of studies as networks learn from them."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gliomics.segmentation.labelled import LabelledStudy, read_label
from gliomics.study import Volume, read_mask, read_volume, write_mask
from tests.unit.tiny_networks import a_labelled_study


@pytest.fixture
def divided(tmp_path: Path) -> LabelledStudy:
    """A study whose label has the values 1, 2, 3 and 4."""
    item = a_labelled_study(tmp_path, 0)
    mask = read_mask(item.label)
    write_mask(mask.with_array(mask.array * (1 + np.arange(mask.shape[1]) % 4)[None, :, None]), item.label)
    return item


def image_of(item: LabelledStudy) -> Volume:
    return read_volume(item.study.path("flair"))


def test_networks_do_not_learn_the_cavity_of_a_study_that_is_numbered_so(divided: LabelledStudy) -> None:
    numbered = replace(divided, study=replace(divided.study, numbering="brats-2024"))
    label = read_label(numbered, image_of(divided))
    np.testing.assert_array_equal(label.array > 0, np.isin(read_mask(divided.label).array, [1, 2, 3]))


def test_label_that_may_be_a_cavity_is_learned_with_a_warning(
    divided: LabelledStudy, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        label = read_label(divided, image_of(divided))
    assert (label.array > 0).sum() == (read_mask(divided.label).array > 0).sum()
    assert "label 4 of study 'case-0' was counted as tumour; it may be a resection cavity" in caplog.text
    caplog.clear()
    read_label(replace(divided, study=replace(divided.study, numbering="brats-2016")), image_of(divided))
    assert caplog.text == ""
