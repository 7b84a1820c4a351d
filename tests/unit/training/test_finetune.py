from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gliomics.models import ModelStore, patient_hash
from gliomics.segmentation.inputs import LabelledCase
from gliomics.segmentation.labelled import LabelledStudy, fingerprint, load_volumes, prepare_labelled
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import TrainSettings
from gliomics.segmentation.weights import WEIGHTS, State, load_weights, save_weights
from gliomics.study import read_mask, write_mask
from gliomics.training.checkpoint import EpochRecord
from gliomics.training.finetune import FineTuning, fine_tune
from gliomics.training.loop import NetworkTraining, train
from gliomics.training.scores import patient_scores, score
from gliomics.training.stopping import BestEpoch, average_weights
from tests.unit.tiny_networks import FAST, a_card, a_labelled_study, make_store

pytestmark = pytest.mark.slow

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


def test_average_is_the_mean_of_the_weights_with_the_counters_of_the_end() -> None:
    average = average_weights(a_state(1), a_state(4))
    assert torch.equal(average["weight"], torch.tensor([2.5, 2.5]))
    assert average["batches"] == 4


@pytest.fixture
def a_store_that_knows_all(tmp_path: Path) -> ModelStore:
    """Models that learned from every patient of the tests, so that nothing can be compared and one training is run."""
    return make_store(tmp_path / "knowing", [f"patient-{number}" for number in range(30)])


def test_training_that_no_longer_helps_is_stopped(
    a_store_that_knows_all: ModelStore, labelled: list[LabelledStudy]
) -> None:
    epochs: list[int] = []

    def note(records: Sequence[EpochRecord], total: int) -> None:
        epochs.append(records[-1].epoch)

    result = fine_tune(a_store_that_knows_all, "tiny", labelled[:5], settings=USELESS, on_epoch=note)
    assert 4 <= len(epochs) < USELESS.epochs
    (chosen_on,) = result.model.card.training.split["stopping"]
    assert chosen_on in {patient_hash(item.study.patient_id) for item in labelled[:5]}


def test_few_patients_are_all_trained_on(a_store: ModelStore, labelled: list[LabelledStudy]) -> None:
    result = fine_tune(a_store, "tiny", labelled[:4], settings=SHORT)
    assert result.model.card.training.split == {"compared": []}
    assert "weights of epoch 2" in result.reason


def test_studies_that_the_epoch_is_chosen_on_are_not_trained_on(
    a_store_that_knows_all: ModelStore, labelled: list[LabelledStudy]
) -> None:
    store, once = a_store_that_knows_all, SHORT.model_copy(update={"epochs": 1})
    first = fine_tune(store, "tiny", labelled[:5], settings=once)
    (chosen_on,) = first.model.card.training.split["stopping"]
    trained_on = [item for item in labelled[:5] if patient_hash(item.study.patient_id) != chosen_on]
    second = fine_tune(store, "tiny", trained_on, settings=once)
    expected = load_weights(second.model)
    if "averaged with version 1" in first.reason:
        expected = average_weights(load_weights(store.version("tiny", "1")), expected)
    weights = load_weights(first.model)
    assert all(torch.allclose(weights[name], expected[name], rtol=2e-3, atol=1e-5) for name in expected)


def test_replayed_studies_are_trained_on_but_never_those_of_patients_labelled_here(
    a_store: ModelStore, labelled: list[LabelledStudy], more: list[LabelledStudy]
) -> None:
    plain = fine_tune(a_store, "tiny", labelled[:2], settings=SHORT)
    same_patients = fine_tune(a_store, "tiny", labelled[:2], replay=labelled[:2], settings=SHORT)
    more_patients = fine_tune(a_store, "tiny", labelled[:2], replay=more, settings=SHORT)
    assert weights_of(same_patients.model.path) == weights_of(plain.model.path) != weights_of(more_patients.model.path)
    assert "replayed" not in same_patients.model.card.training.population
    assert more_patients.model.card.training.population.endswith("then 2 studies labelled here, with 8 replayed")
    assert len(more_patients.model.card.training.patients) == 10


