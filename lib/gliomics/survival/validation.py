"""What features add to clinical values: every patient estimated by models of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gliomics.cluster import map_over
from gliomics.errors import InputError
from gliomics.statistics.arrays import Array, Classes
from gliomics.subtype.classifier import FOLDS, stratified_folds
from gliomics.subtype.ensemble import Scaling
from gliomics.survival.cox import baseline_hazard, fit_cox
from gliomics.survival.elastic_net import ElasticNet, fit_elastic_net
from gliomics.survival.kaplan_meier import Events, kaplan_meier
from gliomics.survival.outcomes import YEAR
from gliomics.survival.table import SurvivalTable

NOBODY, CLINICAL, RADIOMICS, BOTH = "no predictor", "clinical", "radiomics", "both"
RIDGE = 1.0
"""Of the clinical model inside the folds, in units of one event: a rare category cannot run off."""
_STEPS_OF_CURVES = 40
LEAST_AT_HORIZON = 8
"""Events before, and patients followed beyond, a time at which models are judged."""


@dataclass(frozen=True)
class Predictions:
    """What a model says of patients whom it was not fitted to.

    ``risk`` is (repeats, patients), the log hazard beside the mean of the training patients; ``survival`` is (repeats,
    patients, horizons), the probability of no event by then; ``over_time`` is that at each of the ``times``.
    """

    risk: Array
    survival: Array
    over_time: Array


@dataclass(frozen=True)
class Validation:
    """Out-of-fold predictions by model, the ``horizons`` in the table's unit, and the choices of the elastic nets.

    ``times`` are those of curves over time, (times,), from 0 on.
    """

    table: SurvivalTable
    horizons: list[float]
    times: Array
    models: dict[str, Predictions]
    choices: list[tuple[str, ElasticNet]]

    @property
    def times_empty(self) -> Counter[str]:
        """In how many training folds each elastic net took none of the features."""
        return Counter(model for model, net in self.choices if not net.coefficients.any())


def horizons_of(time: Array, event: Events, unit: str) -> list[float]:
    """Years 1, 2, 3, 5 and 10, as far as there are events before and patients beyond them; else the median event time.

    In the unit of the times.
    """
    years = [k * YEAR[unit] for k in (1, 2, 3, 5, 10)]
    fit = [t for t in years if min(np.sum(event & (time <= t)), np.sum(time > t)) >= LEAST_AT_HORIZON]
    return fit or [float(np.median(time[event]))]


def times_of_curves(time: Array, horizons: Sequence[float]) -> Array:
    """Equal steps from 0 to the last time beyond which :data:`LEAST_AT_HORIZON` patients are followed, (times,)."""
    last = max(float(np.sort(time)[-LEAST_AT_HORIZON - 1 :][0]), *horizons)
    return np.linspace(0.0, last, _STEPS_OF_CURVES + 1)


def validate(
    table: SurvivalTable,
    *,
    repeats: int = 5,
    seed: int = 0,
    step: Callable[[], object] = lambda: None,
    scheduler: str | None = None,
) -> Validation:
    """Cross-validate the models: five folds by patient, stratified by event, ``repeats`` times.

    Clinical values are a Cox model, features an elastic net whose penalty is chosen inside the training patients, and
    both the elastic net on top of what the clinical model says. Scales and values that stand for missing ones are those
    of the training patients. ``step`` is called after each of ``repeats`` x five folds; ``scheduler`` is
    the address of a Dask cluster whose workers take a fold each.
    """
    if repeats < 1:
        raise InputError(f"--repeats is {repeats}; expected 1 or more")
    n, horizons = len(table.patients), horizons_of(table.time, table.event, table.unit)
    models = [NOBODY, *([CLINICAL] if table.clinical_names else []), RADIOMICS]
    models += [BOTH] if table.clinical_names else []
    times = times_of_curves(table.time, horizons)
    at = np.concatenate([horizons, times])
    risks = {model: np.zeros((repeats, n)) for model in models}
    survival = {model: np.zeros((repeats, n, at.size)) for model in models}
    choices: list[tuple[str, ElasticNet]] = []
    folds = list(_folds(table.event, models, at, repeats, seed))
    for fold, judged in zip(folds, map_over(_judged, folds, scheduler, shared=table), strict=True):
        repeat, test = fold.seeds[1], fold.test
        for model in models:
            risks[model][repeat, test] = judged.risks[model]
            survival[model][repeat, test] = judged.survival[model]
        choices += judged.choices
        step()
    split = len(horizons)
    answer = {m: Predictions(risks[m], survival[m][:, :, :split], survival[m][:, :, split:]) for m in models}
    return Validation(table, horizons, times, answer, choices)


@dataclass(frozen=True)
class _Fold:
    """Which patients of a table models learn from and which they estimate, at the times ``at``; its random seeds."""

    models: Sequence[str]
    train: Classes
    test: Classes
    at: Array
    seeds: tuple[int, int, int]


@dataclass(frozen=True)
class _Judged:
    """By model, the log hazard (test patients,) and survival (test patients, times) of a fold, and its elastic nets."""

    risks: dict[str, Array]
    survival: dict[str, Array]
    choices: list[tuple[str, ElasticNet]]


def _folds(event: Events, models: Sequence[str], at: Array, repeats: int, seed: int) -> Iterator[_Fold]:
    for repeat in range(repeats):
        folds = stratified_folds(event.astype(np.int64), FOLDS, np.random.default_rng((seed, repeat)))
        for number, (train, test) in enumerate(folds):
            yield _Fold(models, train, test, at, (seed, repeat, number))


def _judged(fold: _Fold, table: SurvivalTable) -> _Judged:
    """Fit the models to the training patients of a fold and estimate the others."""
    from threadpoolctl import threadpool_limits

    train, test = fold.train, fold.test
    risks, survival, choices = {}, {}, []
    with threadpool_limits(1):  # several threads gain nothing on so few numbers
        for model, (risk, net) in _fitted(fold, table).items():
            mean = risk[train].mean()
            risks[model] = risk[test] - mean
            hazard = baseline_hazard(risk[train] - mean, table.time[train], table.event[train], fold.at)
            survival[model] = np.exp(-np.exp(risk[test] - mean)[:, None] * hazard)
            if net is not None:
                choices.append((model, net))
    return _Judged(risks, survival, choices)


def _fitted(fold: _Fold, table: SurvivalTable) -> dict[str, tuple[Array, ElasticNet | None]]:
    """Log hazards of all patients, (patients,), by each model of the training patients, with its elastic net."""
    train, rng = fold.train, np.random.default_rng(fold.seeds)
    time, event = table.time[train], table.event[train]
    z = Scaling.fit(table.values[train]).apply(table.values)
    fitted: dict[str, tuple[Array, ElasticNet | None]] = {NOBODY: (np.zeros(len(table.patients)), None)}
    if CLINICAL in fold.models:
        fitted[CLINICAL] = _clinical_risk(table.clinical, train, time, event), None
    for model, offset in ((RADIOMICS, NOBODY), (BOTH, CLINICAL)):
        if model in fold.models:
            known = fitted[offset][0]
            net = fit_elastic_net(z[train], time, event, known[train], rng)
            fitted[model] = known + z @ net.coefficients, net
    return fitted


def _clinical_risk(clinical: Array, train: Classes, time: Array, event: Events) -> Array:
    varying = np.ptp(clinical[train], axis=0) > 0
    if not varying.any():
        return np.zeros(len(clinical))
    z = Scaling.fit(clinical[train][:, varying]).scores(clinical[:, varying])
    return np.asarray(z @ fit_cox(z[train], time, event, ridge=RIDGE).coefficients)


def risk_rows(validation: Validation) -> list[dict[str, Any]]:
    """Each patient's outcome and out-of-fold predictions, means over the repeats."""
    table = validation.table
    rows = []
    for k, patient in enumerate(table.patients):
        row: dict[str, Any] = {
            "patient_id": patient, "time": table.time[k], "unit": table.unit, "event": int(table.event[k]),
        }  # fmt: skip
        for model, predictions in validation.models.items():
            if model == NOBODY:
                continue
            row[f"{model}_log_hazard"] = float(predictions.risk[:, k].mean())
            for h, horizon in enumerate(validation.horizons):
                row[f"{model}_survival_{horizon:g}"] = float(predictions.survival[:, k, h].mean())
        rows.append(row)
    return rows


def curve_rows(table: SurvivalTable) -> list[dict[str, Any]]:
    """The Kaplan-Meier curve of all patients and of each group, a row for each time."""
    everybody = np.full(table.time.size, True)
    members: Mapping[str, Array] = {"all": everybody} | {g: table.group == k for k, g in enumerate(table.groups)}
    rows = []
    for name, rows_of in members.items():
        curve = kaplan_meier(table.time[rows_of], table.event[rows_of])
        for k, t in enumerate(curve.times):
            rows.append(
                {
                    "group": name, "time": t, "unit": table.unit, "at_risk": int(curve.at_risk[k]),
                    "events": int(curve.events[k]), "censored": int(curve.censored[k]),
                    "survival": curve.survival[k], "low": curve.low[k], "high": curve.high[k],
                }
            )  # fmt: skip
    return rows
