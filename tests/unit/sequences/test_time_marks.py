"""Names that tell of two examinations, and those that differ in nothing that tells of time."""

from __future__ import annotations

import pytest

from gliomics.sequences import time_marks, two_times

TWO_TIMES = [
    ("t1_20200131", "flair_20210506"),
    ("31-01-2020_t1", "06-05-2021_flair"),
    ("t1_2019", "flair_2021"),
    ("t1_200131", "flair_210506"),
    ("t1_Jan2020", "flair_May2021"),
    ("20200131120533_t1", "20210506091500_flair"),
    ("ses-1_t1", "ses-12_flair"),
    ("t1_ses-preop", "flair_ses-late"),
    ("tp0_t1", "tp1_flair"),
    ("t1_baseline", "flair_FollowUp"),
    ("t1_preop", "flair_post-op"),
    ("t1_pre_treatment", "flair_posttreatment"),
    ("preRT_t1", "postRT_flair"),
    ("t1_m06", "flair_12months"),
    ("t1_before", "flair_after"),
    ("t2_pre", "flair_post"),
    ("t1_recurrence", "flair_initial"),
    ("v1_t1", "v2_flair"),
]
ONE_TIME = [
    ("t1_20200131", "flair_2020-01-31"),
    ("t1_2020", "flair_2020-01-31"),
    ("t1_20200131", "flair"),
    ("t1_pre", "t1c_post"),
    ("t1_pre_contrast", "flair_post_gd"),
    ("t1_ses-01", "flair_ses1"),
    ("baseline_t1", "bl_week0_flair"),
    ("t1_3d_mprage", "flair_2d_tse"),
    ("scan4_t1", "scan5_flair"),
    ("2001_t1", "2101_flair"),
    ("4_t1_se003", "5_flair_se004"),
]


def _times(names: tuple[str, ...]) -> object:
    return two_times([time_marks(name, next(s for s in ("flair", "t1c", "t1", "t2") if s in name)) for name in names])


@pytest.mark.parametrize("names", TWO_TIMES)
def test_names_of_two_examinations_are_told(names: tuple[str, str]) -> None:
    assert _times(names) is not None


@pytest.mark.parametrize("names", ONE_TIME)
def test_names_of_one_examination_are_left_alone(names: tuple[str, str]) -> None:
    assert _times(names) is None


def test_numbers_of_scans_that_several_images_share_are_those_of_examinations() -> None:
    assert _times(("scan1_t1", "scan1_t2", "scan2_flair")) == (0, 2, "scan 1", "scan 2")
