"""Training a model from labelled studies to a model folder with figures on patients it never saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from gliomics.errors import InputError
from gliomics.models import Metric, ModelCard, ModelFolder, ModelStore, TrainingRecord, write_model_folder
from gliomics.segmentation.config import TrainingConfig
from gliomics.segmentation.evaluation import bootstrap_interval
from gliomics.segmentation.finetune import save_weights, score
from gliomics.segmentation.labelled import LabelledStudy, fingerprint, prepare_labelled
from gliomics.segmentation.predict import WEIGHTS, Segmenter, load_weights
from gliomics.segmentation.train import OnEpoch, State, train


def fit(
    labelled: Sequence[LabelledStudy],
    config: TrainingConfig,
    validation_patients: Sequence[str],
    out: Path,
    *,
    population: str,
    store: ModelStore | None = None,
    checkpoint: Path | None = None,
    on_epoch: OnEpoch | None = None,
    on_skipped: Callable[[str, str], None] = lambda study, reason: None,
) -> tuple[ModelFolder, dict[str, float]]:
    """Train ``config`` on all patients but ``validation_patients``, evaluate on those and write the model folder.

    Nothing is chosen on the validation patients (weights are the last epoch's average, the
    threshold and the component rule are fixed), so that their Dice is that of unseen patients.
    Returns the folder and the Dice of each validation study.
    """
    held_out = set(validation_patients)
    unknown = held_out - {item.study.patient_id for item in labelled}
    if unknown:
        raise InputError(f"validation patients without a labelled study: {', '.join(sorted(unknown)[:5])}")
    training = [item for item in labelled if item.study.patient_id not in held_out]
    validation = [item for item in labelled if item.study.patient_id in held_out]
    card = _card(config, training, sorted(held_out), population)
    cases, skipped = prepare_labelled(training, card)
    validation_cases, skipped_validation = prepare_labelled(validation, card)
    for study, reason in (skipped | skipped_validation).items():
        on_skipped(study, reason)
    if not cases:
        raise InputError("no labelled study can be trained on; the reasons are above")
    names = [*config.sequences.required, *config.sequences.optional]
    state = train(
        cases,
        config.model,
        config.training,
        optional=[name in config.sequences.optional for name in names],
        initial=_initial(config, store or ModelStore()),
        checkpoint=checkpoint,
        on_epoch=on_epoch,
    )
    scores = score(Segmenter.from_state(card, state), validation_cases)
    card = card.model_copy(update={"metrics": metrics(scores)})
    return write_model_folder(out, card, {WEIGHTS: partial(save_weights, state)}), scores


def metrics(scores: Mapping[str, float]) -> list[Metric]:
    """Mean and median patient Dice with 95 % bootstrap intervals over patients."""
    values = list(scores.values())
    if not values:
        return []
    mean = bootstrap_interval(values)
    median = bootstrap_interval(values, statistic=np.median)
    how = "volume Dice per patient on the validation patients, unseen in training; 95 % bootstrap over patients"
    return [
        Metric(name="mean_dice", value=mean.value, low=mean.low, high=mean.high, n=mean.n, how=how),
        Metric(name="median_dice", value=median.value, low=median.low, high=median.high, n=median.n, how=how),
    ]


def _card(
    config: TrainingConfig, training: Sequence[LabelledStudy], validation_patients: list[str], population: str
) -> ModelCard:
    patients = sorted({item.study.patient_id for item in training})
    return ModelCard(
        name=config.name,
        version="1",
        task="segmentation",
        title=config.title,
        description=config.description.strip(),
        sequences=config.sequences,
        labels={"tumour": 1},
        settings=config.model.model_dump(),
        training=TrainingRecord(
            population=population,
            n_patients=len(patients),
            fingerprint=fingerprint(training),
            split={"training": patients, "validation": validation_patients},
        ),
    )


def _initial(config: TrainingConfig, store: ModelStore) -> State | None:
    """Weights of the model to start from, its first layer widened by zeros for the sequences it did not have."""
    if config.start_from is None:
        return None
    folder = store.current(config.start_from)
    state = load_weights(folder)
    old = [*folder.card.sequences.required, *folder.card.sequences.optional]
    new = [*config.sequences.required, *config.sequences.optional]
    if not set(old) <= set(new):
        raise InputError(f"'{config.start_from}' uses {', '.join(old)}; '{config.name}' has only {', '.join(new)}")
    channels = 2 * config.model.input.context + 1
    first = state["encoder.0.0.weight"]
    widened = first.new_zeros(first.shape[0], channels * len(new), *first.shape[2:])
    for index, name in enumerate(old):
        target = new.index(name) * channels
        widened[:, target : target + channels] = first[:, index * channels : (index + 1) * channels]
    return state | {"encoder.0.0.weight": widened}
