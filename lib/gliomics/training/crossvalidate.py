"""Cross-validation: every patient is segmented by a network that never saw them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from pydantic import BaseModel, ConfigDict

from gliomics.errors import InputError
from gliomics.evaluation import dice
from gliomics.files import atomic_path, read_json, write_json
from gliomics.models import Metric, ModelCard, ModelFolder, patient_hash, write_model_folder
from gliomics.preprocess import from_canonical
from gliomics.segmentation.inputs import Case
from gliomics.segmentation.labelled import LabelledStudy, fingerprint, load_volumes, prepare_labelled
from gliomics.segmentation.postprocess import calibrate, to_mask
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import CalibrationSettings, PostprocessSettings
from gliomics.segmentation.weights import WEIGHTS, save_weights
from gliomics.study import write_mask
from gliomics.training.calibration import (
    Judged,
    choose_calibration,
    choose_rule,
    dice_of_rules,
    expected_calibration_error,
)
from gliomics.training.card import draft_card
from gliomics.training.config import TrainingConfig
from gliomics.training.distributed import Workers
from gliomics.training.fit import CHECKPOINT, MODEL, ON_SKIPPED, check_new, train_cases
from gliomics.training.loop import OnEpoch
from gliomics.training.scores import dice_metrics
from gliomics.training.split import Split, check_known
from gliomics.validated import validated

RECORD = "cross_validation.json"
_HOW = (
    "volume Dice per patient, {}-fold cross-validation: each patient segmented by a network trained on the other "
    "folds, calibration, threshold and component rule chosen on their patients; 95 % bootstrap over patients"
)


class CrossValidation(BaseModel):
    """What came of a cross-validation: the rules to use in a model of all patients, and figures of unseen ones."""

    model_config = ConfigDict(extra="forbid")

    config: TrainingConfig
    fingerprint: str
    folds: list[list[str]]
    calibration: CalibrationSettings
    postprocess: PostprocessSettings
    metrics: list[Metric]
    calibration_error: dict[str, float]
    """Expected calibration error over all patients, before and after calibration."""
    scores: dict[str, float]
    """Dice of each study."""


def cross_validate(
    labelled: Sequence[LabelledStudy],
    config: TrainingConfig,
    folds: Sequence[Sequence[str]],
    run: Path,
    *,
    encoder_weights: Path | None = None,
    on_epoch: Callable[[int], OnEpoch] | None = None,
    on_skipped: ON_SKIPPED = lambda study, reason: None,
) -> CrossValidation:
    """Train on all folds but one, in turn, and segment the patients of that one.

    Writes ``run/masks/<study id>.nii.gz``, for models with optional sequences also ``run/masks_required_only/`` (the
    same networks without the optional sequences), and the record. An interrupted run continues where it was.
    Calibration, threshold and component rule of a fold are chosen on the patients of the other folds; those in the
    record on all.
    """
    check_folds(folds, labelled)
    if config.model.network.task != "segmentation":
        raise InputError(
            f"configuration '{config.name}' is for {config.model.network.task}; only segmentation is cross-validated: "
            'give a split with "validation" and "test" patients instead of folds'
        )
    card = draft_card(config, labelled, Split(), "", None)
    cases, skipped = prepare_labelled(labelled, card)
    for study, reason in skipped.items():
        on_skipped(study, reason)
    workers = Workers.of_this_process()
    for number, fold in enumerate(folds, start=1):
        folder = run / f"fold-{number}"
        inside = [case for case in cases if case.patient_id in fold]
        outside = [case for case in cases if case.patient_id not in fold]
        state = train_cases(
            outside,
            config,
            validation=inside,
            card=card,
            encoder_weights=encoder_weights,
            checkpoint=folder / CHECKPOINT,
            on_epoch=on_epoch(number) if on_epoch else None,
        )
        segmenter = Segmenter.from_state(card, state)
        for case in inside if workers.first else []:
            _keep_logits(segmenter, case, folder)
    workers.leave_unless_first()
    return _conclude(cases, labelled, config, folds, run, card)


def read_cross_validation(run: Path) -> CrossValidation:
    """The record that :func:`cross_validate` wrote into ``run``."""
    return validated(CrossValidation, read_json(run / RECORD), f"record of a cross-validation {run / RECORD}")


def fit_validated(
    labelled: Sequence[LabelledStudy],
    validated: CrossValidation,
    split: Split,
    run: Path,
    *,
    population: str,
    encoder_weights: Path | None = None,
    on_epoch: OnEpoch | None = None,
) -> ModelFolder:
    """Train the configuration of a cross-validation on all its patients and write the model to ``run/model``.

    Calibration, threshold, component rule and figures are those of the cross-validation. Other studies or labels than
    it had are refused. Patients in ``split`` are kept out of the training, for whoever wants to try the model on them.
    """
    check_new(run)
    if fingerprint(labelled) != validated.fingerprint:
        raise InputError(
            "the cross-validation had other studies or other labels; run it again, or train on the ones it had"
        )
    config = validated.config
    training = split.apply(labelled)["training"]
    card = draft_card(config, training, split, population, encoder_weights)
    cases, _ = prepare_labelled(training, card)
    state = train_cases(
        cases,
        config,
        validation=[],
        card=card,
        encoder_weights=encoder_weights,
        checkpoint=run / CHECKPOINT,
        on_epoch=on_epoch,
    )
    Workers.of_this_process().leave_unless_first()
    settings = config.model.model_copy(
        update={"calibration": validated.calibration, "postprocess": validated.postprocess}
    )
    judged = [patient_hash(patient) for fold in validated.folds for patient in fold]  # the rules were chosen on them
    record = card.training.model_copy(update={"patients": sorted({*card.training.patients, *judged})})
    card = card.model_copy(update={"settings": settings.model_dump(), "metrics": validated.metrics, "training": record})
    return write_model_folder(run / MODEL, card, {WEIGHTS: partial(save_weights, state)})


def check_folds(folds: Sequence[Sequence[str]], labelled: Sequence[LabelledStudy]) -> None:
    """Raise :class:`InputError` unless every patient with a labelled study is in one fold, and nobody else is."""
    listed = {patient for fold in folds for patient in fold}
    check_known(sorted(listed), labelled)
    left_out = {item.study.patient_id for item in labelled} - listed
    if left_out:
        raise InputError(f"patients in no fold: {', '.join(sorted(left_out)[:5])}; add them or remove their labels")


def _keep_logits(segmenter: Segmenter, case: Case, folder: Path) -> None:
    """Write a case's logits, with all its sequences and with the required ones alone, unless they are there."""
    for name, seen in _variants(segmenter.card, case).items():
        path = folder / name / f"{case.study_id}.safetensors"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as temporary:
                logits = segmenter.logits(seen.inputs).astype(np.float16)
                safetensors.numpy.save_file({"logits": logits}, temporary)


