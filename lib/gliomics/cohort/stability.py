"""How far each feature depends on who drew the region: ICC(2,1) over several masks of the same lesions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import gliomics.features
from gliomics.cohort.extraction import Extraction
from gliomics.cohort.measure import read_brain, read_lesion
from gliomics.cohort.numbering import labels_of_masks
from gliomics.cohort.perturb import perturbed
from gliomics.csv_files import read_csv, write_csv
from gliomics.errors import GliomicsError, InputError
from gliomics.features.config import FeatureConfig
from gliomics.features.extract import StudyImages, extract_regions
from gliomics.features.regions import is_ring, select_region
from gliomics.records import FeatureRow
from gliomics.statistics.icc import Icc, icc_2_1
from gliomics.study.geometry import load_sequences
from gliomics.study.images import read_label_names
from gliomics.study.labels import find_mask
from gliomics.study.numbering import MaskNumbering, labels_of_mask, numbering_of_mask, parse_numbering
from gliomics.study.records import Study
from gliomics.study.volumes import Mask

STABLE = 0.75
"""A feature is stable when the 95 % interval of its ICC lies above this: grades ``good`` and ``excellent``."""
FEW_TARGETS = 30
"""Koo and Li 2016 ask for at least so many targets."""

_GRADES = ((0.9, "excellent"), (STABLE, "good"), (0.5, "moderate"), (-math.inf, "poor"))
_SHIPPED = Path(gliomics.features.__file__).parent / "stability"
_COLUMNS = ("feature", "icc", "low", "high", "grade", "cv", "n", "k", "config_sha256", "note")

OnError = Callable[[str, GliomicsError], None]
"""Called with the id of a study and what is wrong with it."""


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


class Ratings:
    """Feature values by target and rater; holds the numbers only, 8 bytes each."""

    def __init__(self, raters: Sequence[str]) -> None:
        self.raters = list(raters)
        self._columns: dict[str, int] = {}
        self._values: list[npt.NDArray[np.float64]] = []
        self._config: str | None = None

    def add(self, rows: Mapping[str, FeatureRow]) -> None:
        """Add one target that every rater has measured."""
        for row in rows.values():
            config = str(row.diagnostics.get("config_sha256", ""))
            self._config = config if self._config is None else self._config
            if config != self._config:
                raise InputError(
                    f"study '{row.study_id}' was measured with configuration {config[:12] or '(none)'}, others with "
                    f"{self._config[:12] or '(none)'}; measure all with one configuration"
                )
            for name in row.values:
                self._columns.setdefault(name, len(self._columns))
        values = np.full((len(self.raters), len(self._columns)), np.nan)
        for number, rater in enumerate(self.raters):
            measured = rows[rater].values
            values[number, [self._columns[name] for name in measured]] = list(measured.values())
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


def stability(tables_by_rater: Mapping[str, Sequence[FeatureRow]]) -> list[FeatureStability]:
    """Stability of each feature over tables of the same lesions by several raters.

    The targets are the rows (study and region) that every rater has. Raises :class:`InputError` when there is none,
    or when rows come from different configurations.
    """
    by_target = [{(row.study_id, row.region): row for row in rows} for rows in tables_by_rater.values()]
    common = [target for target in by_target[0] if all(target in rows for rows in by_target)] if by_target else []
    if not common:
        raise InputError(f"the tables of {', '.join(tables_by_rater) or 'no rater'} have no study and region in common")
    ratings = Ratings(list(tables_by_rater))
    for target in common:
        ratings.add(dict(zip(tables_by_rater, (rows[target] for rows in by_target), strict=True)))
    return ratings.stability()


def measure_stability(
    studies: Iterable[Study],
    mask_folders: Sequence[Path],
    extraction: Extraction,
    *,
    brain_masks: Path | None = None,
    on_error: OnError | None = None,
) -> list[FeatureStability]:
    """Measure each region of each study under several masks, and how far the features agree.

    The raters are the ``mask_folders``, which hold ``<study id>.nii.gz`` as ``brain_masks`` does; where there is one
    folder, they are the :data:`~gliomics.cohort.perturb.PERTURBATIONS` of its masks. A region that one rater does not
    have, or that cannot be measured, is left out for all and handed to ``on_error`` with the study's id. Where
    ``extraction`` has no ``numbering``, the study, or the values in a folder, decide which value of the masks is which
    part of the tumour. One study is in memory at a time; of the others there are the values.

    Raises :class:`InputError` when nothing could be measured.
    """
    if not mask_folders or len(set(mask_folders)) < len(mask_folders):
        raise InputError(
            "give one folder of masks, or several different ones; these are "
            + (", ".join(map(str, mask_folders)) or "none")
        )
    if extraction.boundary_shift or extraction.deep_model is not None:
        raise InputError("stability is that of regions as they are drawn, without deep features; leave out both")
    ratings: Ratings | None = None
    cohort_labels = {str(folder): frozenset[int]() for folder in mask_folders}
    if extraction.numbering is not None:
        parse_numbering(extraction.numbering)
    elif extraction.needs_numbering:
        cohort_labels = {str(folder): labels_of_masks(folder) for folder in mask_folders}
    for study in studies:
        try:
            case = _read_case(study, mask_folders, extraction, brain_masks, cohort_labels)
        except GliomicsError as error:
            _report(on_error, study.id, error)
            continue
        for rows in _measure_targets(case, extraction.regions, on_error):
            ratings = ratings or Ratings(list(rows))
            ratings.add(rows)
    if ratings is None:
        raise InputError("no region was measured under all masks, so nothing can be said about stability")
    return ratings.stability()


def write_stability_csv(features: Sequence[FeatureStability], path: Path) -> None:
    """Write one row per feature; what is not known is an empty cell, and the note says why."""
    write_csv(path, [_to_row(feature) for feature in features], _COLUMNS)


def _to_row(feature: FeatureStability) -> dict[str, Any]:
    icc = feature.icc
    numbers = {"icc": icc.value, "low": icc.low, "high": icc.high}
    return {
        "feature": feature.feature,
        **{name: "" if math.isnan(number) else f"{number:.6f}" for name, number in numbers.items()},
        "grade": feature.grade,
        "cv": "" if math.isnan(feature.variation) else f"{feature.variation:.3g}",
        "n": icc.n,
        "k": icc.k,
        "config_sha256": feature.config_sha256,
        "note": icc.reason,
    }


def read_stability_csv(path: Path) -> list[FeatureStability]:
    """Read what :func:`write_stability_csv` wrote; raises :class:`InputError` naming the file for anything else."""
    expected = f"{path} is not a stability table: expected the columns {', '.join(_COLUMNS)}"
    rows = [row for _, row in read_csv(path)]
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise InputError(expected)
    try:
        return [_from_row(dict(zip(rows[0], row, strict=True))) for row in rows[1:]]
    except (KeyError, ValueError) as error:
        raise InputError(expected) from error


def shipped_stability(config: FeatureConfig) -> dict[str, FeatureStability]:
    """What is known of a configuration's features, by name: the table that ships for it, or nothing."""
    return _shipped().get(config.digest, {})


