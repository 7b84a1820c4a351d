from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliomics.cohort.stability import (
    FeatureStability,
    Icc,
    icc_2_1,
    measure_stability,
    read_stability_csv,
    stability,
    stability_notes,
    write_stability_csv,
)
from gliomics.errors import GliomicsError, InputError
from gliomics.radiomics.config import parse_config
from gliomics.radiomics.perturb import PERTURBATIONS
from gliomics.records import FeatureTable
from gliomics.study import Study, write_mask
from tests.unit.radiomics.heads import lesion, write_study

SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
"""Table 2 of Shrout and Fleiss 1979: 6 targets, 4 judges."""

QUICK = parse_config({"featureClass": {"shape": ["VoxelVolume"], "firstorder": ["Mean", "Range"]}}, "quick.yaml")


def ratings(seed: int, n: int, k: int, between: float, raters: float, rest: float) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(0, between, (n, 1)) + random.normal(0, raters, (1, k)) + random.normal(0, rest, (n, k))


def by_variance_components(table: np.ndarray) -> float:
    """ICC(2,1) as a ratio of variances, from the residuals of least-squares fits with and without each effect."""
    n, k = table.shape
    one = np.ones((n * k, 1))
    targets, raters = np.kron(np.eye(n), np.ones((k, 1))), np.kron(np.ones((n, 1)), np.eye(k))

    def left(*effects: np.ndarray) -> float:
        design = np.hstack([one, *effects])
        return float(np.sum((table.ravel() - design @ np.linalg.lstsq(design, table.ravel(), rcond=None)[0]) ** 2))

    rest = left(targets, raters) / ((n - 1) * (k - 1))
    of_targets = ((left(raters) - left(targets, raters)) / (n - 1) - rest) / k
    of_raters = ((left(targets) - left(targets, raters)) / (k - 1) - rest) / n
    return of_targets / (of_targets + of_raters + rest)


def test_published_example_gives_the_published_icc_and_interval() -> None:
    found = icc_2_1(SHROUT_FLEISS)
    assert (found.n, found.k) == (6, 4)
    assert found.value == pytest.approx(0.29, abs=0.005)
    # The interval that R's psych::ICC prints for these data.
    assert (found.low, found.high) == (pytest.approx(0.019, abs=0.0005), pytest.approx(0.76, abs=0.005))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 12),
    k=st.integers(2, 8),
    spread=st.tuples(st.floats(0, 3), st.floats(0, 3), st.floats(0.1, 3)),
)
def test_icc_is_the_share_of_the_variance_between_targets(
    seed: int, n: int, k: int, spread: tuple[float, float, float]
) -> None:
    table = ratings(seed, n, k, *spread)
    assert icc_2_1(table).value == pytest.approx(by_variance_components(table), rel=1e-6, abs=1e-9)


def test_icc_of_two_raters_is_the_concordance_of_two_variables() -> None:
    # Lin's concordance 2 s12 / (s1^2 + s2^2 + (m1 - m2)^2), but for the share of chance in the means' difference.
    first, second = ratings(3, 20, 2, 2, 1, 1).T
    shared = np.cov(first, second)
    chance = np.var(first - second, ddof=1) / 20
    expected = 2 * shared[0, 1] / (shared[0, 0] + shared[1, 1] + (first.mean() - second.mean()) ** 2 - chance)
    assert icc_2_1(np.stack([first, second], axis=1)).value == pytest.approx(expected)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), gain=st.floats(1e-6, 1e6), offset=st.floats(-1e3, 1e3))
def test_unit_and_zero_of_a_feature_do_not_count(seed: int, gain: float, offset: float) -> None:
    table = ratings(seed, 8, 4, 2, 1, 1)
    plain, changed = icc_2_1(table), icc_2_1(gain * (table + offset))
    assert (changed.value, changed.low, changed.high) == pytest.approx((plain.value, plain.low, plain.high), abs=1e-5)


def test_interval_holds_the_true_icc_in_95_of_100_samples() -> None:
    true = 2**2 / (2**2 + 0.5**2 + 1)
    found = [icc_2_1(ratings(seed, 20, 5, 2, 0.5, 1)) for seed in range(1000)]
    assert np.mean([one.low <= true <= one.high for one in found]) == pytest.approx(0.95, abs=0.025)


def test_more_targets_make_the_interval_narrower() -> None:
    few, many = (icc_2_1(ratings(0, n, 5, 2, 0, 1)) for n in (4, 100))
    assert few.high - few.low > 2 * (many.high - many.low)


