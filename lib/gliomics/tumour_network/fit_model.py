"""From a cohort to a folder with a tumour network whose card says how good it is on patients it did not see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from gliomics.errors import InputError
from gliomics.files import safe_name
from gliomics.models import ModelCard, ModelFolder, TrainingRecord, patient_hash, write_model_folder
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.weights import WEIGHTS, save_weights
from gliomics.statistics.arrays import Array
from gliomics.subtype.table import check_class_counts
from gliomics.tumour_network.cohort import TumourCohort
from gliomics.tumour_network.fitting import FittedNetwork, fit_network
from gliomics.tumour_network.settings import FittingSettings, Start, TumourNetworkSettings
from gliomics.tumour_network.validate import cross_validate, steps_of, summarise

HEADS = "heads.safetensors"
OUT_OF_FOLD = "out_of_fold.safetensors"
_NOVELTY = 0.99

_STARTS: dict[Start, str] = {
    "frozen": "is that of {model}, unchanged",
    "tuned": "began with the weights of {model} and learned on",
    "scratch": "has the shape of {model} and began at random",
}


@dataclass(frozen=True)
class NetworkOptions:
    """What a fit needs besides the cohort; ``repeats`` are those of the 5-fold cross-validation."""

    name: str
    target: str
    title: str
    population: str
    description: str = ""
    repeats: int = 3
    fitting: FittingSettings = field(default_factory=FittingSettings)


def fit_model(
    cohort: TumourCohort,
    source: Segmenter,
    out: Path,
    options: NetworkOptions,
    *,
    progress: Callable[[int, int], None] = lambda steps, total: None,
) -> tuple[ModelFolder, Array]:
    """Cross-validate, fit to all patients and write the model folder ``out``, which must not exist.

    Returns the model and its out-of-fold probabilities (repeats, patients, classes). ``progress`` is called with the
    steps done and those in all; what it raises ends the fit, and nothing is written. Equal input and seed give an equal
    model on the same machine. Raises :class:`InputError` where a class has fewer than 8 patients.
    """
    if out.exists():
        raise InputError(f"{out} exists already; a model is never overwritten, choose another folder")
    safe_name(options.name, "model name")
    check_class_counts(cohort.classes, cohort.outcome)
    fitting, counter = options.fitting, iter(range(1, 10**9))
    total = steps_of(fitting, options.repeats) + (0 if fitting.start == "frozen" else fitting.epochs)

    def step() -> None:
        progress(next(counter), total)

    out_of_fold = cross_validate(cohort.patches, cohort.outcome, source, fitting, repeats=options.repeats, step=step)
    fitted = fit_network(cohort.patches, cohort.outcome, len(cohort.classes), source, fitting, step=step)
    hashes = [patient_hash(patient) for patient in cohort.patients]
    order = sorted(range(len(hashes)), key=hashes.__getitem__)
    card = ModelCard(
        name=options.name,
        version="1",
        task="tumour_network",
        title=options.title,
        description=f"{options.description} {_of_encoder(cohort, source, fitting)}".strip(),
        sequences=source.card.sequences,
        classes=cohort.classes,
        settings=_settings(cohort, source, options, fitted).model_dump(),
        training=TrainingRecord(
            population=options.population,
            n_patients=len(cohort.patients),
            fingerprint=cohort.fingerprint,
            patients=[hashes[row] for row in order],
        ),
        metrics=summarise(cohort.classes, cohort.outcome, out_of_fold),
    )
    files = {
        WEIGHTS: partial(save_weights, fitted.network.encoder.state_dict()),
        HEADS: partial(_save, dict(fitted.network.heads.state_dict())),
        OUT_OF_FOLD: partial(_save, {"probabilities": torch.from_numpy(out_of_fold[:, order]).float()}),
    }
    return write_model_folder(out, card, files), out_of_fold


def _of_encoder(cohort: TumourCohort, source: Segmenter, fitting: FittingSettings) -> str:
    """Where the encoder is from, and how many of the patients its masks were learned on."""
    model = f"{source.card.name} version {source.card.version}"
    sentence = f"The encoder {_STARTS[fitting.start].format(model=model)}."
    record = source.card.training
    taught = set(record.split.get("training", record.patients))  # on others, rules may have been chosen, not weights
    seen = sum(patient_hash(patient) in taught for patient in cohort.patients)
    if fitting.start == "scratch" or not seen:
        return sentence
    return (
        f"{sentence} It learned the masks, not the classes, of {seen} of these {len(cohort.patients)} patients: "
        "on others its maps may tell less than the figures say."
    )


def _settings(
    cohort: TumourCohort, source: Segmenter, options: NetworkOptions, fitted: FittedNetwork
) -> TumourNetworkSettings:
    return TumourNetworkSettings(
        target=options.target,
        encoder=f"{source.card.name}/{source.card.version}",
        network=source.settings.network,
        input=source.settings.input,
        fitting=options.fitting,
        class_counts={name: int(np.sum(cohort.outcome == k)) for k, name in enumerate(cohort.classes)},
        novelty_threshold=_novelty_threshold(fitted, fitted.channels(cohort.patches)),
    )


def _novelty_threshold(fitted: FittedNetwork, channels: torch.Tensor) -> float:
    """The 99th percentile of the training patients' distances from the others, each left out in turn."""
    heads, distances = fitted.network.heads, []
    mean, deviation = heads.mean.clone(), heads.deviation.clone()
    for row in range(len(channels)):
        heads.standardise(torch.cat((channels[:row], channels[row + 1 :])))
        distances.append(float(heads.distance(channels[row])))
    heads.mean.copy_(mean)
    heads.deviation.copy_(deviation)
    return float(np.quantile(distances, _NOVELTY))


def _save(arrays: dict[str, torch.Tensor], path: Path) -> None:
    safetensors.torch.save_file({name: value.contiguous() for name, value in arrays.items()}, path)
