from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliomics.bundled import bundled
from gliomics.cohort.delta import delta, deltas
from gliomics.cohort.feature_table import read_features_csv, write_features_csv
from gliomics.errors import InputError, UnknownNameError
from gliomics.records import FeatureRow
from tests.unit.features.command import gliomics


def row(
    study: str, values: dict[str, float], *, patient: str = "P1", region: str = "whole", **notes: object
) -> FeatureRow:
    return FeatureRow(study, region, values, {"patient_id": patient, "timepoint": study, "config_sha256": "a"} | notes)


BEFORE = row("before", {"volume": 200.0, "mean": -4.0, "none": 0.0})
AFTER = row("after", {"volume": 150.0, "mean": -5.0, "none": 3.0})


def test_change_is_absolute_and_relative_to_the_earlier_value() -> None:
    change = delta(BEFORE, AFTER)
    assert change.values == {
        "volume_delta": -50, "volume_relative": -0.25,
        "mean_delta": -1, "mean_relative": -0.25,
        "none_delta": 3,
    }  # fmt: skip
    assert (change.study_id, change.region) == ("after", "whole")


@given(values=st.lists(st.floats(0.1, 1e6), min_size=2, max_size=2), factor=st.floats(1e-3, 1e3))
def test_relative_change_has_no_unit(values: list[float], factor: float) -> None:
    change = delta(row("a", {"x": values[0]}), row("b", {"x": values[1]}))
    other = delta(row("a", {"x": values[0] * factor}), row("b", {"x": values[1] * factor}))
    assert other.values["x_relative"] == pytest.approx(change.values["x_relative"], rel=1e-9, abs=1e-9)
    assert change.values["x_delta"] == values[1] - values[0]


def test_row_says_what_it_compares() -> None:
    change = delta(
        replace(BEFORE, diagnostics=BEFORE.diagnostics | {"date": "2023-12-30"}),
        replace(AFTER, diagnostics=AFTER.diagnostics | {"date": "2024-01-09"}),
    ).diagnostics
    assert change["patient_id"] == "P1"
    assert (change["from_study"], change["to_study"]) == ("before", "after")
    assert (change["from_timepoint"], change["to_timepoint"]) == ("before", "after")
    assert (change["from_date"], change["to_date"], change["days"]) == ("2023-12-30", "2024-01-09", 10)
    assert change["config_sha256"] == "a"


def test_what_may_pass_for_a_change_of_the_lesion_is_a_warning() -> None:
    finer = row("after", {"volume": 1.0}, spacing=[1.0, 1.0, 1.0])
    change = delta(replace(row("before", BEFORE.values, spacing=[1.0, 1.0, 5.0]), warnings=["a few voxels"]), finer)
    assert change.warnings == [
        "spacing differs: [1.0, 1.0, 5.0] and [1.0, 1.0, 1.0]",
        "missing at one time point: mean, none",
        "before: a few voxels",
    ]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (row("b", {"volume": 1.0}, patient="P2"), "'before' and 'b' are of different patients, 'P1' and 'P2'"),
        (row("b", {"volume": 1.0}, region="oedema"), "have different regions, 'whole' and 'oedema'"),
        (
            row("b", {"volume": 1.0}, config_sha256="b"),
            "differ in configuration, a and b; measure both",
        ),
        (row("b", {"volume": 1.0}, boundary_shift=1), r"differ in boundary shift, \(none\) and 1"),
        (row("b", {"volume": 1.0}, brain_mask=True), r"differ in use of a brain mask, \(none\) and True"),
        (row("b", {"other": 1.0}), "have no feature in common"),
        (FeatureRow("b", "whole", {"volume": 1.0}), "'b' does not say whose it is.*diagnostics_patient_id"),
    ],
)
def test_rows_that_cannot_be_compared_are_refused(other: FeatureRow, message: str) -> None:
    with pytest.raises(InputError, match=message):
        delta(BEFORE, other)


def test_slices_of_two_examinations_are_not_compared() -> None:
    rows = [row(name, {"x": 1.0}, region="whole slice 12", slice=12) for name in ("before", "after")]
    with pytest.raises(InputError, match=r"'before' has one row per slice.*measure with 'slices: volume'"):
        deltas(rows)
    largest = [row(name, {"x": 1.0}, slice=number) for name, number in (("before", 12), ("after", 14))]
    assert len(deltas(largest).rows) == 1


def test_each_examination_is_compared_with_the_next() -> None:
    rows = [row(name, {"x": float(place)}) for place, name in enumerate(("first", "second", "third"))]
    changes = deltas([rows[0], row("other", {"x": 9.0}, patient="P2"), rows[1], rows[2]])
    assert [(r.diagnostics["from_study"], r.study_id, r.values["x_delta"]) for r in changes.rows] == [
        ("first", "second", 1), ("second", "third", 1)
    ]  # fmt: skip
    assert changes.left_out == ["patient 'P2', region 'whole': one time point only: other"]


