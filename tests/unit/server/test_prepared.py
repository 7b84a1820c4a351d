"""Studies that the server keeps ready for the next request."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.bundled import bundled
from gliomics.models import ModelStore
from gliomics.segmentation.segmenter import Segmenter
from gliomics.server.input_cache import PreparedStudies
from gliomics.study import Study, write_volume
from tests.server.studies import a_lesion_case, add_study


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter(ModelStore(shipped=bundled("lib/gliomics/models/shipped")).current("segmentation_flair"))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return add_study(tmp_path, "case-0", 0)


def test_study_is_prepared_once(segmenter: Segmenter, study: Study) -> None:
    studies = PreparedStudies()
    assert studies.get(segmenter, study) is studies.get(segmenter, study)


def test_study_with_another_image_is_prepared_again(segmenter: Segmenter, study: Study) -> None:
    studies = PreparedStudies()
    before = studies.get(segmenter, study)
    write_volume(a_lesion_case(1)[0]["flair"], study.path("flair"))
    after = studies.get(segmenter, study)
    assert not np.array_equal(before.image.array, after.image.array)


def test_few_studies_are_held(segmenter: Segmenter, study: Study, tmp_path: Path) -> None:
    studies = PreparedStudies()
    first = studies.get(segmenter, study)
    for seed in range(1, 6):
        studies.get(segmenter, add_study(tmp_path, f"case-{seed}", seed))
    assert studies.get(segmenter, study) is not first
