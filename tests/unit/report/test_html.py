"""The report as one HTML file."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.reading.record import ClassBar, Fact, KeyFeature, Reading
from gliomics.records import RESEARCH_NOTICE, FeatureRow
from gliomics.report.case_report import CaseReport, MeasuredMask, describe_case
from gliomics.report.html import ModelHistory, NextStudy, Report, Version, check_replaceable, render, write_report
from gliomics.study import Mask, Study, Volume

VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Collects text, tags and attributes, and checks that tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


@pytest.fixture
def a_case(
    a_study: Study, volumes: Mapping[str, Volume], mask: Mask, features: FeatureRow, reading: Reading
) -> CaseReport:
    return describe_case(
        a_study,
        volumes,
        MeasuredMask(mask, "segmentation_flair version 1, corrected by hand"),
        features,
        reading,
        facts={"Chosen because": "it was first"},
    )


def test_page_is_well_formed_and_needs_nothing_from_outside(a_case: CaseReport) -> None:
    reader = read(render(Report("A report", [a_case])))
    sources = [attrs.get("src") or attrs.get("href") or "" for _, attrs in reader.tags]
    assert all(source.startswith("data:image/png;base64,") for source in sources if source)
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "iframe", "object", "a"}
    assert "url(" not in render(Report("A report", [a_case]))


def test_pictures_are_whole_png_files_with_a_description(a_case: CaseReport) -> None:
    images = [attrs for tag, attrs in read(render(Report("A report", [a_case]))).tags if tag == "img"]
    assert len(images) == 3
    for attrs in images:
        png = base64.b64decode((attrs["src"] or "").split(",", 1)[1], validate=True)
        assert png.startswith(b"\x89PNG") and png.endswith(b"IEND\xaeB`\x82")
        assert attrs["alt"]


def test_case_tells_estimate_doubt_measures_and_origin(a_case: CaseReport) -> None:
    text = " ".join(read(render(Report("A report", [a_case]))).text)
    for expected in (
        "Study sample-02",
        "voxels of 1.5 × 1.5 × 5 mm",
        "64.5 cm³",
        "undecided",
        "by the middle of the head",
        "COC cluster",
        "not decided: unlike the training patients",
        "coc2 (a note) 0.70 (0.50 to 0.80)",
        "which group it is",
        "margin fluctuation is 9, outside the range",
        "Solidity 0.9 speaks for coc2",
        "Fitted on 74 patients of two hospitals.",
        "AUC 0.74 (0.62 to 0.85), n = 74.",
        "Voxels are far from cubes.",
        "63rd percentile",
        "Percentiles are among 74 patients of two hospitals.",
        "segmentation_flair version 1, corrected by hand",
        "64532 mm³",
        "abc123",
        "it was first",
    ):
        assert expected in text


def test_research_notice_opens_and_closes_the_report(a_case: CaseReport) -> None:
    text = [part for part in read(render(Report("A report", [a_case]))).text if part.strip()]
    positions = [number for number, part in enumerate(text) if part == RESEARCH_NOTICE]
    assert positions[0] < 5
    assert positions[-1] == len(text) - 1


def test_tones_are_those_of_the_reading(a_case: CaseReport) -> None:
    page = render(Report("A report", [a_case]))
    (marked,) = re.findall(r'<tr class="caution">(.*?)</tr>', page)
    assert "Roughness of the margin" in marked and "95th percentile or above" in marked
    assert '<div class="card caution">' in page and '<div class="card weak">' not in page
    assert '<div class="caution"><dt>Side</dt><dd>undecided</dd></div>' in page
    assert '<div class="weak">coc1 0.20 (0.10 to 0.30)</div>' in page
    weak = replace(a_case.reading.estimates[0], tone="weak")
    case = replace(a_case, reading=replace(a_case.reading, estimates=[weak]))
    assert '<div class="card weak">' in render(Report("A report", [case]))


def test_words_of_others_are_escaped_everywhere(a_case: CaseReport) -> None:
    evil = '<script>alert("x")</script>'
    study = replace(a_case.study, patient_id=evil, source={evil: evil})
    features = replace(a_case.features, diagnostics={evil: evil}, values={evil: 1.0})
    estimate = replace(
        a_case.reading.estimates[0], title=evil, headline=evil, meaning=evil, cautions=[evil], reasons=[evil],
        details=[evil], bars=[ClassBar(evil, evil, 0.5, 0.4, 0.6, evil)],
    )  # fmt: skip
    key = KeyFeature(evil, evil, 1.0, evil, evil, evil, 50.0, evil, evil)
    reading = replace(
        a_case.reading, title=evil, headline=[Fact(evil, evil, explanation=evil)], estimates=[estimate],
        key_features=[key], key_features_note=evil, cautions=[evil], notice=evil,
    )  # fmt: skip
    picture = replace(a_case.pictures[0], caption=evil, alternative=evil)
    case = replace(
        a_case, study=study, features=features, reading=reading, pictures=[picture], mask_origin=evil,
        facts={evil: evil}, warnings=[evil],
    )  # fmt: skip
    history = ModelHistory(evil, [Version(evil, evil)], note=evil)
    page = render(Report(evil, [case], evil, history, NextStudy(evil, evil), {evil: evil}, evil))
    reader = read(page)
    assert "script" not in {tag for tag, _ in reader.tags}
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 25


def test_of_an_unknown_voxel_size_no_size_in_millimetres_is_shown(
    a_study: Study, volumes: Mapping[str, Volume], mask: Mask, features: FeatureRow, reading: Reading
) -> None:
    study = replace(a_study, spacing_known=False)
    headline = [Fact("Size", "28 voxels", 28.0, "voxels", tone="caution")]
    reading = replace(reading, headline=headline, estimates=[], key_features=[])
    page = render(Report("A report", [describe_case(study, volumes, MeasuredMask(mask, "by hand"), features, reading)]))
    assert not re.search(r" mm\b|mm³", " ".join(read(page).text))
    assert 'class="card' not in page and "Subtype estimates" not in page and "Key features" not in page


def test_history_and_next_study_are_shown_where_given(a_case: CaseReport) -> None:
    shipped = Version("version 1", "shipped", {"a": 0.8, "b": 0.7})
    published = Version("version 2", "published", {"a": 0.9, "b": 0.8})
    history = ModelHistory("segmentation_flair", [shipped, published])
    report = Report("A report", [a_case], history=history, next_study=NextStudy("sample-06", "most uncertain"))
    reader = read(render(report))
    text = " ".join(reader.text)
    assert "Versions of segmentation_flair" in text
    assert "0.750" in text and "0.850" in text
    assert "sample-06 : most uncertain" in text
    assert len([tag for tag, _ in reader.tags if tag == "img"]) == 4
    assert "Versions of" not in render(Report("A report", [a_case]))


def test_report_is_written_whole_and_replaces_the_old_one(tmp_path: Path, a_case: CaseReport) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(path, Report("A report", [a_case]))
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_only_an_earlier_report_may_be_replaced(tmp_path: Path, a_case: CaseReport) -> None:
    page, other = tmp_path / "report.html", tmp_path / "thesis.html"
    check_replaceable(page)
    write_report(page, Report("A report", [a_case]))
    check_replaceable(page)
    other.write_text("<!DOCTYPE html><p>years of work</p>")
    with pytest.raises(InputError, match=r"thesis\.html exists and is no report of Gliomics"):
        check_replaceable(other)
    with pytest.raises(InputError, match="is a folder; give the file"):
        check_replaceable(tmp_path)
