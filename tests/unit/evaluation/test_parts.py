"""Masks that tell the parts of a tumour apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gliomics.errors import GliomicsError, InputError
from gliomics.evaluation import Pair, evaluate_masks
from gliomics.evaluation.masks import StudyScores
from gliomics.evaluation.parts import REGION_METRICS, REGIONS, FolderNumbering, region_labels
from gliomics.evaluation.tables import region_rows, write_tables
from gliomics.study import Mask

from .conftest import REFERENCE, SHAPE, VOXEL_ML, Cohort
from .test_tables import rows_of

NUMBERED = FolderNumbering("brats-2021")
NUMBERED_2023 = FolderNumbering("brats-2023")


def a_tumour(core: int = 1, oedema: int = 2, enhancing: int = 4, *, width: int = 4) -> Mask:
    """Oedema around an enhancing part beside a core; a value of 0 leaves a part out."""
    array = np.zeros(SHAPE, dtype=np.uint8)
    array[3:17, 3:15, 1:5] = oedema
    array[5:9, 5:13, 1:5] = core
    array[9 : 9 + width, 5:13, 1:5] = enhancing
    return REFERENCE.with_array(array)


def scored(pair: Pair, masks: FolderNumbering = NUMBERED, references: FolderNumbering = NUMBERED) -> StudyScores:
    pair = replace(pair, mask_numbering=masks, reference_numbering=references)
    (patient,) = evaluate_masks([pair]).patients
    return patient.studies[0]


def test_each_region_is_its_parts(a_cohort: Cohort) -> None:
    scores = scored(a_cohort.add("a", a_tumour(width=2), a_tumour()))
    assert list(scores.regions) == list(REGIONS)
    assert all(list(values) == list(REGION_METRICS) for values in scores.regions.values())
    dice = {region: values["dice"] for region, values in scores.regions.items()}
    assert dice["whole"] == scores.values["dice"] == 1.0
    assert (dice["enhancing"], dice["core-without-enhancement"]) == (pytest.approx(2 / 3), 1.0)
    assert dice["tumour-core"] == pytest.approx(2 * 6 / (6 + 8))
    enhancing = scores.regions["enhancing"]
    assert enhancing["reference_ml"] == pytest.approx(128 * VOXEL_ML)
    assert enhancing["hausdorff_95_mm"] == pytest.approx(4.0)
    assert np.isnan(enhancing["hausdorff_95_voxels"])
    assert (enhancing["lesionwise_dice"], enhancing["lesionwise_found"]) == (pytest.approx(2 / 3), 1)


def test_mask_and_reference_may_be_numbered_differently(a_cohort: Cohort) -> None:
    pair = a_cohort.add("a", a_tumour(enhancing=3), a_tumour(enhancing=4))
    values = scored(pair, NUMBERED_2023).regions
    assert {values[region]["dice"] for region in REGIONS} == {1.0}
    msd = a_cohort.add("b", a_tumour(core=2, oedema=1, enhancing=3), a_tumour(enhancing=4))
    assert scored(msd, FolderNumbering("msd"), FolderNumbering()).regions["oedema"]["dice"] == 1.0


@pytest.mark.parametrize(
    ("mask", "reference", "dice", "distance"), [(1, 1, 1.0, 0.0), (4, 1, 0.0, 374.0), (1, 4, 0.0, 374.0)]
)
def test_absent_part_is_counted_as_brats_does(
    a_cohort: Cohort, mask: int, reference: int, dice: float, distance: float
) -> None:
    pair = a_cohort.add("a", a_tumour(enhancing=mask), a_tumour(enhancing=reference))
    enhancing = scored(pair).regions["enhancing"]
    for prefix in ("", "lesionwise_"):
        assert (enhancing[f"{prefix}dice"], enhancing[f"{prefix}hausdorff_95_mm"]) == (dice, distance)


def test_unknown_voxel_size_gives_voxels(a_cohort: Cohort) -> None:
    pair = a_cohort.add("a", a_tumour(width=2), a_tumour(), spacing_known=False)
    enhancing = scored(pair).regions["enhancing"]
    assert enhancing["hausdorff_95_voxels"] == 2.0
    assert all(np.isnan(value) for metric, value in enhancing.items() if metric.endswith(("_mm", "_ml")))


@pytest.mark.parametrize(
    ("mask", "reference"),
    [
        (REFERENCE, a_tumour(1, 2, 3)),
        (a_tumour(1, 2, 3), REFERENCE),
        (REFERENCE, REFERENCE),
        (REFERENCE.with_array(255 * REFERENCE.array), a_tumour()),
    ],
)
def test_undivided_mask_is_judged_as_whole_only(a_cohort: Cohort, mask: Mask, reference: Mask) -> None:
    assert scored(a_cohort.add("a", mask, reference), FolderNumbering(), FolderNumbering()).regions == {}


@pytest.mark.parametrize(
    ("masks", "references", "message"),
    [
        (FolderNumbering(), NUMBERED_2023, r"region 'tumour-core' of mask a.nii.gz is ambiguous.*--numbering"),
        (NUMBERED_2023, FolderNumbering(), r"of reference a.nii.gz is ambiguous.*--labels-numbering"),
        (NUMBERED, NUMBERED_2023, r"mask a.nii.gz holds label 1, 2, 3; label 3 is not in the numbering told"),
        (NUMBERED_2023, NUMBERED, r"reference a.nii.gz holds .* told with --labels-numbering"),
        (NUMBERED_2023, FolderNumbering("1=tumour,2=oedema,3=enhancing"), "does not tell the parts"),
    ],
)
def test_unclear_numbering_is_refused(
    a_cohort: Cohort, masks: FolderNumbering, references: FolderNumbering, message: str
) -> None:
    pair = a_cohort.add("a", a_tumour(enhancing=3), a_tumour(enhancing=3))
    with pytest.raises(InputError, match=message):
        scored(pair, masks, references)


def test_masks_of_two_numberings_in_one_folder_are_refused(a_cohort: Cohort) -> None:
    both = FolderNumbering(labels=frozenset({1, 2, 3, 4}))
    with pytest.raises(InputError, match="label 4 is enhancing in brats-2016, cavity in brats-2024"):
        scored(a_cohort.add("a", a_tumour(), a_tumour()), both)


def test_mask_of_one_label_among_divided_ones_is_not_guessed(a_cohort: Cohort) -> None:
    pair = a_cohort.add("a", REFERENCE, a_tumour())
    among = frozenset({1, 2, 4})
    with pytest.raises(GliomicsError, match=r"region .* of mask a"):
        scored(pair, FolderNumbering(labels=among))
    assert scored(pair, FolderNumbering("brats-2021", among)).regions["oedema"]["dice"] == 0.0


def test_tables_have_the_regions(a_cohort: Cohort, tmp_path: Path) -> None:
    pairs = [
        replace(pair, mask_numbering=NUMBERED, reference_numbering=NUMBERED)
        for n in range(5)
        if (pair := a_cohort.add(f"p{n}", a_tumour(width=2 if n else 4), a_tumour()))
    ]
    evaluation = evaluate_masks(pairs)
    write_tables(evaluation, {}, tmp_path / "out")
    rows = {(r["region"], r["metric"], r["statistic"]): r for r in region_rows(evaluation)}
    mean = rows["enhancing", "dice", "mean"]
    assert (mean["value"], mean["n"]) == (pytest.approx((1 + 4 * 2 / 3) / 5), 5)
    assert mean["low"] < mean["value"] < mean["high"]
    assert rows["enhancing", "lesionwise_found", "total"]["value"] == 5
    patients, studies = (rows_of(tmp_path / "out" / f"{name}.csv") for name in ("patients", "studies"))
    assert patients[0]["enhancing_dice"] == studies[0]["enhancing_dice"] == "1.0"
    assert (studies[1]["study_id"], studies[1]["whole_lesionwise_dice"]) == ("p1", "1.0")
    assert len(rows_of(tmp_path / "out" / "regions.csv")) == len(rows)


def test_binary_masks_have_no_regions_in_their_tables(ten_patients: Callable[[], list[Pair]], tmp_path: Path) -> None:
    write_tables(evaluate_masks(ten_patients()), {}, tmp_path)
    assert not (tmp_path / "regions.csv").exists() and not (tmp_path / "studies.csv").exists()
    assert "whole_dice" not in rows_of(tmp_path / "patients.csv")[0]


def test_names_of_segments_come_before_values() -> None:
    names = {1: "Edema", 2: "Enhancing tumor", 3: "Necrosis"}
    untold = FolderNumbering()
    numbering = untold.of(a_tumour(3, 1, 2), "a mask", study="brats-2023", segments=names)
    assert untold.tells_parts(numbering)
    assert region_labels(numbering, "a mask")["tumour-core"] == {2, 3}
    assert not untold.tells_parts(untold.of(REFERENCE, "a mask", study=None, segments={1: "tumour"}))
    assert untold.tells_parts(untold.of(REFERENCE, "a mask", study=None, segments={1: "necrosis"}))
