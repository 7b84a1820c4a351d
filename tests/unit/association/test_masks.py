"""Associations under other masks are of the same patients, and what depends on the masks is seen to."""

from __future__ import annotations

import numpy as np
import pytest

from gliomics.association.associate import KRUSKAL, Plan
from gliomics.association.masks import associate_under_masks, tables_under_masks
from gliomics.errors import InputError
from gliomics.records import FeatureRow

N = 40
GRADES = {f"P-{number}": "high" if number % 2 else "low" for number in range(N)}
RNG = np.random.default_rng(0)
STABLE, EDGE = RNG.normal(size=(2, N)) + 2 * (np.arange(N) % 2)


def rows_of(stable: np.ndarray, edge: np.ndarray, first: int = 0, digest: str = "a") -> list[FeatureRow]:
    return [
        FeatureRow(f"P-{n}", "whole", {"stable": float(stable[n]), "edge": float(edge[n])}, {"config_sha256": digest})
        for n in range(first, N)
    ]


def test_an_association_that_is_of_the_edge_is_lost_under_other_masks_and_its_icc_is_low() -> None:
    manual, automatic = rows_of(STABLE, EDGE), rows_of(STABLE + 0.1 * RNG.normal(size=N), RNG.normal(size=N), 2)
    del automatic[0].values["edge"]
    tables = tables_under_masks({"manual": manual, "automatic": automatic[::-1]})
    result = associate_under_masks(tables, {"grade": GRADES}, None, Plan())
    p = {
        (masks, row.feature): (row.p, row.n)
        for masks, rows in result.rows.items()
        for row in rows
        if row.test == KRUSKAL
    }
    assert result.n_patients == 38
    assert [p[masks, "stable"][1] for masks in tables] == [38, 38]
    assert [p[masks, "edge"][1] for masks in tables] == [37, 37]
    assert max(p["manual", "stable"][0], p["automatic", "stable"][0], p["manual", "edge"][0]) < 0.001
    assert p["automatic", "edge"][0] > 0.05
    assert result.icc["stable"].low > 0.95
    assert result.icc["edge"].high < 0.6


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (rows_of(STABLE, EDGE, digest="b"), "features of 'other': the rows were computed with different feature conf"),
        (
            [FeatureRow("X", "whole", {"edge": 1.0}, {"config_sha256": "a"})],
            "no patient is in all of the tables manual",
        ),
        ([FeatureRow("P-1", "whole", {"y": 1.0}, {"config_sha256": "a"})], "no feature is in all of the tables manual"),
    ],
)
def test_tables_that_have_nothing_in_common_are_refused(other: list[FeatureRow], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tables_under_masks({"manual": rows_of(STABLE, EDGE), "other": other})
