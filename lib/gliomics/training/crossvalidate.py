"""Cross-validation: every patient is segmented by a network that never saw them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from pydantic import BaseModel, ConfigDict

from gliomics.errors import InputError
from gliomics.files import atomic_path, read_json, write_json
from gliomics.models import Metric, ModelCard, ModelFolder, patient_hash, write_model_folder
from gliomics.preprocess import from_canonical
from gliomics.segmentation.inputs import LabelledCase, may_lack_whole, shows_whole
from gliomics.segmentation.labelled import LabelledStudy, fingerprint, load_volumes, prepare_labelled
from gliomics.segmentation.postprocess import calibrate, labels_of
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import (
    CalibrationSettings,
    InnerRegionSettings,
    PostprocessSettings,
    Region,
    SegmentationSettings,
    settings_of,
)
from gliomics.segmentation.weights import WEIGHTS, save_weights
from gliomics.study import write_mask, write_segments
from gliomics.study.segments import NAMED
from gliomics.training.calibration import Rules, ScoredCase, choose_rules, expected_calibration_error
from gliomics.training.card import TrainingPlan, draft_card
from gliomics.training.config import TrainingConfig
from gliomics.training.distributed import Workers
from gliomics.training.fit import CHECKPOINT, MODEL, OnSkipped, check_new, train_cases
from gliomics.training.loop import OnEpoch
from gliomics.training.scores import dice_metrics, region_dice, region_means
from gliomics.training.split import Split, check_known
from gliomics.validated import validated

RECORD = "cross_validation.json"
_HOW = (
    "volume Dice per patient, {}-fold cross-validation: each patient segmented by a network trained on the other "
    "folds, calibration, threshold and component rule chosen on their patients; 95 % bootstrap over patients"
)

_ALL, _REQUIRED_ONLY = "all", "required_only"
"""Which sequences the networks were given, in names of folders."""


class CrossValidationRecord(BaseModel):
    """What came of a cross-validation: the rules to use in a model of all patients, and figures of unseen ones."""

    model_config = ConfigDict(extra="forbid")

    config: TrainingConfig
    fingerprint: str
    folds: list[list[str]]
    calibration: CalibrationSettings
    postprocess: PostprocessSettings
    inner: tuple[InnerRegionSettings, ...] = ()
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
    on_skipped: OnSkipped = lambda study, reason: None,
) -> CrossValidationRecord | None:
    """Train on all folds but one, in turn, and segment the patients of that one.

    Writes ``run/masks/<study id>.nii.gz``, for models with optional sequences also ``run/masks_required_only/`` (the
    same networks without the optional sequences), and the record. An interrupted run continues where it was.
    Calibration, threshold and component rule of a fold are chosen on the patients of the other folds; those in the
    record on all. Of several processes under ``torchrun`` the first alone segments and writes; the others return None.
    """
    check_folds(folds, labelled)
    if config.model.network.task != "segmentation":
        raise InputError(
            f"configuration '{config.name}' is for {config.model.network.task}; only segmentation is cross-validated: "
            'give a split with "validation" and "test" patients instead of folds'
        )
    plan = TrainingPlan(config, population="patients of a cross-validation", encoder_weights=encoder_weights)
    card = draft_card(plan, labelled)
    cases, skipped = prepare_labelled(labelled, card)
    for study, reason in skipped.items():
        on_skipped(study, reason)
    is_first = Workers.of_this_process().is_first
    logits = _Logits(run, {patient: number for number, fold in enumerate(folds, start=1) for patient in fold})
    for number, fold in enumerate(folds, start=1):
        inside = [case for case in cases if case.patient_id in fold]
        state = train_cases(
            [case for case in cases if case.patient_id not in fold],
            plan,
            validation=inside,
            card=card,
            checkpoint=logits.folder(number) / CHECKPOINT,
            on_epoch=on_epoch(number) if on_epoch else None,
        )
        if is_first:
            logits.write(Segmenter.from_state(card, state), inside)
    if not is_first:
        return None
    scored = [logits.read(case) for case in cases]
    tells_alone = config.model.inner and may_lack_whole(card.sequences)
    without_whole = [logits.read(case, _REQUIRED_ONLY) for case in cases] if tells_alone else []
    rules = _rules_of_folds(scored, without_whole, logits.fold_of)
    scores = _write_masks(cases, labelled, card, logits, rules)
    chosen_on_all = choose_rules(scored, without_whole)
    record = CrossValidationRecord(
        config=config,
        fingerprint=fingerprint(labelled),
        folds=[sorted(fold) for fold in folds],
        **chosen_on_all._asdict(),
        metrics=dice_metrics(scores, cases, _HOW.format(len(folds))),
        calibration_error={
            "before": expected_calibration_error([(study, CalibrationSettings()) for study in scored]),
            "after": expected_calibration_error(
                [(study, rules[logits.fold_of[study.case.patient_id]].calibration) for study in scored]
            ),
        },
        scores=region_means(scores),
    )
    write_json(run / RECORD, record.model_dump())
    return record


def read_cross_validation(run: Path) -> CrossValidationRecord:
    """The record that :func:`cross_validate` wrote into ``run``."""
    return validated(CrossValidationRecord, read_json(run / RECORD), f"record of a cross-validation {run / RECORD}")


def fit_validated(
    labelled: Sequence[LabelledStudy],
    cross_validation: CrossValidationRecord,
    split: Split,
    run: Path,
    *,
    population: str,
    encoder_weights: Path | None = None,
    on_epoch: OnEpoch | None = None,
) -> ModelFolder | None:
    """Train the configuration of a cross-validation on all its patients and write the model to ``run/model``.

    Calibration, threshold, component rule and figures are those of the cross-validation. Other studies or labels than
    it had are refused. Patients in ``split`` are kept out of the training, for whoever wants to try the model on them.
    Of several processes under ``torchrun`` the first alone writes the model; the others return None.
    """
    check_new(run)
    if fingerprint(labelled) != cross_validation.fingerprint:
        raise InputError(
            "the cross-validation had other studies or other labels; run it again, or train on the ones it had"
        )
    plan = TrainingPlan(cross_validation.config, population, split, encoder_weights)
    training = split.apply(labelled)["training"]
    card = draft_card(plan, training)
    cases, _ = prepare_labelled(training, card)
    state = train_cases(cases, plan, validation=[], card=card, checkpoint=run / CHECKPOINT, on_epoch=on_epoch)
    if not Workers.of_this_process().is_first:
        return None
    settings = plan.config.model.model_copy(update={name: getattr(cross_validation, name) for name in Rules._fields})
    # The rules were chosen on the patients of every fold.
    hashes = {patient_hash(patient) for fold in cross_validation.folds for patient in fold}
    record = card.training.model_copy(update={"patients": sorted({*card.training.patients, *hashes})})
    card = card.model_copy(
        update={"settings": settings.model_dump(), "metrics": cross_validation.metrics, "training": record}
    )
    return write_model_folder(run / MODEL, card, {WEIGHTS: partial(save_weights, state)})


def check_folds(folds: Sequence[Sequence[str]], labelled: Sequence[LabelledStudy]) -> None:
    """Raise :class:`InputError` unless every patient with a labelled study is in one fold, and nobody else is."""
    listed = {patient for fold in folds for patient in fold}
    check_known(sorted(listed), labelled)
    left_out = {item.study.patient_id for item in labelled} - listed
    if left_out:
        raise InputError(f"patients in no fold: {', '.join(sorted(left_out)[:5])}; add them or remove their labels")


@dataclass(frozen=True)
class _Logits:
    """Logits on disk: each case's, of the network of its fold, which never saw it. ``fold_of`` is by patient."""

    run: Path
    fold_of: Mapping[str, int]

    def folder(self, fold: int) -> Path:
        return self.run / f"fold-{fold}"

    def write(self, segmenter: Segmenter, cases: Sequence[LabelledCase]) -> None:
        """Write the logits of cases, with all sequences and with the required ones alone, unless they are there."""
        for case in cases:
            for variant, seen in _variants(segmenter.card, case):
                path = self._path(case, variant)
                if not path.is_file():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with atomic_path(path) as temporary:
                        logits = segmenter.region_logits(seen.inputs).astype(np.float16)
                        safetensors.numpy.save_file({"logits": logits}, temporary)

    def read(self, case: LabelledCase, variant: str = _ALL) -> ScoredCase:
        return ScoredCase.of(case, np.asarray(safetensors.numpy.load_file(self._path(case, variant))["logits"]))

    def _path(self, case: LabelledCase, variant: str) -> Path:
        return self.folder(self.fold_of[case.patient_id]) / variant / f"{case.study_id}.safetensors"


