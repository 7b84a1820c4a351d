"""Segmentations that others stored in the archive, read back as labels; none takes the place of a newer one of ours."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pydicom

from gliomics.dicom.headers import text_of
from gliomics.errors import GliomicsError, UnknownNameError
from gliomics.server.dicomweb.client import Archive, ArchiveError, is_uid
from gliomics.server.dicomweb.exchange import Exchanges, Received, is_automatic, label_of_segmentation, written_at
from gliomics.server.dicomweb.fetching import STUDY_UID
from gliomics.server.store.kept_records import locked
from gliomics.server.store.labels import LabelStore
from gliomics.server.workspace import Workspace
from gliomics.study.labels import FINAL
from gliomics.study.records import Study
from gliomics.study.volumes import Mask

ARCHIVE = "archive"
"""Tag of Segmentations of the archive beside the final label: older than that, or drawn by a program alone."""

LOOK_SECONDS = 20.0
"""How often the archive is asked for Segmentations of one study, at most."""

_AWAY_SECONDS = 60.0
"""How long an archive that did not answer is not asked for them again."""

Keep = Callable[[str, str, Mask, dict[str, Any]], int]
"""Keeps a mask of a study under a tag, with what is noted of it; the number of the label's version."""

_log = logging.getLogger(__name__)


class ReturningLabels:
    """Looks for Segmentations of a study when it is opened. Usable from several threads."""

    def __init__(
        self, archive: Archive, workspace: Workspace, labels: LabelStore, exchanges: Exchanges, keep: Keep
    ) -> None:
        self._archive, self._workspace, self._labels = archive, workspace, labels
        self._exchanges, self._keep_label = exchanges, keep
        self._looked: dict[str, float] = {}
        self._away_until = 0.0
        self._looking = threading.Lock()

    def look(self, study: Study) -> None:
        """Keep what is new in the archive as versions of labels; an archive that does not answer is logged."""
        now, examination = time.monotonic(), study.source.get(STUDY_UID)
        if examination is None or now < self._away_until:
            return
        with self._looking:
            if now - self._looked.get(study.id, -LOOK_SECONDS) < LOOK_SECONDS:
                return
            self._looked[study.id] = now
        try:
            with locked(self._workspace.archive / f"{study.id}.receiving.lock", self._workspace.studies):
                for series in self._archive.series(examination, "SEG"):
                    self._receive(study, examination, series)
        except ArchiveError as error:
            self._away_until = time.monotonic() + _AWAY_SECONDS
            _log.warning("no Segmentations are looked for: %s", error)
        except GliomicsError as error:
            _log.warning("no Segmentations are looked for: %s", error)

    def _receive(self, study: Study, examination: str, series: str) -> None:
        """Look at the Segmentations of a series that were not looked at before."""
        known = self._exchanges.of(study.id).instances()
        new = [
            header
            for header in self._archive.headers(examination, series)
            if is_uid(text_of(header, "SOPInstanceUID")) and text_of(header, "SOPInstanceUID") not in known
        ]
        if not new:
            return
        with tempfile.TemporaryDirectory(dir=self._workspace.temporary, prefix="received-") as folder:
            files = {}
            for number, dataset in enumerate(self._archive.instances(examination, series)):
                path = files[text_of(dataset, "SOPInstanceUID")] = Path(folder) / f"{number}.dcm"
                dataset.save_as(path)
            for header in sorted(new, key=written_at):
                instance = text_of(header, "SOPInstanceUID")
                if instance in files:
                    received = self._keep(study, header, files[instance], instance)
                    self._exchanges.note_received(study.id, received)

    def _keep(self, study: Study, header: pydicom.Dataset, file: Path, instance: str) -> Received:
        try:
            mask, info = label_of_segmentation(file, study)
            tag = self._tag(study, header)
            version = self._keep_label(study.id, tag, mask, info)
        except GliomicsError as error:
            reason = str(error).replace(str(file), "it").replace(file.name, "it")
            _log.warning("a Segmentation of study '%s' in the archive is no label of it: %s", study.id, reason)
            return Received(instance, reason=reason)
        _log.info("version %d of label '%s' of study '%s' came from the archive", version, tag, study.id)
        return Received(instance, tag, version)

    def _tag(self, study: Study, header: pydicom.Dataset) -> str:
        """Under which tag a Segmentation is kept: as the final label only if people made it after the one that is."""
        if is_automatic(header):
            return ARCHIVE
        try:
            current = self._labels.adopted(study.id, FINAL)
        except UnknownNameError:
            return FINAL
        return FINAL if written_at(header) > datetime.fromisoformat(current.saved) else ARCHIVE
