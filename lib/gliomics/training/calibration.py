"""Choosing what turns logits into a mask, on patients that the network was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage, optimize, special

from gliomics.segmentation.inputs import LabelledCase
from gliomics.segmentation.settings import (
    INNER_REGIONS,
    CalibrationSettings,
    InnerRegion,
    InnerRegionSettings,
    PostprocessSettings,
    RegionRule,
)

THRESHOLDS = tuple(np.round(np.arange(0.2, 0.81, 0.05), 2).tolist())
COMPONENTS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
USUAL_COMPONENT = 0.1
USUAL_INNER_COMPONENT = 0.01
"""Of an inner region, where a second focus may be small: what is dropped are specks, which volumes hardly show."""
_VOXELS_PER_STUDY = 20_000


@dataclass(frozen=True)
class ScoredCase:
    """A labelled case with the logits (slice, size, size) of a network that did not train on it.

    ``inner`` are those of the inner regions, (region, slice, size, size), where the network answers for some.
    """

    case: LabelledCase
    logits: npt.NDArray[np.floating]
    inner: npt.NDArray[np.floating] | None = None

    @classmethod
    def of(cls, case: LabelledCase, logits: npt.NDArray[np.floating]) -> ScoredCase:
        """A case with the logits of all regions, (region, slice, size, size)."""
        return cls(case, logits[0], logits[1:] if len(logits) > 1 else None)

    @property
    def all_logits(self) -> npt.NDArray[np.floating]:
        """What :meth:`of` was given."""
        return self.logits[None] if self.inner is None else np.concatenate([self.logits[None], self.inner])

    def inner_regions(self) -> list[ScoredCase]:
        """The case once for each inner region, with this in the place of the lesion."""
        return [
            ScoredCase(self.case.of_region(n), logits)
            for n, logits in enumerate(() if self.inner is None else self.inner)
        ]

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """Pixels of the slices that are mostly lesion."""
        return np.asarray(self.case.target.numpy() > 0.5)

    def restore(self, slices: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Slices brought to the grid of ``case.lesion`` (i, j, k)."""
        return self.case.inputs.grid.restore(slices, self.case.inputs.canonical.shape)

    @cached_property
    def dice_table(self) -> npt.NDArray[np.float64]:
        """:func:`dice_of_rules` of the case."""
        return dice_of_rules(self)


class Rules(NamedTuple):
    """What turns logits into probabilities, and these into a mask."""

    calibration: CalibrationSettings
    postprocess: PostprocessSettings
    inner: tuple[InnerRegionSettings, ...] = ()


def choose_rules(studies: Sequence[ScoredCase], without_whole: Sequence[ScoredCase] = ()) -> Rules:
    """The calibration of studies, and the threshold and component rule with the highest Dice over their patients.

    Inner regions have rules of their own, and others where the sequences do not show the whole, chosen on the studies
    of ``without_whole``, if there are any.
    """
    # Of a label whose edge is unknown, nothing can be chosen.
    judged = [study for study in studies if study.case.is_known] or list(studies)
    calibration = choose_calibration(judged)
    tables = [(study.case.patient_id, study.dice_table) for study in judged]
    names = INNER_REGIONS if any(study.inner is not None for study in studies) else ()
    of_regions = zip(names, _inner_rules(judged, names), _inner_rules(without_whole, names), strict=True)
    inner = tuple(
        InnerRegionSettings(region=name, without_whole=alone, **vars(rule or RegionRule()))
        for name, rule, alone in of_regions
    )
    return Rules(calibration, choose_rule(tables, calibration), inner)


def _inner_rules(studies: Sequence[ScoredCase], names: Sequence[InnerRegion]) -> list[RegionRule | None]:
    """The rule of each inner region, chosen on those studies whose labels tell it; None where none does."""
    divided = [study.inner_regions() for study in studies if study.case.inner_lesion is not None]
    return [_inner_rule([regions[n] for regions in divided]) if divided else None for n, _ in enumerate(names)]


def _inner_rule(studies: Sequence[ScoredCase]) -> RegionRule:
    calibration = choose_calibration(studies)
    tables = [(study.case.patient_id, study.dice_table) for study in studies]
    rule = choose_rule(tables, calibration, usual_component=USUAL_INNER_COMPONENT)
    return RegionRule(calibration=calibration, **rule.model_dump())


