from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from gliomics.errors import InputError
from gliomics.segmentation.inputs import Case, prepare_case
from gliomics.segmentation.weights import State
from gliomics.training.checkpoint import EpochRecord
from gliomics.training.loop import train
from tests.unit.tiny_networks import FAST, TINY, a_lesion_case

pytestmark = pytest.mark.slow


def cases(seeds: range) -> list[Case]:
    prepared = []
    for seed in seeds:
        volumes, mask = a_lesion_case(seed)
        prepared.append(prepare_case(f"case-{seed}", f"patient-{seed}", volumes, mask, ["flair"], TINY.input))
    return prepared


def same(a: State, b: State) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_interrupted_training_continues_to_the_same_weights(tmp_path: Path) -> None:
    settings = FAST.model_copy(update={"epochs": 3})
    whole = train(cases(range(2)), TINY, settings)
    checkpoint = tmp_path / "training.pt"

    def stop(records: Sequence[EpochRecord], epochs: int) -> None:
        raise InterruptedError

    for _ in range(2):
        with pytest.raises(InterruptedError):
            train(cases(range(2)), TINY, settings, checkpoint=checkpoint, on_epoch=stop)
    resumed = train(cases(range(2)), TINY, settings, checkpoint=checkpoint)
    assert same(whole, resumed)


def test_training_without_a_lesion_is_refused() -> None:
    volumes, mask = a_lesion_case(0)
    empty = mask.with_array(np.zeros_like(mask.array))
    case = prepare_case("case-0", "patient-0", volumes, empty, ["flair"], TINY.input)
    with pytest.raises(InputError, match="none of the 1 training studies has a lesion"):
        train([case], TINY, FAST)


def test_training_stops_when_cancelled() -> None:
    with pytest.raises(InterruptedError, match="cancelled"):
        train(cases(range(1)), TINY, FAST, cancelled=lambda: True)
