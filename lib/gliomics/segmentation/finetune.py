"""Retraining from corrected labels: a challenger serves only when it beats the champion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import safetensors.torch

from gliomics.errors import InputError
from gliomics.models import Metric, ModelFolder, ModelStore, TrainingRecord
from gliomics.segmentation.cases import Case
from gliomics.segmentation.checkpoint import State
from gliomics.segmentation.evaluation import bootstrap_interval, dice
from gliomics.segmentation.labelled import LabelledStudy, fingerprint, prepare_labelled
from gliomics.segmentation.predict import WEIGHTS, Segmenter, load_weights
from gliomics.segmentation.settings import SegmentationSettings, TrainSettings
from gliomics.segmentation.train import OnEpoch, train

FINE_TUNING = TrainSettings(epochs=8, batch=8, learning_rate=3e-4, empty_slices=0.5, sequence_dropout=0.15, ema=0.9)
"""Settings that refine a trained network on a few studies in minutes on two cores."""


@dataclass(frozen=True)
class FineTuning:
    """What came of a retraining: Dice per validation study before and after, and whether it serves now."""

    model: ModelFolder
    published: bool
    reason: str
    before: dict[str, float]
    after: dict[str, float]
    skipped: dict[str, str]


def fine_tune(
    store: ModelStore,
    name: str,
    training: Sequence[LabelledStudy],
    validation: Sequence[LabelledStudy],
    *,
    settings: TrainSettings = FINE_TUNING,
    on_epoch: OnEpoch | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> FineTuning:
    """Fine-tune the serving version of a model, keep the result as a new version and publish it if it is better.

    Better means a higher mean Dice over the validation studies, compared study by study on the
    same labels. Without a usable validation study nothing is published. A patient in
    ``validation`` is never trained on; studies that cannot be read are skipped and reported.
    """
    champion = store.current(name)
    card = champion.card
    serving = Segmenter(champion)
    held_out = {item.study.patient_id for item in validation}
    training = [item for item in training if item.study.patient_id not in held_out]
    cases, skipped = prepare_labelled(training, card)
    validation_cases, skipped_validation = prepare_labelled(validation, card)
    if not cases:
        raise InputError(
            f"no labelled study can be trained on; save at least one final label beside the {len(validation)} "
            f"kept for validation{_first_reason(skipped)}"
        )
    state = train(
        cases,
        SegmentationSettings.model_validate(card.settings),
        settings,
        optional=card.sequences.may_be_missing,
        initial=load_weights(champion),
        on_epoch=on_epoch,
        cancelled=cancelled,
    )
    used = [item for item in training if item.study.id not in skipped]
    new_card = card.model_copy(
        update={
            "parent": card.version,
            "training": TrainingRecord(
                population=f"{card.training.population}; then {len(used)} studies labelled here",
                n_patients=card.training.n_patients + len({item.study.patient_id for item in used}),
                fingerprint=fingerprint(used),
                split={"validation": sorted(case.study_id for case in validation_cases)},
            ),
            "metrics": [],
        }
    )
    before = score(serving, validation_cases)
    after = score(Segmenter.from_state(new_card, state), validation_cases)
    published, reason = _verdict(before, after, card.version)
    new_card = new_card.model_copy(update={"metrics": _metrics(after), "reason": reason})
    challenger = store.add(new_card, {WEIGHTS: partial(save_weights, state)})
    if published:
        store.publish(name, challenger.card.version, reason)
    return FineTuning(challenger, published, reason, before, after, skipped | skipped_validation)


def score(segmenter: Segmenter, cases: Sequence[Case]) -> dict[str, float]:
    """Dice of each prepared case's automatic mask against its label, on the study's own grid."""
    return {case.study_id: dice(segmenter.mask_of(case.inputs), case.lesion) for case in cases}


def save_weights(state: State, path: Path) -> None:
    """Write weights in half precision (half the size; Dice changes in the fourth decimal)."""
    halved = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    safetensors.torch.save_file({name: value.contiguous() for name, value in halved.items()}, path)


def _verdict(before: dict[str, float], after: dict[str, float], champion: str) -> tuple[bool, str]:
    if not before:
        return False, "kept, not published: there is no validation study to compare on; label more studies"
    gains = [after[study] - before[study] for study in before]
    means = np.mean(list(before.values())), np.mean(list(after.values()))
    comparison = (
        f"mean Dice {means[1]:.3f} against {means[0]:.3f} of version {champion} on {len(before)} validation "
        f"{'study' if len(before) == 1 else 'studies'}"
    )
    if np.mean(gains) > 0:
        return True, f"published: {comparison}"
    return False, f"kept, not published: {comparison}"


def _metrics(after: dict[str, float]) -> list[Metric]:
    if not after:
        return []
    interval = bootstrap_interval(list(after.values()))
    how = "mean Dice on the validation studies of this server, 95 % bootstrap interval over studies"
    return [
        Metric(name="dice", value=interval.value, low=interval.low, high=interval.high, n=interval.n, how=how),
    ]


def _first_reason(skipped: dict[str, str]) -> str:
    return f" (skipped: {next(iter(skipped.values()))})" if skipped else ""
