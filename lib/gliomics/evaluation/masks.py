"""Masks of many studies against their references: scores of each study and each patient."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from operator import add
from pathlib import Path

import numpy as np

from gliomics.errors import GliomicsError, InputError
from gliomics.evaluation.overlap import SMALLEST_LESION, Volumes, count_lesions
from gliomics.evaluation.parts import (
    NESTED,
    NOT_TOLD,
    REGION_METRICS,
    REGIONS,
    FolderNumbering,
    RegionValues,
    region_labels,
    region_scores,
)
from gliomics.evaluation.pixelwise import PIXEL_METRICS, Confusion, confusion_by_slice
from gliomics.evaluation.surfaces import surface_distances
from gliomics.preprocess import lesion_mask_of_study
from gliomics.study import Mask, Study, check_same_grid, on_grid_of, read_mask
from gliomics.study.images import read_label_names
from gliomics.study.numbering import MaskNumbering

METRICS = (
    "dice", "iou", "precision", "sensitivity", "specificity", "accuracy", "balanced_accuracy",
    "hausdorff_95_mm", "surface_distance_mm", "hausdorff_95_voxels", "surface_distance_voxels",
    "volume_error_ml", "volume_error_voxels", "relative_volume_error", "relative_volume_difference",
    "lesions", "found_lesions", "missed_lesions", "false_positive_lesions", "lesion_sensitivity",
    "reference_ml", "mask_ml", "reference_voxels", "mask_voxels",
)  # fmt: skip
"""What is measured in every study: in mm and mL where the voxel size is known, in voxels where it is not."""

COUNTS = ("lesions", "found_lesions", "missed_lesions", "false_positive_lesions")
"""Metrics whose totals over all studies mean something."""

OnFailed = Callable[["Pair", GliomicsError], None]


@dataclass(frozen=True)
class Pair:
    """A study with the files of its mask and of the reference, and what is known of how these are numbered."""

    study: Study
    mask: Path
    reference: Path
    in_sample: str | None = None
    """The model that made the mask, if it had learned from the patient."""
    mask_numbering: FolderNumbering = NOT_TOLD
    reference_numbering: FolderNumbering = NOT_TOLD

    def numberings(self, mask: Mask, reference: Mask) -> tuple[MaskNumbering, MaskNumbering]:
        """The numberings that the mask and the reference may have; ``InputError`` where one told does not fit."""
        study = self.study.numbering
        of_mask = self.mask_numbering.of(mask, self.mask_name, study=study, segments=read_label_names(self.mask))
        with _option_for_references():
            segments = read_label_names(self.reference)
            return of_mask, self.reference_numbering.of(reference, self.reference_name, study=study, segments=segments)

    @property
    def mask_name(self) -> str:
        """What errors call the mask."""
        return f"mask {self.mask.name}"

    @property
    def reference_name(self) -> str:
        """What errors call the reference."""
        return f"reference {self.reference.name}"


@dataclass(frozen=True)
class StudyScores:
    """A study's metrics (:data:`METRICS`, NaN where undefined), its voxels by axial slice, and what to know of it."""

    pair: Pair
    values: dict[str, float]
    slices: list[Confusion]
    notes: list[str]
    regions: RegionValues = field(default_factory=dict)
    """The values of each region, where mask and reference tell the parts of the tumour apart."""

    @property
    def voxels(self) -> Confusion:
        """All voxels of the study."""
        return reduce(add, self.slices)


@dataclass(frozen=True)
class PatientScores:
    """A patient's value of a metric is the mean over the patient's studies that have one."""

    patient_id: str
    studies: list[StudyScores]

    @cached_property
    def values(self) -> dict[str, float]:
        """One value for each of :data:`METRICS`; NaN where none of the studies has one."""
        return {metric: _mean([study.values[metric] for study in self.studies]) for metric in METRICS}

    @cached_property
    def regions(self) -> RegionValues:
        """As ``values`` for each region; empty where no study's parts were judged."""
        judged = [study.regions for study in self.studies if study.regions]
        return {
            region: {metric: _mean([values[region][metric] for values in judged]) for metric in REGION_METRICS}
            for region in REGIONS
            if judged
        }

    @property
    def mean_dice(self) -> float:
        """The Dice; where parts were judged, the mean of those of the whole, the core and what enhances."""
        return float(np.mean([self.regions[r]["dice"] for r in NESTED])) if self.regions else self.values["dice"]

    @property
    def typical(self) -> StudyScores:
        """The study whose Dice is nearest to the patient's, of those whose parts were judged where there are any."""
        judged = [study for study in self.studies if study.regions] or self.studies
        return min(judged, key=lambda study: abs(study.values["dice"] - self.values["dice"]))

    @property
    def in_sample(self) -> bool:
        """Whether a mask was made by a model that had learned from the patient."""
        return any(study.pair.in_sample is not None for study in self.studies)

    @property
    def notes(self) -> list[str]:
        """The studies' notes, each study named where there are several."""
        several = len(self.studies) > 1
        return [f"{s.pair.study.id}: {note}" if several else note for s in self.studies for note in s.notes]


