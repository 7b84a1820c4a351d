"""Folders that follow no published convention: patient/examination/sequence, or one folder of many patients' files.

Which folder is a patient is read from the tree, which sequence a file is from its name or, where that
says nothing, from its folder's. What cannot be told stays undecided.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gliomics.intake.acquisition import Sidecars
from gliomics.intake.assemble import Part, stem_of
from gliomics.intake.folder_content import FolderContent
from gliomics.intake.plan import ImageSource, usable_id
from gliomics.sequences import canonical_sequence, is_mask_name, split_sequence_suffix
from gliomics.study.conventions import FileRole, is_mask_folder, plain_role, role_in_folders
from gliomics.study.labels import LABELS_FOLDER
from gliomics.study.sessions import DATE, NUMBERED_SESSION, SESSION, NamedExamination, date_in, examination_of

_GROUPS = re.compile(
    r"(?i)(hgg|lgg|gbm|train(ing)?|val(idation)?|test(ing)?|data(set)?s?|images?(tr|ts)?|imgs?|scans?|patients?|subjects?"
    r"|cases?|niftis?|nii|nrrds?|raw|rawdata|input|anat|mri?s?|structural|nifti[-_ ]?files"
    r"|sessions|experiments|studies|resources)"
)
_COHORTS = re.compile(
    r"(?i)((site|cent(er|re)|hospital|cohort|group|batch|fold|arm)[-_ ]?\w*|glio\w*|astro\w*|oligo\w*|idh.*|healthy"
    r"|controls?|mutant|wild[-_ ]?type)"
)
"""Folders of several patients whose names may be used in another one again."""
_TECHNIQUE = re.compile(
    r"(?i)(ax(ial)?|tra(nsversal|nsverse)?|sag(ittal)?|cor(onal)?|[23]d|mpr|mprage|space|cube|vista|fse|tse|se|gre|spgr"
    r"|brain|head|mr|mri|image|img|scan|series|se?\d+)"
)


@dataclass(frozen=True)
class _Place:
    """A file in its folder once folders that only name a sequence, masks or a group are taken off."""

    path: str
    folders: tuple[str, ...]
    stem: str
    role: FileRole
    by_folder: bool
    """Whether its role is known by a folder's name, so that its own may be a patient's."""


def generic_parts(files: FolderContent, paths: Iterable[str]) -> list[Part]:
    """The images as parts of studies: by folder, or by the beginning of their names where a folder holds many."""
    by_folder: dict[tuple[str, ...], list[_Place]] = defaultdict(list)
    sidecars = Sidecars(files)
    for path in paths:
        place = _place(sidecars, path)
        by_folder[place.folders].append(place)
    by_folder = _masks_to_images(by_folder)
    several = _patients_in_several_groups(by_folder)
    named_after = {
        folders for folders, places in by_folder.items() if any(_begins_with(p.stem, folders) for p in places)
    }
    parts = []
    for folders, places in sorted(by_folder.items()):
        prefixes = _prefixes(places, folders)
        for place in places:
            prefix = prefixes[place.path]
            by_folder_name = len(named_after) > 1 and _begins_with(place.stem, folders)
            examination = _examination(folders, prefix, several, files.root, is_session=by_folder_name)
            study = "_".join(filter(None, (examination.patient, examination.session)))
            name = _behind(place.stem, prefix) or re.sub(r"\d", "?", place.stem)
            parts.append(
                Part(
                    path=place.path,
                    study=usable_id(study),
                    patient=examination.patient,
                    role=place.role,
                    source=ImageSource(files.path(place.path)),
                    name=name,
                    timepoint=usable_id(examination.session) or "baseline",
                    date=examination.date or date_in(place.stem),
                    marks=sidecars.time_marks(place.path),
                )
            )
    return parts


def _place(sidecars: Sidecars, path: str) -> _Place:
    inside = list(PurePosixPath(path).parts[:-1])
    stem = stem_of(path)
    name = stem
    for folder in reversed(inside):  # a patient's or an examination's name says nothing of the sequence
        name = name.removeprefix(folder).lstrip("-_. ") or name
    name = NUMBERED_SESSION.sub(" ", DATE.sub(" ", name)).strip("-_. ") or name
    role, by_folder = plain_role(name, sidecars.of(path)), False
    folders = [folder for folder in inside if not _GROUPS.fullmatch(folder)]
    last = _without_number(folders[-1]) if folders else ""
    of_last = plain_role(last)
    tagged = len(folders) > 1 and folders[-2] == LABELS_FOLDER  # labels/<tag>/<study id>, as the server keeps them
    if (last and is_mask_folder(last)) or tagged:
        if not role.is_other and role.mask_rank is None:
            rank = 0 if not tagged or folders[-1] == "final" else 1
            role, by_folder = FileRole(None, f"in the folder {'/'.join(folders[-2:])}", mask_rank=rank), True
        folders[-1 - tagged :] = []
    elif last and role.sequence is None and not role.is_other and role.mask_rank is None:
        if of_last.sequence or of_last.is_other:
            role = FileRole(of_last.sequence, f"folder {folders[-1]}: {of_last.reason}", of_last.is_other)
            by_folder = True
            folders.pop()
    elif len(folders) > 1 and role.sequence is not None and of_last.sequence == role.sequence:
        folders.pop()
    role = role_in_folders(role, inside)
    return _Place(path, tuple(folders), stem, role, by_folder)


def _without_number(folder: str) -> str:
    """The name of a folder without the number of a series in front (``4_FLAIR``)."""
    return re.sub(r"^\d+[-_. ]+", "", folder)


def _masks_to_images(by_folder: dict[tuple[str, ...], list[_Place]]) -> dict[tuple[str, ...], list[_Place]]:
    """Masks in folders without images belong to the images of the nearest folder above."""
    with_images = {folders for folders, places in by_folder.items() if any(p.role.sequence for p in places)}
    moved: dict[tuple[str, ...], list[_Place]] = defaultdict(list)
    for folders, places in by_folder.items():
        above = [folders[:depth] for depth in range(len(folders) - 1, 0, -1) if folders[:depth] in with_images]
        for place in places:
            is_lost = folders not in with_images and place.role.mask_rank is not None and bool(above)
            moved[above[0] if is_lost else folders].append(place)
    return moved


def _prefixes(places: list[_Place], folders: tuple[str, ...]) -> dict[str, str]:
    """The beginning of each file's name that tells whose it is; "" where the folder tells it."""
    prefixes = {place.path: _prefix(place, folders) for place in places}
    sequences: dict[str, list[str]] = defaultdict(list)
    for place in places:
        if place.role.sequence is not None:
            sequences[prefixes[place.path]].append(place.role.sequence)
    names = [sequence for of_prefix in sequences.values() for sequence in of_prefix]
    doubled = len(set(names)) < len(names)
    # A bare number is a patient's where it has several sequences, else that of a series.
    numbers_are_patients = any(prefix.isdecimal() and len(set(names)) > 1 for prefix, names in sequences.items())
    images = [place for place in places if place.role.sequence is not None]
    numbers_are_patients |= doubled and not folders and all(place.by_folder for place in images)  # FLAIR/001, FLAIR/002
    subjects = {prefix for prefix in sequences if prefix and (numbers_are_patients or not prefix.isdecimal())}
    if folders and not (len(subjects) > 1 and doubled) and names:
        return dict.fromkeys(prefixes, "")
    if not names:
        subjects = {prefix for prefix in prefixes.values() if prefix} if not folders or len(places) > 1 else set()
    return {place.path: _longest(place.stem, prefixes[place.path], subjects) for place in places}


