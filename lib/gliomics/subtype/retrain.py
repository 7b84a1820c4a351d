"""Subtype models fitted anew to a site's own patients: a challenger serves only when it beats the champion."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from gliomics.errors import InputError
from gliomics.models import ModelFolder, ModelStore
from gliomics.records import FeatureTable
from gliomics.segmentation.champion import Retraining, challenge
from gliomics.study.patients import canonical_patient
from gliomics.subtype.fit import FitOptions, fit_model
from gliomics.subtype.persist import ARRAYS
from gliomics.subtype.predict import SubtypeModel

REPEATS, PERMUTATIONS = 5, 20
"""How thoroughly a challenger is cross-validated for its card; which one serves is decided on other patients."""


def retrain(
    store: ModelStore,
    name: str,
    tables: Sequence[FeatureTable],
    outcomes: Mapping[str, str],
    validation: Collection[str],
    *,
    population: str = "patients labelled here",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Retraining:
    """Fit a new version of a subtype model and publish it if it is better on the ``validation`` patients.

    ``tables`` are features of whole lesions, with the patient in their diagnostics, ``outcomes`` each patient's class
    by the champion's own names. Nothing is fitted on validation patients; on these, both versions are compared patient
    by patient by :func:`probability_score`. Raises :class:`InputError` where a class has fewer than 10 patients left.
    """
    serving = store.current(name)
    champion = SubtypeModel(serving)
    held_out = {canonical_patient(patient) for patient in validation}
    card = serving.card
    options = FitOptions(
        name=name,
        target=champion.settings.target,
        title=card.title,
        description=card.description,
        population=population,
        classes={label: label for label in card.classes},
        repeats=REPEATS,
        permutations=PERMUTATIONS,
    )
    training = [table for table in tables if _patient(table) not in held_out]
    judged = [table for table in tables if _patient(table) in held_out and _patient(table) in outcomes]
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit_model(training, outcomes, Path(folder) / "model", options, progress=progress)
        _check_classes(fitted, card.classes)
        challenger = SubtypeModel(fitted)
        before, after = (
            {_patient(table): probability_score(model, table, outcomes) for table in judged}
            for model in (champion, challenger)
        )
        files = {ARRAYS: partial(shutil.copyfile, fitted.path / ARRAYS)}
        new = fitted.card.model_copy(update={"parent": card.version, "relations": card.relations})
        return challenge(store, new, files, before, after, score="probability score")


def probability_score(model: SubtypeModel, table: FeatureTable, outcomes: Mapping[str, str]) -> float:
    """One minus half the Brier score of a patient's estimate: 1 when it was sure and right, 0 when sure and wrong."""
    truth = outcomes[_patient(table)]
    probabilities = model.estimate(table).probabilities
    return 1 - sum((p - (name == truth)) ** 2 for name, p in probabilities.items()) / 2


def _check_classes(fitted: ModelFolder, expected: Sequence[str]) -> None:
    missing = sorted(set(expected) - set(fitted.card.classes))
    if missing:
        raise InputError(
            f"no labelled patient is of class {', '.join(missing)} of model '{fitted.card.name}'; label some"
        )


def _patient(table: FeatureTable) -> str:
    return canonical_patient(str(table.diagnostics.get("patient_id", table.study_id)))
