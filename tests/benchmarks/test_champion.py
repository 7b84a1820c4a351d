"""Rounds of labelling and retraining, some with ruined labels: what serves never gets worse."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from gliomics.models.champion import SMALLEST_GAIN
from gliomics.segmentation.labelled import LabelledStudy, prepare_labelled
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import TrainSettings
from gliomics.study import Mask, write_mask
from gliomics.training.finetune import fine_tune
from gliomics.training.scores import patient_scores, score
from tests.unit.tiny_networks import a_labelled_study, a_lesion_case, make_store

ROUNDS = 5
NEW_STUDIES = 6
"""Studies of new patients that a round adds to those labelled before."""

RUINED = {2: "shifted", 4: "hardly drawn"}
"""Rounds in which every second new label is wrong."""

TRUTH = range(100, 106)
SETTINGS = TrainSettings(epochs=15, batch=8, learning_rate=5e-3, empty_slices=1.0, ema=0.9)


def ruined(mask: Mask, how: str) -> Mask:
    """A mask a lesion's width beside the truth, or with a corner of its box in place of the lesion."""
    if how == "shifted":
        return mask.with_array(np.roll(mask.array, 9, axis=0))
    array = np.zeros_like(mask.array)
    first = np.argwhere(mask.array).min(axis=0)
    array[first[0] : first[0] + 4, first[1] : first[1] + 4] = mask.array.any(axis=(0, 1))
    return mask.with_array(array)


def a_round(folder: Path, number: int) -> list[LabelledStudy]:
    """The studies that a round adds, with labels that are right or, every second one, ruined."""
    first = NEW_STUDIES * (number - 1)
    studies = [a_labelled_study(folder, seed) for seed in range(first, first + NEW_STUDIES)]
    for item in studies[::2] if number in RUINED else []:
        _, mask = a_lesion_case(int(item.study.id.split("-")[1]))
        write_mask(ruined(mask, RUINED[number]), item.label)
    return studies


def test_serving_version_never_gets_worse_by_the_truth(tmp_path: Path) -> None:
    torch.manual_seed(0)  # of the network that the rounds begin with
    store = make_store(tmp_path / "models")
    truth = [a_labelled_study(tmp_path / "truth", seed) for seed in TRUTH]
    cases, _ = prepare_labelled(truth, store.current("tiny").card)

    def dice_of(version: str) -> float:
        scores = score(Segmenter(store.version("tiny", version)), cases)
        return float(np.mean(list(patient_scores(scores, cases).values())))

    studies: list[LabelledStudy] = []
    served = [dice_of("1")]
    print("\n| round | new labels | studies | verdict | compared | challenger by the truth | serves |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for number in range(1, ROUNDS + 1):
        studies += a_round(tmp_path / "studies", number)
        result = fine_tune(store, "tiny", studies, settings=SETTINGS.model_copy(update={"seed": number}))
        serving = store.current("tiny").card.version
        served.append(dice_of(serving))
        labels = f"half {RUINED[number]}" if number in RUINED else "right"
        print(
            f"| {number} | {labels} | {len(studies)} | {result.verdict.outcome} | {result.verdict.n} | "
            f"{dice_of(result.model.card.version):.4f} | version {serving}, {served[-1]:.4f} |",
            flush=True,
        )
    assert all(later >= earlier - SMALLEST_GAIN for earlier, later in pairwise(served))
    assert served[-1] > served[0] + 0.5
    versions = sorted(store.versions("tiny"), key=int)
    assert len(versions) == 1 + ROUNDS
    assert all(store.version("tiny", version).card.parent in versions for version in versions[1:])
    assert store.rollback("tiny", reason="the record's last step").card.version in versions
