"""Batch inference: every study in turn, on the CPU as well, where one bad study does not stop the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore, DefaultLabelTag
from monailabel.interfaces.tasks.batch_infer import BatchInferTask

from gliomics.errors import GliomicsError
from gliomics.server.storage import storage_error

_log = logging.getLogger(__name__)


class StudyBatch(BatchInferTask):
    """Segments all, labelled or unlabelled studies and saves the masks (tag ``original`` unless told)."""

    def __call__(
        self, request: dict[str, Any], datastore: Datastore, infer: Callable[..., dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        """Answers by study id: what ``infer`` gave, or ``{"error": why}``."""
        image_ids = sorted(self.get_images(request, datastore))
        limit = request.get("max_batch_size") or len(image_ids)
        results: dict[str, dict[str, Any]] = {}
        for number, image_id in enumerate(image_ids[:limit], start=1):
            study_request = {**request, "image": image_id, "save_label": True}
            study_request.setdefault("label_tag", DefaultLabelTag.ORIGINAL.value)
            try:
                answer = infer(study_request, datastore)
            except (GliomicsError, OSError) as error:
                _log.warning("%d of %d: study '%s' failed: %s", number, len(image_ids), image_id, error)
                results[image_id] = {"error": str(storage_error(error) or error)}
            else:
                _log.info("%d of %d: study '%s' done", number, len(image_ids), image_id)
                if file := answer.pop("file", None):
                    Path(file).unlink(missing_ok=True)
                results[image_id] = answer
        return results
