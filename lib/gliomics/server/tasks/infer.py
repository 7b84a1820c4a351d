"""What infer tasks have in common, and automatic segmentation."""

from __future__ import annotations

import time
from abc import abstractmethod
from pathlib import Path
from typing import Any, Generic, TypeVar

from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from gliomics.answers.models import describe
from gliomics.answers.options import text_option
from gliomics.errors import InputError
from gliomics.models import ModelCard
from gliomics.segmentation.model import LoadedModel
from gliomics.segmentation.segmenter import Segmenter
from gliomics.server.input_cache import PreparedStudies
from gliomics.server.lanes import abandoned
from gliomics.server.model_cache import ModelCache
from gliomics.server.storage import temporary_file
from gliomics.study.images import IMAGE_SUFFIXES, write_volume
from gliomics.study.labels import MASK_SUFFIXES
from gliomics.study.records import Study

STUDY_KEY = "study"
"""Key under which a task finds the :class:`Study` in its request; clients cannot set it."""

Model = TypeVar("Model", bound=LoadedModel)
Result = tuple[str | None, dict[str, Any]]


class StudyTask(InferTask):
    """A task on one study; answers with a file or None, and JSON."""

    def __call__(self, request: dict[str, Any]) -> Result:
        """Run the task; ``request`` holds the study, the options of the client and maybe a ``label`` file."""
        started = time.monotonic()
        study: Study = request[STUDY_KEY]
        file, answer = self.run(study, request)
        seconds = round(time.monotonic() - started, 3)
        return file, {**answer, "study_id": study.id, "latencies": {"total": seconds}}

    @abstractmethod
    def run(self, study: Study, request: dict[str, Any]) -> Result:
        """What the task does."""


class NetworkTask(StudyTask, Generic[Model]):
    """A task that runs the serving version of one model over a study and answers with a mask."""

    def __init__(
        self,
        name: str,
        models: ModelCache[Model],
        studies: PreparedStudies,
        temporary: Path,
        *,
        kind: InferType,
        description: str,
    ) -> None:
        super().__init__(type=kind, labels={"tumour": 1}, dimension=3, description=description)
        self._name, self._models, self._studies, self._temporary = name, models, studies, temporary

    def is_valid(self) -> bool:
        """Whether a version with intact weights serves."""
        return self._models.usable(self._name)

    def card(self) -> ModelCard:
        """Card of the serving version."""
        return self._models.get(self._name).card

    def info(self) -> dict[str, Any]:
        """What clients are told: MONAI Label's keys, and the version, the sequences and how good it is."""
        card = self.card()
        return {**super().info(), "labels": card.labels or {"tumour": 1}, **describe(card)}


class SegmentationTask(NetworkTask[Segmenter]):
    """Segments a study with the serving version of one model."""

    def __init__(self, name: str, segmenters: ModelCache[Segmenter], studies: PreparedStudies, temporary: Path) -> None:
        description = f"Automatic segmentation of the lesion ({name})"
        super().__init__(name, segmenters, studies, temporary, kind=InferType.SEGMENTATION, description=description)

    def run(self, study: Study, request: dict[str, Any]) -> Result:
        """The mask, or the map that ``result`` asks for, as a file with ``result_extension`` (default ``.nii.gz``)."""
        kind = text_option(request, "result") or "mask"
        if kind not in ("mask", "probability", "uncertainty"):
            raise InputError(f"result is {kind!r}; expected mask, probability or uncertainty")
        suffixes = MASK_SUFFIXES if kind == "mask" else IMAGE_SUFFIXES
        suffix = text_option(request, "result_extension") or ".nii.gz"
        if suffix not in suffixes:
            raise InputError(f"result_extension is {suffix!r}; expected one of {', '.join(suffixes)}")
        segmenter = self._models.get(self._name)
        prepared = self._studies.get(segmenter, study, text_option(request, "resample_to"))
        result = segmenter.segment_prepared(prepared, cancelled=abandoned)
        in_sample = segmenter.card.in_sample_warnings(study.patient_id)
        with temporary_file(self._temporary, f"{study.id}-", suffix) as path:
            if kind == "mask":
                result.write_mask(path)
            else:
                write_volume(result.probability if kind == "probability" else result.uncertainty, path)
        return str(path), {
            "result": kind,
            "label_names": result.labels,
            "model": segmenter.card.name,
            "model_version": segmenter.card.version,
            "sequences_used": result.sequences_used,
            "in_sample": bool(in_sample),
            "warnings": result.warnings + in_sample,
        }