def test_raters_that_agree_have_an_icc_of_1_and_those_that_differ_by_a_constant_less() -> None:
    same = icc_2_1([[1, 1], [2, 2], [4, 4]])
    assert (same.value, same.low, same.high) == pytest.approx((1, 1, 1))
    # Targets vary by 7/3, raters by 25/2.
    assert icc_2_1([[1, 6], [2, 7], [4, 9]]).value == pytest.approx((7 / 3) / (7 / 3 + 25 / 2))


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([[1.0, 2.0, 3.0]], "1 target; an ICC needs 2"),
        ([[1.0], [2.0]], "1 rater; an ICC needs 2"),
        (np.zeros((0, 3)), "0 targets; an ICC needs 2"),
        ([[0.1, 0.1, 0.1], [0.1, 0.1, 0.1]], "the feature has one value everywhere"),
        ([[1.0, 2.0], [2.0, 1.0]], "the targets do not differ"),
    ],
)
def test_no_icc_has_a_reason(table: object, reason: str) -> None:
    found = icc_2_1(table)  # type: ignore[arg-type]
    assert math.isnan(found.value)
    assert math.isnan(found.low)
    assert found.reason == reason


@pytest.mark.parametrize(
    ("low", "grade", "unstable"),
    [(0.95, "excellent", False), (0.8, "good", False), (0.6, "moderate", True), (-0.2, "poor", True)],
)
def test_grade_follows_the_lower_end_of_the_interval(low: float, grade: str, unstable: bool) -> None:
    found = FeatureStability("x", Icc(0.97, low, 0.99, 5, 5), 0.1)
    assert (found.grade, found.is_unstable) == (grade, unstable)


def test_a_feature_without_an_icc_is_neither_stable_nor_unstable() -> None:
    found = FeatureStability("x", icc_2_1([[1.0, 2.0]]), 0.1)
    assert (found.grade, found.is_unstable) == ("unknown", False)


def rows(**features: list[float]) -> list[FeatureTable]:
    count = len(next(iter(features.values())))
    return [
        FeatureTable(f"case-{row}", "whole", {name: values[row] for name, values in features.items()})
        for row in range(count)
    ]


def test_stability_is_the_icc_of_each_feature_over_the_rows_that_all_raters_have() -> None:
    judges = {f"judge-{k}": rows(x=[row[k] for row in SHROUT_FLEISS], y=[1.0] * 6) for k in range(4)}
    judges["judge-1"] = [FeatureTable("case-9", "whole", {"x": 5.0}), *reversed(judges["judge-1"])]
    x, y = stability(judges)
    assert (x.feature, x.icc) == ("x", icc_2_1(SHROUT_FLEISS))
    assert y.icc.reason == "the feature has one value everywhere"


def test_regions_of_one_study_are_targets() -> None:
    tables = {
        f"rater-{k}": [
            FeatureTable("case", region, {"x": base + k}) for region, base in (("whole", 9), ("enhancing", 2))
        ]
        for k in range(3)
    }
    (found,) = stability(tables)
    assert (found.icc.n, found.icc.k) == (2, 3)


def test_a_feature_that_one_rater_lacks_loses_that_target_only() -> None:
    judges = {
        f"judge-{k}": rows(x=[row[k] for row in SHROUT_FLEISS], y=[row[k] for row in SHROUT_FLEISS]) for k in range(4)
    }
    del judges["judge-2"][3].values["y"]
    x, y = stability(judges)
    assert (x.icc.n, y.icc.n) == (6, 5)
    assert y.icc == icc_2_1([row for number, row in enumerate(SHROUT_FLEISS) if number != 3])


def test_variation_is_the_median_of_sd_over_mean_within_targets() -> None:
    tables = {rater: rows(x=values) for rater, values in {"a": [9.0, 1.0, 10.0], "b": [11.0, 1.0, 30.0]}.items()}
    (found,) = stability(tables)
    assert found.variation == pytest.approx(math.sqrt(2) / 10)


def test_tables_without_a_common_row_are_refused() -> None:
    tables = {"a": [FeatureTable("x", "whole", {"f": 1.0})], "b": [FeatureTable("x", "enhancing", {"f": 1.0})]}
    with pytest.raises(InputError, match="tables of a, b have no study and region in common"):
        stability(tables)


def test_tables_of_different_configurations_are_refused() -> None:
    tables = {
        rater: [FeatureTable("x", "whole", {"f": 1.0}, {"config_sha256": digest})]
        for rater, digest in {"a": "1" * 64, "b": "2" * 64}.items()
    }
    with pytest.raises(InputError, match="'x' was measured with configuration 222222222222, others with 111111111111"):
        stability(tables)


