from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.features.describe import descriptions
from gliomics.features.ibsi.catalogue import NOT_MEASURED, catalogue, split_tag
from gliomics.features.ibsi.comparison import PHANTOMS, ConsensusValue, consensus_values, half_a_digit
from gliomics.study import read_mask
from tests.unit.features.ibsi import RELATIONS, Plain, measure_plain
from tests.unit.features.pages import IBSI_PAGE, ibsi_page

pytestmark = pytest.mark.slow

CONSENSUS = {"digital": 482, "A": 346, "B": 346, "C": 210, "D": 210, "E": 210}
PLAIN = {"digital": (385, 385), "A": (267, 236), "B": (267, 60), "C": (149, 25), "D": (149, 23), "E": (149, 16)}


@pytest.fixture(scope="module")
def values(real_data: Path) -> list[ConsensusValue]:
    return list(consensus_values(real_data / "ibsi"))


@pytest.fixture(scope="module")
def plain(real_data: Path) -> dict[str, Plain]:
    return measure_plain(real_data / "ibsi")


@pytest.mark.realdata
@pytest.mark.parametrize("phantom", [phantom.name for phantom in PHANTOMS])
def test_every_value_with_a_consensus_is_within_its_tolerance(phantom: str, values: list[ConsensusValue]) -> None:
    compared = [value for value in values if value.test == phantom]
    assert len(compared) == CONSENSUS[phantom]
    assert [(value.tag, value.ours, value.consensus) for value in compared if not value.matches] == []


@pytest.mark.realdata
def test_classes_of_pyradiomics_reach_the_consensus_where_resampling_and_slices_leave_them(
    values: list[ConsensusValue], plain: dict[str, Plain]
) -> None:
    for phantom, (existing, matching) in PLAIN.items():
        compared = [value for value in values if value.test == phantom and plain[phantom].value(value) is not None]
        matches = [value for value in compared if plain[phantom].matches(value)]
        assert (len(compared), len(matches)) == (existing, matching), phantom
    missed = [value for value in values if value.test == "A" and not plain["A"].matches(value)]
    assert {split_tag(value.tag)[1][:3] for value in missed if value.of.feature} == {"2D", "2D_"}


@pytest.mark.realdata
def test_known_reasons_account_for_the_difference_to_the_last_digit(
    values: list[ConsensusValue], plain: dict[str, Plain]
) -> None:
    explained = [value for value in values if value.test == "digital" and value.of.relation in ("excess", "unbiased")]
    assert [value.tag for value in explained] == [
        "morph_pca_maj_axis", "morph_pca_min_axis", "morph_pca_least_axis", "stat_kurt",
    ]  # fmt: skip
    for value in explained:
        found = plain["digital"].value(value)
        assert found is not None
        related = RELATIONS[value.of.relation](found, plain["digital"].voxels)
        assert related == pytest.approx(value.consensus, abs=half_a_digit(value.consensus)), value.tag


@pytest.mark.realdata
def test_axes_of_the_consensus_are_those_of_the_covariance_over_n_minus_1(
    real_data: Path, values: list[ConsensusValue], plain: dict[str, Plain]
) -> None:
    mask = read_mask(real_data / "ibsi" / PHANTOMS[0].mask)
    centres = np.argwhere(mask.array > 0) * np.asarray(mask.spacing)
    by_tag = {value.tag: value for value in values if value.test == "digital"}
    biased, unbiased = (4 * np.sqrt(np.linalg.eigvalsh(np.cov(centres.T, ddof=lost))) for lost in (0, 1))
    for name, over_n, over_n_minus_1 in zip(("least", "min", "maj"), biased, unbiased, strict=True):
        value = by_tag[f"morph_pca_{name}_axis"]
        assert plain["digital"].value(value) == pytest.approx(over_n, rel=1e-9)
        assert value.ours == pytest.approx(over_n_minus_1, rel=1e-9)


@pytest.mark.realdata
def test_page_says_what_is_computed_now(values: list[ConsensusValue], plain: dict[str, Plain]) -> None:
    assert IBSI_PAGE.read_text(encoding="utf-8") == ibsi_page(values, plain), (
        "docs/reference/ibsi.md is out of date; run python -m tests.unit.features.pages"
    )


def test_codes_of_the_descriptions_are_those_of_the_features_that_the_catalogue_names() -> None:
    codes = {f"{one.feature_class}_{one.name}": one.ibsi_code for one in descriptions() if one.feature_class != "ibsi"}
    entries = catalogue().values()
    named = {entry.feature: entry.code for entry in entries if entry.feature and entry.relation != "alias"}
    assert named == {feature: code for feature, code in codes.items() if code}
    assert {entry.code for entry in entries if not entry.feature}.isdisjoint(codes.values())


def test_every_measured_feature_of_the_standard_is_described_with_its_code() -> None:
    described = {one.name: one.ibsi_code for one in descriptions() if one.feature_class == "ibsi"}
    assert described == {tag: entry.code for tag, entry in catalogue().items() if tag not in NOT_MEASURED}
    assert len({*described.values()}) == len(described) - 2, "v10 and v90, i10 and i90 share a code each"


def test_catalogue_has_a_relation_exactly_where_it_has_a_feature() -> None:
    for entry in catalogue().values():
        assert (entry.relation in RELATIONS) == bool(entry.feature), entry.tag


@pytest.mark.parametrize(
    ("reference", "allowed"), [(556.0, 0.5), (1490.0, 5.0), (2.9, 0.005), (-0.0121, 0.00005), (0.00963, 0.000005)]
)
def test_consensus_values_are_known_to_three_digits(reference: float, allowed: float) -> None:
    assert half_a_digit(reference) == pytest.approx(allowed, abs=2e-9)
