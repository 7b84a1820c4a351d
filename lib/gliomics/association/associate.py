"""Which features go with which classes: tests, corrected for their number, and effects with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from gliomics.association.effects import Sample
from gliomics.cluster import map_over
from gliomics.cohort.patient_table import PatientTable, check_any_in_common
from gliomics.errors import InputError
from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.contingency import expected_counts, freeman_halton
from gliomics.statistics.multiplicity import corrected

FISHER, KRUSKAL, AUC = "fisher", "kruskal-wallis", "auc"
"""Exact test of level x class, Kruskal and Wallis' test, and Mann and Whitney's of one class against the others."""
EFFECTS = {FISHER: "Cramer's V", KRUSKAL: "epsilon squared", AUC: "AUC"}
ALL = "all"
"""The group of all patients."""
LEAST = 5
"""A class with fewer patients is left out, unless another bound is given."""
LEAST_EXPECTED = 1.0
"""No exact test is made of a table of which a cell would be expected to hold fewer patients."""
MOST_CLASSES = 20
"""A target with more values is no clustering, but a measurement or a name."""

_FEATURES_AT_ONCE = 20
"""What a worker of a cluster is given at a time."""

Labels = npt.NDArray[np.str_]
Cut = Literal["median", "quartiles"]
CUTS: Mapping[str, Sequence[float]] = {"median": (0.5,), "quartiles": (0.25, 0.5, 0.75)}


@dataclass(frozen=True)
class Association:
    """One test of one feature: its row in ``associations.csv``.

    ``class_`` is that of an AUC, ``n`` the patients in the test and ``n_class`` those of the class. What was refused
    has a ``note`` that says why, and no figures (NaN). ``p_se`` is the standard error of a Monte Carlo p-value, 0 of
    others.
    """

    feature: str
    target: str
    group: str
    test: str
    n: int
    class_: str = ""
    n_class: int | None = None
    statistic: float = np.nan
    p: float = np.nan
    p_se: float = np.nan
    p_bonferroni: float = np.nan
    p_holm: float = np.nan
    p_fdr: float = np.nan
    effect: float = np.nan
    effect_low: float = np.nan
    effect_high: float = np.nan
    note: str = ""


@dataclass(frozen=True)
class Question:
    """What is asked of every feature: ``labels`` are the classes of the patients of one ``group`` by patient."""

    target: str
    group: str
    labels: Mapping[str, str]


def questions(
    table: PatientTable, targets: Mapping[str, Mapping[str, str]], groups: Mapping[str, str] | None = None
) -> list[Question]:
    """Every target, of all patients and of each group; ``targets`` and ``groups`` are by patient.

    Raises :class:`InputError` for a target that none of the patients with features has, that has one class only, or
    more than :data:`MOST_CLASSES`, and for more groups than these.
    """
    parts = {ALL: set(table.patients)}
    for patient in table.patients:
        if groups and patient in groups:
            parts.setdefault(groups[patient], set()).add(patient)
    if len(parts) - 1 > MOST_CLASSES:
        raise InputError(
            f"the patients are of {len(parts) - 1} groups, such as {', '.join(list(parts)[1:4])}; expected at most "
            f"{MOST_CLASSES}: give '--by' a column of few values, such as the histological type"
        )
    for target, labels in targets.items():
        check_any_in_common(table.patients, labels, f"column '{target}'")
        classes = Counter(labels[patient] for patient in table.patients if patient in labels)
        if len(classes) < 2:
            listed = ", ".join(f"{name}: {count} patients" for name, count in classes.items())
            raise InputError(
                f"'{target}' has fewer than two classes among the {len(table.patients)} patients with features "
                f"({listed}); give an outcome that differs between them"
            )
        if len(classes) > MOST_CLASSES:
            raise InputError(
                f"'{target}' has {len(classes)} values among {classes.total()} patients, such as "
                f"{', '.join(list(classes)[:3])}; expected 2 to {MOST_CLASSES} classes: divide a measurement into "
                "ranges, or give a column of classes"
            )
    return [
        Question(target, group, {p: labels[p] for p in table.patients if p in part and p in labels})
        for group, part in sorted(parts.items(), key=lambda item: (item[0] != ALL, item[0]))
        for target, labels in targets.items()
    ]


@dataclass(frozen=True)
class Plan:
    """How features are tested: where they are ``cut`` for the exact test, and the ``least`` patients of a class."""

    cut: Cut = "median"
    least: int = LEAST
    seed: int = 0


def associate(
    table: PatientTable,
    asked: Sequence[Question],
    plan: Plan,
    *,
    step: Callable[[], object] = lambda: None,
    scheduler: str | None = None,
) -> list[Association]:
    """Test every feature of a table for every question; ``step`` is called after each feature of each.

    ``scheduler`` is the address of a Dask cluster whose workers test some features each.

    The feature is cut at its median or quartiles, among the patients whose class is known, for the exact test; the
    other tests take its values. Classes with too few patients who have the feature are left out and said. The p-values
    of one group and test are corrected together, over features, targets and classes.
    """
    parts = (part for question in asked for part in _parts(table, question, plan))
    rows: list[Association] = []
    for tested in map_over(_of_part, parts, scheduler):
        for of_feature in tested:
            rows += of_feature
            step()
    return _corrected(rows)


@dataclass(frozen=True)
class _Part:
    """Some features of the patients of a question: ``values`` are (patients, features), ``labels`` (patients,)."""

    question: Question
    names: Sequence[str]
    values: Array
    labels: Labels
    plan: Plan


def _parts(table: PatientTable, question: Question, plan: Plan) -> Iterator[_Part]:
    own = table.of(question.labels)
    labels = np.array([question.labels[patient] for patient in own.patients])
    asked = replace(question, labels={})  # which a worker need not be sent
    for begin in range(0, len(own.names), _FEATURES_AT_ONCE):
        some = slice(begin, begin + _FEATURES_AT_ONCE)
        yield _Part(asked, own.names[some], own.values[:, some], labels, plan)


def _of_part(part: _Part) -> list[list[Association]]:
    """The rows of each feature."""
    classes, rows = sorted({*part.labels.tolist()}), []
    for name, values in zip(part.names, part.values.T, strict=True):
        known = ~np.isnan(values)
        row = Association(name, part.question.target, part.question.group, FISHER, 0)
        rows.append([*_of_feature(row, values[known], part.labels[known], classes, part.plan)])
    return rows


def _of_feature(
    row: Association, values: Array, labels: Labels, names: Sequence[str], plan: Plan
) -> Iterator[Association]:
    """The rows of one feature: of the exact test, Kruskal and Wallis' and one for each class, of ``names``."""
    counts = Counter(labels.tolist())
    classes = [label for label in names if counts[label] >= plan.least]
    small = {label: counts[label] for label in names if label not in classes}
    kept = np.isin(labels, classes)
    note = _left_out(small, plan.least)
    row = replace(row, n=int(kept.sum()), note=note)
    reason = ""
    if len(classes) < 2:
        reason = f"refused: fewer than two classes are left; {note}"
    elif np.ptp(values[kept]) == 0:
        reason = "refused: the feature has one value everywhere"
    if reason:
        refused = replace(row, note=reason)
        yield from (refused, replace(refused, test=KRUSKAL))
        yield from (replace(refused, test=AUC, class_=label, n_class=counts[label]) for label in names)
        return
    outcome = np.searchsorted(classes, labels[kept]).astype(np.int64)
    yield from _tests(row, values[kept], outcome, classes, plan)
    refused = replace(row, test=AUC, note=f"refused: a class needs at least {plan.least} patients")
    yield from (replace(refused, class_=label, n_class=count) for label, count in small.items())


