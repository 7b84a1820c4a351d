"""Subtype models fitted anew to a site's own patients: a challenger serves only when it beats the champion."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from gliomics.errors import InputError
from gliomics.models import ModelFolder, ModelStore
from gliomics.models.champion import Comparison, Retraining, challenge
from gliomics.study.patients import canonical_patient
from gliomics.subtype.fit import Cohort, FitOptions, fit_model
from gliomics.subtype.predict import SubtypeModel, patient_of
from gliomics.subtype.variants import IMAGES

REPEATS, PERMUTATIONS = 5, 20
"""How thoroughly a challenger is cross-validated, for its card and for the comparison."""


def retrain(
    store: ModelStore,
    name: str,
    cohort: Cohort,
    *,
    population: str = "patients labelled here",
    progress: Callable[[int, int], None] = lambda steps, total: None,
) -> Retraining:
    """Fit a new version of a subtype model and publish it if it is better on patients that neither version had seen.

    The cohort's rows are features of whole lesions, with the patient in their diagnostics, its outcomes each patient's
    class by the champion's own names. The new version is fitted to all patients; what is compared, patient by patient
    by :func:`probability_score`, are the estimates of its cross-validation from the images, each by a model that was
    fitted without the patient. The champion is compared by its own estimates of patients that it was not fitted on, and
    by those of its own cross-validation of others. A version that is no better than chance is not published, however
    bad the champion is. Raises :class:`InputError` where a class has fewer than 8 patients.
    """
    serving = store.current(name)
    champion = SubtypeModel(serving)
    card = serving.card
    options = FitOptions(
        name=name,
        target=champion.settings.target,
        title=card.title,
        description=card.description,
        population=population,
        classes={label: label for label in card.classes},
        given=champion.settings.given,
        repeats=REPEATS,
        permutations=PERMUTATIONS,
    )
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit_model(cohort, Path(folder) / "model", options, progress=progress).folder
        _check_classes(fitted, card.classes)
        comparison = _compare(champion, SubtypeModel(fitted), cohort)
        files = {file: partial(shutil.copyfile, fitted.file(file)) for file in fitted.card.sha256}
        new = fitted.card.model_copy(update={"parent": card.version, "relations": card.relations})
        warnings = fitted.card.settings["warnings"].get(IMAGES, [])
        return challenge(store, new, files, comparison, refusal="; ".join(warnings))


def probability_score(probabilities: Mapping[str, float], truth: str) -> float:
    """One minus half the Brier score of an estimate: 1 when it was sure and right, 0 when sure and wrong.

    ``truth`` is the name of the class that the patient is of.

    >>> round(probability_score({"mutant": 0.9, "wildtype": 0.1}, "mutant"), 2)
    0.99
    """
    return 1 - sum((p - (name == truth)) ** 2 for name, p in probabilities.items()) / 2


def _compare(champion: SubtypeModel, challenger: SubtypeModel, cohort: Cohort) -> Comparison:
    """The scores of both of the patients that the challenger was fitted on, each by a model that had not seen them.

    Of several estimates of a patient, one for each repeat of a cross-validation, the scores are averaged: the score of
    the averaged estimate would be better than that of any model that could serve.
    """
    before, after, outcomes = {}, {}, cohort.outcomes
    for row in sorted(cohort.rows, key=lambda row: row.study_id):
        patient = canonical_patient(patient_of(row))
        if patient in before or patient not in outcomes:
            continue
        served = champion.out_of_fold(patient) or [champion.estimate(row).probabilities]
        before[patient] = _mean_score(served, outcomes[patient])
        after[patient] = _mean_score(challenger.out_of_fold(patient), outcomes[patient])
    return Comparison(champion.card.version, before, after, score="probability score")


def _mean_score(estimates: Sequence[Mapping[str, float]], truth: str) -> float:
    return float(np.mean([probability_score(probabilities, truth) for probabilities in estimates]))


def _check_classes(fitted: ModelFolder, expected: Sequence[str]) -> None:
    missing = sorted(set(expected) - set(fitted.card.classes))
    if missing:
        raise InputError(
            f"no labelled patient is of class {', '.join(missing)} of model '{fitted.card.name}'; label some"
        )
