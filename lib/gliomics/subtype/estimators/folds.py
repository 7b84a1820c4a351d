"""Who is predicted by models of whom, where whole sites are left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array, Classes
from gliomics.subtype.classifier import FOLDS, Fold


def by_site(site: Array, outcome: Classes) -> list[Fold]:
    """The patients of each site by models of all the others.

    Raises :class:`InputError` where a patient's site is unknown (NaN), there is one site only, or the others
    have fewer than five patients of a class.
    """
    if np.isnan(site).any():
        raise InputError(f"the site of {int(np.isnan(site).sum())} patients is not known; give it, or leave them out")
    codes: Sequence[float] = np.unique(site).tolist()
    if len(codes) < 2:
        raise InputError(f"to leave one site out takes two; found {len(codes)}")
    folds = [(np.flatnonzero(site != code), np.flatnonzero(site == code)) for code in codes]
    for train, test in folds:
        least = np.bincount(outcome[train], minlength=int(outcome.max()) + 1).min()
        if least < FOLDS:
            raise InputError(
                f"without the {test.size} patients of one site {least} patients of a class remain, and {FOLDS} are "
                "needed; leave out the class, or do not leave out sites"
            )
    return folds
