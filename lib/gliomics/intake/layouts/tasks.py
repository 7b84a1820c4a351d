"""Folders of one file a patient with ``dataset.json``: the Medical Segmentation Decathlon and nnU-Net."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gliomics.errors import InputError
from gliomics.files import read_json
from gliomics.intake.assemble import Part, stem_of, told_role
from gliomics.intake.choices import Choices
from gliomics.intake.folder_content import FolderContent
from gliomics.intake.plan import ImageSource, usable_id
from gliomics.study.conventions import FileRole, plain_role, subject_of
from gliomics.study.numbering import CORE, ENHANCING, NUMBERINGS, OEDEMA, numbering_of_segments

DESCRIPTION = "dataset.json"
_IMAGES, _LABELS = ("imagesTr", "imagesTs", "imagesVal"), ("labelsTr", "labelsTs", "labelsVal")
_CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")


def task_parts(files: FolderContent, paths: list[str], choices: Choices) -> tuple[list[Part], list[str], str]:
    """The images in ``imagesTr`` and the like, the paths elsewhere, and the evidence in words ("" where none is)."""
    parts, paths_left, descriptions = [], [], dict[Path, Mapping[str, Any]]()
    for path in paths:
        folder = Path(path).parent
        if folder.name not in (*_IMAGES, *_LABELS):
            paths_left.append(path)
            continue
        task = folder.parent
        if task not in descriptions:
            described = (files.root / task / DESCRIPTION).is_file()
            value = read_json(files.root / task / DESCRIPTION) if described else {}
            if not isinstance(value, dict):
                raise InputError(f"{files.root / task / DESCRIPTION} is no JSON object; expected channels and labels")
            descriptions[task] = value
        parts.append(_part(files, path, descriptions[task], choices))
    evidence = ""
    if parts:
        source = f"channels and labels by {DESCRIPTION}" if any(descriptions.values()) else f"without {DESCRIPTION}"
        evidence = f"{_IMAGES[0]} and {_LABELS[0]}, {source}"
        if any(value.get("labels") and not _numberings(value) for value in descriptions.values()):
            evidence += "; which part of the tumour its labels are is not understood, say it with --numbering"
    return parts, paths_left, evidence


def _part(files: FolderContent, path: str, description: Mapping[str, Any], choices: Choices) -> Part:
    stem = stem_of(path)
    roles = _channels(description)
    if Path(path).parent.name in _LABELS:
        case, role, name = stem, FileRole(None, "in a folder of labels", mask_rank=0), "label"
    else:
        match = _CHANNEL.fullmatch(stem)
        case, name = (match["case"], match["channel"]) if match else (stem, re.sub(r"\d", "?", stem))
        if match:
            role = _channel_role(int(match["channel"]), roles, choices)
        else:
            role = plain_role(stem) if plain_role(stem).sequence else FileRole(None, "its name tells no sequence")
    subject = subject_of(case)
    return Part(
        path=path,
        study=usable_id(case),
        patient=subject.patient if subject else case,
        role=role,
        source=ImageSource(files.path(path)),
        name=name,
        timepoint=usable_id(subject.session) or "baseline" if subject else "baseline",
        numberings=_numberings(description) or (subject.convention.numberings if subject else ()),
        channels=roles,
    )


def _channel_role(channel: int, roles: tuple[FileRole, ...], choices: Choices) -> FileRole:
    channels = choices.channels_of_file()
    if channel < len(channels):
        return told_role(channels[channel])
    if channel < len(roles):
        return roles[channel]
    return FileRole(
        None, f"channel {channel:04d} is not described; say the channels in order, e.g. --channels flair,t1,t1c,t2"
    )


def _channels(description: Mapping[str, Any]) -> tuple[FileRole, ...]:
    """What ``channel_names`` (nnU-Net 2) or ``modality`` (nnU-Net 1, MSD) say each channel is, in order."""
    names = description.get("channel_names") or description.get("modality")
    if not isinstance(names, dict):
        return ()
    roles = []
    for position in range(len(names)):
        name = str(names.get(str(position), ""))
        role = plain_role(name)
        if role.sequence is None and not role.is_other:
            role = FileRole(None, f"{DESCRIPTION} calls it {name!r}; say the channels in order with --channels")
        roles.append(
            FileRole(role.sequence, f"{DESCRIPTION}: channel {position} is {name!r}", role.is_other)
            if role.sequence or role.is_other
            else role
        )
    return tuple(roles)


def _numberings(description: Mapping[str, Any]) -> tuple[str, ...]:
    """The numbering that ``labels`` describe: value to name (MSD), name to value, or to the values of a region."""
    labels = description.get("labels")
    if not isinstance(labels, dict):
        return ()
    names: dict[int, str] = {}
    regions: dict[str, set[int]] = {}
    for key, value in labels.items():
        if isinstance(value, list):
            regions[key.lower()] = {item for item in value if isinstance(item, int)}
        elif str(key).isdecimal():
            names[int(key)] = str(value)
        elif str(value).isdecimal():
            names[int(value)] = str(key)
    if regions:
        names = _parts_of_regions(regions)
    numbering = numbering_of_segments({value: name for value, name in names.items() if value > 0})
    if numbering is None:
        return ()
    return (next((name for name, named in NUMBERINGS.items() if named.parts == numbering.parts), numbering.name),)


def _parts_of_regions(regions: Mapping[str, set[int]]) -> dict[int, str]:
    """Value to part where regions lie in each other (whole tumour, core, enhancing tumour)."""
    by_word = {
        word: next((values for name, values in regions.items() if re.search(pattern, name)), set())
        for word, pattern in (("whole", r"whole|\bwt\b"), ("core", r"core|\btc\b"), ("enhancing", r"enhanc|\bet\b"))
    }
    whole, core, enhancing = by_word["whole"], by_word["core"], by_word["enhancing"]
    parts = {OEDEMA: whole - core, CORE: core - enhancing, ENHANCING: enhancing}
    if not (enhancing < core < whole) or any(len(values) != 1 for values in parts.values()):
        return {}
    return {next(iter(values)): part for part, values in parts.items()}
