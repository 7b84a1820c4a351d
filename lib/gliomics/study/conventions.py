"""File names of public data sets and of BIDS: whose image a file is, of which examination, and what it shows.

Each convention is data: how a subject is written, which endings are the tumour's masks (the
preferred first) and how these number the parts. What the rest of a name says is read by
:mod:`gliomics.sequences`, so that one list of spellings serves all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gliomics.sequences import Acquisition, is_mask_name, recognise, split_sequence_suffix
from gliomics.study.numbering import CORE, ENHANCING, OEDEMA
from gliomics.study.sessions import DATE, NUMBERED_SESSION, SESSION, examination_of

_BRAIN = re.compile(r"brain|skull|(?<![a-z])(head|bet|deface\w*|csf|wm|gm|aseg|aparc\w*|tissues?|face|air)(?![a-z])")
_TISSUE_PIPELINES = re.compile(r"(?i)(^|/)(fmriprep|smriprep|fastsurfer|freesurfer|mriqc|cat12|synthseg)[^/]*/")
_MASK_FOLDER = re.compile(
    r"(?i)(images?_)?(labels?(tr|ts)?|masks?|segm?s?|segmentations?|ground[-_ ]?truths?|gts?|annotations?|rois?)"
)
_AFTER_SURGERY = re.compile(r"(?i)ses-post\d*")
_WITHOUT_CONTRAST = re.compile(r"(?i)no|pre|without|nativ|0|un|false|sans|ohne")


@dataclass(frozen=True)
class Convention:
    """How the files of one data set are named.

    ``subject`` matches the beginning of a name, with the groups ``patient`` and ``session`` (which may be
    empty). ``numberings`` are those that its masks are known to have; the first that explains a mask's values
    is its own.
    """

    name: str
    subject: re.Pattern[str]
    example: str
    masks: tuple[str, ...] = ()
    numberings: tuple[str, ...] = ()
    variants: str = ""
    """Ending of second versions of an image, which are taken only where the first is missing."""


def _convention(
    name: str,
    subject: str,
    example: str,
    *,
    masks: tuple[str, ...] = (),
    numberings: tuple[str, ...] = (),
    variants: str = "",
) -> Convention:
    whole_words = re.compile(subject + r"(?![A-Za-z0-9])", re.IGNORECASE)
    return Convention(name, whole_words, example, masks, numberings, variants)


BIDS = _convention(
    "BIDS",
    r"(?P<patient>sub-[A-Za-z0-9]+)(?:_(?P<session>ses-[A-Za-z0-9]+))?(?=_)",
    "sub-01/anat/sub-01_T1w.nii.gz",
)
CONVENTIONS = (
    BIDS,
    _convention(
        "BraTS 2023",
        r"(?P<patient>BraTS-(?:GLI|SSA|GoAT)-\d+)-(?P<session>\d{1,3})",
        "BraTS-GLI-00000-000-t1n.nii.gz",
        masks=("seg",),
        numberings=("brats-2023", "brats-2024"),
    ),
    _convention(
        "BraTS 2023",
        r"(?P<patient>BraTS-PED-\d+)-(?P<session>\d{1,3})",
        "BraTS-PED-00001-000-t1n.nii.gz",
        masks=("seg",),
        # 2023 as for adults; since 2024 enhancing, non-enhancing, cystic and oedema
        numberings=("brats-2023", f"1={ENHANCING},2={CORE},3={CORE},4={OEDEMA}"),
    ),
    _convention(
        "BraTS 2023",
        r"(?P<patient>BraTS-[A-Z]+(?:-RT)?-\d+)-(?P<session>\d{1,3})",
        "BraTS-MET-00001-000-t1n.nii.gz",
        masks=("seg",),
    ),
    _convention(
        "BraTS 2021",
        r"(?P<patient>BraTS2021_(?:[A-Za-z]+_)?\d{5}|BraTS20_[A-Za-z]+_\d{3})(?P<session>)",
        "BraTS2021_00000_t1ce.nii.gz",
        masks=("seg",),
        numberings=("brats-2021",),
    ),
    _convention(
        "BraTS 2017-2019",
        r"(?P<patient>BraTS1[789]_[A-Za-z0-9]+_[A-Za-z0-9]+)_(?P<session>\d{1,2})",
        "Brats18_TCIA01_147_1_t1ce.nii.gz",
        masks=("seg",),
        numberings=("brats-2021",),
    ),
    _convention(
        "UPENN-GBM",
        r"(?P<patient>UPENN-GBM-\d+)_(?P<session>\d{2})",
        "UPENN-GBM-00001_11_T1GD.nii.gz",
        masks=("segm", "automated_approx_segm"),
        numberings=("brats-2021",),
        variants="_unstripped",
    ),
    _convention(
        "TCGA-GBM and TCGA-LGG (Bakas)",
        r"(?P<patient>TCGA-[A-Z0-9]{2}-[A-Z0-9]{4})_(?P<session>\d{4}\.\d{2}\.\d{2})",
        "TCGA-02-0006_1996.08.23_t1Gd.nii.gz",
        masks=("GlistrBoost_ManuallyCorrected", "GlistrBoost"),
        numberings=("brats-2021",),
    ),
    _convention(
        "UCSD-PTGBM",
        r"(?P<patient>UCSD-PTGBM-\d+)_(?P<session>\d{2})",
        "UCSD-PTGBM-0002_01_T1post.nii.gz",
    ),
    _convention(
        "UCSF-PDGM",
        r"(?P<patient>UCSF-PDGM-\d+)(?:_(?P<session>FU\d+d?))?",
        "UCSF-PDGM-0004_T1c.nii.gz",
        masks=("tumor_segmentation",),
        numberings=("brats-2021",),
        variants="_bias",
    ),
)


@dataclass(frozen=True)
class FileRole:
    """What a file is: a sequence, a mask, certainly neither (``is_other``) or undecided, and why.

    ``mask_rank`` is the mask's place among those of its study, 0 the preferred; a ``variant`` is a second
    version of the sequence.
    """

    sequence: str | None
    reason: str
    is_other: bool = False
    mask_rank: int | None = None
    variant: bool = False


@dataclass(frozen=True)
class Subject:
    """Whose image a file is by its name: the convention, the patient, the session ("" if none), the rest."""

    convention: Convention
    study: str
    patient: str
    session: str
    rest: str


def subject_of(stem: str, folder: str = "") -> Subject | None:
    """The subject that a name without its type begins with, or else that its folder's name does; None without one."""
    for convention in CONVENTIONS:
        match = convention.subject.match(stem)
        if match:
            return Subject(
                convention, match[0], match["patient"], match["session"] or "", stem[match.end() :].lstrip("_-")
            )
    for convention in CONVENTIONS[1:]:
        match = convention.subject.match(folder)
        if match:
            return Subject(convention, match[0], match["patient"], match["session"] or "", stem)
    return None