def _variants(card: ModelCard, case: Case) -> dict[str, Case]:
    if not card.sequences.optional:
        return {"all": case}
    return {"all": case, "required_only": case.with_sequences(len(card.sequences.required))}


def _conclude(
    cases: Sequence[Case],
    labelled: Sequence[LabelledStudy],
    config: TrainingConfig,
    folds: Sequence[Sequence[str]],
    run: Path,
    card: ModelCard,
) -> CrossValidation:
    """Choose the rules, write the masks and the record from the logits on disk."""
    fold_of = {patient: number for number, fold in enumerate(folds, start=1) for patient in fold}
    judged = {case.study_id: Judged(case, _read_logits(run, fold_of, "all", case)) for case in cases}
    tables = {case.study_id: (case.patient_id, dice_of_rules(judged[case.study_id])) for case in cases}
    rules = {}
    for number in range(1, len(folds) + 1):
        others = [case.study_id for case in cases if fold_of[case.patient_id] != number]
        calibration = choose_calibration([judged[study] for study in others])
        rules[number] = (calibration, choose_rule([tables[study] for study in others], calibration))
    studies = {item.study.id: item.study for item in labelled}
    scores = {}
    for case in cases:
        for name in _variants(card, case):
            logits = _read_logits(run, fold_of, name, case)
            mask = _mask(Judged(case, logits), *rules[fold_of[case.patient_id]])
            image = next(iter(load_volumes(studies[case.study_id], card).values()))
            volume = from_canonical(case.inputs.canonical.with_array(mask), image)
            write_mask(volume, run / ("masks" if name == "all" else f"masks_{name}") / f"{case.study_id}.nii.gz")
            if name == "all":
                scores[case.study_id] = dice(mask, case.lesion)
    calibration = choose_calibration(list(judged.values()))
    record = CrossValidation(
        config=config,
        fingerprint=fingerprint(labelled),
        folds=[sorted(fold) for fold in folds],
        calibration=calibration,
        postprocess=choose_rule(list(tables.values()), calibration),
        metrics=dice_metrics(scores, cases, _HOW.format(len(folds))),
        calibration_error={
            "before": expected_calibration_error([(study, CalibrationSettings()) for study in judged.values()]),
            "after": expected_calibration_error(
                [(study, rules[fold_of[study.case.patient_id]][0]) for study in judged.values()]
            ),
        },
        scores=scores,
    )
    write_json(run / RECORD, record.model_dump())
    return record


def _read_logits(run: Path, fold_of: Mapping[str, int], name: str, case: Case) -> npt.NDArray[np.float16]:
    path = run / f"fold-{fold_of[case.patient_id]}" / name / f"{case.study_id}.safetensors"
    return np.asarray(safetensors.numpy.load_file(path)["logits"])


def _mask(study: Judged, calibration: CalibrationSettings, rule: PostprocessSettings) -> npt.NDArray[np.uint8]:
    return to_mask(study.restore(calibrate(study.logits.astype(np.float32), calibration)), rule)
