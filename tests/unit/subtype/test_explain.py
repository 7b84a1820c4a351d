"""What features add to an estimate, against the probabilities of the shipped models."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from gliomics.models import ModelStore
from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.subtype.blocks import AGE
from gliomics.subtype.circumstances import Circumstances
from gliomics.subtype.doubt.population import PopulationRange
from gliomics.subtype.predict import SubtypeModel

NAMES = ("subtype_idh", "subtype_codeletion", "subtype_coc2")


def opened(name: str) -> SubtypeModel:
    return SubtypeModel(ModelStore().current(name))


def a_row(model: SubtypeModel, seed: int) -> FeatureRow:
    """A patient whose features are drawn among the training patients'."""
    rng = np.random.default_rng(seed)
    values = {
        name: span.quantile(float(rng.uniform(0.05, 0.95))) for name, span in model.population.items() if name != AGE
    }
    return FeatureRow("a-study", "whole", values)


def without_t1c(row: FeatureRow) -> FeatureRow:
    return FeatureRow(row.study_id, row.region, {n: v for n, v in row.values.items() if not n.startswith("t1c_")})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("age", [None, 30.0, 80.0])
def test_contributions_and_intercept_add_up_to_the_log_odds(name: str, age: float | None) -> None:
    model = opened(name)
    for row in (a_row(model, 1), without_t1c(a_row(model, 2))):
        estimate = model.estimate(row, Circumstances(age=age))
        probability = estimate.probabilities[estimate.predicted]
        assert estimate.intercept is not None
        total = estimate.intercept + sum(part.log_odds for part in estimate.contributions)
        assert total == pytest.approx(np.log(probability / (1 - probability)), rel=1e-6)
        assert estimate.intercept + sum(estimate.groups.values()) == pytest.approx(total)
        assert ("age" in estimate.groups) == (age is not None)


@pytest.mark.parametrize("name", NAMES)
def test_an_estimate_takes_little_time_beyond_the_features(name: str) -> None:
    model = opened(name)
    row = a_row(model, 3)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        model.estimate(row, Circumstances(age=50.0))
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.05


def test_every_feature_has_its_part_the_strongest_first() -> None:
    model = opened("subtype_idh")
    estimate = model.estimate(a_row(model, 4))
    sizes = [abs(part.log_odds) for part in estimate.contributions]
    assert sizes == sorted(sizes, reverse=True)
    assert {part.feature for part in estimate.contributions} == set(model.features)
    assert all(part.value is not None and 1 <= (part.percentile or 0) <= 99 for part in estimate.contributions)
    assert all(set(part.medians) == {"mutant", "wildtype"} for part in estimate.contributions)


def test_an_estimate_travels_whole() -> None:
    model = opened("subtype_idh")
    estimate = model.estimate(a_row(model, 1), Circumstances(50.0, {"wildtype": 0.35}))
    assert SubtypeEstimate.from_json(json.loads(json.dumps(estimate.to_json()))) == estimate


def test_percentiles_lie_between_the_outermost_levels_and_in_the_middle_of_equal_values() -> None:
    span = PopulationRange([0.01, 0.25, 0.5, 0.75, 0.99], [0.0, 1.0, 1.0, 1.0, 5.0], {"a": [0.0, 0, 1, 2, 3]})
    assert [span.percentile(value) for value in (-9.0, 0.0, 1.0, 3.0, 99.0)] == [1.0, 1.0, 50.0, 87.0, 99.0]
    assert span.medians == {"a": 1.0}
