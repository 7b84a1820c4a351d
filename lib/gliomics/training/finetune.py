"""Retraining from corrected labels: a challenger serves only when it beats the champion."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial

import numpy as np

from gliomics.errors import InputError
from gliomics.models import Metric, ModelCard, ModelFolder, ModelStore, TrainingRecord, patient_hash
from gliomics.models.champion import LEAST_PATIENTS, Comparison, Retraining, challenge
from gliomics.segmentation.inputs import LabelledCase
from gliomics.segmentation.label_origin import was_made_from
from gliomics.segmentation.labelled import LabelledStudy, fingerprint, prepare_labelled
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import TrainSettings, settings_of
from gliomics.segmentation.weights import WEIGHTS, State, as_saved, load_weights, save_weights
from gliomics.statistics.bootstrap import bootstrap_interval
from gliomics.study.patients import canonical_patient
from gliomics.training.checkpoint import EpochRecord
from gliomics.training.loop import NetworkTraining, OnEpoch, train
from gliomics.training.scores import mean_dice, patient_scores, score
from gliomics.training.split import by_hash, share_of
from gliomics.training.stopping import BestEpoch, average_weights

FINE_TUNING = TrainSettings(epochs=8, batch=8, learning_rate=3e-4, empty_slices=0.5, sequence_dropout=0.15, ema=0.9)
"""Settings that refine a trained network on a few studies in minutes on two cores."""

FOLDS = 3
"""Parts of the compared patients, each of which is segmented by a challenger that was trained without it."""

LEAST_FOR_STOPPING = 5
"""Training patients from which on some are kept apart to choose the epoch on."""

STOPPING_SHARE = 0.2
"""Share of the training patients that the epoch is chosen on, at least one."""

LEAST_REPLAYED = 8
"""Studies of the first cohort that a training takes along, or as many as were labelled here if these are more."""


@dataclass(frozen=True)
class FineTuning(Retraining):
    """A retraining with its Dice by study, and by study why others were left out."""

    skipped: dict[str, str]


def fine_tune(
    store: ModelStore,
    name: str,
    labelled: Sequence[LabelledStudy],
    *,
    replay: Sequence[LabelledStudy] = (),
    settings: TrainSettings = FINE_TUNING,
    on_epoch: OnEpoch | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> FineTuning:
    """Fine-tune the serving version of a model, keep the result as a new version and publish it if it is better.

    Better is what :func:`~gliomics.models.champion.verdict` says of the wholly labelled patients that the serving
    version had not seen. They are cut into :data:`FOLDS` parts; for each, a challenger is trained on all others, and
    segments the part. So every patient is judged by a network that knows nothing of it, and all are trained on in the
    end. Labels that were made from the serving version's own masks favour it, which the verdict minds. With fewer than
    :data:`~gliomics.models.champion.LEAST_PATIENTS` such patients nothing is compared or published.

    In each training, with :data:`LEAST_FOR_STOPPING` patients, a share is kept apart. On it the epoch is chosen, the
    training stopped when it no longer helps, and the mean of the old and the new weights tried. With fewer all epochs
    are trained.

    ``replay`` are studies of the cohort that the model was first trained on. Some, other ones each time, are trained on
    in every epoch beside the new ones, so that what they taught is not forgotten. Without them, the start at weights
    that serve, the small learning rate and the mean of old and new weights work against that.

    Studies that cannot be read are skipped and reported; :class:`InputError` when nothing is left to train on.
    """
    champion = store.current(name)
    card = champion.card
    cases, skipped = prepare_labelled(labelled, card)
    # Whoever is written in two ways is one patient, and on one side of each comparison.
    cases = [replace(case, patient_id=canonical_patient(case.patient_id)) for case in cases]
    if not cases:
        raise InputError(f"no labelled study can be trained on; save at least one final label{_first_reason(skipped)}")
    readable = [item for item in labelled if item.study.id not in skipped]
    learned_from = fingerprint(readable)  # a label that is saved from now on is one for the next training
    replayed = _replayed(replay, labelled, max(LEAST_REPLAYED, len(readable)), seed=len(store.versions(name)))
    old_cases, skipped_replay = prepare_labelled(replayed, card)

    folds = _folds(champion, cases)
    trainer = _Trainer(champion, old_cases, settings, on_epoch, cancelled, runs=1 + len(folds))
    compared = [case for fold in folds for case in fold]
    after: dict[str, float] = {}
    for fold in folds:
        held_out = {case.study_id for case in fold}
        challenger = trainer.train([case for case in cases if case.study_id not in held_out])
        after |= score(Segmenter.from_state(card, as_saved(challenger.state)), fold)
    before, favoured = _champion_scores(champion, compared, readable)
    challenger = trainer.train(cases)

    comparison = Comparison(
        card.version,
        patient_scores(before, compared),
        patient_scores(after, compared),
        favoured=favoured,
        seen=len({case.patient_id for case in cases if card.training.learned_from(case.patient_id)}),
    )
    record = TrainingRecord(
        population=_population(card, len(readable), len(old_cases)),
        n_patients=card.training.n_patients + len({case.patient_id for case in cases}),
        fingerprint=learned_from,
        patients=sorted({*card.training.patients, *_hashes(cases), *_hashes(old_cases)}),
        split={"compared": _hashes(compared), **challenger.split},
    )
    result = challenge(
        store,
        _successor(card, record, comparison),
        {WEIGHTS: partial(save_weights, challenger.state)},
        comparison,
        note=f"; weights of {challenger.origin}",
    )
    return FineTuning(result.model, result.verdict, before, after, skipped | skipped_replay)


def _folds(champion: ModelFolder, cases: Sequence[LabelledCase]) -> list[list[LabelledCase]]:
    """The studies of patients that the champion has not seen, in parts; none where these are too few to tell."""
    training = champion.card.training
    partly = {case.patient_id for case in cases if case.annotated is not None}  # half a label judges nothing
    unseen = {case.patient_id for case in cases if not training.learned_from(case.patient_id)} - partly
    if len(unseen) < LEAST_PATIENTS:
        return []
    ordered = by_hash(unseen)
    return [[case for case in cases if case.patient_id in ordered[number::FOLDS]] for number in range(FOLDS)]


def _champion_scores(
    champion: ModelFolder, cases: Sequence[LabelledCase], labelled: Sequence[LabelledStudy]
) -> tuple[dict[str, float], set[str]]:
    """The champion's Dice of each study, and the patients of whom a label was made from its mask."""
    segmenter = Segmenter(champion)
    made_from = {item.study.id: item.made_from for item in labelled}
    scores, favoured = {}, set()
    for case in cases:
        mask = segmenter.mask_of(case.inputs)
        scores[case.study_id] = mean_dice(mask, case)
        is_recorded = made_from[case.study_id] == f"{champion.card.name}/{champion.card.version}"
        if is_recorded or was_made_from(case.lesion, mask):
            favoured.add(case.patient_id)
    return scores, favoured


