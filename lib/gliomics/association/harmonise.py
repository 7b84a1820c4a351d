"""A cohort's features harmonised over its sites or scanners, for description and tests of association.

ComBat is fitted to all patients at once. A model that is fitted to its result has seen the patients that it is judged
on; :mod:`gliomics.subtype.estimators` fits it inside the training folds instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gliomics.cohort.patient_table import Harmonisation, PatientTable, check_any_in_common
from gliomics.errors import InputError
from gliomics.features.provenance import HARMONISED, HARMONISED_BATCH
from gliomics.records import FeatureRow
from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.combat import LEAST_PATIENTS, Combat
from gliomics.statistics.contingency import freeman_halton

LEAST = 5
"""Patients of a batch with fewer are left out, unless another bound is given."""
TIED = 0.5
"""Of a kept value of which batches explain more of the variance than this it is said that little tells them apart."""
CAUTION = "for description and tests of association, not for models: the table was harmonised with all patients at once"


@dataclass(frozen=True)
class BatchEffect:
    """How far the batches explain a feature, as measured and harmonised: its row in ``harmonise.csv``.

    ``share_before`` and ``share_after`` are eta squared, the part of the variance that lies between batches;
    ``p_before`` and ``p_after`` are of Kruskal and Wallis' test. NaN, with a ``note``, where nothing can be compared.
    """

    feature: str
    n: int
    share_before: float = np.nan
    share_after: float = np.nan
    p_before: float = np.nan
    p_after: float = np.nan
    note: str = ""


@dataclass(frozen=True)
class Harmonised:
    """Features as ``measured`` and ``harmonised`` of the patients that could be; why others are ``left_out``."""

    measured: PatientTable
    harmonised: PatientTable
    effects: Sequence[BatchEffect]
    left_out: Mapping[str, str]
    warnings: Sequence[str]

    @property
    def harmonisation(self) -> Harmonisation:
        """Over what."""
        assert self.harmonised.harmonisation is not None
        return self.harmonised.harmonisation

    @property
    def labels(self) -> npt.NDArray[np.str_]:
        """Each patient's batch, (patients,)."""
        return np.array([self.harmonisation.batches[patient] for patient in self.measured.patients])

    @property
    def counts(self) -> Mapping[str, int]:
        """Patients by batch."""
        return dict(sorted(Counter(self.labels.tolist()).items()))


def harmonise(
    table: PatientTable,
    column: str,
    batches: Mapping[str, str],
    kept: Mapping[str, Mapping[str, float]] | None = None,
    *,
    least: int = LEAST,
) -> Harmonised:
    """Bring the batches of a table to a common level and spread of each feature, by ComBat.

    ``batches`` is the value of ``column`` by patient. What ``kept`` values, by patient and name, explain stays in the
    features. Patients without batch or kept value, and those of batches of fewer than ``least``, are left out.

    Raises :class:`InputError` for features that were harmonised before, fewer than two batches or two features, and
    kept values that batches tell already.
    """
    if table.harmonisation is not None:
        raise InputError(
            f"the features were harmonised before, over '{table.harmonisation.column}'; give those measured"
        )
    if least < LEAST_PATIENTS:
        raise InputError(f"batches of fewer than {LEAST_PATIENTS} patients do not tell their level and spread")
    check_any_in_common(table.patients, batches, f"column '{column}'")
    left_out = _left_out(table.patients, batches, kept, least)
    own = table.of([patient for patient in table.patients if patient not in left_out])
    names = sorted({batches[patient] for patient in own.patients})
    if len(names) < 2:
        counts = Counter(batches[patient] for patient in table.patients if patient in batches)
        listed = ", ".join(f"{name}: {count}" for name, count in counts.most_common(10))
        raise InputError(
            f"'{column}' has fewer than two batches of {least} patients each ({listed}); name another column, or join "
            "batches that were measured alike"
        )
    code = np.array([names.index(batches[patient]) for patient in own.patients], dtype=np.int64)
    kept_names = list(next(iter(kept.values()), {})) if kept else []
    covariates = np.array([[kept[p][name] for name in kept_names] for p in own.patients] if kept else [[]] * code.size)
    warnings = _check_kept(column, code, covariates, kept_names)
    site = code.astype(np.float64)
    values = Combat.fit(own.values, site, covariates).apply(own.values, site, covariates)
    effects = [
        _effect(name, before, after, code, names)
        for name, before, after in zip(own.names, own.values.T, values.T, strict=True)
    ]
    harmonisation = Harmonisation(column, kept_names, {patient: batches[patient] for patient in own.patients})
    return Harmonised(own, replace(own, values=values, harmonisation=harmonisation), effects, left_out, warnings)


def harmonised_rows(rows: Sequence[FeatureRow], result: Harmonised) -> list[FeatureRow]:
    """The rows of a table with harmonised values, which say so; those of patients that were left out are missing."""
    by_study = {row.study_id: row for row in rows}
    over = {
        "method": "ComBat (Johnson 2007)",
        "batch": result.harmonisation.column,
        "kept": list(result.harmonisation.kept),
        "patients": len(result.measured.patients),
    }
    table, made = result.harmonised, []
    for study, batch, values in zip(table.studies, result.labels.tolist(), table.values, strict=True):
        row = by_study[study]
        known = {name: float(value) for name, value in zip(table.names, values, strict=True) if not np.isnan(value)}
        diagnostics = {**row.diagnostics, HARMONISED: over, HARMONISED_BATCH: batch}
        sentence = f"harmonised over '{result.harmonisation.column}': {CAUTION}"
        made.append(replace(row, values=known, diagnostics=diagnostics, warnings=[*row.warnings, sentence]))
    return made


