"""How far each feature depends on who drew the region: ICC(2,1) over several masks of the same lesions."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import f as f_distribution

import gliomics.radiomics
from gliomics.errors import GliomicsError, InputError
from gliomics.files import write_text
from gliomics.radiomics.cohort import find_mask
from gliomics.radiomics.config import FeatureConfig
from gliomics.radiomics.extract import extract_features
from gliomics.radiomics.perturb import perturbed
from gliomics.radiomics.regions import select_region
from gliomics.records import FeatureTable
from gliomics.study.geometry import load_sequences
from gliomics.study.images import read_mask
from gliomics.study.labels import check_mask
from gliomics.study.records import Mask, Study, Volume

STABLE = 0.75
"""A feature is stable when the 95 % interval of its ICC lies above this: grades ``good`` and ``excellent``."""
FEW_TARGETS = 30
"""Koo and Li 2016 ask for at least so many targets."""

_GRADES = ((0.9, "excellent"), (STABLE, "good"), (0.5, "moderate"), (-math.inf, "poor"))
_SHIPPED = Path(gliomics.radiomics.__file__).parent / "stability"
_COLUMNS = ("feature", "icc", "low", "high", "grade", "cv", "n", "k", "config_sha256", "note")


@dataclass(frozen=True)
class Icc:
    """An intraclass correlation of ``n`` targets by ``k`` raters with its 95 % interval; NaN with a reason if none."""

    value: float
    low: float
    high: float
    n: int
    k: int
    reason: str = ""


@dataclass(frozen=True)
class FeatureStability:
    """One feature: its ICC, and the standard deviation within a target over its mean (median of the targets)."""

    feature: str
    icc: Icc
    variation: float
    config_sha256: str = ""

    @property
    def grade(self) -> str:
        """``excellent`` above 0.9, ``good`` above 0.75, ``moderate`` above 0.5, ``poor``: by the interval's lower end.

        That is how Koo and Li (J Chiropr Med 15:155, 2016) grade: few targets cannot show that a feature is stable.
        ``unknown`` where there is no ICC.
        """
        if math.isnan(self.icc.low):
            return "unknown"
        return next(grade for above, grade in _GRADES if self.icc.low > above)

    @property
    def is_unstable(self) -> bool:
        """Whether the interval reaches down to :data:`STABLE`."""
        return self.grade in ("moderate", "poor")


def icc_2_1(ratings: npt.ArrayLike) -> Icc:
    """ICC(2,1) of ``ratings``, (n targets, k raters): two-way random effects, absolute agreement, a single rater.

    ``(MSR - MSE) / (MSR + (k - 1) MSE + k (MSC - MSE) / n)`` with the mean squares of targets (R), raters (C) and
    the rest (E): Shrout and Fleiss, Psychol Bull 86:420 (1979); the interval by the F distribution: McGraw and Wong,
    Psychol Methods 1:30 (1996).
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or not np.isfinite(table).all():
        raise InputError(f"ratings must be finite numbers, targets by raters; these have shape {table.shape}")
    n, k = table.shape
    if n < 2 or k < 2:
        few = f"{n} target{'s' * (n != 1)}" if n < 2 else f"{k} rater{'s' * (k != 1)}"
        return Icc(math.nan, math.nan, math.nan, n, k, f"{few}; an ICC needs 2")
    table = table - table.mean()
    if np.abs(table).max() <= 1e-12 * np.abs(ratings).max():
        return Icc(math.nan, math.nan, math.nan, n, k, "the feature has one value everywhere")
    table /= np.abs(table).max()
    of_targets, of_raters = table.mean(axis=1), table.mean(axis=0)
    rest = table - of_targets[:, None] - of_raters
    msr = k * float(of_targets @ of_targets) / (n - 1)
    msc = n * float(of_raters @ of_raters) / (k - 1)
    # Below this is what rounding leaves of ratings that agree.
    mse = max(float(np.sum(rest**2)) / ((n - 1) * (k - 1)), 1e-30)
    total = msr + (k - 1) * mse + k * (msc - mse) / n
    if total <= 1e-24:
        return Icc(math.nan, math.nan, math.nan, n, k, "the targets do not differ")
    value = (msr - mse) / total

    a, b = k * value, n * (1 + (k - 1) * value) - k * value
    freedom = (n - 1) * (k - 1) * (a * msc + b * mse) ** 2 / ((n - 1) * (a * msc) ** 2 + (b * mse) ** 2)
    freedom = max(freedom, k - 1)  # it is less only where the ICC is negative, and then it can be 0
    lower = float(f_distribution.ppf(0.975, n - 1, freedom))
    upper = float(f_distribution.ppf(0.975, freedom, n - 1))
    others = k * msc + (k * n - k - n) * mse
    low = n * (msr / lower - mse) / (others + n * msr / lower)
    high = n * (msr - mse / upper) / (others / upper + n * msr)
    return Icc(value, low, high, n, k)


