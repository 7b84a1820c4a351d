"""Ten rounds of labelling and retraining, some with ruined labels: what serves never gets worse."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from gliomics.segmentation.champion import patient_means
from gliomics.segmentation.finetune import FineTuning, fine_tune, score
from gliomics.segmentation.labelled import LabelledStudy, prepare_labelled
from gliomics.segmentation.predict import Segmenter
from gliomics.segmentation.settings import TrainSettings
from gliomics.study import Mask, write_mask
from tests.unit.segmentation.conftest import a_labelled_study, a_lesion_case, make_store

pytestmark = pytest.mark.bench

ROUNDS = 10
NEW_STUDIES = 2
"""Studies that a round adds to those labelled before."""

RUINED = {3: "shifted", 5: "hardly drawn", 6: "shifted", 9: "hardly drawn"}
"""Rounds in which all labels are wrong; the next round corrects them."""

VALIDATION = range(100, 106)
SETTINGS = TrainSettings(epochs=15, batch=8, learning_rate=5e-3, empty_slices=1.0, ema=0.9)


def ruined(mask: Mask, how: str) -> Mask:
    """A mask a lesion's width beside the truth, or with a corner of its box in place of the lesion."""
    if how == "shifted":
        return mask.with_array(np.roll(mask.array, 9, axis=0))
    array = np.zeros_like(mask.array)
    first = np.argwhere(mask.array).min(axis=0)
    array[first[0] : first[0] + 4, first[1] : first[1] + 4] = mask.array.any(axis=(0, 1))
    return mask.with_array(array)


def labels_of(studies: list[LabelledStudy], how: str | None) -> None:
    """Save the labels of the studies again, right or ruined."""
    for item in studies:
        _, mask = a_lesion_case(int(item.study.id.split("-")[1]))
        write_mask(ruined(mask, how) if how else mask, item.label)


def test_serving_version_never_gets_worse_in_ten_rounds(tmp_path: Path) -> None:
    torch.manual_seed(0)  # of the network that the rounds begin with
    store = make_store(tmp_path / "models")
    validation = [a_labelled_study(tmp_path / "studies", seed) for seed in VALIDATION]
    cases, _ = prepare_labelled(validation, store.current("tiny").card)

    def serving() -> float:
        scores = score(Segmenter(store.current("tiny")), cases)
        return float(np.mean(list(patient_means(scores, cases).values())))

    studies: list[LabelledStudy] = []
    found: list[tuple[int, FineTuning]] = []
    served = [serving()]
    print("\n| round | labels | studies | challenger | before | after | serves |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for number in range(1, ROUNDS + 1):
        first = NEW_STUDIES * (number - 1)
        studies += [a_labelled_study(tmp_path / "studies", seed) for seed in range(first, first + NEW_STUDIES)]
        labels_of(studies, RUINED.get(number))
        settings = SETTINGS.model_copy(update={"seed": number})
        result = fine_tune(store, "tiny", studies, validation, settings=settings)
        found.append((number, result))
        served.append(serving())
        said = f"| {number} | {RUINED.get(number, 'right')} | {len(studies)} "
        said += f"| {'published' if result.published else 'kept'} | {served[-2]:.4f} | {mean(result.after):.4f} "
        print(f"{said}| version {store.current('tiny').card.version}, {served[-1]:.4f} |", flush=True)
    assert all(later >= earlier for earlier, later in pairwise(served))
    assert served[-1] > served[0] + 0.5
    assert [mean(result.before) for _, result in found] == pytest.approx(served[:-1])
    assert not any(result.published for number, result in found if mean(result.after) <= mean(result.before))
    worse = [number for number, result in found if mean(result.after) < mean(result.before)]
    assert set(worse) & set(RUINED), "no ruined round made a worse network, so this has shown nothing"
    versions = sorted(store.versions("tiny"), key=int)
    assert len(versions) == 1 + ROUNDS
    assert all(store.version("tiny", version).card.parent in versions for version in versions[1:])
    best = store.current("tiny").card.version
    assert store.rollback("tiny", reason="the record's last step").card.version != best


def mean(dice: dict[str, float]) -> float:
    return float(np.mean(list(dice.values())))
