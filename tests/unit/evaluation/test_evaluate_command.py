"""``gliomics evaluate segmentation`` as a person runs it."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from gliomics.evaluation import Pair
from gliomics.segmentation.mask_record import MaskRecord
from gliomics.study import Volume, write_mask
from tests.unit.features.command import Done, gliomics

from .conftest import AFFINE, HALF, REFERENCE, Cohort
from .test_parts import a_tumour

pytestmark = pytest.mark.slow

Run = Callable[..., Done]
TABLES = ("patients.csv", "summary.csv", "sources.csv", "classes.csv", "subgroups.csv")
MEAN = ("dice", "mean")
PICTURES = ("examples.png", "dice.png", "confusion.png")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], a_cohort: Cohort, tmp_path: Path) -> Run:
    """Evaluate the cohort into ``tmp_path/out``, with further arguments."""
    return lambda *arguments, studies=a_cohort.root: gliomics(
        capsys, "evaluate", "segmentation", studies, "--masks", a_cohort.masks, "--out", tmp_path / "out", *arguments
    )


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_all_tables_and_pictures_are_written(run: Run, ten_patients: Callable[[], list[Pair]], tmp_path: Path) -> None:
    ten_patients()
    process = run()
    assert process.returncode == 0, process.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([*TABLES, *PICTURES])
    assert "mean Dice 0.662 (" in process.stderr
    assert "10 studies of 10 patients in" in process.stderr
    for name in PICTURES:
        height, width, _ = imread(tmp_path / "out" / name).shape
        assert 200 < height < 2500 and 400 < width < 2500


def test_report_is_one_page_of_all_figures(run: Run, ten_patients: Callable[[], list[Pair]], tmp_path: Path) -> None:
    pairs = ten_patients()
    process = run("--report")
    assert process.returncode == 0, process.stderr
    page = (tmp_path / "out" / "evaluation.html").read_text(encoding="utf-8")
    dice = next(row for row in rows_of(tmp_path / "out" / "summary.csv") if (row["metric"], row["statistic"]) == MEAN)
    value, low, high = (f"{float(dice[name]):.3f}" for name in ("value", "low", "high"))
    assert f"{value} ({low} to {high})" in page
    assert page.count("data:image/png;base64,") == len(PICTURES)
    assert all(pair.study.patient_id in page for pair in pairs)
    assert "small: up to" in page
    assert "http://" not in page and "https://" not in page and "<script" not in page


def test_patients_are_grouped_by_the_columns_of_a_table(
    run: Run, ten_patients: Callable[[], list[Pair]], tmp_path: Path
) -> None:
    pairs = ten_patients()
    lines = [
        "patient_id,grade,sex",
        *(f"{p.study.patient_id},{'II' if n % 2 else 'III'},F" for n, p in enumerate(pairs)),
    ]
    (tmp_path / "clinical.csv").write_text("\n".join(lines))
    process = run("--groups", tmp_path / "clinical.csv", "--group", "grade", "--group", "sex")
    assert process.returncode == 0, process.stderr
    groups = {(row["group"], row["value_of_group"]) for row in rows_of(tmp_path / "out" / "subgroups.csv")}
    assert {("grade", "II"), ("grade", "III"), ("sex", "F"), ("site", "CS"), ("site", "DU")} <= groups
    assert rows_of(tmp_path / "out" / "patients.csv")[0]["group_grade"] == "III"


def test_study_without_mask_or_reference_is_reported_and_left_out(run: Run, a_cohort: Cohort, tmp_path: Path) -> None:
    a_cohort.add("a", HALF)
    a_cohort.add("b", None)
    a_cohort.add("c", HALF, None)
    process = run()
    assert process.returncode == 0, process.stderr
    assert f"left out b: no mask in {a_cohort.masks}" in process.stderr
    assert "left out c: no reference in" in process.stderr
    assert "1 studies of 1 patients" in process.stderr
    assert "2 without mask or reference" in process.stderr
    assert len(rows_of(tmp_path / "out" / "patients.csv")) == 1


def test_bad_study_is_reported_the_others_go_on_and_the_exit_code_tells(
    run: Run, a_cohort: Cohort, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        a_cohort.add(name, HALF)
    write_mask(Volume(np.ones((3, 3, 3), dtype=np.uint8), 1.5 * AFFINE), a_cohort.masks / "b.nii.gz")
    shutil.copy(a_cohort.masks / "c.nii.gz", a_cohort.masks / "c.nii")
    process = run()
    assert process.returncode == 1
    assert "failed b: geometry of mask b.nii.gz differs" in process.stderr
    assert "failed c: study 'c' has several masks" in process.stderr
    assert "2 studies failed" in process.stderr
    assert [row["patient_id"] for row in rows_of(tmp_path / "out" / "patients.csv")] == ["a"]


def test_study_whose_image_cannot_be_read_is_not_scored(run: Run, a_cohort: Cohort, tmp_path: Path) -> None:
    a_cohort.add("b", HALF)
    a_cohort.add("a", HALF).study.path("flair").write_bytes(b"broken")
    process = run()
    assert process.returncode == 1
    assert "failed a: " in process.stderr
    assert [row["patient_id"] for row in rows_of(tmp_path / "out" / "patients.csv")] == ["b"]


def test_references_of_another_folder_and_a_single_study_are_taken(run: Run, a_cohort: Cohort, tmp_path: Path) -> None:
    a_cohort.add("a", HALF)
    a_cohort.add("b", HALF)
    assert run(studies=a_cohort.root / "a").returncode == 0
    assert [row["patient_id"] for row in rows_of(tmp_path / "out" / "patients.csv")] == ["a"]
    write_mask(HALF, tmp_path / "second" / "a.nii.gz")
    assert run("--labels", tmp_path / "second").returncode == 0
    assert [row["dice"] for row in rows_of(tmp_path / "out" / "patients.csv")] == ["1.0"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--labels", "nowhere"], "error: nowhere is not a folder"),
        (["--group", "grade"], "error: --groups names the table and --group a column of it; give both or neither"),
        (["--groups", "table.csv", "--group", "grade"], "error: table.csv does not exist"),
        (["--groups", "table.csv"], "give both or neither"),
    ],
)
def test_refused_in_one_line_before_anything_is_written(
    run: Run, a_cohort: Cohort, tmp_path: Path, options: list[str], message: str
) -> None:
    a_cohort.add("a", HALF)
    process = run(*options)
    assert process.returncode == 2
    assert message in process.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_no_mask_at_all_is_an_error(run: Run, a_cohort: Cohort, tmp_path: Path) -> None:
    a_cohort.add("a", None)
    process = run()
    assert process.returncode == 2
    assert "error: none of the 1 studies has a mask <study id>.nii.gz in" in process.stderr
    assert not (tmp_path / "out").exists()


def test_only_bad_masks_are_an_error(run: Run, a_cohort: Cohort, tmp_path: Path) -> None:
    for name in ("a", "b"):
        a_cohort.add(name, Volume(np.ones((3, 3, 3), dtype=np.uint8), 1.5 * AFFINE), REFERENCE)
    process = run()
    assert process.returncode == 2
    assert "error: none of 2 studies could be evaluated; the reasons are above" in process.stderr
    assert not (tmp_path / "out").exists()


def test_patients_that_the_model_learned_from_are_left_out_of_the_headline_figure(
    run: Run, ten_patients: Callable[[], list[Pair]], a_cohort: Cohort, tmp_path: Path
) -> None:
    pairs = ten_patients()
    record = MaskRecord(a_cohort.masks)
    for number, pair in enumerate(pairs):
        record.add(pair.mask, model="segmentation_test", version="3", in_sample=number >= 6)
    process = run()
    assert process.returncode == 0, process.stderr
    assert "mean Dice 0.494 (" in process.stderr and ", 6 patients\n" in process.stderr
    assert ", 4 patients that the model learned from: no measure of others" in process.stderr
    (mean,) = (row for row in rows_of(tmp_path / "out" / "summary.csv") if (row["metric"], row["statistic"]) == MEAN)
    expected = np.mean([2 * tenths / (tenths + 10) for tenths in range(1, 7)])
    assert (float(mean["value"]), mean["n"]) == (pytest.approx(expected), "6")
    patients = rows_of(tmp_path / "out" / "patients.csv")
    assert [row["group_in_sample"] for row in patients] == ["no"] * 6 + ["yes"] * 4
    assert patients[-1]["notes"] == "segmentation_test version 3 learned from this patient"


def test_corrected_mask_is_no_longer_the_model_s(
    run: Run, ten_patients: Callable[[], list[Pair]], a_cohort: Cohort
) -> None:
    record = MaskRecord(a_cohort.masks)
    for pair in ten_patients():
        record.add(pair.mask, model="segmentation_test", version="3", in_sample=True)
        write_mask(HALF, pair.mask)
    process = run()
    assert "mean Dice 0.667" in process.stderr
    assert "learned from" not in process.stderr


def test_parts_of_the_tumour_are_judged_where_both_tell_them_apart(run: Run, a_cohort: Cohort, tmp_path: Path) -> None:
    for name in ("a", "b"):
        a_cohort.add(name, a_tumour(enhancing=3, width=2), a_tumour())
    process = run()
    assert process.returncode == 2
    assert "region 'tumour-core' of mask a.nii.gz is ambiguous" in process.stderr
    process = run("--numbering", "brats-2023", "--labels-numbering", "brats-2021")
    assert process.returncode == 0, process.stderr
    line = next(line for line in process.stderr.splitlines() if line.startswith("enhancing"))
    assert line.split() == ["enhancing", "0.667", "0.667", "4.0", "4.0", "2"]
    assert rows_of(tmp_path / "out" / "studies.csv")[1]["enhancing_matched_dice"] == str(2 / 3)