def _longest(stem: str, prefix: str, subjects: set[str]) -> str:
    """The longest subject that a name begins with."""
    if prefix in subjects:
        return prefix
    fitting = [name for name in subjects if re.match(re.escape(name) + r"(?![A-Za-z0-9])", stem)]
    return max(fitting, key=len, default="")


def _prefix(place: _Place, folders: tuple[str, ...]) -> str:
    """What is left of a name without sequence, mask, technique and what its folders' names say already."""
    stem = place.stem
    if place.role.sequence is not None and not place.by_folder:
        beginning, sequence = split_sequence_suffix(stem)
        stem = beginning if sequence is not None and beginning != stem else _before_words(stem)
    else:
        words = re.split(r"[-_. ]", stem)
        while len(words) > 1 and is_mask_name(words[-1]):
            stem = stem[: len(stem) - len(words.pop()) - 1]
        while len(words) > 1 and is_mask_name(words[0]):
            stem = stem[len(words.pop(0)) + 1 :]
        beginning, sequence = split_sequence_suffix(stem)
        stem = beginning if sequence is not None else stem
    for folder in reversed(folders):
        stem = stem.removeprefix(folder).lstrip("-_. ")
    words = [word for word in re.split(r"[-_. ]", stem) if word]
    if canonical_sequence(stem) or all(_TECHNIQUE.fullmatch(word) for word in words):
        return ""
    if any(_TECHNIQUE.fullmatch(word) for word in words) and all(
        word.isdecimal() or _TECHNIQUE.fullmatch(word) for word in words
    ):
        return ""  # the number of a series and its plane
    return _with_session(stem.strip("-_. "), place.stem)


