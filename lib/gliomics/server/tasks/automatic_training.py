"""Trainings in the background: asked for by a client, or begun by the server after so many new labels."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import HTTPException
from monailabel.endpoints import train as stock
from monailabel.utils.async_tasks.utils import tasks

from gliomics.errors import InputError
from gliomics.server.store.datastore import FINAL, StudyDatastore
from gliomics.server.tasks.training import Training

DEFAULT_MODEL = "segmentation_flair"
"""Trained for labels that came from no segmentation model."""

_UNDER_WAY = ("SUBMITTED", "RUNNING")
"""What MONAI Label says of a training that has not ended."""

_starting = threading.Lock()  # a task that was just submitted does not count as running for MONAI Label
_log = logging.getLogger(__name__)


def start_training(model: str, options: dict[str, Any], *, enqueue: bool = False, run_sync: bool = False) -> Any:
    """Start a training in a process of its own, or, with ``run_sync``, train here and now.

    429 while another training runs, unless this one is to wait for it (``enqueue``).
    """
    with _starting:
        if not enqueue and _under_way():
            detail = "a training is running already; wait for it, stop it (DELETE /train/) or ask with enqueue=true"
            raise HTTPException(429, detail)
        if not run_sync:
            return stock.run_model(model, options, enqueue=True)
    return stock.run_model(model, options, run_sync=True)


def running_training() -> dict[str, Any] | None:
    """The training that runs or is about to: its ``model``, the ``user`` who asked, and when.

    That is ``start_ts``, in seconds since 1970, and ``seconds`` ago. ``user`` is null where it is not known, as for one
    that the server began by itself. None where none runs.
    """
    for task in tasks("train"):
        if task["status"] in _UNDER_WAY:
            request, asked = task["request"], datetime.strptime(task["start_ts"], "%Y-%m-%d %H:%M:%S").timestamp()
            seconds = max(0, round(time.time() - asked))
            return {
                "model": request.get("model"),
                "user": request.get("client_id"),
                "start_ts": int(asked),
                "seconds": seconds,
            }
    return None


def train_after_option(conf: Mapping[str, Any]) -> int:
    """How many new labels begin a training, 0 for never, from the app's ``conf``; checked."""
    value = str(conf.get("train_after", 0))
    if not value.isdecimal():
        raise InputError(f"train_after is {value!r}; expected a whole number of labels, 0 for never")
    return int(value)


class TrainAfter:
    """Starts a training after a label was saved, if ``labels`` final ones are new; never if that is 0."""

    def __init__(self, labels: int, datastore: StudyDatastore, trainers: Mapping[str, Training]) -> None:
        self._labels, self._datastore, self._trainers = labels, datastore, trainers

    def saved(self, study_id: str) -> None:
        """A label of the study was saved; the save neither waits nor fails."""
        if self._labels:
            threading.Thread(target=self._train_if_due, args=(study_id,), name="train-after", daemon=True).start()

    def _train_if_due(self, study_id: str) -> None:
        """Train the model that the label came from, if no training runs and the last one has not seen enough labels."""
        try:
            version = self._datastore.labels.current(study_id, FINAL)
            origin = version.info.get("model") if version else None
            model = str(origin) if origin in self._trainers else DEFAULT_MODEL
            new = 0 if _under_way() else self._trainers[model].new_labels()
            if new >= self._labels:
                start_training(model, {})
                _log.info("a training of '%s' begins after %d new labels", model, new)
        except HTTPException as refusal:  # another save was faster
            _log.info("no training after the label of '%s' was saved: %s", study_id, refusal.detail)
        except Exception:  # noqa: BLE001 - the label is safe, and whoever saved it can do nothing about this
            _log.exception("no training could be started after the label of '%s' was saved", study_id)


def _under_way() -> bool:
    return any(task["status"] in _UNDER_WAY for task in tasks("train"))
