"""Tables of a segment: what opens in a spreadsheet is what was measured, and nothing in it is a formula."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

from gliomics.cli.main import app
from gliomics.csv_files import read_csv
from gliomics.errors import InputError
from gliomics.export.tables import tables_of
from gliomics.export.workbook import write_workbook
from gliomics.export.write import write_exports
from gliomics.models import ModelStore
from gliomics.report.examine import ExaminedSegment, MaskFile, examine
from gliomics.study import find_study

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[3] / "sample_studies"
HOSTILE = ["=HYPERLINK(1)", "+1+1", "-1+1", "@SUM(A1)"]


@pytest.fixture(scope="module")
def segment() -> ExaminedSegment:
    study = find_study(SAMPLES, "sample-02")
    mask = MaskFile(SAMPLES / "truth" / "sample-02.nii.gz", "the truth", ["drawn by a program"])
    return examine(study, mask, ModelStore())


def test_workbook_has_the_tables_with_numbers_as_numbers(segment: ExaminedSegment, tmp_path: Path) -> None:
    path = write_exports(segment, ["xlsx"], tmp_path)["xlsx"]
    workbook = openpyxl.load_workbook(path)
    tables = tables_of(segment, "now")
    assert (
        workbook.sheetnames == [table.title for table in tables] == ["Reading", "Estimates", "Features", "Provenance"]
    )
    for table in tables:
        sheet = workbook[table.title]
        assert [cell.value for cell in sheet[1]] == list(table.columns)
        for row, cells in zip(table.rows, sheet.iter_rows(min_row=2), strict=True):
            for expected, cell in zip(row, cells, strict=True):
                if table.title == "Provenance" and row[0] == "exported at":
                    continue
                assert cell.data_type != "f"
                if isinstance(expected, float):
                    assert cell.value == pytest.approx(expected, rel=1e-14)
                else:
                    assert (cell.value or "") == (expected or "")
    measured = {row[0]: row[5] for row in workbook["Features"].iter_rows(min_row=2, values_only=True)}
    assert measured == pytest.approx(segment.features.values, rel=1e-14)
    probabilities = [row[5] for row in workbook["Estimates"].iter_rows(min_row=2, values_only=True)]
    bars = [bar.probability for estimate in segment.reading.estimates for bar in estimate.bars]
    assert probabilities == pytest.approx(bars, rel=1e-14)
    assert probabilities
    assert segment.reading.notice in str(workbook.properties.description)


def test_ids_that_look_like_formulas_stay_texts(segment: ExaminedSegment, tmp_path: Path) -> None:
    for text in HOSTILE:
        study = replace(segment.study, patient_id=text)
        hostile = replace(segment, study=study, origin=text, reading=replace(segment.reading, title=text))
        write_workbook(tmp_path / "t.xlsx", tables_of(hostile, text), title=text, notice=text)
        sheet = openpyxl.load_workbook(tmp_path / "t.xlsx")["Provenance"]
        cells = {row[0].value: row[1] for row in sheet.iter_rows(min_row=2)}
        assert (cells["patient"].value, cells["patient"].data_type) == (text, "s")
        path = write_exports(hostile, ["csv"], tmp_path)["csv"]
        assert path.parent == tmp_path
        assert not [line for line in path.read_text().splitlines() if f",{text}," in line]
        values = {row[3]: row[4] for _, row in read_csv(path)}
        assert values["patient"] == text


def test_csv_has_a_line_for_each_value_and_reads_back_exactly(segment: ExaminedSegment, tmp_path: Path) -> None:
    lines = [row for _, row in read_csv(write_exports(segment, ["csv"], tmp_path)["csv"])]
    header, *rows = [dict(zip(lines[0], row, strict=True)) for row in lines]
    assert list(header) == ["study_id", "region", "table", "name", "value", "low", "high", "unit", "ibsi", "details"]
    assert {row["study_id"] for row in rows} == {"sample-02"}
    features = {row["name"]: float(row["value"]) for row in rows if row["table"] == "feature"}
    assert features == segment.features.values
    (mean,) = [row for row in rows if row["name"] == "original_shape_MeshVolume"]
    assert (mean["unit"], mean["ibsi"]) == ("mm3", "RNU0")
    bar = segment.reading.estimates[0].bars[0]
    (line,) = [row for row in rows if row["name"] == f"{segment.reading.estimates[0].title}: {bar.title}"]
    assert [float(line[name]) for name in ("value", "low", "high")] == [bar.probability, bar.low, bar.high]
    assert [row["value"] for row in rows if row["name"] == "mask_sha256"]


def test_unknown_format_and_dicom_of_a_study_that_is_none_are_refused(segment: ExaminedSegment, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no export format 'pdf'; there are csv, xlsx, html, seg, sr"):
        write_exports(segment, ["csv", "pdf"], tmp_path)
    with pytest.raises(InputError, match="not known which DICOM series study 'sample-02' was made of"):
        write_exports(segment, ["csv", "sr"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_command_writes_all_formats_and_replaces_nothing_unasked(tmp_path: Path) -> None:
    mask = SAMPLES / "truth" / "sample-02.nii.gz"
    command = ["export", "sample-02", "--studies", SAMPLES, "--mask", mask, "--out", tmp_path]
    runner = CliRunner()
    result = runner.invoke(app, list(map(str, command)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"sample-02_Whole-tumour.{suffix}" for suffix in ("csv", "xlsx", "html")}
    assert "For research use only" in (tmp_path / "sample-02_Whole-tumour.html").read_text()
    (tmp_path / "sample-02_Whole-tumour.csv").write_text("mine")
    with pytest.raises(InputError, match=r"has sample-02_Whole-tumour.csv already; .* --replace"):
        runner.invoke(app, [*map(str, command), "--formats", "csv"], catch_exceptions=False)
    assert (tmp_path / "sample-02_Whole-tumour.csv").read_text() == "mine"
    again = runner.invoke(app, [*map(str, command), "--formats", "csv", "--replace"], catch_exceptions=False)
    assert again.exit_code == 0
    assert (tmp_path / "sample-02_Whole-tumour.csv").read_text().startswith("study_id,")
