"""Infer tasks: automatic segmentation, and the features and subtype of the current segment."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from gliomics.errors import GliomicsError, InputError, UnknownNameError
from gliomics.models import ModelCard, ModelFolder, ModelStore
from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.segmentation.model import LoadedModel
from gliomics.segmentation.segmenter import Segmenter
from gliomics.server.input_cache import PreparedStudies
from gliomics.server.lanes import abandoned
from gliomics.server.model_cache import ModelCache
from gliomics.server.request_study import read_label
from gliomics.server.storage import temporary_file
from gliomics.study.geometry import load_sequences
from gliomics.study.images import IMAGE_SUFFIXES, read_label_names, write_mask, write_volume
from gliomics.study.numbering import labels_of_mask, numbering_of_mask
from gliomics.study.records import Study
from gliomics.subtype.contradictions import with_contradictions

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
        return {**super().info(), **describe(self.card())}


class SegmentationTask(NetworkTask[Segmenter]):
    """Segments a study with the serving version of one model."""

    def __init__(self, name: str, segmenters: ModelCache[Segmenter], studies: PreparedStudies, temporary: Path) -> None:
        description = f"Automatic segmentation of the lesion ({name})"
        super().__init__(name, segmenters, studies, temporary, kind=InferType.SEGMENTATION, description=description)

    def run(self, study: Study, request: dict[str, Any]) -> Result:
        """The mask, or the map that ``result`` asks for, as a file with ``result_extension`` (default ``.nii.gz``)."""
        suffix = text_option(request, "result_extension") or ".nii.gz"
        if suffix not in IMAGE_SUFFIXES:
            raise InputError(f"result_extension is {suffix!r}; expected one of {', '.join(IMAGE_SUFFIXES)}")
        kind = text_option(request, "result") or "mask"
        if kind not in ("mask", "probability", "uncertainty"):
            raise InputError(f"result is {kind!r}; expected mask, probability or uncertainty")
        segmenter = self._models.get(self._name)
        prepared = self._studies.get(segmenter, study, text_option(request, "resample_to"))
        result = segmenter.segment_prepared(prepared, cancelled=abandoned)
        in_sample = segmenter.card.in_sample_warnings(study.patient_id)
        with temporary_file(self._temporary, f"{study.id}-", suffix) as path:
            if kind == "mask":
                write_mask(result.mask, path)
            else:
                write_volume(result.probability if kind == "probability" else result.uncertainty, path)
        return str(path), {
            "result": kind,
            "label_names": self.labels,
            "model": segmenter.card.name,
            "model_version": segmenter.card.version,
            "sequences_used": result.sequences_used,
            "in_sample": bool(in_sample),
            "warnings": result.warnings + in_sample,
        }


class RadiomicsTask(StudyTask):
    """Measures the current segment, which the client uploads as ``label``."""

    def __init__(self) -> None:
        super().__init__(
            type=InferType.OTHERS,
            labels=[],
            dimension=3,
            description="Radiomic features of the current segment (send it as 'label', ask with output=json)",
        )

    def is_valid(self) -> bool:
        """Always: it needs no weights."""
        return True

    def run(self, study: Study, request: dict[str, Any]) -> Result:
        """``{"features": FeatureRow}``."""
        return None, {"features": measure(study, request).to_json()}


class SubtypeTask(StudyTask):
    """Estimates the genomic subtype of the current segment with every subtype model, or those named in ``models``."""

    def __init__(self, store: ModelStore, names: list[str]) -> None:
        super().__init__(
            type=InferType.CLASSIFICATION,
            labels=[],
            dimension=3,
            description="Subtype estimates of the current segment (send it as 'label', ask with output=json)",
        )
        self._names = names
        self._models = ModelCache(store, _load_subtype_model)

    def is_valid(self) -> bool:
        """Whether there is a subtype model that can be used."""
        return any(self._models.usable(name) for name in self._names)

    def info(self) -> dict[str, Any]:
        """What clients are told, with the card's essentials of each model."""
        cards = {name: self._models.get(name).card for name in self._names if self._models.usable(name)}
        return {**super().info(), "subtype_models": {name: describe(card) for name, card in cards.items()}}

    def run(self, study: Study, request: dict[str, Any]) -> Result:
        """``{"features": FeatureRow, "estimates": [SubtypeEstimate, ...], "not_estimated": {model: why}}``.

        The error of the first model when none can be estimated.
        """
        names = request.get("models") or self._names
        if not isinstance(names, list):
            raise InputError(f"models is {names!r}; expected a list of names, or nothing for all subtype models")
        for name in names:
            if name not in self._names:
                usable = ", ".join(self._names) or "none"
                raise UnknownNameError(f"there is no subtype model {name!r}; there are {usable}")
        features = measure(study, request)
        estimates: list[SubtypeEstimate] = []
        cards: dict[str, ModelCard] = {}
        failures: dict[str, GliomicsError] = {}
        for name in names:
            try:
                model = self._models.get(name)
                estimates.append(model.estimate(features))
                cards[model.card.name] = model.card
            except GliomicsError as error:
                failures[name] = error
        if failures and not estimates:
            raise next(iter(failures.values()))
        reasons = {name: str(error) for name, error in failures.items()}
        answers = [estimate.to_json() for estimate in with_contradictions(estimates, cards)]
        return None, {"features": features.to_json(), "estimates": answers, "not_estimated": reasons}


