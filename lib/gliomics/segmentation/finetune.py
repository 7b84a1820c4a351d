"""Retraining from corrected labels: a challenger serves only when it beats the champion."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import safetensors.torch

from gliomics.errors import InputError
from gliomics.models import Metric, ModelFolder, ModelStore, TrainingRecord, patient_hash
from gliomics.segmentation.cases import Case
from gliomics.segmentation.champion import Retraining, challenge, patient_means
from gliomics.segmentation.checkpoint import State
from gliomics.segmentation.evaluation import bootstrap_interval, dice
from gliomics.segmentation.labelled import LabelledStudy, fingerprint, prepare_labelled
from gliomics.segmentation.predict import WEIGHTS, Segmenter, load_weights
from gliomics.segmentation.settings import SegmentationSettings, TrainSettings
from gliomics.segmentation.split import share_of
from gliomics.segmentation.stopping import BestEpoch, halfway
from gliomics.segmentation.train import OnEpoch, train

FINE_TUNING = TrainSettings(epochs=8, batch=8, learning_rate=3e-4, empty_slices=0.5, sequence_dropout=0.15, ema=0.9)
"""Settings that refine a trained network on a few studies in minutes on two cores."""

LEAST_FOR_STOPPING = 5
"""Training patients from which on some are kept apart to choose the epoch on."""

STOPPING_SHARE = 0.2
"""Share of the training patients that the epoch is chosen on, at least one."""

LEAST_REPLAYED = 8
"""Studies of the first cohort that a training takes along, or as many as were labelled here if these are more."""


@dataclass(frozen=True)
class FineTuning(Retraining):
    """A retraining with its Dice by validation study, and by study why others were left out."""

    skipped: dict[str, str]


def fine_tune(
    store: ModelStore,
    name: str,
    training: Sequence[LabelledStudy],
    validation: Sequence[LabelledStudy],
    *,
    replay: Sequence[LabelledStudy] = (),
    settings: TrainSettings = FINE_TUNING,
    on_epoch: OnEpoch | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> FineTuning:
    """Fine-tune the serving version of a model, keep the result as a new version and publish it if it is better.

    Better is what :func:`~gliomics.segmentation.champion.verdict` says of the patients in ``validation``, compared one
    by one on the same labels; without a usable one nothing is published. A patient in ``validation`` is never trained
    on. Neither is anything chosen on them, so that the comparison is fair: with :data:`LEAST_FOR_STOPPING` patients in
    ``training``, a share of these is kept apart instead. On it the epoch is chosen, the training stopped when it no
    longer helps, and the mean of the old and the new weights tried. With fewer all epochs are trained.

    ``replay`` are studies of the cohort that the model was first trained on. Some, other ones each time, are trained on
    in every epoch beside the new ones, so that what they taught is not forgotten. Without them, the start at weights
    that serve, the small learning rate and the mean of old and new weights work against that.

    Studies that cannot be read are skipped and reported; :class:`InputError` when nothing is left to train on.
    """
    champion = store.current(name)
    card = champion.card
    held_out = {item.study.patient_id for item in validation}
    training = [item for item in training if item.study.patient_id not in held_out]
    cases, skipped = prepare_labelled(training, card)
    validation_cases, skipped_validation = prepare_labelled(validation, card)
    if not cases:
        raise InputError(
            f"no labelled study can be trained on; save at least one final label beside the {len(validation)} "
            f"kept for validation{_first_reason(skipped)}"
        )
    used = [item for item in training if item.study.id not in skipped]
    learned_from = fingerprint(used)  # a label that is saved from now on is one for the next training
    here = held_out | {item.study.patient_id for item in training}
    elsewhere = [item for item in replay if item.study.patient_id not in here]
    replayed = _some(elsewhere, max(LEAST_REPLAYED, len(used)), seed=len(store.versions(name)))
    old_cases, skipped_replay = prepare_labelled(replayed, card)
    learned = _learn(champion, cases, old_cases, settings, on_epoch, cancelled)
    population = f"{card.training.population}; then {len(used)} studies labelled here"
    new_card = card.model_copy(
        update={
            "parent": card.version,
            "training": TrainingRecord(
                population=population + (f", with {len(old_cases)} replayed" if old_cases else ""),
                n_patients=card.training.n_patients + len({item.study.patient_id for item in used}),
                fingerprint=learned_from,
                patients=sorted(
                    {
                        *card.training.patients,
                        *(patient_hash(case.patient_id) for case in (*cases, *old_cases)),
                    }
                ),
                split={"validation": sorted(case.study_id for case in validation_cases), **learned.split},
            ),
            "metrics": [],
        }
    )
    before = score(Segmenter(champion), validation_cases)
    after = score(Segmenter.from_state(new_card, _as_saved(learned.state)), validation_cases)
    means = patient_means(after, validation_cases)
    result = challenge(
        store,
        new_card.model_copy(update={"metrics": _metrics(list(means.values()))}),
        {WEIGHTS: partial(save_weights, learned.state)},
        patient_means(before, validation_cases),
        means,
        note=f"; weights of {learned.origin}",
    )
    skipped |= skipped_validation | skipped_replay
    return FineTuning(result.model, result.published, result.reason, before, after, skipped)


def score(segmenter: Segmenter, cases: Sequence[Case]) -> dict[str, float]:
    """Dice of each prepared case's automatic mask against its label, on the study's own grid."""
    return {case.study_id: dice(segmenter.mask_of(case.inputs), case.lesion) for case in cases}


def save_weights(state: State, path: Path) -> None:
    """Write weights in half precision (half the size; Dice changes in the fourth decimal)."""
    safetensors.torch.save_file({name: value.contiguous() for name, value in _halved(state).items()}, path)


@dataclass(frozen=True)
class _Learned:
    """A challenger's weights, where they come from, and the studies that they were chosen on, for the card."""

    state: State
    origin: str
    split: dict[str, list[str]]


