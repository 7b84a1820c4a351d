from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array
from gliomics.statistics.combat import Combat

REFERENCE = np.genfromtxt(Path(__file__).with_name("combat_reference.csv"), delimiter=",", skip_header=1)
"""16 drawn patients of three sites, harmonised by neuroCombat 0.2.12 (Fortin), without and with the age preserved."""
NEW_PATIENTS = np.genfromtxt(Path(__file__).with_name("combat_new_patients.csv"), delimiter=",", skip_header=1)
"""Six other patients of these sites, harmonised by neuroCombatFromTraining with what was learned from the 16."""
SITE, AGE, VALUES = REFERENCE[:, 0], REFERENCE[:, 1:2], REFERENCE[:, 2:6]


def test_values_are_those_of_another_implementation() -> None:
    assert Combat.fit(VALUES, SITE).apply(VALUES, SITE) == pytest.approx(REFERENCE[:, 6:10], abs=1e-4)


def test_values_that_preserve_the_age_are_those_of_another_implementation() -> None:
    assert Combat.fit(VALUES, SITE, AGE).apply(VALUES, SITE, AGE) == pytest.approx(REFERENCE[:, 10:14], abs=1e-4)


def test_new_patients_of_known_sites_are_harmonised_as_by_another_implementation() -> None:
    site, values, expected = NEW_PATIENTS[:, 0], NEW_PATIENTS[:, 1:5], NEW_PATIENTS[:, 5:9]
    combat = Combat.fit(VALUES, SITE)
    for row in range(len(site)):
        alone = combat.apply(values[row : row + 1], site[row : row + 1])
        assert alone[0] == pytest.approx(expected[row], abs=1e-4)


def drawn(patients: int, seed: int = 0) -> tuple[Array, Array]:
    """Features of two sites, of which the second is 3 higher and twice as spread, and the sites."""
    rng = np.random.default_rng(seed)
    site = np.arange(patients) % 2.0
    return rng.normal(size=(patients, 30)) * (1 + site[:, None]) + 3 * site[:, None], site


def test_planted_differences_between_sites_are_removed() -> None:
    values, site = drawn(200)
    new, new_site = drawn(200, seed=1)
    harmonised = Combat.fit(values, site).apply(new, new_site)
    first, second = harmonised[new_site == 0], harmonised[new_site == 1]
    assert abs(first.mean() - second.mean()) < 0.05
    assert first.std() / second.std() == pytest.approx(1, abs=0.05)


def test_one_new_patient_is_harmonised_as_among_others() -> None:
    values, site = drawn(40)
    combat = Combat.fit(values, site)
    new, new_site = drawn(10, seed=1)
    together = combat.apply(new, new_site)
    alone = [combat.apply(new[i : i + 1], new_site[i : i + 1])[0] for i in range(10)]
    assert np.array_equal(np.array(alone), together)


@pytest.mark.parametrize("code", [7.0, np.nan])
def test_patient_of_an_unseen_or_unknown_site_is_left_as_is_and_told_apart(code: float) -> None:
    values, site = drawn(40)
    combat = Combat.fit(values, site)
    new_site = np.array([0.0, code])
    assert combat.knows(new_site).tolist() == [True, False]
    assert np.array_equal(combat.apply(values[:2], new_site)[1], values[1])


def test_sites_of_two_patients_are_not_learned_from() -> None:
    values, site = drawn(40)
    other = site.copy()
    other[:2] = 9
    assert Combat.fit(values, other).sites.tolist() == [0, 1]


def test_missing_values_stay_missing_and_do_not_touch_others() -> None:
    values, site = drawn(60)
    gaps = values.copy()
    gaps[::5, 4] = np.nan
    gaps[site == 1, 5] = np.nan
    gaps[:, 6] = np.nan
    harmonised = Combat.fit(gaps, site).apply(gaps, site)
    assert np.array_equal(np.isnan(harmonised), np.isnan(gaps))
    # What the features of a site have in common is learned from fewer of them.
    assert harmonised[:, 0] == pytest.approx(Combat.fit(values, site).apply(values, site)[:, 0], abs=0.2)


def test_constant_features_stay_as_they_are() -> None:
    values, site = drawn(40)
    values[:, 3] = 5.0
    assert Combat.fit(values, site).apply(values, site)[:, 3] == pytest.approx(5.0)


def test_one_site_cannot_be_harmonised() -> None:
    values, _ = drawn(40)
    with pytest.raises(InputError, match="two sites"):
        Combat.fit(values, np.zeros(40))