def _left_out(small: Mapping[str, int], least: int) -> str:
    listed = ", ".join(f"{label} ({count})" for label, count in small.items())
    return f"left out, with fewer than {least} patients: {listed}" if small else ""


def _tests(
    row: Association, values: Array, outcome: Classes, classes: Sequence[str], plan: Plan
) -> Iterator[Association]:
    from scipy.stats import kruskal, mannwhitneyu

    sample = Sample.of(values, outcome, np.unique(np.quantile(values, CUTS[plan.cut])))
    effects, resampled = sample.effects, sample.resampled(plan.seed)
    filled = sample.table[sample.table.sum(axis=1) > 0]
    smallest = float(expected_counts(filled).min())
    if len(filled) < 2 or smallest < LEAST_EXPECTED:
        why = f"a cell would be expected to hold {smallest:.1f} patients" if len(filled) > 1 else "the cut parts nobody"
        yield replace(row, note="; ".join([f"refused: {why}", *filter(None, [row.note])]))
    else:
        exact = freeman_halton(filled, plan.seed)
        row_of_table = replace(row, statistic=exact.statistic, p=exact.p, p_se=exact.p_se)
        yield _with_effect(row_of_table, effects.v, resampled.v)
    h = kruskal(*(values[outcome == k] for k in range(len(classes))))
    yield _with_effect(
        replace(row, test=KRUSKAL, statistic=float(h.statistic), p=float(h.pvalue), p_se=0.0),
        effects.epsilon_squared,
        resampled.epsilon_squared,
    )
    for k, label in enumerate(classes):
        u = mannwhitneyu(values[outcome == k], values[outcome != k])
        auc = replace(row, test=AUC, class_=label, n_class=int((outcome == k).sum()))
        yield _with_effect(
            replace(auc, statistic=float(u.statistic), p=float(u.pvalue), p_se=0.0),
            effects.auc[:, k],
            resampled.auc[:, k],
        )


def _with_effect(row: Association, effect: Array, resampled: Array) -> Association:
    """The row with an effect between 0 and 1 and its interval: percentiles, moved by twice the bootstrap's bias.

    Cramer's V and epsilon squared are never negative and too large in small samples; resamples of a sample are so once
    more. The bias of V is taken of its square, which is what chi squared adds to.
    """
    power = 2 if row.test == FISHER else 1
    value, samples = effect[0] ** power, resampled[~np.isnan(resampled)] ** power
    bias = 2 * (samples.mean() - value) if row.test != AUC else 0.0
    low, high = np.clip(np.percentile(samples, (2.5, 97.5)) - bias, 0.0, 1.0) ** (1 / power)
    return replace(row, effect=float(effect[0]), effect_low=float(low), effect_high=float(high))


def _corrected(rows: Sequence[Association]) -> list[Association]:
    """The rows with the p-values of each group and test corrected together."""
    families: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(rows):
        families.setdefault((row.group, row.test), []).append(number)
    by_number = {}
    for numbers in families.values():
        family = corrected([rows[number].p for number in numbers])
        for place, number in enumerate(numbers):
            by_number[number] = replace(
                rows[number],
                p_bonferroni=float(family.bonferroni[place]),
                p_holm=float(family.holm[place]),
                p_fdr=float(family.fdr[place]),
            )
    return [by_number[number] for number in range(len(rows))]
