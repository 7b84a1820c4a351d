"""Which files among the labels are not used, and why."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from gliomics.errors import GliomicsError, InputError
from gliomics.monailabel.labels import LabelStore
from gliomics.preprocess import lesion_mask_of_study
from gliomics.study.images import read_mask
from gliomics.study.labels import LABELS_FOLDER, misplaced_labels, unused_names
from gliomics.study.records import Study

SECONDS = 5.0
"""How long an answer waits for label files that were not looked into yet; the rest are looked into by later ones."""

_log = logging.getLogger(__name__)

Stamp = tuple[tuple[str, int, int], ...]


class LabelCheck:
    """Looks into every label file once, and again when it or an image of its study changed. For several threads."""

    def __init__(self, labels: LabelStore, studies: Callable[[], Mapping[str, Study]]) -> None:
        self._labels = labels
        self._studies = studies
        self._checked: dict[Path, tuple[Stamp, str | None]] = {}
        self._checking = threading.Lock()

    def misnamed(self) -> dict[str, str]:
        """Files that are no label of any study by their names, as ``labels/<tag>/<name>``, each with the reason."""
        studies = self._studies()
        return misplaced_labels(self._labels.studies) | {
            f"{LABELS_FOLDER}/{tag}/{name}": reason
            for tag in self._labels.all_tags()
            for name, reason in unused_names(self._labels.names(tag), studies).items()
        }

    def unused(self, seconds: float | None = SECONDS) -> dict[str, str]:
        """As :meth:`misnamed`, and files that cannot be used with their study or whose images changed since.

        Looks for at most ``seconds`` (None for as long as it takes) into files that it does not know.
        """
        until = None if seconds is None else time.monotonic() + seconds
        unused = self.misnamed()
        with self._checking:
            for tag in self._labels.all_tags():
                for study_id in sorted(self._labels.labelled(tag) & self._studies().keys()):
                    late = until is not None and time.monotonic() > until
                    try:
                        path = self._labels.path(study_id, tag)
                        reason = self._reason(path, self._studies()[study_id], tag, late)
                    except (GliomicsError, OSError, KeyError):  # removed just now
                        continue
                    if reason is not None:
                        unused[f"{LABELS_FOLDER}/{tag}/{path.name}"] = reason
        return unused

    def report(self) -> None:
        """Look into all label files and log those that are not used."""
        for name, reason in self.unused(None).items():
            _log.warning("label not used: %s: %s", name, reason)

    def _reason(self, path: Path, study: Study, tag: str, late: bool) -> str | None:
        stamp = tuple(
            (str(file), (status := file.stat()).st_mtime_ns, status.st_size)
            for file in (path, *study.sequences.values())
        )
        known = self._checked.get(path)
        if known is None or known[0] != stamp:
            if late:
                return None
            known = stamp, self._look(path, study, tag)
            self._checked[path] = known
        return known[1]

    def _look(self, path: Path, study: Study, tag: str) -> str | None:
        try:
            lesion_mask_of_study(read_mask(path), study, f"label '{tag}' of study '{study.id}'", allow_empty=True)
        except InputError as error:
            return str(error).replace(str(path), path.name)
        return drawn_on_another_image(self._labels, study.id, tag)


def drawn_on_another_image(labels: LabelStore, study_id: str, tag: str) -> str | None:
    """Why a label may not fit its study any more, because an image was replaced since; None where none was."""
    changed = labels.changed_images(study_id, tag)
    if not changed:
        return None
    return (
        f"label '{tag}' of study '{study_id}' was drawn on another image: {', '.join(changed)} changed since; look at "
        "it on the image that is there now, and save it again"
    )
