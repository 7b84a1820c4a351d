"""Studies ready for a network, kept for the next request about the same study."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from gliomics.files import FileStamp
from gliomics.segmentation.labelled import load_volumes
from gliomics.segmentation.model import LoadedModel, PreparedStudy
from gliomics.study.records import Study

_MOST = 4
"""Studies prepared, each for one model. One takes about 15 bytes for each voxel of the study."""


class PreparedStudies:
    """The last few studies that networks saw, until a file of theirs changes. Usable from several threads."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[Any, ...], PreparedStudy] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, model: LoadedModel, study: Study, resample_to: str | None = None) -> PreparedStudy:
        """The study, ready for a model; the errors of :func:`load_volumes` when it cannot be."""
        stamps = tuple((str(path), FileStamp.of(path)) for path in study.sequences.values() if path.is_file())
        key = (model.card.name, model.card.version, study.id, stamps, resample_to)
        with self._lock:
            prepared = self._held.pop(key, None)
        if prepared is None:
            prepared = model.prepare(load_volumes(study, model.card, resample_to=resample_to))
        with self._lock:
            self._held[key] = prepared
            while len(self._held) > _MOST:
                self._held.popitem(last=False)
        return prepared