def stability_diagnostics(features: Iterable[str], config: FeatureConfig) -> dict[str, Any]:
    """What a :class:`FeatureRow` of these features says of their stability in its diagnostics; nothing if unknown.

    ``stability``: the lower end of the ICC's 95 % interval for each feature that is known; ``unstable``: the features
    that should not be trusted; ``stability_source``: where that is known from, in words.
    """
    shipped = shipped_stability(config)
    graded = [shipped[name] for name in features if name in shipped and not math.isnan(shipped[name].icc.value)]
    if not graded:
        return {}
    return {
        "stability": {feature.feature: feature.icc.low for feature in graded},
        "unstable": [feature.feature for feature in graded if feature.is_unstable],
        "stability_source": (
            f"{max(feature.icc.n for feature in graded)} whole lower-grade gliomas, each mask grown, shrunk, redrawn, "
            "turned and moved by about a voxel"
        ),
    }


def stability_notes(features: Sequence[FeatureStability]) -> list[str]:
    """What to know before the numbers are used, as sentences for people."""
    graded = [feature for feature in features if not math.isnan(feature.icc.value)]
    most = max((feature.icc.n for feature in features), default=0)
    notes = []
    if most < FEW_TARGETS:
        notes.append(
            f"{most} target{'s' * (most != 1)} only: the intervals are wide, and grades, which follow their lower end, "
            f"are low; at least {FEW_TARGETS} are wanted"
        )
    if len(graded) < len(features):
        notes.append(f"{len(features) - len(graded)} of {len(features)} features have no ICC; the column note says why")
    return notes


