"""One examination from its files to the case of a report: features of its mask, estimates, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.measure import measure, read_lesion
from gliomics.cohort.stability import stability_diagnostics
from gliomics.errors import GliomicsError
from gliomics.features.config import load_config
from gliomics.features.regions import select_region
from gliomics.findings.read import WHOLE, Estimates, head_of, read_segment
from gliomics.models import ModelCard, ModelStore
from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.report.case_report import CaseReport, MeasuredMask, describe_case
from gliomics.study import Mask, Study, load_sequences, read_label_names
from gliomics.study.numbering import HOW_TO_TELL, MaskNumbering, labels_of_mask, numbering_of_mask
from gliomics.subtype.contradictions import with_contradictions
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


def examine(
    study: Study,
    mask_file: MaskFile,
    store: ModelStore,
    *,
    numbering: str | None = None,
    resample_to: str | None = None,
) -> CaseReport:
    """Measure the whole tumour of a study, estimate its subtype with every model of ``store``, and draw both.

    ``numbering`` says which value of the mask is which part of the tumour, where neither the study nor the mask does;
    ``resample_to`` brings sequences on different grids to that of one. A model that cannot be used on this study is
    named with the reason. Raises the errors of :func:`~gliomics.cohort.measure.measure` for a mask that cannot be
    measured.
    """
    config = load_config(CONFIG)
    extraction = Extraction(config, (WHOLE,), resample_to, numbering=numbering)
    extraction.check()
    features = measure(StudyFiles(study, mask_file.path), extraction).rows[0]
    features = replace(features, diagnostics=features.diagnostics | stability_diagnostics(features.values, config))
    volumes = load_sequences(study, study.sequences, grid_of=resample_to)
    mask = read_lesion(mask_file.path, volumes)
    parts = numbering_of_mask(
        labels_of_mask(mask),
        mask_file.path.name,
        given=numbering,
        study=study.numbering,
        segments=read_label_names(mask_file.path),
    )
    whole = select_region(mask, WHOLE, name=mask_file.path.name, numbering=parts)
    head = head_of(volumes, spacing_known=study.spacing_known)
    case = describe_case(
        study,
        volumes,
        MeasuredMask(whole, mask_file.origin, "mask"),
        features,
        read_segment(features, whole, head, _estimates(features, store)),
        facts=_parts(mask, parts, study.spacing_known) | dict(mask_file.facts),
    )
    return replace(case, warnings=list(mask_file.warnings))


def _estimates(features: FeatureRow, store: ModelStore) -> Estimates:
    """By every subtype model that serves, and why others give none."""
    estimates: list[SubtypeEstimate] = []
    models: dict[str, SubtypeModel] = {}
    cards: dict[str, ModelCard] = {}
    refused: dict[str, str] = {}
    for name in store.names("subtype"):
        try:
            model = SubtypeModel(store.current(name))
            estimates.append(model.estimate(features))
            models[model.card.name], cards[model.card.name] = model, model.card
        except GliomicsError as error:
            refused[name] = str(error)
    return Estimates(with_contradictions(estimates, cards), models, refused)


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
