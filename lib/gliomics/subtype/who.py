"""The WHO's three classes of adult diffuse glioma from two estimates of one study.

One is of IDH, the other of 1p/19q in those that are IDH mutant, so that a class's probability is the product along its
branch: wild type; mutant times intact (astrocytoma); mutant times codeleted (oligodendroglioma). Louis 2021
(Neuro-Oncology 23:1231).
"""

from __future__ import annotations

from collections.abc import Sequence

from gliomics.records import SubtypeEstimate

WHO = "who_class"
"""What an estimate made here has as its model's name."""
TARGET = "WHO class"

IDH_MODEL, CODELETION_MODEL = "subtype_idh", "subtype_codeletion"
PARTS = (IDH_MODEL, CODELETION_MODEL)
"""The models whose estimates are joined, as shipped or fitted anew."""

WILDTYPE, MUTANT_INTACT, MUTANT_CODELETED = "wildtype", "mutant_intact", "mutant_codeleted"
CLASSES = (WILDTYPE, MUTANT_INTACT, MUTANT_CODELETED)

MUTANT = "mutant"
BRANCHES = {MUTANT_INTACT: "intact", MUTANT_CODELETED: "codeleted"}
"""The class of the codeletion that each class of the mutants has."""


def with_who(estimates: Sequence[SubtypeEstimate]) -> list[SubtypeEstimate]:
    """Estimates of one study with that of the WHO class before them, where :func:`who_estimate` makes one."""
    who = who_estimate(estimates)
    return [*estimates] if who is None else [who, *estimates]


def who_estimate(estimates: Sequence[SubtypeEstimate]) -> SubtypeEstimate | None:
    """The estimate of the WHO class from those of ``subtype_idh`` and ``subtype_codeletion`` among ``estimates``.

    None where one of them is missing, or they do not belong together: of different studies, from different inputs
    (:attr:`~gliomics.records.SubtypeEstimate.variant` or covariates), of other classes, or the codeletion not asked of
    IDH mutants alone.

    A bound of an interval, and of ``margin``, is the product of the bounds along the branch, as if both fits erred to
    one side together. ``prediction_set`` holds wild type where the set of IDH does, and of the mutant classes those
    that the set of the codeletion holds where that of IDH holds mutant; the most probable class is always in it, and it
    is empty where one of the sets is. ``prevalence`` has the shares of either model's classes. What would have to be
    made up is left empty: the log-odds of a product are no sum over features.
    """
    by_model = {estimate.model: estimate for estimate in estimates}
    idh, codeletion = by_model.get(IDH_MODEL), by_model.get(CODELETION_MODEL)
    if idh is None or codeletion is None or not _belong_together(idh, codeletion):
        return None
    probabilities = _products(idh.probabilities, codeletion.probabilities)
    predicted = max(CLASSES, key=lambda name: probabilities[name])
    return SubtypeEstimate(
        study_id=idh.study_id,
        model=WHO,
        model_version=f"{idh.model} {idh.model_version}, {codeletion.model} {codeletion.model_version}",
        target=TARGET,
        predicted=predicted,
        probabilities=probabilities,
        intervals=_bounds(idh.intervals, codeletion.intervals),
        inside_training_range=idh.inside_training_range and codeletion.inside_training_range,
        population=" | ".join(dict.fromkeys([idh.population, codeletion.population])),
        n_training=idh.n_training,
        performance=f"{idh.target}: {idh.performance}; {codeletion.target}: {codeletion.performance}",
        reasons=_reasons(idh, codeletion),
        notice=" ".join(dict.fromkeys([idh.notice, codeletion.notice])),
        in_sample=idh.in_sample or codeletion.in_sample,
        contradicts=list(dict.fromkeys([*idh.contradicts, *codeletion.contradicts])),
        prediction_set=_set(idh, codeletion, predicted),
        margin=_margin(idh, codeletion, predicted),
        covariates=idh.covariates | codeletion.covariates,
        variant=idh.variant,
        by_input={
            name: _products(of_idh, codeletion.by_input[name])
            for name, of_idh in idh.by_input.items()
            if name in codeletion.by_input
        },
        given=idh.given | {column: value for column, value in codeletion.given.items() if column != idh.target},
        prevalence=idh.prevalence | codeletion.prevalence,
    )


def _belong_together(idh: SubtypeEstimate, codeletion: SubtypeEstimate) -> bool:
    return (
        (idh.study_id, idh.variant, idh.covariates) == (codeletion.study_id, codeletion.variant, codeletion.covariates)
        and set(idh.probabilities) == {WILDTYPE, MUTANT}
        and set(codeletion.probabilities) == set(BRANCHES.values())
        and codeletion.given.get(idh.target, "").lower() == MUTANT
    )


def _products(idh: dict[str, float], codeletion: dict[str, float]) -> dict[str, float]:
    mutant = {name: idh[MUTANT] * codeletion[branch] for name, branch in BRANCHES.items()}
    return {WILDTYPE: idh[WILDTYPE], **mutant}


def _bounds(idh: dict[str, list[float]], codeletion: dict[str, list[float]]) -> dict[str, list[float]]:
    """The products of the lower and of the upper bounds, by class."""
    low, high = (
        _products(
            {name: bounds[side] for name, bounds in idh.items()},
            {name: bounds[side] for name, bounds in codeletion.items()},
        )
        for side in (0, 1)
    )
    return {name: [low[name], high[name]] for name in CLASSES}


def _set(idh: SubtypeEstimate, codeletion: SubtypeEstimate, predicted: str) -> list[str]:
    if not idh.prediction_set or not codeletion.prediction_set:
        return []
    members = {predicted}
    if WILDTYPE in idh.prediction_set:
        members.add(WILDTYPE)
    if MUTANT in idh.prediction_set:
        members |= {name for name, branch in BRANCHES.items() if branch in codeletion.prediction_set}
    return [name for name in CLASSES if name in members]


def _margin(idh: SubtypeEstimate, codeletion: SubtypeEstimate, predicted: str) -> list[float] | None:
    if idh.margin is None or codeletion.margin is None:
        return None
    return _bounds(_margin_by_class(idh, idh.margin), _margin_by_class(codeletion, codeletion.margin))[predicted]


def _margin_by_class(estimate: SubtypeEstimate, margin: Sequence[float]) -> dict[str, list[float]]:
    """Of two classes the range of one over other masks is that of the other, turned over."""
    low, high = margin
    return {name: [low, high] if name == estimate.predicted else [1 - high, 1 - low] for name in estimate.probabilities}


def _reasons(idh: SubtypeEstimate, codeletion: SubtypeEstimate) -> list[str]:
    """What both say once; what one says with its question in front."""
    common = [reason for reason in idh.reasons if reason in codeletion.reasons]
    own = [
        f"{estimate.target}: {reason}"
        for estimate in (idh, codeletion)
        for reason in estimate.reasons
        if reason not in common
    ]
    return [*common, *own]
