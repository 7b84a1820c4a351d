"""Associations of features with classes as tables, figures and a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from gliomics.association.associate import EFFECTS, Association
from gliomics.csv_files import write_csv

FILES = ("associations.csv",)
_COLUMNS = (
    "feature", "target", "class", "test", "n", "statistic", "p", "p_bonferroni", "p_holm", "p_fdr",
    "effect", "effect_low", "effect_high", "measure", "group", "n_class", "p_se", "note",
)  # fmt: skip


def write_associations(out: Path, rows: Sequence[Association]) -> None:
    """Write all that was found into a folder."""
    table = [{**asdict(row), "class": row.class_, "measure": EFFECTS[row.test]} for row in rows]
    write_csv(out / "associations.csv", table, _COLUMNS)
