"""ComBat: features of several sites brought to a common level and spread.

Johnson, Li and Rabinovic, Biostatistics 8:118 (2007), parametric empirical Bayes; for imaging features Fortin et al.,
NeuroImage 167:104 (2018). Learned from training patients and applied to anybody afterwards, one by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array

LEAST_PATIENTS = 3
"""Fewer patients of a site, or fewer of them with a feature, do not tell its level and spread."""

_TOLERANCE = 1e-4
_MOST_ITERATIONS = 1000


@dataclass(frozen=True)
class Combat:
    """``values = level + covariates @ slopes + spread * (shift + sqrt(scale) * error)`` for each site and feature.

    ``sites`` are the codes of the sites, (sites,); ``level`` and ``spread`` are (features,), ``slopes`` (covariates,
    features), ``covariate_means`` (covariates,); ``shifts`` and ``scales``, the sites' effects after shrinkage towards
    what the features of a site have in common, (sites, features).
    """

    sites: Array
    level: Array
    spread: Array
    slopes: Array
    covariate_means: Array
    shifts: Array
    scales: Array

    @classmethod
    def fit(cls, values: Array, site: Array, covariates: Array | None = None) -> Combat:
        """Learn from (patients, features) with NaN where missing and the code of each patient's site, (patients,).

        NaN is an unknown site. Sites with fewer than :data:`LEAST_PATIENTS` patients are not learned from. What
        ``covariates``, (patients, covariates), explain stays in the features. Raises :class:`InputError` where less
        than two sites remain, or two features.
        """
        codes, counts = np.unique(site[~np.isnan(site)], return_counts=True)
        sites = codes[counts >= LEAST_PATIENTS]
        if sites.size < 2 or values.shape[1] < 2:
            raise InputError(
                f"harmonisation needs two features and two sites with {LEAST_PATIENTS} patients each; found "
                f"{values.shape[1]} features and {sites.size} such sites; leave it out, or give more patients"
            )
        rows = np.isin(site, sites)
        values, member = values[rows], site[rows][:, None] == sites
        means, covariates = _filled(values.shape[0], None if covariates is None else covariates[rows])
        level, slopes, spread = _common(values, member, covariates)
        z = (values - level - covariates @ slopes) / spread
        effects = [_site_effects(z[member[:, i]]) for i in range(sites.size)]
        shifts, scales = (np.array([effect[part] for effect in effects]) for part in (0, 1))
        return cls(sites, level, spread, slopes, means, shifts, scales)

    def knows(self, site: Array) -> npt.NDArray[np.bool_]:
        """Which patients are of a site that was learned from, (patients,)."""
        return np.isin(site, self.sites)

    def apply(self, values: Array, site: Array, covariates: Array | None = None) -> Array:
        """Harmonised (patients, features); of patients of other sites, see :meth:`knows`, the values as they are.

        Of a site that was not seen nothing is known but that sites differ about the common level: 0 is the best
        guess of its effect, and its patients' values are already what the others' become.
        """
        _, covariates = _filled(len(values), covariates, self.covariate_means)
        expected = self.level + covariates @ self.slopes
        z = (values - expected) / self.spread
        harmonised = values.copy()
        for i, code in enumerate(self.sites):
            of_site = site == code
            adjusted = (z[of_site] - self.shifts[i]) / np.sqrt(self.scales[i])
            harmonised[of_site] = adjusted * self.spread + expected[of_site]
        return harmonised


def _filled(patients: int, covariates: Array | None, means: Array | None = None) -> tuple[Array, Array]:
    """The covariates' means, and the covariates with these where missing."""
    if covariates is None:
        covariates = np.empty((patients, 0))
    if means is None:
        observed = ~np.isnan(covariates)
        total = np.where(observed, covariates, 0.0).sum(axis=0)
        means = np.asarray(total / np.maximum(observed.sum(axis=0), 1))
    return means, np.where(np.isnan(covariates), means, covariates)


def _common(values: Array, member: npt.NDArray[np.bool_], covariates: Array) -> tuple[Array, Array, Array]:
    """Level, slopes and spread that all sites share, by least squares over the patients who have a feature.

    A feature that does not vary within sites has spread 1, and no site an effect on it.
    """
    features = values.shape[1]
    level, spread, slopes = np.zeros(features), np.ones(features), np.zeros((covariates.shape[1], features))
    patterns, pattern = np.unique(~np.isnan(values), axis=1, return_inverse=True)
    for number, observed in enumerate(patterns.T):
        columns = np.flatnonzero(pattern == number)
        design = np.column_stack([member, covariates])[observed]
        if not observed.any():
            continue
        present = values[np.ix_(observed, columns)]
        fitted, *_ = np.linalg.lstsq(design, present, rcond=None)
        weights = member[observed].mean(axis=0)
        level[columns] = weights @ fitted[: member.shape[1]]
        slopes[:, columns] = fitted[member.shape[1] :]
        spread[columns] = np.sqrt(np.mean((present - design @ fitted) ** 2, axis=0))
    return level, slopes, np.where(spread > 1e-9 * np.maximum(1.0, np.abs(level)), spread, 1.0)


def _site_effects(z: Array) -> tuple[Array, Array]:
    """Shift and scale of each feature at one site from its standardised values, (patients, features).

    Equations 3.1 of Johnson (2007), solved by turns. A feature of too few patients, or one that does not vary there,
    has shift 0 and scale 1.
    """
    n = np.sum(~np.isnan(z), axis=0)
    usable = n >= LEAST_PATIENTS
    shift, scale = np.zeros(z.shape[1]), np.ones(z.shape[1])
    usable[usable] &= np.nanvar(z[:, usable], axis=0, ddof=1) > 1e-12
    if usable.sum() < 2:
        return shift, scale
    shift[usable], scale[usable] = _shrunk(z[:, usable], n[usable])
    return shift, scale


def _shrunk(z: Array, n: Iterable[int]) -> tuple[Array, Array]:
    count = np.asarray(n, dtype=np.float64)
    raw_shift, raw_scale = np.nanmean(z, axis=0), np.nanvar(z, axis=0, ddof=1)
    mean, variance = raw_shift.mean(), max(raw_shift.var(ddof=1), 1e-12)
    scale_mean, scale_variance = raw_scale.mean(), max(raw_scale.var(ddof=1), 1e-12)
    a = (2 * scale_variance + scale_mean**2) / scale_variance
    b = (scale_mean * scale_variance + scale_mean**3) / scale_variance
    shift, scale = raw_shift, raw_scale
    for _ in range(_MOST_ITERATIONS):
        new_shift = (count * variance * raw_shift + scale * mean) / (count * variance + scale)
        new_scale = (b + 0.5 * np.nansum((z - new_shift) ** 2, axis=0)) / (count / 2 + a - 1)
        change = max(
            np.max(np.abs(new_shift - shift) / np.maximum(np.abs(shift), 1e-12)),
            np.max(np.abs(new_scale - scale) / scale),
        )
        shift, scale = new_shift, new_scale
        if change < _TOLERANCE:
            break
    return shift, scale
