"""Feature names and numbers as people read them."""

from __future__ import annotations

import pytest

from gliomics.report.feature_names import read_feature_name
from gliomics.report.numbers import number


@pytest.mark.parametrize(
    ("name", "short", "unit"),
    [
        ("original_shape_MajorAxisLength", "Shape · Major axis length", "mm"),
        ("original_shape_Maximum2DDiameterSlice", "Shape · Maximum 2D diameter slice", "mm"),
        ("flair_original_firstorder_10Percentile", "FLAIR · First order · 10th percentile", ""),
        ("t1c_wavelet-LLH_glcm_Imc1", "T1 contrast · wavelet-LLH · GLCM · Imc 1", ""),
        ("original_outline_AngularStandardDeviation", "Outline · Angular standard deviation", ""),
        ("t2_original_firstorder_MeshVolume", "T2 · First order · Mesh volume", ""),
        ("my_feature", "my_feature", ""),
    ],
)
def test_feature_name_is_taken_apart(name: str, short: str, unit: str) -> None:
    read = read_feature_name(name)
    assert (read.short, read.unit) == (short, unit)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.04567, "0.0457"), (3.14159, "3.14"), (-140.4, "-140"), (64532.1, "64532"), (1.25e8, "1.25e+08")],
)
def test_number_has_three_digits_and_no_exponent_where_short(value: float, text: str) -> None:
    assert number(value) == text
