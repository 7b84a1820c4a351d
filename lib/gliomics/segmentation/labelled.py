"""Labelled studies: reading them for training and evaluation without one bad study stopping the rest."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from gliomics.errors import GliomicsError, InputError
from gliomics.files import sha256_of
from gliomics.models import ModelCard
from gliomics.preprocess import axial, lesion_mask
from gliomics.segmentation.inputs import LabelledCase, of_core_alone, of_whole_alone, prepare_case
from gliomics.segmentation.settings import settings_of
from gliomics.study import UNNAMED_SEQUENCE, Mask, Study, Volume, load_sequences, read_mask
from gliomics.study.images import read_label_names
from gliomics.study.numbering import PARTS_OF_REGION, MaskNumbering, labels_of_mask, numbering_of_mask, tumour_of

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelledStudy:
    """A study and the file of its label.

    ``slices`` are the axial slices that were annotated, by number in the image's own order; None where all were. What
    the label says of the others is not known, and networks do not learn from it. ``made_from`` is the model and version
    (``segmentation_flair/3``) whose mask the label is known to have been made from.
    """

    study: Study
    label: Path
    slices: tuple[int, ...] | None = None
    made_from: str | None = None


def load_volumes(study: Study, card: ModelCard, *, resample_to: str | None = None) -> dict[str, Volume]:
    """The sequences of a study that a model can use, or its only image when that is unnamed."""
    usable = [*card.sequences.required, *card.sequences.optional]
    names = [name for name in usable if name in study.sequences]
    if not names and list(study.sequences) == [UNNAMED_SEQUENCE]:
        names = [UNNAMED_SEQUENCE]
    missing = [name for name in card.sequences.required if name not in names]
    if missing and names != [UNNAMED_SEQUENCE]:
        study.path(missing[0])  # raises the error that names the study and what it has
    return load_sequences(study, names, grid_of=resample_to)


def prepare_labelled(labelled: Sequence[LabelledStudy], card: ModelCard) -> tuple[list[LabelledCase], dict[str, str]]:
    """Prepare labelled studies for a model; those that cannot be used are returned by id with the reason."""
    settings = settings_of(card)
    sequences = [*card.sequences.required, *card.sequences.optional]
    cases, skipped = [], {}
    for item in labelled:
        try:
            volumes = load_volumes(item.study, card)
            mask = read_label(item, next(iter(volumes.values())))
            numbering = _numbering(item, mask)
            parts = _inner_labels(item, numbering, settings.regions[1:])
            if UNNAMED_SEQUENCE in volumes:
                volumes = {card.sequences.required[0]: volumes[UNNAMED_SEQUENCE]}
            case = prepare_case(
                item.study.id,
                item.study.patient_id,
                volumes,
                mask,
                sequences=sequences,
                settings=settings.input,
                inner=parts or (),
            )
            if parts is None:
                case = of_whole_alone(case, len(settings.inner))
            elif numbering.whole_is_unknown:
                case = of_core_alone(case)
            if item.slices is not None:
                case = replace(case, annotated=_annotated_slices(item, mask))
        except GliomicsError as error:
            skipped[item.study.id] = str(error)
        else:
            cases.append(case)
    return cases, skipped


def read_label(item: LabelledStudy, image: Volume) -> Mask:
    """The tumour in a study's label, on the grid of its image; of some annotated slices, it may be empty."""
    name = f"the label of study '{item.study.id}'"
    mask, segments = read_mask(item.label), read_label_names(item.label)
    numbering = numbering_of_mask(labels_of_mask(mask), name, study=item.study.numbering, segments=segments)
    if numbering.doubtful_cavity:
        labels = ", ".join(map(str, sorted(numbering.doubtful_cavity)))
        _LOGGER.warning(
            "label %s of study '%s' was counted as tumour; it may be a resection cavity (brats-2024), which "
            '"numbering" in study.json would say',
            labels,
            item.study.id,
        )
    mask = tumour_of(mask, item.study.numbering, segments)
    return lesion_mask(mask, image, name, allow_empty=item.slices is not None)


def _inner_labels(item: LabelledStudy, numbering: MaskNumbering, regions: Sequence[str]) -> list[frozenset[int]] | None:
    """The label values of each inner region; None for a label of the whole alone.

    Raises :class:`InputError` for a label that leaves open which of its values is which part, and for one without the
    whole where nothing else is to be learned.
    """
    name = f"the label of study '{item.study.id}'"
    if not regions:
        numbering.require_whole("whole", name)
        return []
    if numbering.is_undivided:
        return None
    return [numbering.labels_of(PARTS_OF_REGION[region], region, name) for region in regions]


def _numbering(item: LabelledStudy, mask: Mask) -> MaskNumbering:
    name, segments = f"the label of study '{item.study.id}'", read_label_names(item.label)
    return numbering_of_mask(labels_of_mask(mask), name, study=item.study.numbering, segments=segments)


def _annotated_slices(item: LabelledStudy, mask: Mask) -> torch.Tensor:
    """Whether each slice (inferior to superior) was annotated."""
    axis, downwards = axial(mask)
    count, slices = mask.shape[axis], list(item.slices or ())
    if not all(0 <= number < count for number in slices):
        raise InputError(
            f"study '{item.study.id}' is said to be annotated in slices {str(slices)[:80]}; it has 0 to {count - 1}"
        )
    annotated = torch.zeros(count, dtype=torch.bool)
    annotated[slices] = True
    return annotated.flip(0) if downwards else annotated


def fingerprint(labelled: Sequence[LabelledStudy]) -> str:
    """A hash of which studies with which labels a model learned from."""
    lines = sorted(f"{item.study.id} {sha256_of(item.label)}{_in_slices(item.slices)}" for item in labelled)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _in_slices(slices: tuple[int, ...] | None) -> str:
    return "" if slices is None else f" slices {sorted(slices)}"
