"""A process that answers about segments beside a program that has no server, such as 3D Slicer.

Requests come as lines of JSON on the standard input, one at a time; the process ends with it. Each names a file as
``answer``, which appears, whole, when there is one: ``{"result": {...}}``, or ``{"refusal": "..."}`` with the reason.
The file ``answer`` with the suffix ``.progress`` says meanwhile what is being done.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from gliomics.answers.images import MeasuredStudies
from gliomics.answers.measuring import LabelledStudy
from gliomics.answers.models import describe_subtypes
from gliomics.answers.segment import answer_of, answer_of_estimates, subtype_estimates
from gliomics.errors import GliomicsError, InputError
from gliomics.files import write_json
from gliomics.models import ModelStore
from gliomics.study.images import write_volume
from gliomics.study.records import Study
from gliomics.subtype.predict import SubtypeModel
from gliomics.version import __version__

PROGRESS = ".progress"


class Answerer:
    """Answers requests by the models that ship; what it read for one, it keeps for the next."""

    def __init__(self) -> None:
        self._studies = MeasuredStudies()
        self._store = ModelStore()
        self._models: dict[str, SubtypeModel] = {}
        self._tasks: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "info": self._info,
            "subtype": self._subtype,
            "maps": self._maps,
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the task of a request brings; the errors of the task."""
        task = self._tasks.get(str(request.get("task")))
        if task is None:
            raise InputError(f"there is no task {request.get('task')!r}; there are {', '.join(self._tasks)}")
        return task(request)

    def _info(self, _request: dict[str, Any]) -> dict[str, Any]:
        """As the server's ``/info/``, as far as there is no need of one."""
        models = {name: self._model(name) for name in self._names()}
        tasks = {"radiomics": {"type": "others"}, "subtype": {"subtype_models": describe_subtypes(models)}}
        return {"name": "Gliomics", "version": __version__, "models": tasks}

    def _subtype(self, request: dict[str, Any]) -> dict[str, Any]:
        """Features, estimates and reading of a segment, as the server's task of that name answers.

        ``files`` are the images by sequence, ``label`` is the mask; the options are those of the server. The native
        engine measures, whatever else is installed.
        """
        labelled = labelled_study(request, self._studies)
        measured = labelled.measure(request)
        models = {name: partial(self._model, name) for name in self._names()}
        estimates = subtype_estimates(measured, models, request)
        return {**answer_of(measured, estimates), **answer_of_estimates(estimates)}

    def _maps(self, request: dict[str, Any]) -> dict[str, Any]:
        """Maps of the ``features`` that are named as in tables, as NIfTI files in ``folder``, which are named by these.

        ``files`` and ``label`` as for a segment; ``radius`` is that of the kernel, in voxels.
        """
        from gliomics.features.maps.measure import feature_maps
        from gliomics.features.settings import VoxelSettings

        labelled = labelled_study(request, self._studies)
        settings = VoxelSettings(kernelRadius=request["radius"])
        config = labelled.config.model_copy(update={"voxel_setting": settings})
        told, paths = Path(request["answer"] + PROGRESS), {}
        for each in feature_maps(
            labelled.images,
            labelled.tumour(),
            config,
            request["features"],
            report=lambda text, fraction: write_json(told, {"text": text, "fraction": fraction}),
        ):
            paths[each.name] = str(Path(request["folder"]) / f"{each.name}.nii")
            write_volume(each.volume, paths[each.name], finite=False)
        return {"maps": paths}

    def _names(self) -> list[str]:
        return self._store.names("subtype")

    def _model(self, name: str) -> SubtypeModel:
        if name not in self._models:
            self._models[name] = SubtypeModel(self._store.current(name))
        return self._models[name]


def labelled_study(request: dict[str, Any], studies: MeasuredStudies) -> LabelledStudy:
    """What a request is about, to be measured by the native engine."""
    files = {str(sequence): Path(path) for sequence, path in request["files"].items()}
    name = str(request["study_id"])
    study = Study(id=name, patient_id=name, folder=next(iter(files.values())).parent, sequences=files)
    labelled = LabelledStudy.of(study, request, studies)
    return replace(labelled, config=labelled.config.model_copy(update={"engine": "native"}))


def serve(requests: TextIO) -> None:
    """Answer every request that comes, until no more can come."""
    answerer = Answerer()
    for line in requests:
        request = json.loads(line)
        path = Path(request["answer"])
        try:
            answer: dict[str, Any] = {"result": answerer.answer(request)}
        except GliomicsError as error:
            answer = {"refusal": str(error)}
        except Exception as error:  # noqa: BLE001 - the last frame: who asked waits for an answer
            traceback.print_exc()
            answer = {"refusal": f"{type(error).__name__}: {error}"}
        write_json(path, answer)


def main() -> None:
    """Answer the requests of the standard input."""
    serve(sys.stdin)