def _variants(card: ModelCard, case: LabelledCase) -> Iterator[tuple[str, LabelledCase]]:
    yield _ALL, case
    if card.sequences.optional:
        yield _REQUIRED_ONLY, case.with_sequences(len(card.sequences.required))


def _rules_of_folds(
    scored: Sequence[ScoredCase], without_whole: Sequence[ScoredCase], fold_of: Mapping[str, int]
) -> dict[int, Rules]:
    """The rules by which each fold is judged: chosen on the patients of the others."""

    def outside(fold: int, studies: Sequence[ScoredCase]) -> list[ScoredCase]:
        return [study for study in studies if fold_of[study.case.patient_id] != fold]

    return {
        fold: choose_rules(outside(fold, scored), outside(fold, without_whole))
        for fold in sorted(set(fold_of.values()))
    }


def _write_masks(
    cases: Sequence[LabelledCase],
    labelled: Sequence[LabelledStudy],
    card: ModelCard,
    logits: _Logits,
    rules: Mapping[int, Rules],
) -> dict[str, dict[Region, float]]:
    """Write each study's masks; returns the Dice by study and region of those with all sequences."""
    studies, settings = {item.study.id: item.study for item in labelled}, settings_of(card)
    scores = {}
    for case in cases:
        for variant, seen in _variants(card, case):
            rules_of_fold = rules[logits.fold_of[case.patient_id]]
            whole_shown = shows_whole(seen.inputs, card.sequences)
            mask = _mask(logits.read(case, variant), settings, rules_of_fold, whole_shown=whole_shown)
            image = next(iter(load_volumes(studies[case.study_id], card).values()))
            volume = from_canonical(case.inputs.canonical.with_array(mask), image)
            folder = logits.run / ("masks" if variant == _ALL else f"masks_{variant}")
            if settings.inner:
                write_segments(volume, card.labels, folder / f"{case.study_id}{NAMED}")
            else:
                write_mask(volume, folder / f"{case.study_id}.nii.gz")
            if variant == _ALL:
                scores[case.study_id] = region_dice(mask, case)
    return scores


def _mask(
    study: ScoredCase, settings: SegmentationSettings, rules: Rules, *, whole_shown: bool
) -> npt.NDArray[np.uint8]:
    chosen = settings.model_copy(update=rules._asdict())
    probabilities = [
        study.restore(calibrate(logits.astype(np.float32), rule.calibration))
        for logits, rule in zip(study.all_logits, chosen.rules(whole_shown=whole_shown), strict=True)
    ]
    return labels_of(np.stack(probabilities), chosen, whole_shown=whole_shown)