def test_dates_order_the_examinations_where_all_have_one() -> None:
    late, early = row("late", {"x": 1.0}, date="2024-05-31"), row("early", {"x": 2.0}, date="2023-05-31")
    (dated,) = deltas([late, early]).rows
    assert (dated.diagnostics["from_study"], dated.diagnostics["days"]) == ("early", 366)
    (undated,) = deltas([late, row("early", {"x": 2.0})]).rows
    assert undated.diagnostics["from_study"] == "late"


def test_regions_are_paired_each_with_its_own() -> None:
    changes = deltas([BEFORE, row("before", {"x": 1.0}, region="oedema"), AFTER])
    assert [(r.region, r.study_id) for r in changes.rows] == [("whole", "after")]
    assert changes.left_out == ["patient 'P1', region 'oedema': one time point only: before"]


def test_two_named_time_points_are_compared_whatever_lies_between() -> None:
    rows = [row(name, {"x": float(place)}) for place, name in enumerate(("first", "second", "third"))]
    changes = deltas([*rows, row("first", {"x": 1.0}, patient="P2")], first="first", last="third")
    assert [(r.diagnostics["from_study"], r.study_id) for r in changes.rows] == [("first", "third")]
    assert changes.left_out == ["patient 'P2', region 'whole': no time point 'third'"]


@pytest.mark.parametrize(
    ("first", "last", "error", "message"),
    [
        ("before", None, InputError, "give both time points, from and to, or neither"),
        ("after", "after", InputError, "from and to are both 'after'"),
        ("before", "later", UnknownNameError, "no row has the time point 'later'; there are after, before"),
    ],
)
def test_time_points_that_make_no_pair_are_refused(
    first: str, last: str | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        deltas([BEFORE, AFTER], first=first, last=last)


def test_a_time_point_twice_is_refused_with_both_studies() -> None:
    with pytest.raises(InputError, match="patient 'P1' has time point 'before' twice, as 'before' and 'again'"):
        deltas([BEFORE, row("again", {"x": 1.0}, timepoint="before")])


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"'b' has the date '31.5.2024'; expected a day such as 2024-05-31"):
        deltas([row("a", {"x": 1.0}, date="2024-05-30"), row("b", {"x": 1.0}, date="31.5.2024")])


def test_patients_that_differ_in_leading_zeros_stay_apart(tmp_path: Path) -> None:
    write_features_csv([row("a", {"x": 1.0}, patient="012"), row("b", {"x": 2.0}, patient="12")], tmp_path / "f.csv")
    assert deltas(read_features_csv(tmp_path / "f.csv")).rows == []


# The command


@pytest.fixture
def measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Features of two sample patients, one of whom was examined twice."""
    config = tmp_path / "quick.yaml"
    config.write_text("featureClass: {shape: [VoxelVolume], firstorder: [Mean]}\nsequences: [flair]\n")
    samples = bundled("sample_studies")
    tables = []
    for name in ("sample-03", "sample-01"):
        out = tmp_path / f"{name}.csv"
        answer = gliomics(
            capsys, "features", samples / name, "--masks", samples / "truth", "--config", config, "--out", out
        )
        assert answer.returncode == 0, answer.stderr
        tables += read_features_csv(out)
    write_features_csv(tables, tmp_path / "features.csv")
    return tmp_path / "features.csv"


def test_command_writes_the_change_of_the_patient_with_two_examinations(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = gliomics(capsys, "delta", measured, "--out", tmp_path / "delta.csv")
    assert answer.returncode == 0, answer.stderr
    assert "left out patient 'SAMPLE-01', region 'whole': one time point only: baseline" in answer.stderr
    (change,) = read_features_csv(tmp_path / "delta.csv")
    first, later = read_features_csv(measured)[:2]
    volumes = [table.values["original_shape_VoxelVolume"] for table in (first, later)]
    assert change.values["original_shape_VoxelVolume_delta"] == volumes[1] - volumes[0]
    assert change.values["original_shape_VoxelVolume_relative"] == pytest.approx(volumes[1] / volumes[0] - 1)
    assert (change.study_id, change.diagnostics["from_study"]) == ("sample-03_followup", "sample-03")
    assert (change.diagnostics["to_date"], change.diagnostics["days"]) == ("2023-12-12", 242)


def test_command_compares_the_time_points_that_are_named(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--from", "followup", "--to", "baseline")
    answer = gliomics(capsys, "delta", measured, "--out", tmp_path / "delta.csv", *options)
    assert answer.returncode == 0, answer.stderr
    (change,) = read_features_csv(tmp_path / "delta.csv")
    assert (change.study_id, change.diagnostics["from_study"]) == ("sample-03", "sample-03_followup")


def test_command_ends_in_one_error_line_when_nobody_was_examined_twice(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_features_csv(read_features_csv(measured)[2:], measured)
    answer = gliomics(capsys, "delta", measured, "--out", tmp_path / "delta.csv")
    assert answer.returncode == 2
    assert f"error: no patient in {measured} has two time points to compare; the reasons are above" in answer.stderr
    assert not (tmp_path / "delta.csv").exists()