class Ratings:
    """Feature values by target and rater; holds the numbers only, 8 bytes each."""

    def __init__(self, raters: Sequence[str]) -> None:
        self.raters = list(raters)
        self._columns: dict[str, int] = {}
        self._values: list[npt.NDArray[np.float64]] = []
        self._config: str | None = None

    def add(self, tables: Mapping[str, FeatureTable]) -> None:
        """Add one target that every rater has measured."""
        for table in tables.values():
            config = str(table.diagnostics.get("config_sha256", ""))
            self._config = config if self._config is None else self._config
            if config != self._config:
                raise InputError(
                    f"study '{table.study_id}' was measured with configuration {config[:12] or '(none)'}, others with "
                    f"{self._config[:12] or '(none)'}; measure all with one configuration"
                )
            for name in table.values:
                self._columns.setdefault(name, len(self._columns))
        values = np.full((len(self.raters), len(self._columns)), np.nan)
        for row, rater in enumerate(self.raters):
            measured = tables[rater].values
            values[row, [self._columns[name] for name in measured]] = list(measured.values())
        self._values.append(values)

    def stability(self) -> list[FeatureStability]:
        """One entry per feature, over the targets for which every rater has it."""
        return [self._of(name, column) for name, column in self._columns.items()]

    def _of(self, name: str, column: int) -> FeatureStability:
        rows = [values[:, column] for values in self._values if values.shape[1] > column]
        ratings = np.array([row for row in rows if np.isfinite(row).all()]).reshape(-1, len(self.raters))
        means = np.abs(ratings.mean(axis=1))
        spread = ratings.std(axis=1, ddof=1) if len(self.raters) > 1 else np.zeros(len(ratings))
        variation = float(np.median(spread[means > 0] / means[means > 0])) if (means > 0).any() else math.nan
        return FeatureStability(name, icc_2_1(ratings), variation, self._config or "")


def stability(tables_by_rater: Mapping[str, Sequence[FeatureTable]]) -> list[FeatureStability]:
    """Stability of each feature over tables of the same lesions by several raters.

    The targets are the rows (study and region) that every rater has. Raises :class:`InputError` when there is none,
    or when rows come from different configurations.
    """
    by_target = [{(table.study_id, table.region): table for table in tables} for tables in tables_by_rater.values()]
    common = [target for target in by_target[0] if all(target in tables for tables in by_target)] if by_target else []
    if not common:
        raise InputError(f"the tables of {', '.join(tables_by_rater) or 'no rater'} have no study and region in common")
    ratings = Ratings(list(tables_by_rater))
    for target in common:
        ratings.add(dict(zip(tables_by_rater, (tables[target] for tables in by_target), strict=True)))
    return ratings.stability()


def measure_stability(
    studies: Iterable[Study],
    mask_folders: Sequence[Path],
    config: FeatureConfig,
    regions: Sequence[str] = ("whole",),
    *,
    resample_to: str | None = None,
    on_error: Callable[[str, GliomicsError], None] | None = None,
) -> list[FeatureStability]:
    """Measure each region of each study under several masks, and how far the features agree.

    The raters are the ``mask_folders``, which hold ``<study id>.nii.gz``; where there is one folder, they are
    the :data:`~gliomics.radiomics.perturb.PERTURBATIONS` of its masks. A region that one rater does not have, or that
    cannot be measured, is left out for all and handed to ``on_error`` with the study's id. One study is in memory at
    a time; of the others there are the values.

    Raises :class:`InputError` when nothing could be measured.
    """
    ratings: Ratings | None = None
    for study in studies:
        try:
            names = config.sequences if config.sequences is not None else list(study.sequences)
            volumes = load_sequences(study, names, resample_to=resample_to)
            masks = {folder: _read_mask(folder, study, volumes) for folder in mask_folders}
        except GliomicsError as error:
            _report(on_error, study.id, error)
            continue
        for region in regions:
            try:
                tables = _measure_raters(study, volumes, _rated_masks(masks, region), config, region)
            except GliomicsError as error:
                _report(on_error, study.id, error)
                continue
            ratings = ratings or Ratings(list(tables))
            ratings.add(tables)
    if ratings is None:
        raise InputError("no region was measured under all masks, so nothing can be said about stability")
    return ratings.stability()


