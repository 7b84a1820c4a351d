from __future__ import annotations

import csv
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliomics.cohort.feature_table import read_features_csv, write_features_csv
from gliomics.csv_files import read_csv, write_csv
from gliomics.errors import InputError
from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.subtype.estimates import write_estimates_csv

FORMULAS = [
    '=HYPERLINK("http://evil","x")',
    "+1+cmd",
    "-2+3",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    " =1+1",
    "＝1+1",
    "a;=1+1",
]
HARMLESS = ["TCGA-CS-4941", "a-b", "1e-3", "-1.5", "it's", "'quoted'", "a;b", "naïve", "", "a\nb"]


def computed_by_a_spreadsheet(cell: str) -> bool:
    """Whether a cell, or what stands behind a separator in it, begins with the sign of a formula and is no number."""
    parts = cell.replace("\t", ";").replace("\r", ";").replace("\n", ";").split(";")
    for part in parts:
        begins = part.strip(' "')[:1]
        try:
            float(part)
        except ValueError:
            if begins and begins in "=+-@＝＋－＠":
                return True
    return False


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_a_spreadsheet_would_compute_is_marked_as_text_and_reads_back(text: str, tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", [{"id": text, text: 1.5}])
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        written = list(csv.reader(file))
    assert computed_by_a_spreadsheet(text)
    assert not any(computed_by_a_spreadsheet(cell) for row in written for cell in row)
    assert [row for _, row in read_csv(tmp_path / "t.csv")] == [["id", text], [text, "1.5"]]


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_is_written_as_it_is(text: str, tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", [{"id": text, "x": 1}])
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1] == [text, "1"]


@given(st.text(alphabet="=+-@'’\"; \t\r\nab1.", max_size=12))
def test_any_text_reads_back_as_it_was(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        write_csv(path, [{"id": text, "x": 1}])
        assert [row for _, row in read_csv(path)] == [["id", "x"], [text, "1"]]


def test_numbers_read_back_and_what_is_unknown_is_empty(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", [{"a": -0.1, "b": math.nan, "c": None, "d": -3, "e": True}])
    assert [row for _, row in read_csv(tmp_path / "t.csv")][1] == ["-0.1", "", "", "-3", "True"]


def test_patient_that_is_a_formula_reads_back_from_a_table_of_features(tmp_path: Path) -> None:
    table = FeatureRow(
        study_id="case-1", region="whole", values={"x": -1.5}, diagnostics={"patient_id": FORMULAS[0], "shift": -2},
        warnings=["=1+1"],
    )  # fmt: skip
    write_features_csv([table], tmp_path / "t.csv")
    assert ",=" not in (tmp_path / "t.csv").read_text()
    assert read_features_csv(tmp_path / "t.csv") == [table]


def test_study_that_is_a_formula_is_no_formula_in_a_table_of_estimates(tmp_path: Path) -> None:
    estimate = SubtypeEstimate(
        study_id="=1+1", model="m", model_version="1", target="IDH", predicted="@a", probabilities={"=b": 0.5},
        intervals={"=b": [0.1, 0.9]}, inside_training_range=True, population="", n_training=9, performance="",
        reasons=["-1 is low"],
    )  # fmt: skip
    write_estimates_csv([estimate], tmp_path / "t.csv")
    cells = [cell for _, row in read_csv(tmp_path / "t.csv") for cell in row]
    assert {"=1+1", "@a", "-1 is low"} <= set(cells)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert not any(computed_by_a_spreadsheet(cell) for row in csv.reader(file) for cell in row)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00\x01\x02", "it is binary"),
        ("a,b\n1,2\n".encode("utf-16-le"), "it is binary"),
        ("größe\n1\n".encode("latin-1"), "the byte 0xf6 is no letter in UTF-8; save it as UTF-8"),
        (b"PK\x03\x04\x14\x00\x06\x00", "it is a workbook; save its sheet as CSV"),
        (b'a,b\n"1,2\n', "line 2: unexpected end of data"),
        (b"a\n" + b"x" * 200_000, "field larger than field limit"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"t.csv is not a CSV table: .*{message}"):
        list(read_csv(tmp_path / "t.csv"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_table_of_a_spreadsheet_is_read_however_it_was_saved(encoding: str, separator: str, tmp_path: Path) -> None:
    rows = [["patient_id", "größe"], ["P-1", "1.5"]]
    (tmp_path / "t.csv").write_bytes("\r\n".join(separator.join(row) for row in rows).encode(encoding))
    assert [row for _, row in read_csv(tmp_path / "t.csv")] == rows


def test_decimal_commas_are_read_where_semicolons_part_the_cells(tmp_path: Path) -> None:
    cells = ["1,5", "-0,25", "1,5E-3", " 2,0", "1,2,3", "a,5", "7"]
    (tmp_path / "t.csv").write_text(
        "\n".join(["size", *cells]).replace("size", "patient_id;size").replace("\n", "\nP;")
    )
    assert [row[1] for _, row in read_csv(tmp_path / "t.csv")][1:] == ["1.5", "-0.25", "1.5E-3", "2.0", *cells[4:]]
    (tmp_path / "t.csv").write_text('patient_id,size\nP,"1,5"\n')
    assert [row[1] for _, row in read_csv(tmp_path / "t.csv")] == ["size", "1,5"]


def test_semicolons_inside_cells_are_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('patient_id,"a;b"\nP,1;2\n')
    assert [row for _, row in read_csv(tmp_path / "t.csv")] == [["patient_id", "a;b"], ["P", "1;2"]]
