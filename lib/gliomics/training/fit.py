"""Training a model from labelled studies to a model folder with figures on patients it never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from gliomics.errors import InputError
from gliomics.evaluation.slice_calls import slice_metrics
from gliomics.models import ModelCard, ModelFolder, write_model_folder
from gliomics.segmentation.inputs import LabelledCase, may_lack_whole
from gliomics.segmentation.labelled import LabelledStudy, prepare_labelled
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import settings_of
from gliomics.segmentation.slice_classification import SliceClassifierModel
from gliomics.segmentation.weights import WEIGHTS, State, save_weights
from gliomics.training.calibration import ScoredCase, choose_rules
from gliomics.training.card import TrainingPlan, draft_card
from gliomics.training.distributed import Workers
from gliomics.training.loop import NetworkTraining, OnEpoch, train
from gliomics.training.scores import dice_metrics, region_means, score, score_regions

MODEL = "model"
CHECKPOINT = "checkpoint.pt"

OnSkipped = Callable[[str, str], None]
"""Called with the id of each study that cannot be used, and the reason."""


def fit(
    labelled: Sequence[LabelledStudy],
    plan: TrainingPlan,
    run: Path,
    *,
    on_epoch: OnEpoch | None = None,
    on_skipped: OnSkipped = lambda study, reason: None,
) -> tuple[ModelFolder, dict[str, float]] | None:
    """Train on the patients that the plan's split leaves for training and write the model to ``run/model``.

    An interrupted training continues from ``run/checkpoint.pt``. Calibration, threshold and component rule are chosen
    on the validation patients, and the figures are those of the test patients; nothing is chosen on these. Without
    test patients the figures are of the validation patients and say so; without these there are none.

    Returns the model and the Dice of each study behind the figures. A slice classifier has figures of slices instead,
    for which nothing is chosen. Of several processes under ``torchrun`` the first alone judges and writes the model;
    the others return None. Raises :class:`InputError` where ``run`` has a model, where the split names a patient
    without a labelled study, and where no study can be trained on.
    """
    check_new(run)
    parts = plan.split.apply(labelled)
    card = draft_card(plan, parts["training"])
    cases = {name: _prepared(items, card, on_skipped) for name, items in parts.items()}
    if not cases["training"]:
        raise InputError("no labelled study can be trained on; the reasons are above")
    state = train_cases(
        cases["training"],
        plan,
        validation=cases["validation"],
        card=card,
        checkpoint=run / CHECKPOINT,
        on_epoch=on_epoch,
    )
    if not Workers.of_this_process().is_first:
        return None
    part = "test" if cases["test"] else "validation"
    if card.task == "slice_classification":
        judged, scores = SliceClassifierModel.from_state(card, state).judge(cases[part]), {}
        metrics = slice_metrics(judged, f"the {part} patients, unseen in training")
    else:
        card = _with_rules(card, state, cases["validation"])
        by_region = score_regions(Segmenter.from_state(card, state), cases[part])
        scores = region_means(by_region)
        how = f"volume Dice per patient on the {part} patients, unseen in training; 95 % bootstrap over patients"
        if part == "validation":
            how += "; calibration, threshold and component rule were chosen on the same patients"
        metrics = dice_metrics(by_region, cases[part], how)
    card = card.model_copy(update={"metrics": metrics})
    return write_model_folder(run / MODEL, card, {WEIGHTS: partial(save_weights, state)}), scores


def check_new(run: Path) -> None:
    """Raise :class:`InputError` where a run has its model already."""
    if (run / MODEL).exists():
        raise InputError(f"{run / MODEL} exists already; a trained model is never overwritten, choose another folder")


def train_cases(
    cases: Sequence[LabelledCase],
    plan: TrainingPlan,
    *,
    validation: Sequence[LabelledCase],
    card: ModelCard,
    checkpoint: Path,
    on_epoch: OnEpoch | None,
) -> State:
    """Train on prepared cases, scored on others on the way for the curves: by the Dice of voxels, or of slices."""

    def validate(state: State) -> float:
        if card.task == "slice_classification":
            judged = SliceClassifierModel.from_state(card, state).judge(validation)
            return float(np.mean([study.confusion.f1 for study in judged]))
        return float(np.mean(list(score(Segmenter.from_state(card, state), validation).values())))

    config = plan.config
    training = NetworkTraining(
        cases,
        config.model,
        config.training,
        sequences=config.sequences,
        pretrained_encoder=plan.encoder_weights,
    )
    return train(training, checkpoint=checkpoint, validate=validate if validation else None, on_epoch=on_epoch)


def _prepared(items: Sequence[LabelledStudy], card: ModelCard, on_skipped: OnSkipped) -> list[LabelledCase]:
    cases, skipped = prepare_labelled(items, card)
    for study, reason in skipped.items():
        on_skipped(study, reason)
    return cases


def _with_rules(card: ModelCard, state: State, validation: Sequence[LabelledCase]) -> ModelCard:
    """The card with the calibration, threshold and component rule that suit the validation patients best."""
    if not validation:
        return card
    segmenter, settings = Segmenter.from_state(card, state), settings_of(card)

    def scored(cases: Sequence[LabelledCase]) -> list[ScoredCase]:
        return [ScoredCase.of(case, segmenter.region_logits(case.inputs)) for case in cases]

    required = len(card.sequences.required)
    tells_alone = settings.inner and may_lack_whole(card.sequences)
    alone = [case.with_sequences(required) for case in validation] if tells_alone else []
    settings = settings.model_copy(update=choose_rules(scored(validation), scored(alone))._asdict())
    return card.model_copy(update={"settings": settings.model_dump()})