def write_stability_csv(found: Sequence[FeatureStability], path: Path) -> None:
    """Write one row per feature; what is not known is an empty cell, and the note says why."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in found:
        numbers = (one.icc.value, one.icc.low, one.icc.high)
        cells = ["" if math.isnan(number) else f"{number:.4f}" for number in numbers]
        variation = "" if math.isnan(one.variation) else f"{one.variation:.3g}"
        writer.writerow(
            [one.feature, *cells, one.grade, variation, one.icc.n, one.icc.k, one.config_sha256, one.icc.reason]
        )
    write_text(path, text.getvalue())


def read_stability_csv(path: Path) -> list[FeatureStability]:
    """Read what :func:`write_stability_csv` wrote; raises :class:`InputError` naming the file for anything else."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [_from_row(row) for row in csv.DictReader(file, strict=True)]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (csv.Error, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} is not a stability table: expected the columns {', '.join(_COLUMNS)}") from error


def shipped_stability(config: FeatureConfig) -> dict[str, FeatureStability]:
    """What is known of a configuration's features, by name: the table that ships for it, or nothing."""
    return _shipped().get(config.digest, {})


def stability_notes(found: Sequence[FeatureStability]) -> list[str]:
    """What to know before the numbers are used, as sentences for people."""
    known = [one for one in found if not math.isnan(one.icc.value)]
    most = max((one.icc.n for one in found), default=0)
    notes = []
    if most < FEW_TARGETS:
        notes.append(
            f"{most} target{'s' * (most != 1)} only: the intervals are wide, and grades, which follow their lower end, "
            f"are low; at least {FEW_TARGETS} are wanted"
        )
    if len(known) < len(found):
        notes.append(f"{len(found) - len(known)} of {len(found)} features have no ICC; the column note says why")
    return notes


@cache
def _shipped() -> dict[str, dict[str, FeatureStability]]:
    tables: dict[str, dict[str, FeatureStability]] = {}
    for path in sorted(_SHIPPED.glob("*.csv")):
        for one in read_stability_csv(path):
            tables.setdefault(one.config_sha256, {})[one.feature] = one
    return tables


def _from_row(row: Mapping[str, str]) -> FeatureStability:
    value, low, high, variation = (float(row[name] or "nan") for name in ("icc", "low", "high", "cv"))
    icc = Icc(value, low, high, int(row["n"]), int(row["k"]), row["note"])
    return FeatureStability(row["feature"], icc, variation, row["config_sha256"])


def _read_mask(folder: Path, study: Study, volumes: Mapping[str, Volume]) -> Mask:
    path = find_mask(folder, study.id)
    if path is None:
        raise InputError(f"no mask {study.id}.nii.gz in {folder}")
    mask = read_mask(path)
    for name, volume in volumes.items():
        check_mask(mask, volume, f"mask {path} (image: sequence '{name}')")
    return mask


def _rated_masks(masks: Mapping[Path, Mask], region: str) -> dict[str, Mask]:
    """The region by rater: each folder, or each perturbation of the only folder's mask."""
    chosen = {str(folder): select_region(mask, region, name=str(folder)) for folder, mask in masks.items()}
    return chosen if len(chosen) > 1 else perturbed(next(iter(chosen.values())))


def _measure_raters(
    study: Study, volumes: dict[str, Volume], masks: Mapping[str, Mask], config: FeatureConfig, region: str
) -> dict[str, FeatureTable]:
    return {
        rater: extract_features(
            volumes, mask, config, study_id=study.id, region=region, spacing_known=study.spacing_known, label=1
        )
        for rater, mask in masks.items()
    }


def _report(on_error: Callable[[str, GliomicsError], None] | None, study_id: str, error: GliomicsError) -> None:
    if on_error is not None:
        on_error(study_id, error)
