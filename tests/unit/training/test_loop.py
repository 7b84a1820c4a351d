from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from gliomics.errors import InputError
from gliomics.segmentation.inputs import LabelledCase, prepare_case
from gliomics.segmentation.weights import State
from gliomics.training.checkpoint import EpochRecord
from gliomics.training.loop import NetworkTraining, train
from tests.unit.tiny_networks import FAST, TINY, a_lesion_case

pytestmark = pytest.mark.slow


def cases(seeds: range) -> list[LabelledCase]:
    prepared = []
    for seed in seeds:
        volumes, mask = a_lesion_case(seed)
        prepared.append(
            prepare_case(f"case-{seed}", f"patient-{seed}", volumes, mask, sequences=["flair"], settings=TINY.input)
        )
    return prepared


def same(a: State, b: State) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_interrupted_training_continues_to_the_same_weights(tmp_path: Path) -> None:
    settings = FAST.model_copy(update={"epochs": 3})
    whole = train(NetworkTraining(cases(range(2)), TINY, settings))
    checkpoint = tmp_path / "training.pt"

    def stop(records: Sequence[EpochRecord], epochs: int) -> None:
        raise InterruptedError

    for _ in range(2):
        with pytest.raises(InterruptedError):
            train(NetworkTraining(cases(range(2)), TINY, settings), checkpoint=checkpoint, on_epoch=stop)
    resumed = train(NetworkTraining(cases(range(2)), TINY, settings), checkpoint=checkpoint)
    assert same(whole, resumed)


def test_training_without_a_lesion_is_refused() -> None:
    volumes, mask = a_lesion_case(0)
    empty = mask.with_array(np.zeros_like(mask.array))
    case = prepare_case("case-0", "patient-0", volumes, empty, sequences=["flair"], settings=TINY.input)
    with pytest.raises(InputError, match="none of the 1 training studies has a lesion"):
        NetworkTraining([case], TINY, FAST)


def test_training_stops_when_cancelled() -> None:
    with pytest.raises(InterruptedError, match="cancelled"):
        train(NetworkTraining(cases(range(1)), TINY, FAST), cancelled=lambda: True)


def test_weights_are_the_exponential_moving_average_of_those_after_each_step() -> None:
    training = NetworkTraining(cases(range(2)), TINY, FAST.model_copy(update={"epochs": 3, "ema": 0.7}))
    steps = [a_copy_of(training.network.state_dict())]
    training.optimiser.register_step_post_hook(lambda *_: steps.append(a_copy_of(training.network.state_dict())))
    averaged = train(training)
    assert len(steps) > 4
    for name, value in averaged.items():
        if not value.is_floating_point():
            assert value == steps[-1][name], name  # a counter
            continue
        expected = steps[0][name]
        for step in steps[1:]:
            expected = 0.7 * expected + 0.3 * step[name]
        assert torch.allclose(value, expected, rtol=1e-4, atol=1e-6), name
    assert any(name.endswith("running_mean") for name in averaged)


def test_training_leaves_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    train(NetworkTraining(cases(range(1)), TINY, FAST.model_copy(update={"epochs": 1})))
    assert torch.equal(torch.rand(4), expected)


def a_copy_of(state: State) -> State:
    return {name: value.clone() for name, value in state.items()}
