"""What features add to an estimate, against the probabilities of the shipped models' members."""

from __future__ import annotations

import numpy as np
import pytest

from gliomics.models import ModelStore
from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.subtype import persist
from gliomics.subtype.ensemble import Ensemble
from gliomics.subtype.population import PopulationRange
from gliomics.subtype.predict import SubtypeModel

NAMES = ("subtype_idh", "subtype_coc")


def opened(name: str) -> tuple[SubtypeModel, Ensemble]:
    folder = ModelStore().current(name)
    return SubtypeModel(folder), persist.read(folder)[1]


def a_row(model: SubtypeModel, seed: int) -> FeatureRow:
    """A patient whose features are drawn among the training patients'."""
    rng = np.random.default_rng(seed)
    values = {name: span.quantile(float(rng.uniform(0.05, 0.95))) for name, span in model.population.items()}
    return FeatureRow("a-study", "whole", values)


def without_t1c(row: FeatureRow) -> FeatureRow:
    return FeatureRow(row.study_id, row.region, {n: v for n, v in row.values.items() if not n.startswith("t1c_")})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_contributions_and_intercept_add_up_to_the_members_mean_log_odds(name: str, seed: int) -> None:
    model, ensemble = opened(name)
    for row in (a_row(model, seed), without_t1c(a_row(model, seed))):
        estimate = model.estimate(row)
        values = np.array([row.values.get(feature, np.nan) for feature in model.features])
        logs = np.log(ensemble.member_probabilities(values[None])[:, 0])
        k = list(estimate.probabilities).index(estimate.predicted)
        others = [c for c in range(logs.shape[1]) if c != k]
        log_odds = (logs[:, k] - logs[:, others].mean(axis=1)).mean()
        assert estimate.intercept is not None
        total = estimate.intercept + sum(part.log_odds for part in estimate.contributions)
        assert total == pytest.approx(log_odds, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_a_patient_with_the_training_means_is_the_intercept(name: str) -> None:
    model, ensemble = opened(name)
    means = dict(zip(model.features, ensemble.scaling.mean.tolist(), strict=True))
    estimate = model.estimate(FeatureRow("mean", "whole", means))
    assert all(abs(part.log_odds) < 1e-9 for part in estimate.contributions)


def test_every_feature_has_its_part_the_strongest_first() -> None:
    model, _ = opened("subtype_idh")
    estimate = model.estimate(a_row(model, 4))
    sizes = [abs(part.log_odds) for part in estimate.contributions]
    assert sizes == sorted(sizes, reverse=True)
    assert {part.feature for part in estimate.contributions} == set(model.features)
    assert all(part.value is not None and 1 <= (part.percentile or 0) <= 99 for part in estimate.contributions)
    assert all(set(part.medians) == {"mutant", "wildtype"} for part in estimate.contributions)


def test_what_a_study_lacks_has_no_value_and_no_percentile() -> None:
    model, _ = opened("subtype_idh")
    parts = model.estimate(without_t1c(a_row(model, 4))).contributions
    assert {part.feature for part in parts if part.value is None} == {n for n in model.features if n.startswith("t1c_")}
    assert all(part.percentile is None for part in parts if part.value is None)


def test_what_todays_models_cannot_give_is_not_made_up() -> None:
    model, _ = opened("subtype_idh")
    estimate: SubtypeEstimate = model.estimate(a_row(model, 1))
    assert (estimate.prediction_set, estimate.margin, estimate.covariates) == ([], None, {})
    assert SubtypeEstimate.from_json(estimate.to_json()) == estimate


def test_percentiles_lie_between_the_outermost_levels_and_in_the_middle_of_equal_values() -> None:
    span = PopulationRange([0.01, 0.25, 0.5, 0.75, 0.99], [0.0, 1.0, 1.0, 1.0, 5.0], {"a": [0.0, 0, 1, 2, 3]})
    assert [span.percentile(value) for value in (-9.0, 0.0, 1.0, 3.0, 99.0)] == [1.0, 1.0, 50.0, 87.0, 99.0]
    assert span.medians == {"a": 1.0}
