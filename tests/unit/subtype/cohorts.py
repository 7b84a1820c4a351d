"""Feature tables of patients that were never there: how strongly a class shows in them is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gliomics.records import FeatureRow
from gliomics.subtype.blocks import OUTLINE
from gliomics.subtype.doubt.identity import columns

FEATURES = (*OUTLINE, *columns("t1c"), *columns("flair"))


def patients(counts: Sequence[int], *, effect: float, seed: int = 0, without_t1c: int = 0) -> list[FeatureRow]:
    """Normal features; those of class k are shifted by ``effect`` times a direction of their own.

    The last ``without_t1c`` patients have no contrast-enhanced T1.
    """
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(99).normal(size=(len(counts), len(FEATURES)))
    rows = []
    for number, k in enumerate(np.repeat(np.arange(len(counts)), counts)):
        z = rng.normal(size=len(FEATURES)) + effect * directions[k]
        lacks = number >= sum(counts) - without_t1c
        values = {name: 10 + 3 * float(v) for name, v in zip(FEATURES, z, strict=True)}
        rows.append(
            FeatureRow(
                f"TCGA_XX_{number:04d}_20000101",
                "whole",
                {name: value for name, value in values.items() if not (lacks and name.startswith("t1c_"))},
                {"patient_id": f"TCGA-XX-{number:04d}"},
            )
        )
    return rows


def outcomes(counts: Sequence[int], names: Sequence[str]) -> dict[str, str]:
    """The class of each of :func:`patients`."""
    classes = np.repeat(list(names), counts)
    return {f"TCGA-XX-{number:04d}": str(name) for number, name in enumerate(classes)}


def ages(counts: Sequence[int]) -> dict[str, float]:
    """An age of each of :func:`patients`, which tells the classes: 20 years more from each to the next."""
    classes = np.repeat(np.arange(len(counts)), counts)
    drawn = np.random.default_rng(7).normal(30, 6, len(classes)) + 20 * classes
    return {f"TCGA-XX-{number:04d}": float(age) for number, age in enumerate(drawn)}