@cache
def _shipped() -> dict[str, dict[str, FeatureStability]]:
    tables: dict[str, dict[str, FeatureStability]] = {}
    for path in sorted(_SHIPPED.glob("*.csv")):
        for feature in read_stability_csv(path):
            tables.setdefault(feature.config_sha256, {})[feature.feature] = feature
    return tables


def _from_row(row: Mapping[str, str]) -> FeatureStability:
    value, low, high, variation = (float(row[name] or "nan") for name in ("icc", "low", "high", "cv"))
    icc = Icc(value, low, high, int(row["n"]), int(row["k"]), row["note"])
    return FeatureStability(row["feature"], icc, variation, row["config_sha256"])


@dataclass(frozen=True)
class _Case:
    """A study's images with the masks of its raters, and the values of each rater's masks in the whole cohort."""

    study: Study
    extraction: Extraction
    images: StudyImages
    masks: dict[str, Mask]
    segments: Mapping[str, Mapping[int, str]]
    cohort_labels: Mapping[str, frozenset[int]]

    def rated(self, region: str) -> dict[str, Mask]:
        """The region by rater: by folder, or by perturbation where there is one folder."""
        defined = self.extraction.config.regions
        brain = self.images.brain_voxels() if is_ring(region, defined) else None
        masks = {
            name: select_region(mask, region, name=name, numbering=self._numbering(name), brain=brain, defined=defined)
            for name, mask in self.masks.items()
        }
        return masks if len(masks) > 1 else perturbed(next(iter(masks.values())))

    def _numbering(self, rater: str) -> MaskNumbering:
        return numbering_of_mask(
            labels_of_mask(self.masks[rater]),
            f"mask of '{self.study.id}' in {rater}",
            given=self.extraction.numbering,
            study=self.study.numbering,
            segments=self.segments[rater],
            cohort=self.cohort_labels[rater],
        )


def _read_case(
    study: Study,
    mask_folders: Sequence[Path],
    extraction: Extraction,
    brain_masks: Path | None,
    cohort_labels: Mapping[str, frozenset[int]],
) -> _Case:
    sequences = extraction.config.sequences
    names = sequences if sequences is not None else list(study.sequences)
    volumes = load_sequences(study, names, grid_of=extraction.resample_to)

    def find(folder: Path) -> Path:
        path = find_mask(folder, study.id)
        if path is None:
            raise InputError(f"no mask {study.id}.nii.gz in {folder}")
        return path

    paths = {str(folder): find(folder) for folder in mask_folders}
    masks = {rater: read_lesion(path, volumes) for rater, path in paths.items()}
    segments = {rater: read_label_names(path) for rater, path in paths.items()}
    brain = read_brain(find(brain_masks), volumes, study, masks.values()) if brain_masks is not None else None
    images = StudyImages(study.id, volumes, brain=brain, spacing_known=study.spacing_known)
    return _Case(study, extraction, images, masks, segments, cohort_labels)


def _measure_targets(case: _Case, regions: Sequence[str], on_error: OnError | None) -> list[dict[str, FeatureRow]]:
    """The rows by rater of every region that all raters have."""
    rated: dict[str, dict[str, Mask]] = {}
    for region in regions:
        try:
            rated[region] = case.rated(region)
        except GliomicsError as error:
            _report(on_error, case.study.id, error)
    try:
        return _measure(case, rated) if rated else []
    except GliomicsError as error:
        if len(rated) == 1:
            _report(on_error, case.study.id, error)
            return []
    # One region cannot be measured: find out which.
    return [rows for region in rated for rows in _measure_targets(case, [region], on_error)]


def _measure(case: _Case, rated: Mapping[str, Mapping[str, Mask]]) -> list[dict[str, FeatureRow]]:
    """Rows by rater of each region, or each slice of it, that all raters have; images are filtered once for all."""
    masks = {f"{rater}\t{region}": mask for region, by_rater in rated.items() for rater, mask in by_rater.items()}
    targets: dict[str, dict[str, FeatureRow]] = {}
    for row in extract_regions(case.images, masks, case.extraction.config):
        rater, target = row.region.split("\t", 1)
        targets.setdefault(target, {})[rater] = row
    raters = len(next(iter(rated.values())))
    return [rows for rows in targets.values() if len(rows) == raters]


def _report(on_error: OnError | None, study_id: str, error: GliomicsError) -> None:
    if on_error is not None:
        on_error(study_id, error)
