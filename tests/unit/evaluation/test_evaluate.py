"""Scores of studies and patients."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gliomics.errors import GeometryError
from gliomics.evaluation import evaluate_masks
from gliomics.evaluation.masks import METRICS, score_pair
from gliomics.study import Volume

from .conftest import AFFINE, EMPTY, HALF, REFERENCE, VOXEL_ML, Cohort, a_box


def test_scores_by_hand_in_millimetres_and_millilitres(a_cohort: Cohort) -> None:
    values = score_pair(a_cohort.add("a", HALF), HALF, REFERENCE).values
    assert list(values) == list(METRICS)
    assert values["dice"] == pytest.approx(2 / 3)
    assert (values["iou"], values["precision"], values["sensitivity"]) == (0.5, 1.0, 0.5)
    assert values["reference_ml"] == pytest.approx(320 * VOXEL_ML)
    assert values["volume_error_ml"] == pytest.approx(160 * VOXEL_ML)
    assert (values["relative_volume_error"], values["relative_volume_difference"]) == (0.5, -0.5)
    assert (values["lesions"], values["found_lesions"], values["lesion_sensitivity"]) == (1, 1, 1.0)
    # The reference's far side is four voxels of 2 mm from the mask's.
    assert values["hausdorff_95_mm"] == pytest.approx(8.0)
    assert all(math.isnan(values[name]) for name in ("hausdorff_95_voxels", "volume_error_voxels"))


def test_unknown_voxel_size_gives_voxels_and_nothing_in_millimetres(a_cohort: Cohort) -> None:
    values = score_pair(a_cohort.add("a", HALF, spacing_known=False), HALF, REFERENCE).values
    assert values["hausdorff_95_voxels"] == pytest.approx(4.0)
    assert values["volume_error_voxels"] == 160
    assert all(math.isnan(value) for name, value in values.items() if name.endswith(("_mm", "_ml")))


def test_every_label_value_is_lesion(a_cohort: Cohort) -> None:
    several = REFERENCE.with_array(REFERENCE.array * np.array([1, 2, 4] * 8, dtype=np.uint8)[:, None, None])
    assert score_pair(a_cohort.add("a", REFERENCE), REFERENCE, several).values["dice"] == 1.0


def test_cavity_is_no_lesion_where_the_study_is_numbered_so(a_cohort: Cohort) -> None:
    several = REFERENCE.with_array(REFERENCE.array * np.array([1, 2, 3, 4] * 6, dtype=np.uint8)[:, None, None])
    pair = a_cohort.add("a", REFERENCE)
    without = REFERENCE.with_array(np.where(several.array == 4, 0, several.array))
    numbered = replace(pair, study=replace(pair.study, numbering="brats-2024"))
    assert score_pair(numbered, without, several).values["dice"] == 1.0
    assert any(
        "label 4 of the reference was counted as lesion" in note for note in score_pair(pair, without, several).notes
    )


@pytest.mark.parametrize(
    ("mask", "reference", "dice", "note"),
    [
        (EMPTY, REFERENCE, 0.0, "the mask is empty: no distances"),
        (REFERENCE, EMPTY, 0.0, "the reference is empty: no distances"),
        (EMPTY, EMPTY, 1.0, "the mask and the reference are empty: no distances"),
    ],
)
def test_empty_volumes_are_scored_and_noted(
    a_cohort: Cohort, mask: Volume, reference: Volume, dice: float, note: str
) -> None:
    scores = score_pair(a_cohort.add("a", mask, reference), mask, reference)
    assert scores.values["dice"] == dice
    assert math.isnan(scores.values["hausdorff_95_mm"]) and math.isnan(scores.values["surface_distance_mm"])
    assert scores.notes == [note]


def test_reference_of_specks_only_is_noted(a_cohort: Cohort) -> None:
    specks = a_box(slice(2, 4), slice(2, 4), slice(2, 3))
    scores = score_pair(a_cohort.add("a", specks, specks), specks, specks)
    assert scores.notes == ["the reference has no component of 10 voxels: no lesion is counted"]


def test_patient_with_several_studies_counts_once_with_their_mean(a_cohort: Cohort) -> None:
    pairs = [
        a_cohort.add("a1", REFERENCE, patient="A"),
        a_cohort.add("a2", EMPTY, patient="A"),
        a_cohort.add("b", HALF, patient="B"),
    ]
    evaluation = evaluate_masks(pairs)
    assert [patient.patient_id for patient in evaluation.patients] == ["A", "B"]
    patient = evaluation.patients[0]
    assert patient.values["dice"] == pytest.approx(0.5)
    assert patient.values["hausdorff_95_mm"] == 0.0  # of the one study that has one
    assert patient.notes == ["a2: the mask is empty: no distances"]
    assert evaluation.voxels.lesion == 3 * 320
    assert len(evaluation.slices) == 3 * 6


def test_bad_pair_is_reported_and_the_others_go_on(a_cohort: Cohort) -> None:
    shifted = Volume(HALF.array, AFFINE + np.array([[0, 0, 0, 30.4]] + [[0.0] * 4] * 3))
    pairs = [a_cohort.add("a", HALF), a_cohort.add("b", shifted), a_cohort.add("c", HALF), a_cohort.add("d", HALF)]
    pairs[2].mask.write_bytes(pairs[2].mask.read_bytes()[:40])
    failed: dict[str, str] = {}
    evaluation = evaluate_masks(pairs, on_failed=lambda pair, error: failed.update({pair.study.id: str(error)}))
    assert [patient.patient_id for patient in evaluation.patients] == ["a", "d"]
    assert set(failed) == {"b", "c"}
    assert "geometry of mask b.nii.gz differs from the reference of study 'b': origin" in failed["b"]
    assert "c.nii.gz is truncated or damaged" in failed["c"]


def test_bad_pair_raises_where_nobody_listens(a_cohort: Cohort) -> None:
    other = Volume(np.ones((3, 3, 3), dtype=np.uint8), 1.5 * AFFINE)
    with pytest.raises(GeometryError, match=r"size \(3, 3, 3\) vs \(24, 20, 6\)"):
        evaluate_masks([a_cohort.add("a", other)])


def by_dice(a_cohort: Cohort, count: int) -> dict[str, str]:
    masks = [a_box(slice(4, 12), slice(4, 4 + 2 * n), slice(1, 5)) for n in range(1, count + 1)]
    pairs = [a_cohort.add(f"p{n}", mask) for n, mask in enumerate(masks, start=1)]
    return {name: patient.patient_id for name, patient in evaluate_masks(pairs).examples().items()}


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, {"best": "p1"}),
        (2, {"best": "p2", "worst": "p1"}),
        (3, {"best": "p3", "median": "p2", "worst": "p1"}),
        (4, {"best": "p4", "median": "p2", "worst": "p1"}),
    ],
)
def test_examples_are_the_best_median_and_worst_patient(a_cohort: Cohort, count: int, expected: dict) -> None:
    assert by_dice(a_cohort, count) == expected
    assert list(by_dice(a_cohort, count)) == list(expected)


def test_study_shown_of_a_patient_is_the_nearest_to_the_mean(a_cohort: Cohort) -> None:
    nearly = a_box(slice(4, 12), slice(4, 13), slice(1, 5))
    masks = {"a1": EMPTY, "a2": HALF, "a3": nearly}
    evaluation = evaluate_masks([a_cohort.add(name, mask, patient="A") for name, mask in masks.items()])
    assert evaluation.patients[0].typical.pair.study.id == "a2"
