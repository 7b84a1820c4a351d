"""Names, units and stability of features as people read them."""

from __future__ import annotations

import pytest

from gliomics.features.describe import descriptions
from gliomics.radiology.vasari import NUMBERS
from gliomics.reading.feature_words import read_feature_name, stability_legend, stability_text
from gliomics.reading.numbers import number
from gliomics.records import FeatureRow


@pytest.mark.parametrize(
    ("name", "short", "place", "unit"),
    [
        ("original_shape_MajorAxisLength", "Shape · Major axis length", "Shape", "mm"),
        ("original_shape_Maximum2DDiameterSlice", "Shape · Maximum 2D diameter slice", "Shape", "mm"),
        ("flair_original_firstorder_10Percentile", "FLAIR · First order · 10th percentile", "FLAIR, first order", ""),
        ("t1c_wavelet-LLH_glcm_Imc1", "T1 contrast · wavelet-LLH · GLCM · Imc 1", "T1 contrast wavelet-LLH, GLCM", ""),
        ("original_outline_AngularStandardDeviation", "Outline · Angular standard deviation", "Outline", ""),
        (
            "original_ellipsoid_BoundingEllipsoidVolumeRatio",
            "Ellipsoid · Bounding ellipsoid volume ratio",
            "Ellipsoid",
            "",
        ),
        ("flair_original_glioma_CoreMinusRim", "FLAIR · Glioma · Core minus rim", "FLAIR, glioma", ""),
        ("t2_original_firstorder_MeshVolume", "T2 · First order · Mesh volume", "T2, first order", ""),
        ("my_feature", "my_feature", "", ""),
        ("flair_deep_7", "FLAIR · deep_7", "FLAIR", ""),
    ],
)
def test_feature_name_is_taken_apart(name: str, short: str, place: str, unit: str) -> None:
    words = read_feature_name(name)
    assert (words.short, words.place, words.unit) == (short, place, unit)


def test_units_are_those_of_the_descriptions() -> None:
    shown = {"mm3": "mm³", "mm2": "mm²"}
    for feature in descriptions():
        name = f"{feature.feature_class}_{feature.name}"
        unit = read_feature_name(name if name in NUMBERS else f"original_{name}").unit
        if unit or feature.unit in ("mm", "mm2", "mm3", "1/mm"):
            assert unit == shown.get(feature.unit, feature.unit), feature


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("original_outline_Solidity", "Solidity of the outline"),
        ("t1c_original_firstorder_90Percentile", "Bright end of the signal in T1 contrast"),
        ("flair_wavelet-LLH_firstorder_Mean", "Mean (wavelet-LLH) in FLAIR"),
        ("t2_original_glcm_Contrast", "Contrast, GLCM in T2"),
        ("original_shape_Sphericity", "Sphericity"),
        ("flair_original_glioma_EdgeStep", "Step at the edge in FLAIR"),
        ("original_glioma_MidlineDistance", "Distance from the midline"),
        ("t1c_original_glioma_EnhancementMean", "Enhancement"),
        ("t2_original_glioma_MismatchMean", "T2-FLAIR difference"),
        ("location_share_frontal_lobe", "Share in the atlas's frontal lobe"),
        ("my_feature", "my_feature"),
    ],
)
def test_a_plain_name_says_what_and_in_which_image(name: str, plain: str) -> None:
    assert read_feature_name(name).plain == plain


def test_legend_counts_the_marked_features_and_says_what_has_no_number() -> None:
    diagnostics = {"stability": {"a": 0.9, "b": 0.4}, "unstable": ["b", "gone"], "stability_source": "88 gliomas"}
    assert stability_legend(FeatureRow("x", "tumour", {"a": 1.0, "b": 1.0, "c": 1.0}, diagnostics)) == (
        "⚠ marks 1 of 3 features that depend on exactly where the edge is drawn: do not trust their numbers. "
        "Stability is the lower end of the 95 % interval of the intraclass correlation (1 is best) in 88 gliomas. "
        "Features without a number were not studied."
    )


def test_stability_is_not_rounded_up() -> None:
    features = FeatureRow("x", "tumour", {"a": 1.0, "b": 1.0}, {"stability": {"a": 0.998, "b": 0.7499}})
    assert [stability_text(features, name) for name in "ab"] == ["0.99", "0.74"]


@pytest.mark.parametrize("diagnostics", [{}, {"stability": None}, {"stability": {}}])
def test_nothing_is_said_where_no_stability_is_known(diagnostics: dict[str, object]) -> None:
    features = FeatureRow("x", "tumour", {"a": 1.0}, diagnostics)
    assert stability_legend(features) == ""
    assert stability_text(features, "a") == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.04567, "0.0457"), (3.14159, "3.14"), (-140.4, "-140"), (64532.1, "64532"), (1.25e8, "1.25e+08")],
)
def test_number_has_three_digits_and_no_exponent_where_short(value: float, text: str) -> None:
    assert number(value) == text


def test_features_of_the_glioma_block_have_plain_words_each_of_its_own() -> None:
    words = [read_feature_name(f"original_glioma_{f.name}") for f in descriptions() if f.feature_class == "glioma"]
    assert all(word.meaning for word in words)
    assert len({word.plain for word in words}) == len(words)
