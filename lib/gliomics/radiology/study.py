"""One study from its files to its VASARI report."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from gliomics.errors import InputError
from gliomics.preprocess.lesion import lesion_mask_of_study
from gliomics.radiology.atlas import load_atlas
from gliomics.radiology.placement import Placement, place_on_atlas, sequence_to_place
from gliomics.radiology.vasari import VasariReport, parts_of, vasari
from gliomics.study.images import read_label_names, read_mask, read_volume
from gliomics.study.numbering import labels_of_mask, numbering_of_mask
from gliomics.study.records import Study


def vasari_of_study(
    study: Study, mask: Path, *, numbering: str | None = None, cohort_labels: Collection[int] = ()
) -> tuple[VasariReport, Placement | None, str]:
    """The report of a study by its mask, where it was placed, and in words why it was not (else ``""``).

    ``numbering`` and ``cohort_labels`` (the values of all masks made with this one) are as
    :func:`~gliomics.study.numbering.numbering_of_mask` takes them. Raises :class:`InputError` for a mask that does not
    fit, and :class:`~gliomics.errors.DependencyError` without the atlas.
    """
    atlas = load_atlas()
    sequence = sequence_to_place(study.sequences)
    lesion = lesion_mask_of_study(read_mask(mask), study, mask.name, sequence=sequence)
    numbered = numbering_of_mask(
        labels_of_mask(lesion),
        mask.name,
        given=numbering,
        study=study.numbering,
        segments=read_label_names(mask),
        cohort=cohort_labels,
    )
    parts = parts_of(lesion, numbered, name=mask.name, spacing_known=study.spacing_known)
    placement, reason = None, ""
    try:
        placement = place_on_atlas(
            read_volume(study.path(sequence)),
            atlas,
            spacing_known=study.spacing_known,
            name=f"sequence '{sequence}' of {study.id}",
        )
    except InputError as error:
        reason = str(error)
    return vasari(parts, placement, atlas), placement, reason