def measure(study: Study, request: dict[str, Any]) -> FeatureRow:
    """Features of the request's ``label`` in every sequence of the study, with what is known of their stability.

    Options: ``region`` (its name in the table; where the label has several values or ``numbering``
    is told, the part of the tumour of that name), ``label_value`` (one value of the label; any
    above 0 unless told), ``config`` (name of a preset), ``resample_to`` (bring the sequences
    to this one's grid, on which the label must be drawn).
    """
    from gliomics.cohort.numbering import numbering_diagnostics, whole_warnings
    from gliomics.cohort.stability import stability_diagnostics
    from gliomics.features.config import load_config
    from gliomics.features.extract import WHOLE_MASK, StudyImages, extract_features
    from gliomics.features.regions import REGIONS, names_whole, part_region, select_region

    if not request.get("label"):
        raise InputError(f"the current segment of study '{study.id}' is missing; send it as the file 'label'")
    mask = read_label(Path(request["label"]), study, "the current segment")
    config = load_config(_preset(text_option(request, "config")))
    volumes = load_sequences(study, study.sequences, grid_of=text_option(request, "resample_to"))
    region = text_option(request, "region") or WHOLE_MASK
    label = _label_value(request.get("label_value"))
    numbering = numbering_of_mask(
        labels_of_mask(mask),
        "the current segment",
        given=text_option(request, "numbering"),
        study=study.numbering,
        segments=read_label_names(Path(request["label"])),
    )
    part = part_region(region)
    one_segment = numbering.labels <= {1} and numbering.source not in ("told", "names of the segments")
    if not (one_segment or part or label is not None or names_whole(region)):
        raise UnknownNameError(
            f"region '{region}' is unknown, and the current segment has several parts: give {', '.join(REGIONS)} or "
            "tumour, or one part as the option label_value"
        )
    is_part = label is None and bool(part) and not one_segment
    if is_part:
        mask = select_region(mask, region, name=f"the label of study '{study.id}'", numbering=numbering, defined=part)
    elif label is None:
        mask = mask.with_array(np.isin(mask.array, sorted(numbering.tumour)).astype(np.uint8))
    images = StudyImages(study.id, volumes, spacing_known=study.spacing_known)
    features = extract_features(images, mask, config, region=region, label=label, cancelled=abandoned)
    diagnostics = (
        (numbering_diagnostics(features.region, numbering, part) if is_part else {})
        | features.diagnostics
        | stability_diagnostics(features.values, config)
    )
    warnings = whole_warnings(numbering) if label is None and not is_part else []
    return replace(
        features,
        diagnostics={"patient_id": study.patient_id, **diagnostics},
        warnings=[*warnings, *features.warnings],
    )


def describe(card: ModelCard) -> dict[str, Any]:
    """The essentials of a model card, for clients that list models."""
    return {
        "task": card.task,
        "version": card.version,
        "title": card.title,
        "sequences": card.sequences.model_dump(),
        "classes": card.classes,
        "metrics": [metric.model_dump() for metric in card.metrics],
        "population": card.training.population,
        "notice": card.notice,
    }


def _load_subtype_model(folder: ModelFolder) -> Any:
    from gliomics.subtype.predict import SubtypeModel

    return SubtypeModel(folder)


def text_option(request: dict[str, Any], name: str) -> str | None:
    """An option of the client that must be text, or None."""
    value = request.get(name)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{name} is {value!r}; expected text")
    return value


def _preset(name: str | None) -> str:
    from gliomics.features.config import preset_names

    name = name or "panel"
    if name not in preset_names():
        raise UnknownNameError(f"there is no feature preset {name!r}; there are {', '.join(preset_names())}")
    return name


def _label_value(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"label_value is {value!r}; expected a whole number above 0, or nothing for all labels")
    return int(value)
