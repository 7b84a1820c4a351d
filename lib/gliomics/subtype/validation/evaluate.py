"""A subtype model judged on patients that it did not see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gliomics.errors import GliomicsError, InputError
from gliomics.models import Metric
from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.study.patients import canonical_patient
from gliomics.subtype.circumstances import Circumstances
from gliomics.subtype.predict import SubtypeModel, patient_of
from gliomics.subtype.validation.figures import Predictions, figures_of

LEAST_PER_CLASS = 2
"""Patients of each class without which nothing is told apart."""


@dataclass(frozen=True)
class Evaluation:
    """The figures of ``n`` patients, and sentences on who was left out."""

    metrics: list[Metric]
    n: int
    notes: list[str]


def evaluate_model(
    model: SubtypeModel,
    rows: Sequence[FeatureRow],
    outcomes: Mapping[str, str],
    circumstances: Callable[[FeatureRow], Circumstances],
) -> Evaluation:
    """Figures of a model's estimates of patients; ``outcomes`` are by patient, ``circumstances`` by row.

    Of several studies of a patient the first counts. Patients that the model was fitted on, those without an outcome
    and those who cannot be estimated are left out, and the notes say how many. Raises :class:`InputError` for an
    outcome that is not one of the model's classes, and where a class has fewer than 2 patients.
    """
    unknown = sorted(set(outcomes.values()) - set(model.card.classes))
    if unknown:
        raise InputError(
            f"the outcome has the value '{unknown[0]}', but the classes of model '{model.card.name}' are "
            f"{', '.join(model.card.classes)}; say which class it is: --class '{unknown[0]}'=CLASS"
        )
    estimates: dict[str, SubtypeEstimate] = {}
    in_sample, failures = 0, list[str]()
    for row in sorted(rows, key=lambda row: row.study_id):
        patient = canonical_patient(patient_of(row))
        if patient in estimates or patient not in outcomes:
            continue
        if model.card.training.learned_from(patient):
            in_sample += 1
            continue
        try:
            estimates[patient] = model.estimate(row, circumstances(row))
        except GliomicsError as error:
            failures.append(str(error))
    notes = (
        [f"{in_sample} studies are of patients that the model was fitted on; they do not count"] if in_sample else []
    )
    notes += [f"{len(failures)} could not be estimated, e.g. {failures[0]}"] if failures else []
    return Evaluation(_figures(model, estimates, outcomes), len(estimates), notes)


def _figures(
    model: SubtypeModel, estimates: Mapping[str, SubtypeEstimate], outcomes: Mapping[str, str]
) -> list[Metric]:
    classes = list(model.card.classes)
    outcome = np.array([classes.index(outcomes[patient]) for patient in estimates], dtype=np.int64)
    counts = np.bincount(outcome, minlength=len(classes))
    if counts.min() < LEAST_PER_CLASS:
        listed = ", ".join(f"{name} {count}" for name, count in zip(classes, counts, strict=True))
        raise InputError(
            f"the patients that model '{model.card.name}' did not see are {listed}; at least {LEAST_PER_CLASS} of each "
            "class are needed"
        )
    of = list(estimates.values())
    predictions = Predictions(
        np.array([[[item.probabilities[name] for name in classes] for item in of]]),
        np.array([[[name in item.prediction_set for name in classes] for item in of]]),
        outcome,
        classes,
        model.training_shares,
        f"{model.card.name} version {model.card.version} on patients that it did not see; 95 % bootstrap interval over "
        "patients",
    )
    metrics = figures_of(predictions, np.random.default_rng(0), has_sets=any(item.prediction_set for item in of))
    flagged = float(np.mean([not item.inside_training_range for item in of]))
    how = "share of these patients whose images are unlike the training patients'"
    return [*metrics, Metric(name="flagged", value=flagged, n=len(of), how=how)]
