from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from gliomics.models import ModelStore
from gliomics.segmentation.checkpoint import EpochRecord, State
from gliomics.segmentation.finetune import fine_tune, score
from gliomics.segmentation.labelled import LabelledStudy, fingerprint, prepare_labelled
from gliomics.segmentation.predict import Segmenter, load_weights
from gliomics.segmentation.settings import TrainSettings
from gliomics.segmentation.stopping import BestEpoch, halfway
from gliomics.study import read_mask, write_mask

from .conftest import FAST, a_labelled_study

SHORT = FAST.model_copy(update={"epochs": 2})
USELESS = TrainSettings(epochs=12, batch=8, learning_rate=1e-9, ema=0.9)
"""A training that changes nothing."""


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledStudy]:
    """Eight more labelled studies, of other patients."""
    root = tmp_path_factory.mktemp("more")
    return [a_labelled_study(root, seed) for seed in range(20, 28)]


def a_state(value: float) -> State:
    return {"weight": torch.full((2,), float(value)), "batches": torch.tensor(int(value))}


def test_best_epoch_is_kept_and_the_training_stopped_when_nothing_better_follows() -> None:
    scores = {1.0: 0.3, 2.0: 0.6, 3.0: 0.5, 4.0: 0.6, 5.0: 0.4}
    best = BestEpoch(lambda state: scores[float(state["weight"][0])], patience=3)
    changing = a_state(0)
    stopped = []
    for value in scores:
        changing["weight"].fill_(value)
        stopped.append(best(changing))
    assert stopped == [False, False, False, False, True]
    assert (best.epoch, best.best) == (2, 0.6)
    assert torch.equal(best.state["weight"], torch.tensor([2.0, 2.0]))


def test_halfway_is_the_mean_of_the_weights_with_the_counters_of_the_end() -> None:
    between = halfway(a_state(1), a_state(4))
    assert torch.equal(between["weight"], torch.tensor([2.5, 2.5]))
    assert between["batches"] == 4


def test_training_that_no_longer_helps_is_stopped(a_store: ModelStore, labelled: list[LabelledStudy]) -> None:
    epochs: list[int] = []

    def note(records: Sequence[EpochRecord], total: int) -> None:
        epochs.append(records[-1].epoch)

    result = fine_tune(a_store, "tiny", labelled[:5], labelled[5:], settings=USELESS, on_epoch=note)
    assert 4 <= len(epochs) < USELESS.epochs
    (chosen_on,) = result.model.card.training.split["stopping"]
    assert chosen_on in {item.study.id for item in labelled[:5]}


def test_few_patients_are_all_trained_on(a_store: ModelStore, labelled: list[LabelledStudy]) -> None:
    result = fine_tune(a_store, "tiny", labelled[:4], labelled[4:], settings=SHORT)
    assert list(result.model.card.training.split) == ["validation"]
    assert "weights of epoch 2" in result.reason


def test_studies_that_the_epoch_is_chosen_on_are_not_trained_on(
    a_store: ModelStore, labelled: list[LabelledStudy]
) -> None:
    first = fine_tune(a_store, "tiny", labelled[:5], [], settings=SHORT.model_copy(update={"epochs": 1}))
    (chosen_on,) = first.model.card.training.split["stopping"]
    others = [item for item in labelled[:5] if item.study.id != chosen_on]
    second = fine_tune(a_store, "tiny", others, [], settings=SHORT.model_copy(update={"epochs": 1}))
    expected = load_weights(second.model)
    if "averaged with version 1" in first.reason:
        expected = halfway(load_weights(a_store.version("tiny", "1")), expected)
    found = load_weights(first.model)
    assert all(torch.allclose(found[name], expected[name], rtol=2e-3, atol=1e-5) for name in expected)


def test_replayed_studies_are_trained_on_but_never_those_of_patients_labelled_here(
    a_store: ModelStore, labelled: list[LabelledStudy], more: list[LabelledStudy]
) -> None:
    plain = fine_tune(a_store, "tiny", labelled[:2], labelled[2:4], settings=SHORT)
    own = fine_tune(a_store, "tiny", labelled[:2], labelled[2:4], replay=labelled[:4], settings=SHORT)
    other = fine_tune(a_store, "tiny", labelled[:2], labelled[2:4], replay=more, settings=SHORT)
    assert weights_of(own.model.path) == weights_of(plain.model.path) != weights_of(other.model.path)
    assert "replayed" not in own.model.card.training.population
    assert other.model.card.training.population.endswith("then 2 studies labelled here, with 8 replayed")


def test_card_describes_the_labels_that_were_trained_on_not_one_saved_meanwhile(
    a_store: ModelStore, tmp_path: Path
) -> None:
    items = [a_labelled_study(tmp_path, seed) for seed in range(2)]
    seen = fingerprint(items[:1])

    def correct(records: Sequence[EpochRecord], total: int) -> None:
        mask = read_mask(items[0].label)
        write_mask(mask.with_array(np.roll(mask.array, 1, axis=0)), items[0].label)

    result = fine_tune(a_store, "tiny", items[:1], items[1:], settings=SHORT, on_epoch=correct)
    assert result.model.card.training.fingerprint == seen != fingerprint(items[:1])


def test_figures_of_a_challenger_are_those_of_the_version_that_serves(
    a_store: ModelStore, labelled: list[LabelledStudy]
) -> None:
    result = fine_tune(a_store, "tiny", labelled[:4], labelled[4:], settings=FAST)
    assert result.published
    cases, _ = prepare_labelled(labelled[4:], result.model.card)
    assert score(Segmenter(a_store.current("tiny")), cases) == result.after


def test_rolled_back_champion_is_challenged_next(a_store: ModelStore, labelled: list[LabelledStudy]) -> None:
    published = fine_tune(a_store, "tiny", labelled[:4], labelled[4:], settings=FAST)
    assert published.published
    assert a_store.rollback("tiny", reason="a reader's wish").card.version == "1"
    again = fine_tune(a_store, "tiny", labelled[:4], labelled[4:], settings=FAST)
    assert again.before == published.before
    assert (again.model.card.version, again.model.card.parent) == ("3", "1")
    assert a_store.current("tiny").card.version == "3"
    assert a_store.rollback("tiny", reason="again").card.version == "1"


def weights_of(folder: Path) -> bytes:
    return (folder / "weights.safetensors").read_bytes()
