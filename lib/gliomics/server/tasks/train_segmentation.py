"""Train task: fine-tunes a segmentation model on the final labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gliomics.errors import GliomicsError, InputError
from gliomics.models import ModelStore
from gliomics.models.champion import Retraining
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.server.request_study import with_numbering_of_segments
from gliomics.server.store.datastore import FINAL, StudyDatastore
from gliomics.server.store.label_check import drawn_on_another_image
from gliomics.server.store.labels import PARTIAL
from gliomics.server.tasks.training import Progress, Training, orphaned
from gliomics.study import find_label, list_studies
from gliomics.training.finetune import FINE_TUNING, fine_tune

MAX_EPOCHS = 200


class SegmentationTraining(Training):
    """Fine-tunes one model, also on studies of which some slices are annotated.

    ``replay`` is a folder of studies with final labels, of the cohort that the model was first trained on.
    """

    def __init__(self, name: str, store: ModelStore, datastore: StudyDatastore, *, replay: Path | None = None) -> None:
        description = f"Fine-tune {name} on the final labels; it is published only if it is better"
        super().__init__(name, store, datastore, description)
        self._replay = replay

    def config(self) -> dict[str, Any]:
        """Options and their defaults."""
        return {"max_epochs": FINE_TUNING.epochs}

    def basis(self) -> dict[str, Any]:
        """Studies with a final label, and those without of which some slices are annotated."""
        final = self._datastore.by_label.of(FINAL)
        partly = self._datastore.labels.labelled(PARTIAL) & set(final.unlabelled)
        return {"labelled": len(final.labelled), "partly_labelled": len(partly)}

    def check(self, request: dict[str, Any]) -> None:
        """Raise :class:`InputError` for a number of epochs that a training would refuse."""
        epochs_option(request)

    def retrain(
        self, request: dict[str, Any], labelled: list[LabelledStudy], progress: Progress
    ) -> tuple[Retraining, dict[str, str]]:
        """Fine-tune the serving version."""
        partly_labelled, skipped = partly_labelled_studies(self._datastore)
        result = fine_tune(
            self._store,
            self._name,
            [*labelled, *partly_labelled],
            replay=replayed_studies(self._replay),
            settings=FINE_TUNING.model_copy(update={"epochs": epochs_option(request)}),
            on_epoch=progress.epoch,
            cancelled=orphaned(),
        )
        return result, skipped | result.skipped


def partly_labelled_studies(datastore: StudyDatastore) -> tuple[list[LabelledStudy], dict[str, str]]:
    """Studies without a final label of which some slices are annotated, and by id why others cannot be used."""
    labelled, skipped = [], {}
    for study_id in sorted(datastore.labels.labelled(PARTIAL) & set(datastore.get_unlabeled_images())):
        try:
            if (changed := drawn_on_another_image(datastore.labels, study_id, PARTIAL)) is not None:
                raise InputError(changed)
            path, slices = datastore.labels.path(study_id, PARTIAL), datastore.slices_done(study_id)
            info = datastore.get_label_info(study_id, PARTIAL)
            study = with_numbering_of_segments(datastore.study(study_id), info)
            labelled.append(LabelledStudy(study, path, tuple(slices)))
        except (GliomicsError, OSError) as error:  # damaged, or removed just now
            skipped[study_id] = str(error)
    return labelled, skipped


def replayed_studies(folder: Path | None) -> list[LabelledStudy]:
    """Studies of a folder that have a final label; none without a folder.

    :class:`InputError` for a folder that is not there.
    """
    if folder is None:
        return []
    if not folder.is_dir():
        raise InputError(
            "the server's folder of replayed studies (--replay) is gone; restart it with one that is there"
        )
    labels = [(study, find_label(folder, study.id)) for study in list_studies(folder)]
    return [LabelledStudy(study, path) for study, path in labels if path is not None]


def epochs_option(request: dict[str, Any]) -> int:
    """The client's ``max_epochs``, checked."""
    value = request.get("max_epochs", FINE_TUNING.epochs)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_EPOCHS:
        raise InputError(f"max_epochs is {value!r}; expected a whole number from 1 to {MAX_EPOCHS}")
    return int(value)