def test_table_reads_back_as_written(tmp_path: Path) -> None:
    found = [
        FeatureStability("x", Icc(0.29, 0.0188, 0.7611, 6, 4), 0.25, "ab" * 32),
        FeatureStability("y", icc_2_1([[1.0, 2.0]]), 0.5, "ab" * 32),
    ]
    write_stability_csv(found, tmp_path / "icc.csv")
    x, y = read_stability_csv(tmp_path / "icc.csv")
    assert x == found[0]
    assert (y.icc.reason, y.icc.n, y.variation, y.grade) == ("1 target; an ICC needs 2", 1, 0.5, "unknown")
    header, first, second = (tmp_path / "icc.csv").read_text().splitlines()
    assert header == "feature,icc,low,high,grade,cv,n,k,config_sha256,note"
    assert first == f"x,0.2900,0.0188,0.7611,poor,0.25,6,4,{'ab' * 32},"
    assert second.startswith("y,,,,unknown,0.5,1,2,")


@pytest.mark.parametrize(
    "text", ["study_id,x\nA,1\n", "feature,icc,low,high,grade,cv,n,k,config_sha256,note\nx,high,,,,,,,,\n"]
)
def test_another_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(InputError, match=r"other.csv is not a stability table: expected the columns feature, icc, low"):
        read_stability_csv(tmp_path / "other.csv")


def test_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.csv cannot be read: No such file"):
        read_stability_csv(tmp_path / "none.csv")


def test_few_targets_and_missing_iccs_are_said() -> None:
    found = [FeatureStability("x", Icc(0.9, 0.2, 0.99, 4, 5), 0.1), FeatureStability("y", icc_2_1([[1.0, 2.0]]), 0.1)]
    few, missing = stability_notes(found)
    assert few.startswith("4 targets only: the intervals are wide")
    assert missing == "1 of 2 features have no ICC; the column note says why"
    assert stability_notes([FeatureStability("x", Icc(0.9, 0.8, 0.99, 88, 9), 0.1)]) == []


# Measuring


@pytest.fixture
def studies(tmp_path: Path) -> list[Study]:
    return [write_study(tmp_path / "studies", f"case-{number}", seed=number) for number in range(3)]


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    return tmp_path / "studies" / "labels" / "final"


def test_one_folder_is_measured_under_every_perturbation(studies: list[Study], masks: Path) -> None:
    found = {one.feature: one for one in measure_stability(studies, [masks], QUICK)}
    assert set(found) == {
        "original_shape_VoxelVolume",
        *(f"{sequence}_original_firstorder_{name}" for sequence in ("flair", "t1c") for name in ("Mean", "Range")),
    }
    mean = found["flair_original_firstorder_Mean"]
    assert (mean.icc.n, mean.icc.k) == (3, len(PERTURBATIONS))
    assert mean.config_sha256 == QUICK.digest
    assert 0 < mean.variation < 0.2


def test_several_folders_are_raters(studies: list[Study], masks: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    for study in studies:
        write_mask(lesion(0).with_array((lesion(0).array == 1).astype(np.uint8)), small / f"{study.id}.nii.gz")
    volume = {one.feature: one for one in measure_stability(studies, [masks, small], QUICK)}[
        "original_shape_VoxelVolume"
    ]
    assert (volume.icc.n, volume.icc.k) == (3, 2)
    sizes = np.array([np.count_nonzero(lesion().array), np.count_nonzero(lesion(0).array == 1)])
    assert volume.variation == pytest.approx(sizes.std(ddof=1) / sizes.mean())


def test_what_one_rater_lacks_is_reported_and_left_out_for_all(
    studies: list[Study], masks: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    write_mask(lesion(), other / "case-0.nii.gz")
    write_mask(lesion(0), other / "case-1.nii.gz")
    write_mask(lesion(0), masks / "case-1.nii.gz")
    said: list[tuple[str, str]] = []

    def on_error(study_id: str, error: GliomicsError) -> None:
        said.append((study_id, str(error)))

    found = measure_stability(studies, [masks, other], QUICK, ["whole", "enhancing"], on_error=on_error)
    assert found[0].icc.n == 3, "whole of case-0 and case-1, enhancing of case-1"
    assert [study_id for study_id, _ in said] == ["case-0", "case-2"]
    assert "region 'enhancing' is empty" in said[0][1]
    assert f"no mask case-2.nii.gz in {other}" in said[1][1]


def test_nothing_measured_is_an_error(studies: list[Study], tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no region was measured under all masks"):
        measure_stability(studies, [tmp_path / "none"], QUICK)
