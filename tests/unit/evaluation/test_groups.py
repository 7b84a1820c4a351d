"""Subgroups of patients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gliomics.errors import GliomicsError, InputError
from gliomics.evaluation import Pair, evaluate_masks
from gliomics.evaluation.groups import UNKNOWN, built_in_groups, read_groups

from .conftest import HALF, REFERENCE, Cohort, a_box

PATIENTS = ["TCGA-CS-0001", "TCGA-CS-0002", "TCGA-DU-0003"]


def a_table(folder: Path, text: str, name: str = "groups.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_site_is_the_tissue_source_site_of_a_tcga_patient(ten_patients: Callable[[], list[Pair]]) -> None:
    sites = built_in_groups(evaluate_masks(ten_patients()))["site"]
    assert (sites["TCGA-CS-0001"], sites["TCGA-DU-0010"]) == ("CS", "DU")


def test_other_patients_have_no_site(a_cohort: Cohort) -> None:
    pairs = [a_cohort.add(name, HALF) for name in ("TCGAXX", "patient-1", "CS-DU-0001")]
    assert list(built_in_groups(evaluate_masks(pairs))) == ["lesion_size"]


def test_thirds_are_of_the_reference_in_millilitres(a_cohort: Cohort) -> None:
    references = [a_box(slice(4, 6 + n), slice(4, 14), slice(1, 5)) for n in range(6)]
    evaluation = evaluate_masks([a_cohort.add(f"p{n}", HALF, reference) for n, reference in enumerate(references)])
    thirds = list(built_in_groups(evaluation)["lesion_size"].values())
    assert thirds == ["small: up to 2.9 mL"] * 2 + ["middle: up to 4.3 mL"] * 2 + ["large: over 4.3 mL"] * 2


def test_thirds_are_in_voxels_when_one_voxel_size_is_unknown(a_cohort: Cohort) -> None:
    pairs = [a_cohort.add(f"p{n}", HALF, spacing_known=n > 0) for n in range(3)]
    assert set(built_in_groups(evaluate_masks(pairs))["lesion_size"].values()) == {"small: up to 320 voxels"}


def test_two_patients_have_no_thirds(a_cohort: Cohort) -> None:
    assert built_in_groups(evaluate_masks([a_cohort.add(name, REFERENCE) for name in "ab"])) == {}


@pytest.mark.parametrize("header", ["patient_id,grade", "Patient,grade", "Patient ID,grade"])
def test_patients_are_joined_by_their_column(tmp_path: Path, header: str) -> None:
    path = a_table(tmp_path, f"{header}\nTCGA_CS_0001,II\nTCGA-CS-0002,\nTCGA-XX-9999,IV\n")
    assert read_groups(path, ["grade"], PATIENTS) == {
        "grade": {"TCGA-CS-0001": "II", "TCGA-CS-0002": UNKNOWN, "TCGA-DU-0003": UNKNOWN}
    }


def test_patient_column_is_found_behind_others_and_tabs_are_read(tmp_path: Path) -> None:
    path = a_table(tmp_path, "grade\tpatient_id\nII\tTCGA-CS-0001\n", "groups.tsv")
    assert read_groups(path, ["grade"], PATIENTS)["grade"]["TCGA-CS-0001"] == "II"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patient_id,grade\nTCGA-CS-0001,II\n", "has no column 'histology'; it has patient_id, grade"),
        ("case,histology\nTCGA-CS-0001,x\n", "no column patient_id or Patient ID or Patient or bcr_patient_barcode"),
        ("patient_id,histology\nA,x\n", "it has e.g. 'A', the studies are of e.g. 'TCGA-CS-0001'"),
        ("patient_id,histology\nTCGA-CS-0001,x\nTCGA-CS-0001,y\n", "two values of 'histology', x and y"),
        ("patient_id,histology\n", "has no rows"),
        ("patient_id,histology\nTCGA-CS-0001,x,y\n", "row 2: there are more cells than the header has columns"),
    ],
)
def test_unusable_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(GliomicsError, match=message):
        read_groups(a_table(tmp_path, text), ["histology"], PATIENTS)


def test_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_groups(tmp_path / "none.csv", ["grade"], PATIENTS)


def test_column_of_numbers_is_refused(tmp_path: Path) -> None:
    patients = [f"p{n}" for n in range(21)]
    text = "patient_id,age\n" + "\n".join(f"{patient},{n}" for n, patient in enumerate(patients))
    with pytest.raises(InputError, match="in 21 groups; expected at most 20"):
        read_groups(a_table(tmp_path, text), ["age"], patients)
