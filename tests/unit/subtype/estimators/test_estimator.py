from __future__ import annotations

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.probability_scores import macro_auc
from gliomics.subtype.estimators.config import EstimatorConfig, presets
from gliomics.subtype.estimators.estimator import SITE, Estimator

NAMES = [SITE, *(f"feature_{i}" for i in range(12)), "clinical_age"]


def cohort(patients: int, n_classes: int = 2, seed: int = 0) -> tuple[Array, Classes]:
    """Patients of two sites whose first features tell the class; a tenth of the values is missing."""
    rng = np.random.default_rng(seed)
    outcome = rng.permutation(np.arange(patients) % n_classes)
    values = rng.normal(size=(patients, len(NAMES)))
    for k in range(n_classes):
        values[outcome == k, 1 + k] += 3
    values[rng.random(values.shape) < 0.1] = np.nan
    values[:, 0] = np.arange(patients) % 2
    return values, outcome


def quick(config: EstimatorConfig) -> EstimatorConfig:
    """The configuration with a smaller forest or perceptron, so that all of them are fitted in a second."""
    content = config.model_dump()
    classifier = content["classifier"]
    if "trees" in classifier:
        classifier["trees"] = 30
    if "layers" in classifier:
        classifier["layers"] = [min(width, 64) for width in classifier["layers"]]
    for one in content["filters"]:
        if "samples" in one:
            one["samples"] = 10
    return EstimatorConfig.model_validate(content)


@pytest.mark.parametrize("name", presets())
def test_every_preset_tells_new_patients_apart(name: str) -> None:
    values, outcome = cohort(60)
    new, new_outcome = cohort(60, seed=1)
    fitted = Estimator(quick(presets()[name]), NAMES).fit(values, outcome, 2, np.random.default_rng(0))
    probability = fitted.probabilities(new)
    assert probability.sum(axis=1) == pytest.approx(np.ones(60))
    assert macro_auc(probability, new_outcome) > 0.7


@pytest.mark.parametrize("name", ["ridge-lasso", "pipeline-a-svm-linear", "boosting"])
def test_three_classes_are_told_apart(name: str) -> None:
    values, outcome = cohort(90, 3)
    new, new_outcome = cohort(60, 3, seed=1)
    fitted = Estimator(quick(presets()[name]), NAMES).fit(values, outcome, 3, np.random.default_rng(0))
    assert macro_auc(fitted.probabilities(new), new_outcome) > 0.7


def test_class_without_a_training_patient_has_probability_0() -> None:
    values, outcome = cohort(40)
    fitted = Estimator(presets()["ridge"], NAMES).fit(values, outcome * 2, 3, np.random.default_rng(0))
    assert np.all(fitted.probabilities(values)[:, 1] == 0)


@pytest.mark.parametrize("name", ["combat-ridge", "ridge-stability", "pipeline-b-tree", "pipeline-a-svm-polynomial"])
def test_patients_who_are_predicted_change_nothing_for_each_other(name: str) -> None:
    values, outcome = cohort(60)
    fitted = Estimator(quick(presets()[name]), NAMES).fit(values, outcome, 2, np.random.default_rng(0))
    new, _ = cohort(10, seed=1)
    alone = np.vstack([fitted.probabilities(row[None]) for row in new])
    assert alone == pytest.approx(fitted.probabilities(new), abs=1e-9)


def test_equal_seeds_give_equal_estimators() -> None:
    values, outcome = cohort(60)
    one, other = (
        Estimator(quick(presets()["forest"]), NAMES).fit(values, outcome, 2, np.random.default_rng(3)) for _ in range(2)
    )
    assert np.array_equal(one.probabilities(values), other.probabilities(values))


def test_site_is_no_feature() -> None:
    values, outcome = cohort(60)
    values[:, 0] = outcome
    values[:, 1:] = np.random.default_rng(0).normal(size=(60, len(NAMES) - 1))
    fitted = Estimator(presets()["ridge"], NAMES).fit(values, outcome, 2, np.random.default_rng(0))
    moved = values.copy()
    moved[:, 0] = 1 - moved[:, 0]
    assert np.array_equal(fitted.probabilities(moved), fitted.probabilities(values))


def test_harmonised_estimator_does_not_see_how_high_a_site_measures() -> None:
    values, outcome = cohort(80)
    shifted = values.copy()
    shifted[values[:, 0] == 1, 1:13] += 50
    config = EstimatorConfig.model_validate(
        {"title": "x", "harmonisation": {"preserve": ["clinical_age"]}, "classifier": {"kind": "ridge"}}
    )
    plain, moved = (
        Estimator(config, NAMES).fit(table, outcome, 2, np.random.default_rng(0)).probabilities(table)
        for table in (values, shifted)
    )
    assert moved == pytest.approx(plain, abs=0.05)


def test_age_is_not_harmonised() -> None:
    """Patients of whom only the age is known, the same, at a site with old and at one with young patients."""
    values, outcome = cohort(60)
    values[:, -1] = 50 + 30 * values[:, 0] + 10 * outcome
    fitted = Estimator(presets()["combat-ridge"], NAMES).fit(values, outcome, 2, np.random.default_rng(0))
    new = np.full((2, len(NAMES)), np.nan)
    new[:, 0], new[:, -1] = [0, 1], 70
    probability = fitted.probabilities(new)
    assert probability[0] == pytest.approx(probability[1])


def test_patient_of_an_unseen_site_is_told_apart() -> None:
    values, outcome = cohort(60)
    fitted = Estimator(presets()["combat-ridge"], NAMES).fit(values, outcome, 2, np.random.default_rng(0))
    values[:3, 0] = [0, 7, np.nan]
    assert fitted.harmonised(values)[:3].tolist() == [True, False, False]
    assert np.isfinite(fitted.probabilities(values)).all()


def test_feature_that_no_training_patient_has_is_passed_over() -> None:
    values, outcome = cohort(60)
    values[:, 5] = np.nan
    for name in ("pipeline-a-tree", "combat-ridge", "ridge-stability"):
        fitted = Estimator(quick(presets()[name]), NAMES).fit(values, outcome, 2, np.random.default_rng(0))
        assert np.isfinite(fitted.probabilities(cohort(10, seed=1)[0])).all()


def test_one_class_is_refused() -> None:
    values, outcome = cohort(20)
    with pytest.raises(InputError, match="one class"):
        Estimator(presets()["ridge"], NAMES).fit(values, outcome * 0, 2, np.random.default_rng(0))


def test_harmonising_without_sites_is_refused() -> None:
    values, outcome = cohort(20)
    with pytest.raises(InputError, match="'site'"):
        Estimator(presets()["combat-ridge"], NAMES[1:]).fit(values[:, 1:], outcome, 2, np.random.default_rng(0))