def role_of(subject: Subject, path: str = "", acquisition: Acquisition | None = None) -> FileRole:
    """What the file of a subject is, by the rest of its name (``path`` is its place in the data set)."""
    convention, rest = subject.convention, subject.rest
    if convention is BIDS:
        return _bids_role(rest, path, acquisition)
    masks = [mask.lower() for mask in convention.masks]
    if rest.lower() in masks:
        return FileRole(None, f"{convention.name}'s mask", mask_rank=masks.index(rest.lower()))
    variant = bool(convention.variants) and rest.lower().endswith(convention.variants)
    role = plain_role(rest[: -len(convention.variants)] if variant else rest, acquisition)
    if role.mask_rank is not None:
        return FileRole(None, role.reason, mask_rank=len(convention.masks))
    return FileRole(role.sequence, role.reason, role.is_other, variant=variant)


def plain_role(name: str, acquisition: Acquisition | None = None) -> FileRole:
    """What a file is by a name that follows no convention."""
    if is_mask_name(name):
        if _BRAIN.search(name.lower()):
            return FileRole(None, "a mask of the brain or its tissues, not of a tumour", is_other=True)
        return FileRole(None, "a mask by its name", mask_rank=0)
    recognition = recognise(name, acquisition)
    return FileRole(recognition.sequence, recognition.reason, recognition.is_other)


