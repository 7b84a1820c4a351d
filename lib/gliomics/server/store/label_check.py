"""Which files among the labels are not used, and why."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gliomics.errors import GliomicsError, InputError, printable
from gliomics.files import FileStamp
from gliomics.preprocess import lesion_mask_of_study
from gliomics.server.request_study import read_label
from gliomics.server.store.by_label import Derived
from gliomics.server.store.labels import LabelStore
from gliomics.study.images import read_label_names, read_mask
from gliomics.study.labels import LABELS_FOLDER, unused_names
from gliomics.study.numbering import tumour_of
from gliomics.study.records import Study
from gliomics.study.volumes import Mask

SECONDS = 1.0
"""How long an answer waits for label files that were not looked into yet; the rest are looked into by later ones."""

_REST = 2.0
"""How many times longer than for a label the look into all of them waits before the next: it is in no hurry."""

_log = logging.getLogger(__name__)


class _CheckedLabel(NamedTuple):
    """A label file that was looked into."""

    name: str
    stamps: tuple[FileStamp, ...]
    """Of it and of its study's images."""
    unused: str | None
    """Why it is not used; None if it is."""


class LabelCheck:
    """Looks into every label file once, and again when it or an image of its study changed. For several threads."""

    def __init__(self, labels: LabelStore, studies: Callable[[], Mapping[str, Study]]) -> None:
        self._labels = labels
        self._studies = studies
        self._checked: dict[tuple[str, str], _CheckedLabel] = {}
        self._counted: Derived[int] = Derived()
        self._looking = threading.Lock()

    def misnamed(self) -> dict[str, str]:
        """Files that are no label of any study by their names, as ``labels/<tag>/<name>``, each with the reason."""
        studies, files = self._studies(), self._labels.files
        misnamed = dict(files.misplaced())
        for tag in files.tags():
            of_tag = files.of(tag)
            if of_tag.unused(studies):
                reasons = unused_names(of_tag.stamps.keys() - of_tag.unusable, studies)
                reasons |= {name: files.fault_of(tag, name) for name in of_tag.unusable}
                misnamed |= {printable(f"{LABELS_FOLDER}/{tag}/{name}"): reason for name, reason in reasons.items()}
        return misnamed

    def count_misnamed(self) -> int:
        """How many files :meth:`misnamed` names."""
        studies, files = self._studies(), self._labels.files
        return len(files.misplaced()) + sum(self._unused(tag, studies) for tag in files.tags())

    def _unused(self, tag: str, studies: Mapping[str, Study]) -> int:
        files = self._labels.files.of(tag)
        return self._counted.of(tag, files, studies, make=lambda: files.unused(studies))

    def unused(self, seconds: float | None = None) -> tuple[dict[str, str], int]:
        """As :meth:`misnamed`, and files that cannot be used with their study or whose images changed since.

        Looks for at most ``seconds``, :data:`SECONDS` if None, into files that it does not know; the number is of those
        that remain so.
        """
        until, unknown = time.monotonic() + (SECONDS if seconds is None else seconds), 0
        unused = self.misnamed()
        for tag, study in self._all():
            with contextlib.suppress(GliomicsError, OSError, KeyError):  # removed just now
                label = self._checked_label(study, tag, look=time.monotonic() < until)
                unknown += label is None
                if label is not None and label.unused is not None:
                    unused[f"{LABELS_FOLDER}/{tag}/{label.name}"] = label.unused
        return unused, unknown

    def report(self) -> None:
        """Look into all label files, one after the other and in no hurry, and log those that are not used."""
        for tag, study in self._all():
            started = time.monotonic()
            with contextlib.suppress(GliomicsError, OSError, KeyError):
                self._checked_label(study, tag, look=True)
            time.sleep(_REST * (time.monotonic() - started))
        for name, reason in self.unused(0)[0].items():
            _log.warning("label not used: %s: %s", name, reason)

    def _all(self) -> Iterator[tuple[str, Study]]:
        """Every label of a study: its tag and the study."""
        studies = self._studies()
        for tag in self._labels.all_tags():
            for study_id in sorted(self._labels.labelled(tag) & studies.keys()):
                yield tag, studies[study_id]

    def _checked_label(self, study: Study, tag: str, *, look: bool) -> _CheckedLabel | None:
        """A label that was looked into since it or an image changed; None without a ``look`` for one that was not."""
        files = self._labels.files.of(tag)
        name = files.name_of(study.id)
        stamps = (files.stamps[name], *map(FileStamp.of, study.sequences.values()))
        label = self._checked.get((tag, study.id))
        if label is not None and label.stamps == stamps:
            return label
        if not look:
            return None
        with self._looking:
            reason = self._look(self._labels.path(study.id, tag), study, tag)
        label = self._checked[tag, study.id] = _CheckedLabel(name, stamps, reason)
        return label

    def _look(self, path: Path, study: Study, tag: str) -> str | None:
        try:
            lesion_mask_of_study(read_mask(path), study, f"label '{tag}' of study '{study.id}'", allow_empty=True)
        except InputError as error:
            return str(error).replace(str(path), path.name)
        return drawn_on_another_image(self._labels, study.id, tag)


def lesions_of(labels: LabelStore, study: Study, tags: Sequence[str]) -> dict[str, Mask]:
    """The lesion of each of a study's labels with these tags, which were drawn on its images as they are."""
    lesions = {}
    for tag in tags:
        path = labels.path(study.id, tag)
        if (changed := drawn_on_another_image(labels, study.id, tag)) is not None:
            raise InputError(changed)
        label = read_label(path, study, f"label '{tag}'", allow_empty=True)
        lesions[tag] = tumour_of(label, study.numbering, read_label_names(path))
    return lesions


def drawn_on_another_image(labels: LabelStore, study_id: str, tag: str) -> str | None:
    """Why a label may not fit its study any more, because an image was replaced since; None where none was."""
    changed = labels.changed_images(study_id, labels.current(study_id, tag))
    if not changed:
        return None
    return (
        f"label '{tag}' of study '{study_id}' was drawn on another image: {', '.join(changed)} changed since; look at "
        "it on the image that is there now, and save it again"
    )
