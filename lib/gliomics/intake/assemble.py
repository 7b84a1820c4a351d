"""From what each image is to studies: doubled sequences and masks are left open, never chosen by chance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from gliomics.errors import InputError
from gliomics.files import safe_name, suffix_of
from gliomics.intake.choices import LABEL, NONE, Choices
from gliomics.intake.folder_content import FolderContent
from gliomics.intake.fourth_axis import time_in_header, volumes_in
from gliomics.intake.plan import ImageSource, LeftOut, PlannedLabel, PlannedStudy
from gliomics.sequences import SEQUENCES, TimeMarks, in_order, time_marks, two_times
from gliomics.sequences.time_marks import CLOCK, clock
from gliomics.study.conventions import FileRole


@dataclass(frozen=True)
class Part:
    """One image as a layout reads its place and its name.

    ``name`` is what of its file name could tell the sequence, ``channels`` what each volume of a 4-D file is
    where the data set says so, ``by_user`` that the user said what it is, ``by_path`` that the user named this very
    file. ``marks`` are what the JSON files beside it say of when it was taken.
    """

    path: str
    study: str
    patient: str
    role: FileRole
    source: ImageSource
    name: str
    timepoint: str = "baseline"
    date: str | None = None
    numberings: tuple[str, ...] = ()
    channels: tuple[FileRole, ...] = ()
    by_user: bool = False
    by_path: bool = False
    marks: TimeMarks = field(default_factory=dict)

    @property
    def time_marks(self) -> TimeMarks:
        """What tells of when it was taken; of a mask its own name alone, for masks are drawn later."""
        name = stem_of(self.path) if self.role.mask_rank is not None else self.path
        return {**time_marks(name, self.role.sequence), **self.marks}

    @property
    def names(self) -> list[str]:
        """What a user can select it by."""
        file = Path(self.path)
        return [self.path, file.name, file.name[: -len(suffix_of(file))], self.name]


def stem_of(path: str) -> str:
    """The file's name without its folders and its type."""
    name = Path(path).name
    return name[: -len(suffix_of(Path(name)))] if suffix_of(Path(name)) else name


def studies_of(
    parts: Iterable[Part], files: FolderContent, choices: Choices
) -> tuple[list[PlannedStudy], list[LeftOut]]:
    """The studies that the parts make up, in order of their ids, and what is left out of them."""
    studies: list[PlannedStudy] = []
    left_out: list[LeftOut] = []
    by_study: dict[str, list[Part]] = {}
    for part in parts:
        for volume in _volumes(_decided(part, choices), files, choices, left_out):
            by_study.setdefault(volume.study.lower(), []).append(volume)
    for _, of_study in sorted(by_study.items()):
        patients = sorted({part.patient for part in of_study})
        if len(patients) > 1:
            names = " and ".join(f"'{patient}'" for patient in patients)
            reason = f"patients {names} give the same study id '{of_study[0].study}'; rename one"
            left_out += [LeftOut(part.path, reason, is_open=True) for part in of_study]
            continue
        study = _study(of_study, files, left_out)
        if study is not None:
            studies.append(study)
    return studies, left_out


def _decided(part: Part, choices: Choices) -> Part:
    choice = choices.of(part.names)
    if choice is None or (_is_mask(part) and choice.name in SEQUENCES and choice.selector != part.path):
        return part  # "flair=case?" is about images: a mask of the same name is one only by its whole path
    reason = f"named {choice} at import"
    role = FileRole(None if choice.name in (NONE, LABEL) else choice.name, reason, is_other=choice.name == NONE)
    if choice.name == LABEL:
        role = FileRole(None, reason, mask_rank=0)
    return replace(part, role=role, channels=(), by_user=True, by_path=choice.selector.lower() == part.path.lower())


def _is_mask(part: Part) -> bool:
    return part.role.mask_rank is not None


def _volumes(part: Part, files: FolderContent, choices: Choices, left_out: list[LeftOut]) -> list[Part]:
    """The part, or one for each volume of a 4-D file whose channels are known; what cannot be taken is left out."""
    if part.role.is_other:
        left_out.append(LeftOut(part.path, part.role.reason))
        return []
    try:
        count = volumes_in(files.path(part.path))
    except InputError as error:
        left_out.append(LeftOut(part.path, str(error), is_open=True))
        return []
    if count == 1 or (_is_mask(part) and suffix_of(Path(part.path)) == ".nrrd"):
        return [part]
    if _is_mask(part):
        left_out.append(LeftOut(part.path, f"a mask of {count} volumes; expected one 3-D image", is_open=True))
        return []
    channels = tuple(map(told_role, choices.channels_of_file())) or part.channels
    if len(channels) != count or any(role.sequence is None and not role.is_other for role in channels):
        naming = f"{len(channels)} channels are named" if channels else "which is which is not said"
        example = ",".join([*sorted(SEQUENCES), *["none"] * count][:count])
        reason = f"a 4-D file of {count} volumes, and {naming}; say it with --channels, e.g. --channels {example}"
        left_out.append(LeftOut(part.path, reason, is_open=True, asks_channels=True))
        return []
    return [
        replace(part, role=role, source=replace(part.source, position=position))
        for position, role in enumerate(channels)
        if role.sequence is not None
    ]


