"""Infer tasks that measure and read the current segment: its features, its subtype, and what both amount to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from monailabel.interfaces.tasks.infer_v2 import InferType

from gliomics.answers.images import MeasuredStudies
from gliomics.answers.models import describe_subtypes
from gliomics.answers.options import circumstances_of, flag
from gliomics.errors import InputError, UnknownNameError
from gliomics.models import ModelFolder, ModelStore
from gliomics.server.lanes import abandoned
from gliomics.server.model_cache import ModelCache
from gliomics.server.tasks.infer import Result, StudyTask
from gliomics.study.records import Study

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gliomics.answers.measuring import LabelledStudy, MeasuredRegion
    from gliomics.findings.estimating import Estimates
    from gliomics.reading.record import Reading
    from gliomics.subtype.predict import SubtypeModel

# What measures and estimates takes a second to import, so it is imported when it is first asked for.


class ReadingTask(StudyTask):
    """Measures and reads the current segment, which the client uploads as ``label``."""

    def __init__(self, kind: InferType, description: str, studies: MeasuredStudies) -> None:
        how = "(send it as 'label', ask with output=json)"
        super().__init__(type=kind, labels=[], dimension=3, description=f"{description} {how}")
        self._studies = studies

    def run(self, study: Study, request: dict[str, Any]) -> Result:
        """Of one region ``features`` (:class:`FeatureRow`), ``reading`` (:class:`Reading`) and what the task adds.

        With the option ``regions`` "all" it is the whole tumour's, or where that is unknown the core's, and ``regions``
        holds every region of a tumour in turn: the same with its name as ``region``, or instead the reason as
        ``refused``.
        """
        from gliomics.answers.measuring import READ

        labelled, asks_for_all = self._labelled(study, request)
        if not asks_for_all:
            return None, self._answer(labelled.measure(request), request)
        measured, refused = labelled.measure_all()
        answers = {region: self._answer(each, request) for region, each in measured.items()}
        regions = [
            {"region": region, **(answers[region] if region in answers else {"refused": refused[region]})}
            for region in READ
        ]
        return None, {**answers[next(iter(measured))], "regions": regions}

    def _labelled(self, study: Study, request: dict[str, Any]) -> tuple[LabelledStudy, bool]:
        """What is to be measured, and whether that is every region of a tumour."""
        from gliomics.answers.measuring import ALL, LabelledStudy

        self.check(request)
        asked = request.get("regions")
        if asked not in (None, ALL):
            raise InputError(f'regions is {asked!r}; expected "{ALL}", or nothing and one region as the option region')
        return LabelledStudy.of(study, request, self._studies, abandoned), asked == ALL

    def check(self, request: dict[str, Any]) -> None:
        """Raise what is wrong with the request before anything is measured."""

    def estimates(self, measured: MeasuredRegion, request: dict[str, Any]) -> Estimates:
        """The estimates of a region; none unless the task makes some."""
        from gliomics.findings.estimating import Estimates

        return Estimates()

    def read(
        self, study: Study, request: Mapping[str, Any]
    ) -> tuple[LabelledStudy, list[tuple[MeasuredRegion, Reading]]]:
        """One region of a request's label, measured and read; with ``regions`` "all" every one, the whole first."""
        options = dict(request)
        labelled, asks_for_all = self._labelled(study, options)
        measured = list(labelled.measure_all()[0].values()) if asks_for_all else [labelled.measure(options)]
        return labelled, [(each, each.read(self.estimates(each, options))) for each in measured]

    def _answer(self, measured: MeasuredRegion, request: dict[str, Any]) -> dict[str, Any]:
        from gliomics.answers.segment import answer_of

        estimates = self.estimates(measured, request)
        return {**answer_of(measured, estimates), **self.further(estimates)}

    def further(self, estimates: Estimates) -> dict[str, Any]:
        """What the task's answer has besides."""
        return {}


class RadiomicsTask(ReadingTask):
    """Features of the current segment."""

    def __init__(self, studies: MeasuredStudies) -> None:
        super().__init__(InferType.OTHERS, "Radiomic features of the current segment", studies)

    def is_valid(self) -> bool:
        """Always: it needs no weights."""
        return True


class SubtypeTask(ReadingTask):
    """Genomic subtype of the current segment by every subtype model, or those named in ``models``."""

    def __init__(self, store: ModelStore, names: list[str], studies: MeasuredStudies) -> None:
        super().__init__(InferType.CLASSIFICATION, "Subtype estimates of the current segment", studies)
        self._names = names
        self._models = ModelCache(store, _load_subtype_model)

    def is_valid(self) -> bool:
        """Whether there is a subtype model that can be used."""
        return any(self._models.usable(name) for name in self._names)

    def info(self) -> dict[str, Any]:
        """What clients are told, with the card's essentials of each model, in the order in which they are read."""
        models = {name: self._models.get(name) for name in self._names if self._models.usable(name)}
        return {**super().info(), "subtype_models": describe_subtypes(models)}

    def check(self, request: dict[str, Any]) -> None:
        """``models`` are names of subtype models, ``age`` and ``prevalence`` of a patient, as far as they are given."""
        circumstances = circumstances_of(request)
        flag(request, "margin", default=True)
        for name in self._asked(request):
            if name not in self._names:
                usable = ", ".join(self._names) or "none"
                raise UnknownNameError(f"there is no subtype model {name!r}; there are {usable}")
        names = [name for name in self._asked(request) if self._models.usable(name)]
        classes = list(dict.fromkeys(label for name in names for label in self._models.get(name).card.classes))
        for label in circumstances.prevalence or {}:
            if label not in classes:
                raise UnknownNameError(f"prevalence names class {label!r}; there are {', '.join(classes)}")

    def estimates(self, measured: MeasuredRegion, request: dict[str, Any]) -> Estimates:
        """The estimates; the error of the first model where models were named and none of them can estimate."""
        from gliomics.answers.segment import subtype_estimates

        models = {name: partial(self._models.get, name) for name in self._asked(request)}
        estimates = subtype_estimates(measured, models, request)
        if request.get("models") and estimates.refused and not estimates.of:
            raise next(iter(estimates.refused.values()))
        return estimates

    def further(self, estimates: Estimates) -> dict[str, Any]:
        """``{"estimates": [SubtypeEstimate, ...], "not_estimated": {model: why}}``."""
        from gliomics.answers.segment import answer_of_estimates

        return answer_of_estimates(estimates)

    def _asked(self, request: dict[str, Any]) -> list[str]:
        names = request.get("models") or self._names
        if not isinstance(names, list):
            raise InputError(f"models is {names!r}; expected a list of names, or nothing for all subtype models")
        return names


def _load_subtype_model(folder: ModelFolder) -> SubtypeModel:
    from gliomics.subtype.predict import SubtypeModel

    return SubtypeModel(folder)
