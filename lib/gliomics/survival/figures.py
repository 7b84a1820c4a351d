"""Figures of models of survival with intervals: at horizons, over time, and of the differences between models."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from gliomics.statistics.arrays import Array
from gliomics.statistics.bootstrap import drawn_within
from gliomics.survival.accuracy import (
    brier_terms,
    c_indices,
    case_weights,
    integrated_brier_terms,
    weighted_aucs,
)
from gliomics.survival.validation import BOTH, CLINICAL, LEAST_AT_HORIZON, NOBODY, RADIOMICS, Validation

C_INDEX, AUC, BRIER, INTEGRATED_BRIER = "c_index", "auc", "brier", "integrated_brier"
Samples = Mapping[str, Array]
"""A measure of each model in samples of the patients, (samples,), the first of which are the patients themselves."""
Measure = Callable[[Array], Samples]


def figures(validation: Validation, *, seed: int = 0) -> list[dict[str, Any]]:
    """A row for each model, measure and horizon, and for each difference of two models, with 95 % intervals.

    Intervals are bootstraps over patients, drawn within those with the event and those without, the same in every
    repeat and of every model; those of differences are of the same patients. The weights that make up for censoring are
    those of all patients in every sample.
    """
    counts = _counts(validation, seed)
    rows = []
    for name, horizon, measure in _measures(validation):
        values = measure(counts)
        low_is_good = name in (BRIER, INTEGRATED_BRIER)
        pairs: list[tuple[str, str | None]] = [(model, None) for model in values if model != NOBODY or low_is_good]
        pairs += [(a, b) for a, b in ((RADIOMICS, CLINICAL), (BOTH, CLINICAL), (BOTH, RADIOMICS)) if b in values]
        if CLINICAL not in values and low_is_good:
            pairs.append((RADIOMICS, NOBODY))
        for model, other in pairs:
            if model in values:
                samples = values[model] - (0 if other is None else values[other])
                named = {"model": model, "minus": other, "measure": name, "time": horizon}
                rows.append(named | _row(validation, samples))
    return rows


def rows_over_time(validation: Validation, *, seed: int = 0) -> list[dict[str, Any]]:
    """A row for each model, measure (AUC, Brier score) and time of the curves, with pointwise 95 % intervals.

    AUCs are of the times by which :data:`LEAST_AT_HORIZON` patients have had the event.
    """
    counts, table = _counts(validation, seed), validation.table
    rows = []
    for k, time in enumerate(validation.times.tolist()):
        survival = {model: predictions.over_time[:, :, k] for model, predictions in validation.models.items()}
        events, beyond = int(np.sum(table.event & (table.time <= time))), int(np.sum(table.time > time))
        measures = {BRIER: _brier(validation, time, survival)}
        if min(events, beyond) >= LEAST_AT_HORIZON:
            measures[AUC] = _auc(validation, time)
        for name, measure in measures.items():
            for model, samples in measure(counts).items():
                if (name, model) != (AUC, NOBODY):
                    row = _row(validation, samples) | {"events": events, "beyond": beyond}
                    rows.append({"model": model, "measure": name, "time": time, **row})
    return sorted(rows, key=lambda row: (row["measure"], list(validation.models).index(row["model"])))


def _counts(validation: Validation, seed: int) -> Array:
    """How often each patient is in a sample, (samples, patients): first once each, then as bootstraps draw them."""
    outcome = validation.table.event.astype(np.int64)
    drawn = drawn_within(outcome, np.random.default_rng(seed))
    return np.concatenate([np.ones((1, outcome.size)), drawn])


def _measures(validation: Validation) -> Iterator[tuple[str, float, Measure]]:
    yield C_INDEX, math.nan, lambda counts: _c_index(validation, counts)
    for horizon in validation.horizons:
        yield AUC, horizon, _auc(validation, horizon)
    for k, horizon in enumerate(validation.horizons):
        survival = {model: predictions.survival[:, :, k] for model, predictions in validation.models.items()}
        yield BRIER, horizon, _brier(validation, horizon, survival)
    yield INTEGRATED_BRIER, float(validation.times[-1]), lambda counts: _integrated(validation, counts)


def _c_index(validation: Validation, counts: Array) -> Samples:
    table, models = validation.table, validation.models
    risks = np.concatenate([predictions.risk for predictions in models.values()])
    values = c_indices(risks, table.time, table.event, counts).reshape(len(models), -1, len(counts))
    return dict(zip(models, values.mean(axis=1), strict=True))


def _auc(validation: Validation, horizon: float) -> Measure:
    table = validation.table
    weights, control = case_weights(horizon, table.time, table.event), table.time > horizon
    return lambda counts: {
        model: weighted_aucs(predictions.risk, weights, control, counts).mean(axis=0)
        for model, predictions in validation.models.items()
    }


def _brier(validation: Validation, horizon: float, survival: Samples) -> Measure:
    table = validation.table
    terms = {m: brier_terms(horizon, s, table.time, table.event).mean(axis=0) for m, s in survival.items()}
    return lambda counts: {model: counts @ of_patients / counts.shape[1] for model, of_patients in terms.items()}


def _integrated(validation: Validation, counts: Array) -> Samples:
    table, times = validation.table, validation.times
    return {
        model: counts
        @ integrated_brier_terms(times, predictions.over_time, table.time, table.event).mean(axis=0)
        / counts.shape[1]
        for model, predictions in validation.models.items()
    }


def _row(validation: Validation, samples: Array) -> dict[str, Any]:
    table = validation.table
    low, high = np.percentile(samples[1:], (2.5, 97.5))
    return {
        "unit": table.unit, "n": len(table.patients), "events": int(table.event.sum()), "value": float(samples[0]),
        "low": float(low), "high": float(high),
    }  # fmt: skip