def told_role(channel: str) -> FileRole:
    """What a volume or channel is that ``--channels`` names."""
    is_none = channel == NONE
    return FileRole(None if is_none else channel, f"--channels names it {channel}", is_other=is_none)


def _study(parts: list[Part], files: FolderContent, left_out: list[LeftOut]) -> PlannedStudy | None:
    first = parts[0]
    sequences: dict[str, Part] = {}
    for sequence in dict.fromkeys(part.role.sequence for part in parts if part.role.sequence is not None):
        image = _image_of([part for part in parts if part.role.sequence == sequence], sequence, left_out)
        if image is not None:
            sequences[sequence] = image
    label = _label([part for part in parts if _is_mask(part)], left_out)
    for part in parts:
        if part.role.sequence is None and not _is_mask(part):
            left_out.append(LeftOut(part.path, part.role.reason, is_open=True, name=part.name))
    if _of_two_times([*sequences.values(), *([label] if label is not None else [])], files, left_out):
        return None
    if not sequences:
        if label is not None:
            reason = f"a mask without an image: study '{first.study}' would have no sequence"
            left_out.append(LeftOut(label.path, reason, is_open=True))
        return None
    try:
        study_id = safe_name(first.study, "study id")
    except InputError as error:
        left_out.append(LeftOut(first.path, str(error), is_open=True))
        return None
    return PlannedStudy(
        id=study_id,
        patient_id=first.patient,
        sequences={name: sequences[name].source for name in in_order(sequences)},
        label=None if label is None else PlannedLabel(label.source, label.numberings),
        timepoint=first.timepoint,
        date=first.date,
    )


def _of_two_times(parts: list[Part], files: FolderContent, left_out: list[LeftOut]) -> bool:
    """Whether a study's files are of two examinations, unless the user named them; then they are left out."""
    doubtful = [part for part in parts if not part.by_path]
    times = two_times([{**_clock_of(part, files), **part.time_marks} for part in doubtful])
    if times is None:
        return False
    first, second, one_time, other_time = times
    what = f"'{Path(doubtful[first].path).name}' says {one_time}, '{Path(doubtful[second].path).name}' {other_time}"
    reason = (
        f"of two examinations, it seems: {what}; put each examination into a folder of its own ('P1/2021-05-06/t1'), "
        "or name the files of one by their paths, and the others none"
    )
    for part in doubtful:
        left_out.append(LeftOut(part.path, reason, is_open=True, name=part.path, candidate=part.role.sequence or LABEL))
    return True


def _clock_of(part: Part, files: FolderContent) -> TimeMarks:
    """When of the day an image was taken, by its header; masks are drawn later."""
    time = "" if _is_mask(part) else clock(time_in_header(files.path(part.path)))
    return {CLOCK: frozenset({time})} if time else {}


def _image_of(parts: list[Part], sequence: str, left_out: list[LeftOut]) -> Part | None:
    """The image of a sequence: the one that the user named, else the first version; None when that leaves two."""
    preferred = [part for part in parts if not part.role.variant] or parts
    candidates = _candidates(parts, preferred, f"a second version of {sequence}", left_out)
    if len(candidates) == 1:
        return candidates[0]
    for part in candidates:
        rivals = ", ".join(Path(other.path).name for other in candidates if other is not part)
        reason = f"{sequence} by its name, and so is {rivals}: one study has one {sequence}"
        name = _selector(part, candidates)
        left_out.append(LeftOut(part.path, reason, is_open=True, name=name, candidate=sequence))
    return None


def _label(parts: list[Part], left_out: list[LeftOut]) -> Part | None:
    """The mask that becomes the label: the one that the user named, else the preferred; None when that leaves two."""
    if not parts:
        return None
    best = min((part.role.mask_rank or 0) for part in parts)
    preferred = [part for part in parts if part.role.mask_rank == best]
    candidates = _candidates(parts, preferred, "a second mask of the study", left_out)
    if len(candidates) == 1:
        return candidates[0]
    for part in candidates:
        count = f"one of {len(candidates)} masks of study '{part.study}'"
        reason = f"{count}; name the one to take with --sequence label=SELECTOR"
        left_out.append(LeftOut(part.path, reason, is_open=True, name=_selector(part, candidates), candidate=LABEL))
    return None


def _candidates(parts: list[Part], preferred: list[Part], what_others_are: str, left_out: list[LeftOut]) -> list[Part]:
    """Those that the user named, else those ``preferred``; the others are left out."""
    candidates = [part for part in parts if part.by_user] or preferred
    left_out += [
        LeftOut(part.path, f"{what_others_are}; {candidates[0].path} is taken")
        for part in parts
        if part not in candidates
    ]
    return candidates


def _selector(part: Part, parts: list[Part]) -> str:
    """What tells a part from the others: its name, or its path where that is the same."""
    return part.path if [other.name for other in parts].count(part.name) > 1 else part.name