@dataclass(frozen=True)
class Evaluation:
    """The patients, by id."""

    patients: list[PatientScores]

    def part(self, *, in_sample: bool) -> Evaluation:
        """The patients that the masks' model had learned from, or the others."""
        return Evaluation([patient for patient in self.patients if patient.in_sample is in_sample])

    @property
    def headline(self) -> Evaluation:
        """The patients whose figures hold for others: all but those learned from, unless there are only these."""
        unseen = self.part(in_sample=False)
        return unseen if unseen.patients else self

    @property
    def studies(self) -> list[StudyScores]:
        """The studies of all patients."""
        return [study for patient in self.patients for study in patient.studies]

    @property
    def slices(self) -> list[Confusion]:
        """The axial slices of all studies."""
        return [confusion for study in self.studies for confusion in study.slices]

    @property
    def voxels(self) -> Confusion:
        """The voxels of all studies."""
        return reduce(add, self.slices, Confusion())

    @property
    def has_parts(self) -> bool:
        """Whether the parts of any patient's tumour were judged."""
        return any(patient.regions for patient in self.patients)

    def examples(self) -> dict[str, PatientScores]:
        """The best, the median and the worst patient by Dice; fewer where there are fewer than three patients.

        Where parts were judged, it is the mean Dice of the whole, the core and what enhances. Of an even number of
        patients, the median is the lower of the two in the middle.
        """
        judged = [patient for patient in self.patients if patient.regions] or self.patients
        ranked = sorted(judged, key=lambda patient: patient.mean_dice, reverse=True)
        last = len(ranked) - 1
        names = {len(ranked) // 2: "median", last: "worst"} | {0: "best"}
        return {names[place]: ranked[place] for place in sorted(names) if ranked}


def evaluate_masks(pairs: Iterable[Pair], *, on_failed: OnFailed | None = None) -> Evaluation:
    """Read and score every pair.

    A pair that cannot be read, or brought to the grid of its image, is handed to ``on_failed`` and the others go on;
    without ``on_failed`` its error is raised.
    """
    by_patient: dict[str, list[StudyScores]] = {}
    for pair in pairs:
        try:
            volumes = read_pair(pair)
            scores = replace(score_pair(pair, *volumes), regions=score_regions(pair, *volumes))
        except GliomicsError as error:
            if on_failed is None:
                raise
            on_failed(pair, error)
        else:
            by_patient.setdefault(pair.study.patient_id, []).append(scores)
    return Evaluation([PatientScores(patient, by_patient[patient]) for patient in sorted(by_patient)])


def read_pair(pair: Pair) -> tuple[Mask, Mask]:
    """The mask and the reference, both on the grid of their study's image; either may be empty."""
    name = f"the reference of study '{pair.study.id}'"
    reference = lesion_mask_of_study(read_mask(pair.reference), pair.study, name, allow_empty=True)
    return on_grid_of(read_mask(pair.mask), reference, f"mask {pair.mask.name}", name), reference


def read_regions(pair: Pair) -> tuple[dict[str, Mask], dict[str, Mask]]:
    """The :data:`~gliomics.evaluation.parts.NESTED` regions of the mask and of the reference, on the image's grid."""
    volumes = read_pair(pair)
    names = pair.mask_name, pair.reference_name
    of_mask, of_reference = (
        {region: volume.with_array(np.isin(volume.array, sorted(labels[region]))) for region in NESTED}
        for volume, labels in zip(volumes, map(region_labels, pair.numberings(*volumes), names), strict=True)
    )
    return of_mask, of_reference


def score_pair(pair: Pair, mask: Mask, reference: Mask) -> StudyScores:
    """The scores of one mask; every label value above 0 is lesion, but that of a cavity in the study's numbering.

    Raises :class:`~gliomics.errors.GeometryError` when the two lie on different grids.
    """
    study = pair.study
    check_same_grid(mask, reference, f"mask {pair.mask.name}", f"the reference of study '{study.id}'")
    numbering, of_reference = pair.numberings(mask, reference)
    doubtful = of_reference.doubtful_cavity
    mask, reference = _tumour(mask, numbering), _tumour(reference, of_reference)
    a, b = mask.array > 0, reference.array > 0
    slices = confusion_by_slice(mask, reference)
    voxels = reduce(add, slices)
    lesions = count_lesions(a, b)
    distances = surface_distances(a, b, reference.spacing if study.spacing_known else (1.0, 1.0, 1.0))
    in_voxels = Volumes(voxels.marked, voxels.lesion)
    ml = float(np.prod(reference.spacing)) / 1000.0
    length, amount = ("mm", "ml") if study.spacing_known else ("voxels", "voxels")
    size = Volumes(voxels.marked * ml, voxels.lesion * ml) if study.spacing_known else in_voxels
    values = dict.fromkeys(METRICS, float("nan"))
    values |= {metric: getattr(voxels, metric) for metric in PIXEL_METRICS if metric in values}
    values |= {
        "dice": voxels.f1,
        f"hausdorff_95_{length}": distances.hausdorff_95,
        f"surface_distance_{length}": distances.average,
        f"volume_error_{amount}": size.error,
        f"mask_{amount}": size.mask,
        f"reference_{amount}": size.reference,
        "mask_voxels": in_voxels.mask,
        "reference_voxels": in_voxels.reference,
        "relative_volume_error": abs(in_voxels.relative_difference),
        "relative_volume_difference": in_voxels.relative_difference,
        "lesions": lesions.found + lesions.missed,
        "found_lesions": lesions.found,
        "missed_lesions": lesions.missed,
        "false_positive_lesions": lesions.false_positive,
        "lesion_sensitivity": lesions.sensitivity,
    }
    notes = _notes(in_voxels, lesions.found + lesions.missed, doubtful)
    if pair.in_sample is not None:
        notes.append(f"{pair.in_sample} learned from this patient")
    return StudyScores(pair, values, slices, notes)


def score_regions(pair: Pair, mask: Mask, reference: Mask) -> RegionValues:
    """The values of each region of one mask; none where the mask or the reference does not tell parts apart.

    Raises :class:`~gliomics.errors.InputError` where both do, and it is not known which value is which part.
    """
    numbering, of_reference = pair.numberings(mask, reference)
    if not (pair.mask_numbering.tells_parts(numbering) and pair.reference_numbering.tells_parts(of_reference)):
        return {}
    of_mask = region_labels(numbering, pair.mask_name)
    with _option_for_references():
        labels = of_mask, region_labels(of_reference, pair.reference_name)
    return region_scores(mask, reference, labels, spacing_known=pair.study.spacing_known)


@contextmanager
def _option_for_references() -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(f"{error}. The numbering of references is told with --labels-numbering") from error


def _tumour(mask: Mask, numbering: MaskNumbering) -> Mask:
    """A mask without what is certainly a resection cavity."""
    cavity = sorted(numbering.labels - numbering.tumour)
    return mask.with_array(np.where(np.isin(mask.array, cavity), 0, mask.array)) if cavity else mask


def _notes(voxels: Volumes, lesions: int, doubtful_cavity: Collection[int]) -> list[str]:
    empty = [name for name, size in (("mask", voxels.mask), ("reference", voxels.reference)) if not size]
    notes = [f"the {' and the '.join(empty)} {'are' if len(empty) > 1 else 'is'} empty: no distances"] if empty else []
    if voxels.reference and not lesions:
        notes.append(f"the reference has no component of {SMALLEST_LESION} voxels: no lesion is counted")
    if doubtful_cavity:
        labels = ", ".join(map(str, sorted(doubtful_cavity)))
        notes.append(
            f"label {labels} of the reference was counted as lesion; it may be a resection cavity, which the numbering "
            "in study.json would say"
        )
    return notes


def _mean(values: list[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")
