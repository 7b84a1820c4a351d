"""Infer tasks that measure and read the current segment: its features, its subtype, and what both amount to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from monailabel.interfaces.tasks.infer_v2 import InferType

from gliomics.errors import InputError, UnknownNameError
from gliomics.models import ModelFolder, ModelStore
from gliomics.server.input_cache import MeasuredStudies
from gliomics.server.model_cache import ModelCache
from gliomics.server.tasks.infer import Result, StudyTask, describe
from gliomics.study.records import Study

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gliomics.findings.estimating import Estimates
    from gliomics.reading.record import Reading
    from gliomics.server.tasks.measuring import LabelledStudy, MeasuredRegion
    from gliomics.subtype.circumstances import Circumstances
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
        from gliomics.server.tasks.measuring import READ

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
        from gliomics.server.tasks.measuring import ALL, LabelledStudy

        self.check(request)
        asked = request.get("regions")
        if asked not in (None, ALL):
            raise InputError(f'regions is {asked!r}; expected "{ALL}", or nothing and one region as the option region')
        return LabelledStudy.of(study, request, self._studies), asked == ALL

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
        estimates = self.estimates(measured, request)
        return {
            "features": measured.features.to_json(),
            "reading": measured.read(estimates).to_json(),
            **self.further(estimates),
        }

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
        from gliomics.findings.targets import target_of

        models = {name: self._models.get(name) for name in self._names if self._models.usable(name)}
        models = dict(sorted(models.items(), key=lambda item: target_of(item[1].settings.target).place))
        return {**super().info(), "subtype_models": {name: _described(model) for name, model in models.items()}}

    def check(self, request: dict[str, Any]) -> None:
        """``models`` are names of subtype models, ``age`` and ``prevalence`` of a patient, as far as they are given."""
        circumstances = _circumstances(request)
        _asks_for_margin(request)
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
        from gliomics.findings.estimating import estimates_of

        names = self._asked(request)
        moved_edge = measured.moved_edge if _asks_for_margin(request) else None
        models = {name: partial(self._models.get, name) for name in names}
        estimates = estimates_of(measured.features, models, _circumstances(request), moved_edge)
        if request.get("models") and estimates.refused and not estimates.of:
            raise next(iter(estimates.refused.values()))
        return estimates

    def further(self, estimates: Estimates) -> dict[str, Any]:
        """``{"estimates": [SubtypeEstimate, ...], "not_estimated": {model: why}}``."""
        answers = [estimate.to_json() for estimate in estimates.of]
        return {"estimates": answers, "not_estimated": {name: str(error) for name, error in estimates.refused.items()}}

    def _asked(self, request: dict[str, Any]) -> list[str]:
        names = request.get("models") or self._names
        if not isinstance(names, list):
            raise InputError(f"models is {names!r}; expected a list of names, or nothing for all subtype models")
        return names


def _circumstances(request: Mapping[str, Any]) -> Circumstances:
    """What a request says of the patient besides the images; :class:`InputError` for anything else than numbers."""
    from gliomics.subtype.circumstances import Circumstances

    age, prevalence = request.get("age"), request.get("prevalence")
    if age is not None and (isinstance(age, bool) or not isinstance(age, int | float)):
        raise InputError(f"age is {age!r}; expected a number of years, or nothing where it is not known")
    shares = prevalence.values() if isinstance(prevalence, dict) else ()
    if prevalence is not None and not (
        isinstance(prevalence, dict)
        and all(isinstance(share, int | float) and not isinstance(share, bool) for share in shares)
    ):
        raise InputError(
            f'prevalence is {str(prevalence)[:80]}; expected {{"class": share}} with shares between 0 and 1, or '
            "nothing for those of the training patients"
        )
    return Circumstances(age, prevalence or None)


def _described(model: SubtypeModel) -> dict[str, Any]:
    """The card's essentials, and what a client needs to ask for age and prevalence, in words."""
    from gliomics.findings.targets import target_of

    target, classes = target_of(model.settings.target), model.card.classes
    return {
        **describe(model.card),
        "question": target.title,
        "class_titles": {name: target.class_name(name) for name in classes},
        "training_shares": dict(zip(classes, map(float, model.training_shares), strict=True)),
        "uses_age": model.uses_age,
    }


def _asks_for_margin(request: Mapping[str, Any]) -> bool:
    """Whether the estimates shall have their range over moved edges: unless the request says ``"margin": false``."""
    margin = request.get("margin", True)
    if not isinstance(margin, bool):
        raise InputError(f"margin is {margin!r}; expected true or false")
    return margin


def _load_subtype_model(folder: ModelFolder) -> SubtypeModel:
    from gliomics.subtype.predict import SubtypeModel

    return SubtypeModel(folder)
