"""Each filter on features of which it is known which matter."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import TypeAdapter

from gliomics.statistics.arrays import Array, Classes
from gliomics.subtype.estimators.config import Filter
from gliomics.subtype.estimators.filters import Selection


def planted(n_classes: int = 2, seed: int = 0) -> tuple[Array, Classes]:
    """120 patients, 20 features of noise; the first two tell the classes apart, the third all but repeats the first."""
    rng = np.random.default_rng(seed)
    outcome = np.arange(120) % n_classes
    values = rng.normal(size=(120, 20))
    values[:, 0] += 2.5 * (outcome == 1)
    values[:, 1] += 2.5 * (outcome == n_classes - 1)
    values[:, 2] = values[:, 0] + 0.05 * rng.normal(size=120)
    return values, outcome


def chosen(settings: dict[str, object], values: Array, outcome: Classes) -> set[int]:
    chosen_by: Filter = TypeAdapter(Filter).validate_python(settings)
    return set(np.flatnonzero(Selection(chosen_by).fit(values, outcome).get_support()).tolist())


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "lasso", "c": 0.1},
        {"kind": "elimination", "features": 3},
        {"kind": "mutual_information", "features": 3},
        {"kind": "stability", "c": 0.1, "samples": 20},
    ],
)
def test_filters_that_look_at_the_outcome_take_what_tells_the_classes_apart(
    settings: dict[str, object], n_classes: int
) -> None:
    features = chosen(settings, *planted(n_classes))
    assert features & {0, 2}
    assert 1 in features
    assert len(features) <= 8


def test_variance_filter_drops_constants_and_what_one_patient_alone_moves() -> None:
    values, outcome = planted()
    values[:, 4] = 3.0
    values[:, 5] = 0.0
    values[7, 5] = 1e6
    assert chosen({"kind": "variance", "above": 0.01}, values, outcome) == set(range(20)) - {4, 5}


def test_correlation_filter_leaves_one_of_two_that_repeat_each_other() -> None:
    features = chosen({"kind": "correlation", "above": 0.9}, *planted())
    assert len(features & {0, 2}) == 1
    assert features | {0, 2} == set(range(20))


def test_filter_that_lets_nothing_through_leaves_the_best_feature() -> None:
    values, outcome = planted()
    values[:, 9] = outcome
    assert chosen({"kind": "lasso", "c": 1e-6}, values, outcome) == {9}