def _with_session(prefix: str, stem: str) -> str:
    """The prefix up to a session that follows it (``001`` of ``001_Baseline_T1`` is ``001_Baseline``)."""
    remainder = stem.partition(prefix)[2] if prefix else ""
    session = SESSION.match(remainder.lstrip("-_. ")) if remainder else None
    return prefix + remainder[: len(remainder) - len(remainder.lstrip("-_. "))] + session[0] if session else prefix


def _before_words(stem: str) -> str:
    """The words before the first that has to do with a sequence, or after a sequence at the beginning."""
    words = re.split(r"([-_. ])", stem)
    for position in range(0, len(words), 2):
        if plain_role("".join(words[position:])).sequence and not plain_role("".join(words[position + 2 :])).sequence:
            beginning = "".join(words[:position]).strip("-_. ")
            return beginning or _without_description("".join(words[position + 2 :]))
    return ""


def _without_description(name: str) -> str:
    """What follows a sequence at the beginning, without contrast and technique (``GD_Smith`` of ``T1_GD_Smith``)."""
    words = re.split(r"[-_. ]", name)
    while len(words) > 1 and (_TECHNIQUE.fullmatch(words[0]) or canonical_sequence(f"T1 {words[0]}")):
        name = name[len(words.pop(0)) + 1 :]
    return name.strip("-_. ")


def _behind(stem: str, prefix: str) -> str:
    return stem.removeprefix(prefix).strip("-_. ") if prefix else stem


def _patients_in_several_groups(by_folder: Iterable[tuple[str, ...]]) -> set[str]:
    """Names of patients' folders that lie in more than one folder: they are told apart by it."""
    homes: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for folders in by_folder:
        if len(folders) > 2:
            homes[folders[-2]].add(folders[:-2])
    return {name for name, groups in homes.items() if len(groups) > 1}


def _begins_with(stem: str, folders: tuple[str, ...]) -> bool:
    """Whether a file's name begins with that of its folder."""
    return bool(folders) and bool(re.match(re.escape(folders[-1]) + r"(?![A-Za-z0-9])", stem))


def _examination(
    folders: tuple[str, ...], prefix: str, several: set[str], root: Path, *, is_session: bool
) -> NamedExamination:
    """Patient and session by the folders, and by the beginning of the file's name where that tells more.

    ``is_session`` says that the folder's name stood before that beginning, as in those of other patients.
    """
    named = examination_of(prefix)
    by_folders = _by_folders(folders, several, usable_id(root.resolve().name) or "study")
    if is_session and prefix and not prefix.startswith(folders[-1]):
        named = NamedExamination("", prefix, named.date)
    elif prefix and named.patient:
        return named
    session = "_".join(filter(None, (by_folders.session, named.session)))
    return NamedExamination(by_folders.patient, session, named.date or by_folders.date)


def _by_folders(folders: tuple[str, ...], several: set[str], root: str) -> NamedExamination:
    if len(folders) < 2:
        named = examination_of(folders[0] if folders else root)
        return named if named.patient else NamedExamination(root, named.session, named.date)
    if len(folders) == 2 and _COHORTS.fullmatch(folders[0]):
        named = examination_of(folders[1])
        return NamedExamination(f"{folders[0]}-{named.patient}", named.session, named.date)
    *groups, patient, session = folders
    if not examination_of(patient).patient and examination_of(session).patient:  # sessions that hold patients
        patient, session = session, patient
    if patient in several:
        patient = "-".join((*groups, patient))
    return NamedExamination(patient, session, date_in(session))
