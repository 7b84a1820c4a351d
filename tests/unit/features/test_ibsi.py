from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from gliomics.features.describe import descriptions
from tests.unit.features.ibsi import (
    AGGREGATIONS,
    RELATIONS,
    Comparison,
    Phantom,
    compare,
    half_a_digit,
    measure,
    read_mapping,
    read_phantom,
    split,
)
from tests.unit.features.ibsi_ct import Reached, compare_ct
from tests.unit.features.pages import IBSI_PAGE, ibsi_page

pytestmark = pytest.mark.slow

DIFFERENT = {"stat_kurt", "morph_pca_min_axis", "morph_pca_least_axis"}


@pytest.fixture(scope="module")
def phantom(real_data: Path) -> Phantom:
    return read_phantom(real_data / "ibsi")


@pytest.fixture(scope="module")
def comparisons(phantom: Phantom) -> list[Comparison]:
    return compare(phantom)


@pytest.fixture(scope="module")
def reached(real_data: Path) -> list[Reached]:
    return compare_ct(real_data / "ibsi" / "ct_phantom")


@pytest.mark.realdata
def test_without_resampling_every_feature_is_that_of_the_consensus_but_in_single_slices(reached: list[Reached]) -> None:
    of_a = {comparison.way: comparison for comparison in reached if comparison.configuration == "A"}
    assert of_a["without texture"].matched == of_a["without texture"].values == 31
    assert of_a["2.5-D"].matched == of_a["2.5-D"].values == 118
    assert of_a["2-D"].matched < of_a["2-D"].values


@pytest.mark.realdata
def test_every_consensus_value_matches_or_differs_for_a_known_reason(comparisons: list[Comparison]) -> None:
    assert [comparison.tag for comparison in comparisons if comparison.outcome == "unexplained"] == []
    assert Counter(comparison.outcome for comparison in comparisons) == {
        "matches": 382,
        "differs": 3,
        "not in PyRadiomics": 102,
    }
    assert {comparison.tag for comparison in comparisons if comparison.outcome == "differs"} == DIFFERENT


@pytest.mark.realdata
def test_known_reasons_account_for_the_difference_to_the_last_digit(
    phantom: Phantom, comparisons: list[Comparison]
) -> None:
    explained = [comparison for comparison in comparisons if comparison.of.relation in ("excess", "unbiased")]
    assert {comparison.tag for comparison in explained} == DIFFERENT | {"morph_pca_maj_axis"}
    for comparison in explained:
        reference, _ = phantom.reference[comparison.tag]
        assert reference is not None and comparison.related_deviation is not None
        assert abs(comparison.related_deviation * reference) <= half_a_digit(reference), comparison.tag


@pytest.mark.realdata
def test_axes_of_the_consensus_are_those_of_the_covariance_over_n_minus_1(phantom: Phantom) -> None:
    centres = np.argwhere(phantom.mask.array > 0) * np.asarray(phantom.mask.spacing)
    ours = measure(phantom, AGGREGATIONS["3D"])
    names = {"LeastAxisLength": "least", "MinorAxisLength": "min", "MajorAxisLength": "maj"}
    biased, unbiased = (4 * np.sqrt(np.linalg.eigvalsh(np.cov(centres.T, ddof=lost))) for lost in (0, 1))
    for (name, tag), over_n, over_n_minus_1 in zip(names.items(), biased, unbiased, strict=True):
        assert ours[f"shape_{name}"] == pytest.approx(over_n, rel=1e-9)
        reference, _ = phantom.reference[f"morph_pca_{tag}_axis"]
        assert reference is not None
        assert over_n_minus_1 == pytest.approx(reference, abs=half_a_digit(reference))


@pytest.mark.realdata
def test_mapping_and_the_phantom_s_table_name_the_same_features(phantom: Phantom) -> None:
    assert {split(tag)[0] for tag in phantom.reference} == set(read_mapping())


@pytest.mark.realdata
def test_page_says_what_is_computed_now(comparisons: list[Comparison], reached: list[Reached]) -> None:
    assert IBSI_PAGE.read_text(encoding="utf-8") == ibsi_page(comparisons, reached), (
        "docs/reference/ibsi.md is out of date; run python -m tests.unit.features.pages"
    )


def test_codes_of_the_descriptions_are_those_of_the_features_that_the_mapping_names() -> None:
    ours = {f"{entry.feature_class}_{entry.name}": entry.ibsi_code for entry in descriptions()}
    mapping = read_mapping().values()
    named = {entry.feature: entry.code for entry in mapping if entry.feature and entry.relation != "alias"}
    assert named == {feature: code for feature, code in ours.items() if code}
    assert {entry.code for entry in mapping if not entry.feature}.isdisjoint(ours.values())


def test_mapping_has_a_relation_exactly_where_it_has_a_feature() -> None:
    for entry in read_mapping().values():
        assert (entry.relation in RELATIONS) == bool(entry.feature), entry.tag


@pytest.mark.parametrize(
    ("reference", "allowed"), [(556.0, 0.5), (1490.0, 5.0), (2.9, 0.005), (-0.0121, 0.00005), (0.00963, 0.000005)]
)
def test_consensus_values_are_known_to_three_digits(reference: float, allowed: float) -> None:
    assert half_a_digit(reference) == pytest.approx(allowed, abs=2e-9)