def test_card_describes_the_labels_that_were_trained_on_not_one_saved_meanwhile(
    a_store: ModelStore, tmp_path: Path
) -> None:
    items = [a_labelled_study(tmp_path, seed) for seed in range(1)]
    seen = fingerprint(items)

    def correct(records: Sequence[EpochRecord], total: int) -> None:
        mask = read_mask(items[0].label)
        write_mask(mask.with_array(np.roll(mask.array, 1, axis=0)), items[0].label)

    result = fine_tune(a_store, "tiny", items, settings=SHORT, on_epoch=correct)
    assert result.model.card.training.fingerprint == seen != fingerprint(items)


def test_patients_are_compared_by_networks_that_were_trained_without_them(
    a_store: ModelStore, labelled: list[LabelledStudy], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_on: list[set[str]] = []
    judged_on: list[set[str]] = []

    def trained(training: NetworkTraining, **options: Any) -> State:
        trained_on.append({case.study_id for case in training.cases})
        return train(training, **options)

    def scored(segmenter: Segmenter, cases: Sequence[LabelledCase]) -> dict[str, float]:
        judged_on.append({case.study_id for case in cases})
        return score(segmenter, cases)

    monkeypatch.setattr("gliomics.training.finetune.train", trained)
    monkeypatch.setattr("gliomics.training.finetune.score", scored)
    monkeypatch.setattr("gliomics.training.finetune.LEAST_FOR_STOPPING", 10)
    result = fine_tune(a_store, "tiny", labelled, settings=SHORT)
    everybody = {item.study.id for item in labelled}
    assert len(trained_on) == 4 and trained_on[-1] == everybody
    pairs = list(zip(trained_on, judged_on, strict=False))
    assert [training | judged for training, judged in pairs] == [everybody] * 3
    assert not any(training & judged for training, judged in pairs)
    assert set(result.after) == everybody
    hashes = sorted(patient_hash(item.study.patient_id) for item in labelled)
    assert result.model.card.training.split["compared"] == result.model.card.training.patients == hashes


def test_patient_that_is_written_in_two_ways_is_on_one_side_of_the_comparison(
    a_store: ModelStore, labelled: list[LabelledStudy]
) -> None:
    twice = [
        replace(item, study=replace(item.study, patient_id=name))
        for item, name in zip(labelled, ["TCGA_CS_0001", "TCGA-CS-0001-01A", "b", "c", "d", "e"], strict=True)
    ]
    result = fine_tune(a_store, "tiny", twice, settings=SHORT)
    assert result.verdict.n == 5
    assert len(result.before) == 6


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, labelled: list[LabelledStudy]) -> tuple[Path, FineTuning]:
    """The folder of a store whose model was trained on all labelled studies, and what came of that."""
    folder = tmp_path_factory.mktemp("published")
    return folder, fine_tune(make_store(folder), "tiny", labelled, settings=FAST)


@pytest.fixture
def a_store_that_learned(published: tuple[Path, FineTuning], tmp_path: Path) -> ModelStore:
    """A copy of that store."""
    folder = tmp_path / "learned"
    shutil.copytree(published[0], folder)
    return ModelStore(folder / "local", shipped=folder / "shipped")


def test_better_network_is_published_and_its_patients_are_known_from_then_on(
    published: tuple[Path, FineTuning], a_store_that_learned: ModelStore, labelled: list[LabelledStudy]
) -> None:
    first, a_store = published[1], a_store_that_learned
    assert first.published, first.reason
    assert (first.verdict.outcome, first.verdict.n) == ("better", 6)
    assert a_store.current("tiny").card.version == "2"
    assert np.mean(list(first.after.values())) > 0.5
    again = fine_tune(a_store, "tiny", labelled, settings=SHORT)
    assert (again.verdict.outcome, again.verdict.n) == ("too few patients to tell", 0)
    assert "version 2 learned from 6 patients who are labelled" in again.reason
    assert a_store.current("tiny").card.version == "2"