def caution_of_genes(table: PatientTable) -> list[str]:
    """What to beware of when genes are set beside harmonised features, in sentences."""
    if table.harmonisation is None:
        return []
    return [
        f"the features were harmonised over '{table.harmonisation.column}', with all patients at once: what genes and "
        "features have in common with it was taken from the features; compare with features as they were measured"
    ]


def cautions(table: PatientTable, targets: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What to beware of when the classes of targets, by patient, are set beside harmonised features, in sentences.

    Raises :class:`InputError` for a target that the batches tell: harmonising has taken from the features whatever goes
    with it, or a part that cannot be told from the batch.
    """
    if table.harmonisation is None:
        return []
    over, sentences = table.harmonisation, []
    for target, labels in targets.items():
        pairs = [(over.batches[patient], labels[patient]) for patient in table.patients if patient in labels]
        if not pairs:
            continue
        if len({*pairs}) == len({batch for batch, _ in pairs}):
            raise InputError(
                f"'{target}' is told by '{over.column}', over which the features were harmonised: what goes with one "
                "cannot be told from the other; take features as they were measured, or another target"
            )
        batches, classes = (sorted({pair[place] for pair in pairs}) for place in (0, 1))
        counts = np.zeros((len(batches), len(classes)), dtype=np.int64)
        np.add.at(counts, tuple(np.array([(batches.index(a), classes.index(b)) for a, b in pairs]).T), 1)
        p = freeman_halton(counts).p
        if any(name == target or name.startswith(f"{target}=") for name in over.kept):
            sentences.append(
                f"'{target}' was kept when the features were harmonised over '{over.column}': where batches hold "
                "unequal shares of its classes, p-values come out too small (Nygaard 2016)"
            )
        elif p < 0.05:
            sentences.append(
                f"'{target}' goes with '{over.column}' (exact test p = {p:.2g}): harmonising over it took a part of "
                "what the features had to do with the target"
            )
    return sentences


def _left_out(
    patients: Sequence[str], batches: Mapping[str, str], kept: Mapping[str, object] | None, least: int
) -> dict[str, str]:
    """Why patients are left out."""
    why = {patient: "no batch" for patient in patients if patient not in batches}
    why |= {p: "a kept value is missing" for p in patients if kept is not None and p not in kept and p not in why}
    counts = Counter(batches[patient] for patient in patients if patient not in why)
    small = {name: count for name, count in counts.items() if count < least}
    return why | {
        p: f"batch '{batches[p]}' has {small[batches[p]]}, fewer than {least} patients"
        for p in patients
        if p not in why and batches[p] in small
    }


def _check_kept(column: str, code: Classes, covariates: Array, names: Sequence[str]) -> list[str]:
    """Refuse kept values that say nothing but the batch; sentences about those that say little else."""
    sentences = []
    for name, values in zip(names, covariates.T, strict=True):
        share = _share(values, code)
        if np.isnan(share) or share > 1 - 1e-9:
            raise InputError(
                f"'{name}' does not vary within the batches of '{column}', so that what it explains cannot be told "
                "from them; leave it out of --keep, or harmonise over another column"
            )
        if share > TIED:
            sentences.append(
                f"{share:.0%} of the variance of '{name}' lie between the batches of '{column}': what it explains can "
                "hardly be told from them"
            )
    design = np.column_stack([code[:, None] == np.unique(code), covariates]).astype(np.float64)
    design /= np.maximum(np.abs(design).max(axis=0), 1e-300)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise InputError(
            f"{', '.join(names)} and the batches of '{column}' tell each other, so that the effects of none can be "
            "told; keep fewer values"
        )
    return sentences


def _effect(name: str, before: Array, after: Array, code: Classes, batches: Sequence[str]) -> BatchEffect:
    known = ~np.isnan(before)
    codes, counts = np.unique(code[known], return_counts=True)
    few = [batch for number, batch in enumerate(batches) if number not in codes[counts >= LEAST_PATIENTS]]
    note = f"as measured where fewer than {LEAST_PATIENTS} patients have it: {', '.join(few)}" if few else ""
    row = BatchEffect(name, int(known.sum()), note=note)
    if codes.size < 2:
        return replace(row, note="; ".join(filter(None, ["fewer than two batches have it", note])))
    if np.ptp(before[known]) == 0:
        return replace(row, note="the feature has one value everywhere")
    share_before, share_after = (_share(values[known], code[known]) for values in (before, after))
    p_before, p_after = (_p(values[known], code[known]) for values in (before, after))
    return replace(row, share_before=share_before, share_after=share_after, p_before=p_before, p_after=p_after)


def _share(values: Array, code: Classes) -> float:
    """Eta squared: the part of the variance of values that lies between batches; NaN where nothing varies."""
    centred = values - values.mean()
    total = float(centred @ centred)
    if total <= 1e-24 * max(1.0, float(values @ values)):
        return np.nan
    between = sum(float((code == k).sum() * centred[code == k].mean() ** 2) for k in np.unique(code))
    return between / total


def _p(values: Array, code: Classes) -> float:
    from scipy.stats import kruskal

    return float(kruskal(*(values[code == k] for k in np.unique(code))).pvalue)
