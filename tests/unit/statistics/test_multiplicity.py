from __future__ import annotations

import numpy as np
import pytest

from gliomics.statistics.multiplicity import corrected

P = [0.01, 0.02, 0.03, 0.04, 0.05]
"""The example of R's ``p.adjust`` by hand: m = 5."""
HOCHBERG = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528,
            0.759, 1.0]  # fmt: skip
"""The fifteen p-values of Benjamini and Hochberg 1995, section 4.1: Bonferroni finds three at 0.05, theirs four."""


def test_corrections_are_those_of_the_definition() -> None:
    family = corrected(P)
    assert family.bonferroni == pytest.approx([0.05, 0.1, 0.15, 0.2, 0.25])
    assert family.holm == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert family.fdr == pytest.approx([0.05] * 5)


def test_published_example_has_as_many_discoveries_as_published() -> None:
    family = corrected(HOCHBERG)
    assert int((family.bonferroni <= 0.05).sum()) == 3
    assert int((family.fdr <= 0.05).sum()) == 4


def test_order_does_not_matter_and_refused_tests_do_not_count() -> None:
    shuffled = np.random.default_rng(0).permutation(len(HOCHBERG))
    with_gap = np.append(np.array(HOCHBERG)[shuffled], np.nan)
    for name in ("bonferroni", "holm", "fdr"):
        values = getattr(corrected(with_gap), name)
        assert np.isnan(values[-1])
        assert values[:-1] == pytest.approx(getattr(corrected(HOCHBERG), name)[shuffled])


def test_family_without_a_test_stays_without() -> None:
    assert np.isnan(corrected([np.nan]).fdr).all()
