"""Training a model from labelled studies to a model folder with figures on patients it never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from gliomics.errors import InputError
from gliomics.evaluation.slice_calls import slice_metrics
from gliomics.models import ModelCard, ModelFolder, write_model_folder
from gliomics.segmentation.inputs import Case
from gliomics.segmentation.labelled import LabelledStudy, prepare_labelled
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import settings_of
from gliomics.segmentation.slice_classification import SliceClassifierModel
from gliomics.segmentation.weights import WEIGHTS, State, save_weights
from gliomics.training.calibration import Judged, choose_calibration, choose_rule, dice_of_rules
from gliomics.training.card import draft_card
from gliomics.training.config import TrainingConfig
from gliomics.training.distributed import Workers
from gliomics.training.loop import OnEpoch, train
from gliomics.training.scores import dice_metrics, score
from gliomics.training.split import Split

MODEL = "model"
CHECKPOINT = "checkpoint.pt"
ON_SKIPPED = Callable[[str, str], None]


def fit(
    labelled: Sequence[LabelledStudy],
    config: TrainingConfig,
    split: Split,
    run: Path,
    *,
    population: str,
    encoder_weights: Path | None = None,
    on_epoch: OnEpoch | None = None,
    on_skipped: ON_SKIPPED = lambda study, reason: None,
) -> tuple[ModelFolder, dict[str, float]]:
    """Train ``config`` on the patients that ``split`` leaves for training and write the model to ``run/model``.

    An interrupted training continues from ``run/checkpoint.pt``. Calibration, threshold and component rule are chosen
    on the validation patients, and the figures are those of the test patients; nothing is chosen on these. Without
    test patients the figures are of the validation patients and say so; without these there are none.

    Returns the model and the Dice of each study behind the figures. A slice classifier has figures of slices instead,
    for which nothing is chosen.
    """
    check_new(run)
    parts = split.apply(labelled)
    card = draft_card(config, parts["training"], split, population, encoder_weights)
    cases = {name: _prepared(items, card, on_skipped) for name, items in parts.items()}
    if not cases["training"]:
        raise InputError("no labelled study can be trained on; the reasons are above")
    state = train_cases(
        cases["training"],
        config,
        validation=cases["validation"],
        card=card,
        encoder_weights=encoder_weights,
        checkpoint=run / CHECKPOINT,
        on_epoch=on_epoch,
    )
    Workers.of_this_process().leave_unless_first()
    on = "test" if cases["test"] else "validation"
    if card.task == "slice_classification":
        judged, scores = SliceClassifierModel.from_state(card, state).judge(cases[on]), {}
        metrics = slice_metrics(judged, f"the {on} patients, unseen in training")
    else:
        card = _with_rules(card, state, cases["validation"])
        scores = score(Segmenter.from_state(card, state), cases[on])
        how = f"volume Dice per patient on the {on} patients, unseen in training; 95 % bootstrap over patients"
        if on == "validation":
            how += "; calibration, threshold and component rule were chosen on the same patients"
        metrics = dice_metrics(scores, cases[on], how)
    card = card.model_copy(update={"metrics": metrics})
    return write_model_folder(run / MODEL, card, {WEIGHTS: partial(save_weights, state)}), scores


def check_new(run: Path) -> None:
    """Raise :class:`InputError` where a run has its model already."""
    if (run / MODEL).exists():
        raise InputError(f"{run / MODEL} exists already; a trained model is never overwritten, choose another folder")


def train_cases(
    cases: Sequence[Case],
    config: TrainingConfig,
    *,
    validation: Sequence[Case],
    card: ModelCard,
    encoder_weights: Path | None,
    checkpoint: Path,
    on_epoch: OnEpoch | None,
) -> State:
    """Train on prepared cases, scored on others on the way for the curves: by the Dice of voxels, or of slices."""

    def validate(state: State) -> float:
        if card.task == "slice_classification":
            judged = SliceClassifierModel.from_state(card, state).judge(validation)
            return float(np.mean([study.confusion.f1 for study in judged]))
        return float(np.mean(list(score(Segmenter.from_state(card, state), validation).values())))

    return train(
        cases,
        config.model,
        config.training,
        optional=config.sequences.may_be_missing,
        pretrained_encoder=encoder_weights,
        checkpoint=checkpoint,
        validate=validate if validation else None,
        on_epoch=on_epoch,
    )


def _prepared(items: Sequence[LabelledStudy], card: ModelCard, on_skipped: ON_SKIPPED) -> list[Case]:
    cases, skipped = prepare_labelled(items, card)
    for study, reason in skipped.items():
        on_skipped(study, reason)
    return cases


def _with_rules(card: ModelCard, state: State, validation: Sequence[Case]) -> ModelCard:
    """The card with the calibration, threshold and component rule that suit the validation patients best."""
    if not validation:
        return card
    segmenter = Segmenter.from_state(card, state)
    judged = [Judged(case, segmenter.logits(case.inputs)) for case in validation]
    calibration = choose_calibration(judged)
    rule = choose_rule([(study.case.patient_id, dice_of_rules(study)) for study in judged], calibration)
    settings = settings_of(card)
    settings = settings.model_copy(update={"calibration": calibration, "postprocess": rule})
    return card.model_copy(update={"settings": settings.model_dump()})