def role_in_folders(role: FileRole, folders: Iterable[str]) -> FileRole:
    """The role of a file in folders of these names: T1 in one that says that contrast was given is undecided."""
    for folder in folders if role.sequence == "t1" else ():
        named = re.sub(r"^(\d+[-_. ]+|(?i:ses)-)", "", folder)
        says_contrast = any(plain_role(name).sequence == "t1c" for name in (named, f"T1 {named}"))
        if says_contrast and not (SESSION.fullmatch(folder) or _AFTER_SURGERY.fullmatch(folder)):
            return FileRole(None, f"T1 by its name, in '{folder}', which says that contrast was given")
    return role


def is_mask_folder(name: str) -> bool:
    """Whether a folder of this name holds masks (``labelsTr``, ``masks``, ``segmentations`` ...)."""
    return bool(_MASK_FOLDER.fullmatch(name))


def patient_and_role(stem: str) -> tuple[str, FileRole]:
    """The patient and the role of an image that lies alone in a folder of many patients, by its name."""
    subject = subject_of(stem)
    if subject is not None:
        return subject.patient, role_of(subject)
    prefix, sequence = split_sequence_suffix(stem)
    role = plain_role(NUMBERED_SESSION.sub(" ", DATE.sub(" ", stem)).strip("-_. ") or stem)
    if sequence is None and role.sequence is not None:  # the session in it is no word about the sequence
        prefix = stem[: [*NUMBERED_SESSION.finditer(stem), *DATE.finditer(stem)][-1].end()]
    patient = prefix if role.sequence is not None and prefix != stem else stem
    return examination_of(patient).patient or patient, role


def _bids_role(rest: str, path: str, acquisition: Acquisition | None) -> FileRole:
    """By BIDS's suffix and entities: T1w, T2w and FLAIR are images of ours, dseg and mask are masks."""
    *pairs, suffix = rest.split("_")
    entities = dict(pair.split("-", 1) for pair in pairs if "-" in pair)
    derived = "derivatives" in path.lower().split("/")
    if "deface" in suffix.lower():
        return FileRole(None, "a mask of the face, not of a tumour", is_other=True)
    if suffix in ("dseg", "mask", "seg", "roi", "probseg"):
        if suffix == "probseg":
            return FileRole(None, "a map of probabilities, not a mask", is_other=True)
        if _BRAIN.search(rest.lower()) or (_TISSUE_PIPELINES.search(path) and "lesion" not in rest.lower()):
            return FileRole(None, "a mask of the brain or its tissues, not of a tumour", is_other=True)
        return FileRole(None, f"BIDS suffix {suffix}", mask_rank=0)
    if suffix not in ("T1w", "T2w", "FLAIR") and not derived:
        role = plain_role(rest, acquisition)
        follows_bids = all("-" in pair for pair in pairs)
        if role.mask_rank is not None or role.is_other or role.sequence or not follows_bids:
            return role
        return FileRole(None, f"BIDS suffix {suffix} is none of T1w, T2w and FLAIR", is_other=True)
    if entities.get("part", "mag") != "mag":
        return FileRole(None, f"the {entities['part']} part of an image", is_other=True)
    if derived:
        return FileRole(None, "an image derived from another", is_other=True)
    role = plain_role(rest, acquisition)
    contrast = entities.get("ce", "")
    if suffix == "T1w" and contrast and not _WITHOUT_CONTRAST.match(contrast) and not role.is_other:
        return FileRole("t1c", f"BIDS: T1w with contrast agent {contrast}")
    return role