def _learn(
    champion: ModelFolder,
    cases: Sequence[Case],
    replayed: Sequence[Case],
    settings: TrainSettings,
    on_epoch: OnEpoch | None,
    cancelled: Callable[[], bool],
) -> _Learned:
    """Train on, from the champion's weights; the best epoch is chosen on patients kept apart, if there are enough."""
    card, start = champion.card, load_weights(champion)
    patients = {case.patient_id for case in cases if case.known is None}  # half a label judges nothing
    apart = share_of(patients, STOPPING_SHARE) if len(patients) >= LEAST_FOR_STOPPING else set()
    judged = [case for case in cases if case.patient_id in apart and case.known is None]

    def judge(state: State) -> float:
        scores = score(Segmenter.from_state(card, state), judged)
        return float(np.mean(list(patient_means(scores, judged).values())))

    best = BestEpoch(judge)
    last = train(
        [*(case for case in cases if case.patient_id not in apart), *replayed],
        SegmentationSettings.model_validate(card.settings),
        settings,
        optional=card.sequences.may_be_missing,
        initial=start,
        on_epoch=on_epoch,
        stop=best if judged else lambda state: False,
        cancelled=cancelled,
    )
    if not judged:
        return _Learned(last, f"epoch {settings.epochs}", {})
    split = {"stopping": sorted(case.study_id for case in judged)}
    origin = f"epoch {best.epoch} of {settings.epochs}"
    between = halfway(start, best.state)
    if judge(between) >= best.best:
        return _Learned(between, f"{origin}, averaged with version {card.version}", split)
    return _Learned(best.state, origin, split)


def _some(studies: Sequence[LabelledStudy], number: int, seed: int) -> list[LabelledStudy]:
    """So many of the studies, drawn at random, or all where there are fewer."""
    return random.Random(seed).sample(list(studies), min(number, len(studies)))


def _halved(state: State) -> State:
    return {name: value.half() if value.is_floating_point() else value for name, value in state.items()}


def _as_saved(state: State) -> State:
    """The weights as they will be read back: what is compared is what would serve."""
    return {name: value.float() if value.is_floating_point() else value for name, value in _halved(state).items()}


def _metrics(dice_of_patients: Sequence[float]) -> list[Metric]:
    if not dice_of_patients:
        return []
    interval = bootstrap_interval(dice_of_patients)
    how = "mean Dice on the validation patients of this server, 95 % bootstrap interval over patients"
    return [
        Metric(name="dice", value=interval.value, low=interval.low, high=interval.high, n=interval.n, how=how),
    ]


def _first_reason(skipped: dict[str, str]) -> str:
    return f" (skipped: {next(iter(skipped.values()))})" if skipped else ""
