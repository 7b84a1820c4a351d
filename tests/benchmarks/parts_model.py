"""The model folder of the network that :mod:`tests.benchmarks.parts_folds` trained on everybody, with its figures.

    python -m tests.benchmarks.parts_model --data DATA --lgg STUDIES --encoder-weights FILE --run RUN --out FOLDER

The masks are those that were judged: nothing is chosen after the folds. Their networks' answers for the patients that
they never saw calibrate the probabilities; those for contrast-enhanced T1 alone, clinical slices among them, where a
study has no more. Each threshold is where the logit is 0.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy import special

from gliomics.files import read_json
from gliomics.models import Metric, ModelCard, ModelFolder, TrainingRecord, patient_hash, write_model_folder
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import InnerRegionSettings, RegionRule, SegmentationSettings
from gliomics.segmentation.weights import WEIGHTS, read_weights, save_packed_weights
from gliomics.statistics.bootstrap import bootstrap_interval
from gliomics.training.calibration import ScoredCase, choose_calibration
from gliomics.training.card import TrainingPlan, draft_card
from gliomics.training.config import load_training_config

from .parts_data import TILES, mosaic
from .parts_folds import REGIONS, Data, Scores

POPULATION = (
    "292 patients with high-grade glioma (BraTS 2020, patches of the lesion), 7 whole brains (BraTS 2021, 6 of them "
    "lower-grade), 50 patients with glioma (Cheng 2015, clinical slices of contrast-enhanced T1, the core outlined) "
    "and 79 patients with lower-grade glioma (TCGA-LGG, the whole outlined), 6 of whom are those of BraTS 2021"
)
HOW = (
    "volume Dice per patient, {kind}: each patient segmented by a network that was trained on others; "
    "95 % bootstrap over patients"
)


def unseen(segmenter: Segmenter, data: Data, fold: int) -> tuple[list[ScoredCase], list[ScoredCase]]:
    """A fold's patients with the logits of its network: from all sequences, and from contrast-enhanced T1 alone."""
    numbers = data.judged_patches(fold)
    complete = [
        *(case for case in data.brains if data.fold_of[case.patient_id] == fold),
        *(mosaic(data.patches, numbers[first : first + TILES**2], f"fold {fold}, {first}")
          for first in range(0, len(numbers), TILES**2)),
    ]  # fmt: skip
    outlines = [case for case in data.outlines if data.fold_of[case.patient_id] == fold]
    alone = [*(case.with_sequences(1) for case in complete), *outlines]
    scored, scored_alone = (
        [ScoredCase.of(case, segmenter.region_logits(case.inputs)) for case in cases] for cases in (complete, alone)
    )
    return scored, scored_alone


def calibrated(
    settings: SegmentationSettings, scored: Sequence[ScoredCase], alone: Sequence[ScoredCase]
) -> SegmentationSettings:
    """The settings with probabilities that come true on ``scored``, and the masks of before: cut where a logit is 0.

    Studies with contrast-enhanced T1 ``alone`` have calibrations of their own.
    """
    usual = settings.rules(whole_shown=True)
    whole, *inner = (_rule(scored, region, rule) for region, rule in enumerate(usual))
    without = [_rule(alone, region, usual[region]) for region in (1, 2)]
    return settings.model_copy(
        update={
            "calibration": whole.calibration,
            "postprocess": settings.postprocess.model_copy(update={"threshold": whole.threshold}),
            "inner": tuple(
                InnerRegionSettings(region=item.region, without_whole=unsure, **vars(rule))
                for item, rule, unsure in zip(settings.inner, inner, without, strict=True)
            ),
        }
    )


def _rule(scored: Sequence[ScoredCase], region: int, usual: RegionRule) -> RegionRule:
    cases = []
    for study in scored:
        targets = study.case.targets(range(len(study.logits)), 1)[:, region]
        if (targets == 1).any():  # of a label that only says what is outside, nothing can be calibrated
            cases.append(ScoredCase(replace(study.case, target=targets), study.all_logits[region]))
    calibration = choose_calibration(cases)
    threshold = float(np.clip(special.expit(calibration.intercept), 0.001, 0.999).round(4))
    return RegionRule(calibration=calibration, threshold=threshold, smallest_component=usual.smallest_component)


def metrics_of(folds: Sequence[Scores]) -> list[Metric]:
    """Mean and median patient Dice of each kind of data and region, over the patients of all folds."""
    metrics = []
    for kind in dict.fromkeys(kind for fold in folds for kind in fold):
        patients = {name: regions for fold in folds for name, regions in fold[kind].items()}
        for region in REGIONS:
            values = [regions[region] for regions in patients.values() if region in regions]
            for name, statistic in (("mean", np.mean), ("median", np.median)) if values else ():
                interval = bootstrap_interval(values, statistic=statistic)
                metrics.append(Metric.of(f"{name}_dice, {region}, {kind}", interval, HOW.format(kind=kind)))
    return metrics


def training_record(data: Data, encoder_weights: str | None) -> TrainingRecord:
    """Everybody whom the network learned from, by the ids that the sources give them."""
    patients = {
        *(f"BraTS2021_{case.study_id}" for case in data.brains),
        *data.patches.patients.tolist(),
        *(f"figshare_1512427_{case.patient_id}" for case in data.outlines),
    }
    tcga = {case.patient_id for case in [*data.brains, *data.whole] if case.patient_id.startswith("TCGA")}
    named_twice = sum(case.patient_id.startswith("TCGA") for case in data.brains)
    hashes = sorted(patient_hash(name) for name in patients | tcga)
    return TrainingRecord(
        population=POPULATION,
        n_patients=len(hashes) - named_twice,
        fingerprint=hashlib.sha256(json.dumps(hashes).encode()).hexdigest(),
        patients=hashes,
        pretrained_encoder=encoder_weights,
    )


def write_model(run: Path, data: Data, draft: ModelCard, folder: Path) -> ModelFolder:
    """The folder of the model that was trained on everybody, with what the folds say of it."""
    scored, alone, scores = [], [], []
    for path in sorted(run.glob("fold-*/scores.json")):
        segmenter = Segmenter.from_state(draft, read_weights(path.with_name(WEIGHTS)))
        fold = int(path.parent.name.removeprefix("fold-"))
        of_fold = unseen(segmenter, data, fold)
        scored, alone = scored + of_fold[0], alone + of_fold[1]
        scores.append(read_json(path))
    settings = calibrated(SegmentationSettings.model_validate(draft.settings), scored, alone)
    card = draft.model_copy(
        update={
            "settings": settings.model_dump(),
            "metrics": metrics_of(scores),
            "training": training_record(data, draft.training.pretrained_encoder),
        }
    )
    return write_model_folder(
        folder, card, {WEIGHTS: partial(save_packed_weights, read_weights(run / "final" / WEIGHTS))}
    )


def main() -> None:
    """Write the model folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--data", "--lgg", "--encoder-weights", "--run", "--out"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()
    config = load_training_config("segmentation_parts")
    draft = draft_card(TrainingPlan(config, POPULATION, encoder_weights=options.encoder_weights), [])
    data = Data.read(options.data, options.lgg, config, draft)
    print(write_model(options.run, data, draft, options.out).path)


if __name__ == "__main__":
    main()