@dataclass(frozen=True)
class _Challenger:
    """A challenger's weights, where they come from, and the patients that they were chosen on, for the card."""

    state: State
    origin: str
    split: dict[str, list[str]]


class _Trainer:
    """Trains challengers from the champion's weights, ``runs`` of them one after the other."""

    def __init__(
        self,
        champion: ModelFolder,
        replayed: Sequence[LabelledCase],
        settings: TrainSettings,
        on_epoch: OnEpoch | None,
        cancelled: Callable[[], bool],
        *,
        runs: int,
    ) -> None:
        self._card, self._start = champion.card, load_weights(champion)
        self._replayed, self._settings, self._cancelled = replayed, settings, cancelled
        self._on_epoch, self._runs, self._run = on_epoch, runs, 0

    def train(self, cases: Sequence[LabelledCase]) -> _Challenger:
        """Train on; the best epoch is chosen on patients kept apart, if there are enough."""
        card, start, settings = self._card, self._start, self._settings
        patients = {case.patient_id for case in cases if case.annotated is None}  # half a label judges nothing
        held_out = share_of(patients, STOPPING_SHARE) if len(patients) >= LEAST_FOR_STOPPING else set()
        judged = [case for case in cases if case.patient_id in held_out and case.annotated is None]

        def judge(state: State) -> float:
            scores = score(Segmenter.from_state(card, state), judged)
            return float(np.mean(list(patient_scores(scores, judged).values())))

        best = BestEpoch(judge)
        training = NetworkTraining(
            [*(case for case in cases if case.patient_id not in held_out), *self._replayed],
            settings_of(card),
            settings,
            sequences=card.sequences,
            initial=start,
        )
        last = train(
            training,
            on_epoch=partial(self._note_epoch, best if judged else None),
            stop=best if judged else lambda state: False,
            cancelled=self._cancelled,
        )
        self._run += 1
        if not judged:
            return _Challenger(last, f"epoch {settings.epochs}", {})
        split = {"stopping": _hashes(judged)}
        origin = f"epoch {best.epoch} of {settings.epochs}"
        average = average_weights(start, best.state)
        if judge(average) >= best.best:
            return _Challenger(average, f"{origin}, averaged with version {card.version}", split)
        return _Challenger(best.state, origin, split)

    def _note_epoch(self, best: BestEpoch | None, records: Sequence[EpochRecord], total: int) -> None:
        """Epochs are counted through all runs; their Dice is of the patients that the epoch is chosen on."""
        if self._on_epoch is not None:
            counted = replace(records[-1], epoch=self._run * total + records[-1].epoch)
            self._on_epoch([*records[:-1], counted.with_validation(best.last) if best else counted], self._runs * total)


def _hashes(cases: Sequence[LabelledCase]) -> list[str]:
    return sorted({patient_hash(case.patient_id) for case in cases})


def _replayed(
    first_cohort: Sequence[LabelledStudy], labelled: Sequence[LabelledStudy], number: int, *, seed: int
) -> list[LabelledStudy]:
    """So many studies of the first cohort, drawn at random from those of patients who are not labelled here."""
    patients = {canonical_patient(item.study.patient_id) for item in labelled}
    candidates = [item for item in first_cohort if canonical_patient(item.study.patient_id) not in patients]
    return random.Random(seed).sample(candidates, min(number, len(candidates)))


def _population(card: ModelCard, labelled: int, replayed: int) -> str:
    population = f"{card.training.population}; then {labelled} studies labelled here"
    return population + (f", with {replayed} replayed" if replayed else "")


def _successor(card: ModelCard, record: TrainingRecord, comparison: Comparison) -> ModelCard:
    """The card of the version after ``card``'s."""
    return card.model_copy(
        update={
            "parent": card.version,
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "training": record,
            "metrics": _metrics(list(comparison.after.values())),
        }
    )


def _metrics(dice_of_patients: Sequence[float]) -> list[Metric]:
    if not dice_of_patients:
        return []
    how = (
        "mean Dice on patients labelled here, each segmented by a network that was trained without it like this one; "
        "95 % bootstrap interval over patients"
    )
    return [Metric.of("dice", bootstrap_interval(dice_of_patients), how)]


def _first_reason(skipped: dict[str, str]) -> str:
    return f" (skipped: {next(iter(skipped.values()))})" if skipped else ""
