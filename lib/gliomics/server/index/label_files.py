"""The files in the folders of labels, by tag and by study, without listing them for every request."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gliomics.errors import printable
from gliomics.files import FileStamp, fault_of, is_safe_name
from gliomics.server.index.watched import WatchedFolder
from gliomics.study.images import MAX_FILE_BYTES
from gliomics.study.labels import LABELS_FOLDER, MASK_SUFFIXES, is_note, labels_folder, misplaced_names, study_of_mask

LabelState = tuple[str, int, int]
"""A study's id, and the size and time of the last change in ns of its label's file."""


@dataclass(frozen=True)
class TagFiles:
    """The files of one tag at one time."""

    stamps: Mapping[str, FileStamp] = field(default_factory=dict)
    """By the file's name."""
    by_study: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of the masks by the id of the study that they are named after, whether or not there is such a study."""
    labelled: frozenset[str] = frozenset()
    """Ids of the studies with one mask."""
    not_masks: frozenset[str] = frozenset()
    """Names of files that are no masks, nor notes beside them."""
    unusable: frozenset[str] = frozenset()
    """Names of masks that are no regular files (folders, pipes, links to nothing or out of the studies folder), or are
    larger than any mask."""
    states: frozenset[LabelState] = frozenset()
    """The state of the label of each of ``labelled``."""

    def with_stamps(self, stamps: Mapping[str, FileStamp]) -> TagFiles:
        """The files with the stamps that they have now; only what differs is looked at."""
        names = [name for name, stamp in stamps.items() if self.stamps.get(name) is not stamp]
        names += self.stamps.keys() - stamps.keys()
        by_study, not_masks, unusable = dict(self.by_study), set(self.not_masks), set(self.unusable)
        study_ids = set()
        for name in names:
            if (study_id := study_of_mask(name)) is not None:
                study_ids.add(study_id)
                (unusable.add if name in stamps and not _may_be_mask(stamps[name]) else unusable.discard)(name)
            elif name in stamps and not is_note(name):
                not_masks.add(name)
            else:
                not_masks.discard(name)
        for study_id in study_ids:
            written = (f"{study_id}{suffix}" for suffix in MASK_SUFFIXES)
            masks = tuple(name for name in written if name in stamps and name not in unusable)
            if masks:
                by_study[study_id] = masks
            else:
                by_study.pop(study_id, None)
        files = TagFiles(stamps, by_study, not_masks=frozenset(not_masks), unusable=frozenset(unusable))
        states = {study_id: state for study_id in study_ids if (state := files._state(study_id)) is not None}
        labelled = (self.labelled - study_ids) | states.keys()
        return replace(
            files,
            labelled=self.labelled if labelled == self.labelled else labelled,
            states=(self.states - {self._state(study_id) for study_id in study_ids}) | frozenset(states.values()),
        )

    def name_of(self, study_id: str) -> str:
        """The name of the only mask of one of ``labelled``."""
        return self.by_study[study_id][0]

    def unused(self, study_ids: Mapping[str, object]) -> int:
        """How many files are no label of any of the studies by their names."""
        without_study = self.by_study.keys() - study_ids.keys()
        ambiguous = self.by_study.keys() - self.labelled - without_study
        masks = sum(len(self.by_study[study_id]) for study_id in without_study | ambiguous)
        return len(self.not_masks) + len(self.unusable) + masks

    def _state(self, study_id: str) -> LabelState | None:
        names = self.by_study.get(study_id, ())
        if len(names) != 1:
            return None
        stamp = self.stamps[names[0]]
        return study_id, stamp.size, stamp.modified_ns


class LabelFiles:
    """The files of all tags of a studies folder. Usable from several threads."""

    def __init__(self, studies: Path) -> None:
        self._studies = studies
        self._folder = WatchedFolder(studies / LABELS_FOLDER, root=studies)
        self._watched: dict[str, WatchedFolder] = {}
        self._files: dict[str, TagFiles] = {}
        self._misplaced: tuple[Mapping[str, FileStamp], Mapping[str, str]] = {}, {}

    def tags(self) -> list[str]:
        """Every tag that has a folder."""
        entries = self._folder.entries().items()
        return sorted(name for name, stamp in entries if stamp.is_folder and is_safe_name(name))

    def misplaced(self) -> Mapping[str, str]:
        """By :func:`~gliomics.study.labels.misplaced_names`, with what is neither a file nor a folder."""
        entries = self._folder.entries()
        listed, misplaced = self._misplaced
        if listed is not entries:
            misplaced = misplaced_names({name: stamp.is_folder for name, stamp in entries.items()})
            special = [name for name, stamp in entries.items() if not stamp.is_folder and not stamp.is_file]
            misplaced |= {f"{LABELS_FOLDER}/{name}": self.fault_of(name) for name in special}
            unsafe = [name for name, stamp in entries.items() if stamp.is_folder and not is_safe_name(name)]
            misplaced |= {f"{LABELS_FOLDER}/{name}": "the name cannot be a tag; rename the folder" for name in unsafe}
            misplaced = {printable(name): reason for name, reason in misplaced.items()}
            self._misplaced = entries, misplaced
        faults = {f"{LABELS_FOLDER}/{tag}": watched.fault for tag, watched in self._watched.items() if watched.fault}
        if self._folder.fault:
            faults[LABELS_FOLDER] = self._folder.fault
        return {**misplaced, **faults} if faults else misplaced

    def fault_of(self, *parts: str) -> str:
        """Why an entry of ``labels`` is not used, which is no regular file or too large."""
        fault = (
            fault_of(Path(self._studies, LABELS_FOLDER, *parts), self._studies, MAX_FILE_BYTES) or "it changed just now"
        )
        return fault.replace(f"{self._studies}{os.sep}", "")

    def watched(self, tag: str) -> WatchedFolder:
        """The folder of a tag; an unsafe tag is refused."""
        if tag not in self._watched:
            self._watched.setdefault(tag, WatchedFolder(labels_folder(self._studies, tag), root=self._studies))
        return self._watched[tag]

    def of(self, tag: str) -> TagFiles:
        """The files of a tag as they are now; as long as nothing changes, the same object."""
        stamps = self.watched(tag).entries()
        files = self._files.get(tag) or TagFiles()
        if files.stamps is not stamps:
            files = self._files[tag] = files.with_stamps(stamps)
        return files


def _may_be_mask(stamp: FileStamp) -> bool:
    return stamp.is_file and stamp.size <= MAX_FILE_BYTES
