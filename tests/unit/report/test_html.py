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
from gliomics.features.provenance import SHAPE_IN_VOXELS
from gliomics.records import RESEARCH_NOTICE, FeatureRow, SubtypeEstimate
from gliomics.report.case_report import CaseReport, MeasuredMask, describe_case
from gliomics.report.html import ModelHistory, NextStudy, Report, Version, check_replaceable, render, write_report
from gliomics.study import Mask, Study, Volume

from .conftest import Range

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
    a_study: Study, volumes: Mapping[str, Volume], mask: Mask, features: FeatureRow, estimate: SubtypeEstimate
) -> CaseReport:
    return describe_case(
        a_study,
        volumes,
        MeasuredMask(mask, "segmentation_flair version 1, corrected by hand"),
        features,
        [estimate],
        populations={"subtype_coc": {"original_outline_MarginFluctuation": Range()}},
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
        "probability 0.70 (0.50 to 0.80)",
        "Outside the training range",
        "margin fluctuation is 9, outside the range",
        "Fitted on 74 patients: patients of two hospitals. AUC 0.74 (0.62 to 0.85), n = 74.",
        "voxels are far from cubes",
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


def test_feature_outside_its_training_range_stands_out(a_case: CaseReport) -> None:
    page = render(Report("A report", [a_case]))
    marked = re.findall(r'<tr class="outside">(.*?)</tr>', page)
    assert len(marked) == 1
    assert "Margin fluctuation" in marked[0] and "1.00 to 5.00" in marked[0]


def test_words_of_others_are_escaped_everywhere(a_case: CaseReport) -> None:
    evil = '<script>alert("x")</script>'
    study = replace(a_case.study, patient_id=evil, source={evil: evil})
    features = replace(a_case.features, warnings=[evil], region=evil, diagnostics={evil: evil}, values={evil: 1.0})
    estimate = replace(
        a_case.estimates[0], target=evil, predicted=evil, probabilities={evil: 1.0}, intervals={evil: [0, 1]},
        reasons=[evil], population=evil, performance=evil, notice=evil, model=evil, model_version=evil,
    )  # fmt: skip
    picture = replace(a_case.pictures[0], caption=evil, alternative=evil)
    case = replace(
        a_case, study=study, features=features, estimates=[estimate], pictures=[picture], mask_origin=evil,
        facts={evil: evil}, warnings=[evil], not_estimated={evil: evil},
    )  # fmt: skip
    history = ModelHistory(evil, [Version(evil, evil)], note=evil)
    page = render(Report(evil, [case], evil, history, NextStudy(evil, evil), {evil: evil}, evil))
    reader = read(page)
    assert "script" not in {tag for tag, _ in reader.tags}
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 25


def test_unknown_voxel_size_is_said_once_and_is_no_headline(
    a_study: Study, volumes: Mapping[str, Volume], mask: Mask, features: FeatureRow
) -> None:
    warning = f"{SHAPE_IN_VOXELS} (taken as 1 x 1 x 1), not in millimetres"
    features = replace(features, warnings=[warning, "another warning"])
    study = replace(a_study, spacing_known=False)
    case = describe_case(study, volumes, MeasuredMask(mask, "drawn by hand"), features)
    page = render(Report("A report", [case]))
    text = " ".join(read(page).text)
    assert text.count("voxel size") == 1
    assert "another warning" in text
    assert not re.search(r" ml\b|mm³", text)
    assert 'class="card"' not in page


def test_lesion_volume_is_voxels_times_their_size(a_case: CaseReport, mask: Mask) -> None:
    assert a_case.lesion_ml == pytest.approx((mask.array > 0).sum() * 1.5 * 1.5 * 5.0 / 1000.0, rel=1e-6)


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