def test_ruined_network_is_kept_but_does_not_serve(a_store: ModelStore, labelled: list[LabelledStudy]) -> None:
    ruinous = TrainSettings(epochs=1, batch=8, learning_rate=10.0, ema=0.0)
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    result = fine_tune(a_store, "tiny", labelled, settings=ruinous)
    assert result.verdict.outcome != "better"
    assert "kept, not published" in result.reason
    serving, kept = a_store.current("tiny").card, a_store.version("tiny", "2").card
    assert serving.version == kept.parent == "1"
    assert kept.created >= started, "it was made by this training, not with the version that it began from"


def test_unreadable_label_is_skipped_with_its_reason(
    a_store: ModelStore, labelled: list[LabelledStudy], tmp_path: Path
) -> None:
    mask = read_mask(labelled[1].label)
    write_mask(mask.with_array(np.zeros_like(mask.array)), tmp_path / "empty.nii.gz")
    bad = LabelledStudy(labelled[1].study, tmp_path / "empty.nii.gz")
    result = fine_tune(a_store, "tiny", [labelled[0], bad], settings=FAST.model_copy(update={"epochs": 1}))
    assert list(result.skipped) == ["case-1"]
    assert "empty" in result.skipped["case-1"]


def test_new_patients_are_compared_with_a_champion_that_knows_the_old_ones(
    labelled: list[LabelledStudy], more: list[LabelledStudy], tmp_path: Path
) -> None:
    store = make_store(tmp_path / "knowing", [item.study.patient_id for item in labelled])
    result = fine_tune(store, "tiny", [*labelled, *more[:5]], settings=SHORT)
    assert set(result.before) == {item.study.id for item in more[:5]}
    assert result.verdict.n == 5


def test_labels_made_from_the_champion_s_masks_favour_it(
    trained: Segmenter, labelled: list[LabelledStudy], tmp_path: Path
) -> None:
    """Labels that are the champion's own masks make it look perfect, which is no verdict on a challenger."""
    store = make_store(tmp_path / "own")
    state = {name: value.clone() for name, value in trained.network.state_dict().items()}
    card = trained.card.model_copy(update={"version": "1", "training": a_card("tiny", ["flair"], []).training})
    store.publish("tiny", store.add(card, {WEIGHTS: lambda path: save_weights(state, path)}).card.version, "a test")
    items = [a_labelled_study(tmp_path / "studies", seed) for seed in range(40, 46)]
    segmenter = Segmenter(store.current("tiny"))
    for item in items:
        volumes = load_volumes(item.study, segmenter.card)
        write_mask(segmenter.segment(volumes).mask, item.label)
    result = fine_tune(store, "tiny", items, settings=SHORT)
    assert min(result.before.values()) == 1
    assert result.verdict.outcome == "too few patients to tell"
    assert "6 labels made from its own masks, which favours it" in result.reason


def test_rolled_back_champion_is_challenged_next(
    published: tuple[Path, FineTuning], a_store_that_learned: ModelStore, labelled: list[LabelledStudy]
) -> None:
    first, a_store = published[1], a_store_that_learned
    assert first.published
    assert a_store.rollback("tiny", reason="a reader's wish").card.version == "1"
    again = fine_tune(a_store, "tiny", labelled, settings=SHORT)
    assert again.before == first.before
    assert (again.model.card.version, again.model.card.parent) == ("3", "1")


def test_studies_of_a_patient_count_once(labelled: list[LabelledStudy]) -> None:
    first, second, other = prepare_labelled(labelled[:3], a_card("tiny", ["flair"], []))[0]
    second = replace(second, patient_id=first.patient_id)
    means = patient_scores({"case-0": 0.2, "case-1": 0.4, "case-2": 0.9}, [first, second, other])
    assert means == pytest.approx({"patient-0": 0.3, "patient-2": 0.9})


def weights_of(folder: Path) -> bytes:
    return (folder / "weights.safetensors").read_bytes()
