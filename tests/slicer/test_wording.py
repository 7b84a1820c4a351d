"""Features and estimates in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from inprocess import ESTIMATE
from RadiogenomicsLib.server.backends import addressError, hostOf, isLoopback
from RadiogenomicsLib.wording import estimateHtml, featureRow, stabilityCell, stabilityLegend

from gliomics.records import FeatureRow


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("original_shape_MeshVolume", ("Mesh Volume", "Shape", "mm³")),
        ("original_shape_SurfaceArea", ("Surface Area", "Shape", "mm²")),
        ("original_shape_Maximum3DDiameter", ("Maximum 3D Diameter", "Shape", "mm")),
        ("original_shape_Sphericity", ("Sphericity", "Shape", "")),
        ("flair_original_firstorder_10Percentile", ("10 Percentile", "FLAIR, first order", "intensity")),
        ("t1c_original_glcm_JointEnergy", ("Joint Energy", "T1 contrast, GLCM", "")),
        ("flair_wavelet-LLH_glszm_ZonePercentage", ("Zone Percentage", "FLAIR wavelet-LLH, GLSZM", "")),
        ("original_outline_MarginFluctuation", ("Margin Fluctuation", "Outline", "")),
        ("original_outline_EquivalentDiameter", ("Equivalent Diameter", "Outline", "mm")),
        ("original_ellipsoid_BoundingEllipsoidVolumeRatio", ("Bounding Ellipsoid Volume Ratio", "Ellipsoid", "")),
        ("margin_fluctuation", ("margin_fluctuation", "", "")),
    ],
)
def test_a_feature_name_becomes_words_place_and_unit(name: str, row: tuple[str, str, str]) -> None:
    assert featureRow(name) == row


def test_legend_counts_the_marked_features_and_says_what_has_no_number() -> None:
    diagnostics = {"stability": {"a": 0.9, "b": 0.4}, "unstable": ["b", "gone"], "stability_source": "88 gliomas"}
    assert stabilityLegend(FeatureRow("x", "tumour", {"a": 1.0, "b": 1.0, "c": 1.0}, diagnostics)) == (
        "⚠ marks 1 of 3 features that depend on exactly where the edge is drawn: do not trust their numbers. "
        "Stability is the lower end of the 95 % interval of the intraclass correlation (1 is best) in 88 gliomas. "
        "Features without a number were not studied."
    )


def test_stability_is_not_rounded_up() -> None:
    features = FeatureRow("x", "tumour", {"a": 1.0, "b": 1.0}, {"stability": {"a": 0.998, "b": 0.7499}})
    assert [stabilityCell(features, name) for name in "ab"] == ["0.99", "0.74"]


@pytest.mark.parametrize("diagnostics", [{}, {"stability": None}, {"stability": {}}])
def test_nothing_is_said_where_no_stability_is_known(diagnostics: dict[str, object]) -> None:
    features = FeatureRow("x", "tumour", {"a": 1.0}, diagnostics)
    assert stabilityLegend(features) == ""
    assert stabilityCell(features, "a") == ""


def test_an_estimate_names_the_class_its_probabilities_intervals_and_patients() -> None:
    html = estimateHtml(ESTIMATE)
    assert "COC cluster: coc2" in html
    assert "0.61 " in html
    assert "(90 %: 0.45 to 0.74)" in html
    assert "Fitted on invented patients with lower-grade glioma, n = 88." in html
    assert "Outside the training range" not in html


def test_an_estimate_outside_the_training_range_says_so_with_its_reasons() -> None:
    html = estimateHtml(replace(ESTIMATE, inside_training_range=False, reasons=["sphericity 0.1 is below all"]))
    assert "Outside the training range" in html
    assert "sphericity 0.1 is below all" in html


def test_a_reason_inside_the_training_range_is_a_note() -> None:
    html = estimateHtml(replace(ESTIMATE, reasons=["the study has no t2"]))
    assert "Note: the study has no t2." in html
    assert "Outside the training range" not in html


def test_classes_are_listed_from_the_most_to_the_least_probable() -> None:
    html = estimateHtml(ESTIMATE)
    rows = html[html.index("<table") :]
    assert rows.index("coc2") < rows.index("coc1") < rows.index("coc3")


def test_text_from_the_server_cannot_become_markup() -> None:
    assert "<img" not in estimateHtml(replace(ESTIMATE, population='<img src="http://elsewhere/x.png">'))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost:1", "https://[::1]:8000", "http://127.9.9.9"]
)
def test_this_computer_is_loopback(url: str) -> None:
    assert isLoopback(url)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1:8000", "http://localhost.example.org", "http://hospital", "http://0.0.0.0"]
)
def test_another_computer_is_not_loopback(url: str) -> None:
    assert not isLoopback(url)


def test_consent_is_for_scheme_host_and_port_without_a_password() -> None:
    assert hostOf("https://me:secret@Hospital.org:8443/path") == "https://hospital.org:8443"


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://host", "http://", "http://host:port"])
def test_what_is_no_address_is_named(url: str) -> None:
    assert url in addressError(url)
    assert addressError(url)
