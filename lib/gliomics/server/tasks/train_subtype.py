"""Train task: fits a subtype model anew to features of the final labels and a genomic table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.numbering import labels_of_masks
from gliomics.cohort.row_store import RowStore, StoredRows
from gliomics.cohort.runner import measure_cohort
from gliomics.errors import GliomicsError, InputError, UnknownNameError
from gliomics.features.config import load_config
from gliomics.models import ModelStore
from gliomics.models.champion import Retraining
from gliomics.records import FeatureRow
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.server.store.datastore import FINAL, StudyDatastore
from gliomics.server.tasks.training import Progress, Training, orphaned
from gliomics.study.patients import canonical_patient, read_patient_column
from gliomics.subtype.circumstances import read_ages
from gliomics.subtype.fit import Cohort
from gliomics.subtype.predict import SubtypeModel
from gliomics.subtype.retrain import retrain

GENOMICS = "genomics.csv"
"""Table in the studies folder: ``patient_id``, outcomes and, as far as they are known, ages."""
AGE_COLUMN = "age"
"""Its column of the age in years."""


class SubtypeTraining(Training):
    """Fits one subtype model anew to the patients who have a final label and an outcome in the genomic table.

    Options: ``column`` of the table, the model's target unless given, and ``classes``, the model's class for each value
    of the column; values that are not in it are taken for names of classes.
    """

    def __init__(self, name: str, store: ModelStore, datastore: StudyDatastore) -> None:
        description = f"Fit {name} anew to final labels and {GENOMICS}; it is published only if it is better"
        super().__init__(name, store, datastore, description)

    def config(self) -> dict[str, Any]:
        """Options and their defaults."""
        return {"column": self._model().settings.target, "classes": {}}

    def basis(self) -> dict[str, Any]:
        """Studies with a final label, and how many of these have an outcome in the table."""
        labelled = self._datastore.by_label.of(FINAL).labelled
        try:
            outcomes = self._outcomes({})
        except GliomicsError as error:
            return {"labelled": len(labelled), "refused": str(error)}
        patients = (canonical_patient(self._datastore.study(study_id).patient_id) for study_id in labelled)
        return {"labelled": len(labelled), "with_outcome": sum(patient in outcomes for patient in patients)}

    def check(self, request: dict[str, Any]) -> None:
        """Raise :class:`InputError` for options, or a table, that a training would refuse."""
        self._outcomes(request)

    def retrain(
        self, request: dict[str, Any], labelled: list[LabelledStudy], progress: Progress
    ) -> tuple[Retraining, dict[str, str]]:
        """Measure what was not measured before, and fit."""
        outcomes = self._outcomes(request)
        with_outcome = [item for item in labelled if canonical_patient(item.study.patient_id) in outcomes]
        skipped = {
            item.study.id: f"{GENOMICS} says nothing of patient '{item.study.patient_id}'"
            for item in labelled
            if item not in with_outcome
        }
        settings = self._model().settings
        extraction = Extraction(load_config(settings.config), (settings.region,))
        cancelled = orphaned()
        rows, failed = self._measured(with_outcome, extraction, progress, cancelled)

        def fitting(done: int, total: int) -> None:
            _stop_if(cancelled)
            progress.step("fitting", done, total)

        result = retrain(self._store, self._name, Cohort(rows, outcomes, ages=self._ages()), progress=fitting)
        return result, skipped | failed

    def _measured(
        self,
        labelled: Sequence[LabelledStudy],
        extraction: Extraction,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> tuple[list[FeatureRow], dict[str, str]]:
        """Features of the labels, and by study why others could not be measured."""
        rows = RowStore(self._datastore.workspace.features)
        labels = frozenset[int]()
        if extraction.needs_numbering:
            labels = labels.union(*(labels_of_masks(folder) for folder in {item.label.parent for item in labelled}))
        studies = [StudyFiles(item.study, item.label, cohort_labels=labels) for item in labelled]
        keys, failed = [], {}
        for number, outcome in enumerate(measure_cohort(studies, extraction, rows, workers=1), start=1):
            _stop_if(cancelled)
            progress.step("measuring", number, len(studies))
            if outcome.error is not None:
                failed[outcome.files.study.id] = str(outcome.error)
            else:
                keys.append(outcome.key)
        return list(StoredRows(rows, keys)), failed

    def _ages(self) -> dict[str, float] | None:
        """Each patient's age in years, where the table has them."""
        path = self._datastore.root / GENOMICS
        try:
            return read_ages(path, AGE_COLUMN)
        except UnknownNameError:
            return None
        except InputError as error:
            raise InputError(str(error).replace(str(path), GENOMICS)) from error

    def _outcomes(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Each patient's class."""
        column, classes = request.get("column", self.config()["column"]), request.get("classes", {})
        if not isinstance(column, str):
            raise InputError(f"column is {column!r}; expected the name of a column of {GENOMICS}")
        expected = self._model().card.classes
        if not isinstance(classes, dict) or not all(name in expected for name in classes.values()):
            raise InputError(
                f'classes is {str(classes)[:80]}; expected {{"value of the column": "class"}} with the classes '
                f"{', '.join(expected)}"
            )
        path = self._datastore.root / GENOMICS
        if not path.is_file():
            raise InputError(
                f"the studies folder has no {GENOMICS}; put a table there with the columns patient_id and '{column}'"
            )
        try:
            values = read_patient_column(path, column)
        except GliomicsError as error:
            raise type(error)(str(error).replace(str(path), GENOMICS)) from error
        return {patient: classes.get(value, value) for patient, value in values.items()}

    def _model(self) -> SubtypeModel:
        return SubtypeModel(self._store.current(self._name))


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise InterruptedError("training was cancelled")