def choose_calibration(studies: Sequence[ScoredCase], *, seed: int = 0) -> CalibrationSettings:
    """Slope and intercept of the logits that make the truth most probable, every study with the same weight.

    Voxels of which it is not known if they are lesion say nothing. The targets are Platt's (1999), a little inside 0
    and 1, so that perfect separation calls for no infinite slope.
    """
    rng = np.random.default_rng(seed)
    logits, target = [], []
    for study in studies:
        known = np.flatnonzero(~study.case.target.isnan().numpy())
        voxels = known[rng.integers(0, known.size, _VOXELS_PER_STUDY)]
        logits.append(study.logits.reshape(-1)[voxels].astype(np.float64))
        target.append(study.inside.reshape(-1)[voxels])
    z, inside = np.concatenate(logits), np.concatenate(target)
    y = np.where(inside, 1 - 1 / (inside.sum() + 2), 1 / ((~inside).sum() + 2))

    def loss(parameters: npt.NDArray[Any]) -> float:
        scaled = np.exp(parameters[0]) * z + parameters[1]
        return float(np.mean(np.logaddexp(0, scaled) - y * scaled))

    log_slope, intercept = optimize.minimize(
        loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-9}
    ).x
    return CalibrationSettings(slope=float(np.exp(log_slope)), intercept=float(intercept))


def choose_rule(
    tables: Sequence[tuple[str, npt.NDArray[np.float64]]],
    calibration: CalibrationSettings,
    *,
    usual_component: float = USUAL_COMPONENT,
) -> PostprocessSettings:
    """The threshold and component rule with the highest mean Dice over patients.

    ``tables`` are those of :func:`dice_of_rules`, each with its study's patient. Among rules within half a thousandth
    of the best, the one nearest to 0.5 and ``usual_component`` is taken.
    """
    patients: dict[str, list[npt.NDArray[np.float64]]] = {}
    for patient, table in tables:
        patients.setdefault(patient, []).append(table)
    mean = np.mean([np.mean(of_patient, axis=0) for of_patient in patients.values()], axis=0)
    near = np.argwhere(mean >= mean.max() - 5e-4)
    _, _, t, c = min((abs(THRESHOLDS[t] - 0.5), abs(COMPONENTS[c] - usual_component), t, c) for t, c in near)
    threshold = special.expit(calibration.slope * special.logit(THRESHOLDS[t]) + calibration.intercept)
    return PostprocessSettings(
        threshold=float(np.clip(threshold, 0.001, 0.999).round(4)), smallest_component=COMPONENTS[c]
    )


def dice_of_rules(study: ScoredCase) -> npt.NDArray[np.float64]:
    """Dice of a study's mask by every rule, (thresholds of the uncalibrated probability, components)."""
    probability = study.restore(special.expit(study.logits.astype(np.float32)))
    truth = int(np.count_nonzero(study.case.lesion))
    table = np.empty((len(THRESHOLDS), len(COMPONENTS)))
    for row, threshold in enumerate(THRESHOLDS):
        components, count = ndimage.label(probability > threshold)
        sizes = np.bincount(components.ravel(), minlength=count + 1)[1:]
        hits = np.bincount(components[study.case.lesion], minlength=count + 1)[1:]
        for column, fraction in enumerate(COMPONENTS):
            large = sizes >= fraction * sizes.max() if count else np.zeros(0, dtype=bool)
            total = int(sizes[large].sum()) + truth
            table[row, column] = 2 * int(hits[large].sum()) / total if total else 1.0
    return table


def expected_calibration_error(studies: Sequence[tuple[ScoredCase, CalibrationSettings]], *, bins: int = 10) -> float:
    """Mean distance of probability and truth over equal bins of the voxels that are not plainly outside.

    Voxels with a probability under 0.01 are left out: they are the most, and nothing is asked of them
    (Guo 2017).
    """
    counts, sums, hits = np.zeros(bins), np.zeros(bins), np.zeros(bins)
    for study, calibration in studies:
        probability = special.expit(calibration.slope * study.logits.astype(np.float32) + calibration.intercept)
        counted = probability >= 0.01
        index = np.minimum((probability[counted] * bins).astype(int), bins - 1)
        counts += np.bincount(index, minlength=bins)
        sums += np.bincount(index, probability[counted], minlength=bins)
        hits += np.bincount(index, study.inside[counted], minlength=bins)
    n_counted = counts.sum()
    return float(np.abs(sums - hits).sum() / n_counted) if n_counted else 0.0
