"""The page of a cohort: what it says, what it refuses, whose names it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gliomics.csv_files import write_csv
from gliomics.errors import InputError
from gliomics.export.cohort import beside, write_cohort_report
from gliomics.files import write_bytes
from gliomics.report.cohort.record import RECORD, Analysis, Drawing, Step, sources_of, write_record
from gliomics.report.cohort_report.assemble import Results, cohort_report, read_results
from gliomics.report.cohort_report.checklists import ANSWERED, TO_ANSWER, TO_JUDGE, checklists
from gliomics.report.cohort_report.flow import flow_figure
from gliomics.report.cohort_report.references import WORKS
from gliomics.report.drawing import blank, to_png, to_svg

HOSTILE = "<script>alert(1)</script>$\\frac{"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as of associations, in which every name that people give is hostile."""
    (tmp_path / "features.csv").write_text(
        "study_id,f,diagnostics_config,diagnostics_sequences,diagnostics_pyradiomics_version,diagnostics_bias_field,"
        'diagnostics_warnings\nP-1,1,"{""setting"": {""binWidth"": 10.0}}","[""flair""]",3.0.1,N4,<b>beware</b>\n'
        'P-2,2,"{""setting"": {""binWidth"": 10.0}}","[""t1"", ""flair""]",3.0.1,N4,\n'
    )
    (tmp_path / "outcomes.csv").write_text("patient_id,grade\nP-1,2\n")
    out = tmp_path / "out"
    steps = [Step(HOSTILE, "with features", 2), Step(HOSTILE, f"with {HOSTILE}", 1, {"<P-2>": HOSTILE})]
    figure = flow_figure(steps)
    write_bytes(out / "auc.png", to_png(figure))
    write_bytes(out / "auc.svg", to_svg(figure))
    rows = [{"feature": f"{HOSTILE}{n}", "test": "fisher", "p": n / 20} for n in reversed(range(20))]
    write_csv(out / "associations.csv", rows)
    analysis = Analysis(
        kind="associate",
        settings={"targets": [HOSTILE], "by": None, "cut": "median", "least": 5, "seed": 7},
        numbers={"tests": 20, "refused": 0, "resamples": 2000},
        flow=steps,
        tables=["associations.csv"],
        drawings=[Drawing("auc.png", f"AUC of {HOSTILE}")],
    )
    read = sources_of(tmp_path / "features.csv", outcomes=tmp_path / "outcomes.csv")
    write_record(out, read, analysis)
    return out


def written(folder: Path, page: Path) -> str:
    results: list[Results] = [read_results(folder)]
    write_cohort_report(page, cohort_report(results, HOSTILE), results)
    return page.read_text()


def test_page_tells_methods_flow_tables_and_checklists_and_escapes_every_name(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    html = written(folder, page)
    assert "<script" not in html
    assert "<b>beware" not in html
    assert "&lt;script&gt;alert(1)" in html
    for told in (
        "grey levels of width 10",
        "PyRadiomics 3.0.1 [1]",
        "bias field: N4 (2 studies)",
        "seed 7",
        WORKS["n4"],
    ):
        assert told in html
    assert "associations.csv: the 15 of the smallest p of 20 rows" in html
    assert "TRIPOD+AI" not in html  # no model of an outcome is in the folder
    assert (TO_ANSWER in html, TO_JUDGE in html, ANSWERED in html) == (True, True, True)
    workbook, files = beside(page)
    assert workbook.read_bytes().startswith(b"PK")
    assert sorted(path.name for path in files.iterdir()) == [
        "1_associate_associations.csv", "1_associate_auc.svg", "checklist METRICS.csv",
        "checklist RQS 2.0.csv", "flow_1_associate_1.svg",
    ]  # fmt: skip


def test_names_with_dollar_signs_are_drawn_as_they_are() -> None:
    figure = blank(2, 2)
    axes = figure.subplots()
    axes.set_title(HOSTILE)
    axes.set_xticks([0], [HOSTILE])
    axes.plot([0, 1], [0, 1], label="$a$")
    axes.legend()
    svg = to_svg(figure).decode()
    assert svg.count("$\\frac{") == 2
    assert "$a$" in svg
    assert to_png(figure).startswith(b"\x89PNG")


def test_same_folders_give_the_same_files(folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "report.html", tmp_path / "b" / "report.html"
    assert written(folder, first) == written(folder, second)
    assert beside(first)[0].read_bytes() == beside(second)[0].read_bytes()


def _without_record(folder: Path) -> None:
    (folder / RECORD).unlink()


def _changed_table(folder: Path) -> None:
    (folder / "associations.csv").write_text("feature\nother\n")


def _lost_figure(folder: Path) -> None:
    (folder / "auc.png").unlink()


def _edit(folder: Path, **values: object) -> None:
    record = json.loads((folder / RECORD).read_text())
    (folder / RECORD).write_text(json.dumps(record | values))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without_record, "has no record.json, from which a report is written; give a folder that `gliomics cohort"),
        (_changed_table, "associations.csv is not what was written"),
        (_lost_figure, "lacks 'auc.png', which its record.json names"),
        (lambda folder: _edit(folder, kind="other"), "is of 'other', format 1; expected one of associate, expression"),
        (lambda folder: _edit(folder, format=2), "format 2; expected one of"),
        (lambda folder: _edit(folder, flow=[]), "tells no patients"),
        (lambda folder: _edit(folder, flow=3), "record.json is no record of its kind: flow"),
        (lambda folder: _edit(folder, numbers={}), "lacks 'refused', which the methods"),
        (lambda folder: _edit(folder, tables=["../features.csv"]), "'../features.csv', which is none of its folder"),
        (lambda folder: (folder / RECORD).write_text("{"), "record.json"),
    ],
)
def test_foreign_and_damaged_folders_are_refused(
    damage: Callable[[Path], object], message: str, folder: Path, tmp_path: Path
) -> None:
    damage(folder)
    with pytest.raises(InputError) as refusal:
        written(folder, tmp_path / "report.html")
    assert message in str(refusal.value)
    assert not (tmp_path / "report.html").exists()


def test_every_item_of_a_checklist_stands_there_once_and_every_work_has_a_year() -> None:
    record = type("Kinds", (), {"kind": "survival"})
    metrics, rqs, tripod, claim = checklists([record])  # type: ignore[list-item]
    assert [item.number for item in metrics.items] == [str(number) for number in range(1, 31)]
    assert [item.number for item in rqs.items] == [str(number) for number in range(1, 43)]
    assert len({item.number for item in tripod.items}) == len(tripod.items)
    assert {item.number.rstrip("abcdefg") for item in tripod.items} == {str(number) for number in range(1, 28)}
    assert [item.number for item in claim.items] == [str(number) for number in range(1, 45)]
    assert [name for name, work in WORKS.items() if "doi:10." not in work] == ["holm", "permuted"]
