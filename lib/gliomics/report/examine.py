"""One examination from its files to what is shown and exported of it: features of its mask, and what is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.measure import measure, read_lesion, with_vasari
from gliomics.cohort.stability import stability_diagnostics
from gliomics.features.config import load_config
from gliomics.features.edge import measure_moved_edge
from gliomics.features.extract import StudyImages
from gliomics.features.regions import select_region
from gliomics.findings.estimating import estimates_of
from gliomics.findings.read import WHOLE, head_of, read_segment
from gliomics.models import ModelStore
from gliomics.radiology.study import StudyVasari, place_images, vasari_of_mask
from gliomics.reading.record import Reading
from gliomics.records import FeatureRow
from gliomics.report.case_report import CaseReport, MeasuredMask, describe_case
from gliomics.study import Mask, Study, Volume, load_sequences, read_label_names
from gliomics.study.numbering import HOW_TO_TELL, MaskNumbering, labels_of_mask, numbering_of_mask
from gliomics.subtype.blocks import FEATURE_CLASSES
from gliomics.subtype.circumstances import NOTHING_KNOWN, Circumstances
from gliomics.subtype.predict import SubtypeModel

CONFIG = "panel"
"""The preset whose features are shown and that the subtype models were fitted with."""


@dataclass(frozen=True)
class MaskFile:
    """The mask of an examination: its file, in words who made it, what to beware of, and further facts about it."""

    path: Path
    origin: str
    warnings: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    is_automatic: bool = False


@dataclass(frozen=True)
class ExaminedSegment:
    """A segment of an examination, measured and read: all that is shown or exported of it.

    ``mask``, above 0 where it was measured, and ``label``, the mask that it is a part of, share the grid of
    ``volumes``. ``names`` are those of the label's values, as far as they are known. ``origin`` says who drew the mask,
    ``facts`` and ``warnings`` what else is known of it; ``is_automatic`` that nobody has looked at it.
    """

    study: Study
    volumes: Mapping[str, Volume]
    label: Mask
    names: Mapping[int, str]
    mask: Mask
    origin: str
    features: FeatureRow
    reading: Reading
    facts: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    is_automatic: bool = False

    def case(self) -> CaseReport:
        """The segment as a report shows it, with its pictures."""
        measured = MeasuredMask(self.mask, self.origin, "mask")
        case = describe_case(self.study, self.volumes, measured, self.features, self.reading, facts=self.facts)
        return replace(case, warnings=list(self.warnings))


def examine(
    study: Study,
    mask_file: MaskFile,
    store: ModelStore,
    *,
    numbering: str | None = None,
    resample_to: str | None = None,
    circumstances: Circumstances = NOTHING_KNOWN,
    vasari: bool = False,
) -> ExaminedSegment:
    """Measure the whole tumour of a study, and estimate its subtype with every model of ``store``.

    ``numbering`` says which value of the mask is which part of the tumour, where neither the study nor the mask does;
    ``resample_to`` brings sequences on different grids to that of one; ``circumstances`` are what is known of the
    patient besides the images. ``vasari`` adds the place in the brain and the VASARI features that the mask tells. A
    model that cannot be used on this study is named with the reason. Raises the errors of
    :func:`~gliomics.cohort.measure.measure` for a mask that cannot be measured.
    """
    config = load_config(CONFIG)
    extraction = Extraction(config, (WHOLE,), resample_to, numbering=numbering)
    replace(extraction, vasari=vasari).check()
    features = measure(StudyFiles(study, mask_file.path), extraction).rows[0]
    features = replace(features, diagnostics=features.diagnostics | stability_diagnostics(features.values, config))
    volumes = load_sequences(study, study.sequences, grid_of=resample_to)
    mask = read_lesion(mask_file.path, volumes)
    segments = read_label_names(mask_file.path)
    parts = numbering_of_mask(
        labels_of_mask(mask), mask_file.path.name, given=numbering, study=study.numbering, segments=segments
    )
    whole = select_region(mask, WHOLE, name=mask_file.path.name, numbering=parts)
    head = head_of(volumes, spacing_known=study.spacing_known)
    told = _vasari(study, volumes, mask, parts) if vasari else None
    if told is not None:
        features = with_vasari(features, told)
    images = StudyImages(study.id, volumes, spacing_known=study.spacing_known)
    estimates = estimates_of(
        features,
        _models(store),
        circumstances,
        partial(measure_moved_edge, images, whole, config, FEATURE_CLASSES),
    )
    return ExaminedSegment(
        study,
        volumes,
        mask,
        names_of_parts(parts, segments),
        whole,
        mask_file.origin,
        features,
        read_segment(features, whole, head, estimates, place=told.place if told is not None else None, vasari=told),
        facts=_parts(mask, parts, study.spacing_known) | dict(mask_file.facts),
        warnings=mask_file.warnings,
        is_automatic=mask_file.is_automatic,
    )


def _vasari(study: Study, volumes: Mapping[str, Volume], mask: Mask, numbering: MaskNumbering) -> StudyVasari:
    place = place_images(volumes, study.id, spacing_known=study.spacing_known)
    name = f"the mask of study '{study.id}'"
    return vasari_of_mask(mask, numbering, place, name=name, spacing_known=study.spacing_known)


def names_of_parts(numbering: MaskNumbering, segments: Mapping[int, str]) -> dict[int, str]:
    """What each value of a label is: the names of its segments, else of the parts by its numbering where that is one.

    The only value of a label is called after the region that is measured.
    """
    if len(numbering.labels) < 2:
        return {}
    if segments:
        return dict(segments)
    parts = numbering.numberings[0].parts if len(numbering.numberings) == 1 else {}
    return {value: part.replace("-", " ") for value, part in parts.items()}


def _models(store: ModelStore) -> dict[str, Callable[[], SubtypeModel]]:
    """Every subtype model that serves, by its name, to be opened."""

    def opened(name: str) -> SubtypeModel:
        return SubtypeModel(store.current(name))

    return {name: partial(opened, name) for name in store.names("subtype")}


def _parts(mask: Mask, numbering: MaskNumbering, spacing_known: bool) -> dict[str, str]:
    """How large each part of the tumour is, or that the parts are not known; nothing of a mask of one value."""
    if len(numbering.labels) < 2:
        return {}
    if len(numbering.numberings) != 1:
        what = f"numbered as {numbering.name}" if numbering.name else numbering.source
        return {"Parts of the tumour": f"not told apart: {what}; {HOW_TO_TELL}"}
    meaning = numbering.numberings[0].parts
    voxels: dict[str, int] = {}
    for label in sorted(numbering.labels):
        voxels[meaning[label]] = voxels.get(meaning[label], 0) + int(np.count_nonzero(mask.array == label))
    each_ml = float(np.prod(mask.spacing)) / 1000.0
    sizes = [f"{part} {n * each_ml:.1f} ml" if spacing_known else f"{part} {n} voxels" for part, n in voxels.items()]
    return {"Parts of the tumour": f"{', '.join(sizes)} (numbering by {numbering.source})"}
