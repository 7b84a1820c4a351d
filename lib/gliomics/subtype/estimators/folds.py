"""Who is predicted by models of whom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import StratifiedKFold

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array, Classes

FOLDS = 5

Fold = tuple[Classes, Classes]
"""Training rows and test rows."""


def stratified(outcome: Classes, rng: np.random.Generator) -> list[Fold]:
    """Five folds of patients in each of which the classes are about as frequent; every patient is tested once."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=int(rng.integers(2**31)))
    return [(train, test) for train, test in folds.split(outcome[:, None], outcome)]


def by_site(site: Array, outcome: Classes) -> list[Fold]:
    """The patients of each site by models of all the others; patients of an unknown site, NaN, are never tested.

    Raises :class:`InputError` where there is one site only, or the other sites lack a class.
    """
    codes: Sequence[float] = np.unique(site[~np.isnan(site)]).tolist()
    if len(codes) < 2:
        raise InputError(f"to leave one site out takes two; found {len(codes)}")
    folds = [(np.flatnonzero(site != code), np.flatnonzero(site == code)) for code in codes]
    for train, test in folds:
        if np.unique(outcome[train]).size < np.unique(outcome).size:
            raise InputError(
                f"a class is at one site only, that of {test.size} patients: no other site can be a model for it; "
                "leave out the class or do not leave out sites"
            )
    return folds
