from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from gliomics.errors import InputError
from gliomics.models import ModelStore
from gliomics.segmentation.cases import Case, prepare_case
from gliomics.segmentation.checkpoint import EpochRecord, State
from gliomics.segmentation.finetune import fine_tune
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.segmentation.settings import TrainSettings
from gliomics.segmentation.train import train
from gliomics.study import read_mask, write_mask

from .conftest import FAST, TINY, a_lesion_case


def cases(seeds: range) -> list[Case]:
    prepared = []
    for seed in seeds:
        volumes, mask = a_lesion_case(seed)
        prepared.append(prepare_case(f"case-{seed}", f"patient-{seed}", volumes, mask, ["flair"], TINY.input))
    return prepared


def same(a: State, b: State) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_fine_tuned_model_is_published_when_it_is_better(a_store: ModelStore, labelled: list[LabelledStudy]) -> None:
    epochs: list[int] = []
    result = fine_tune(
        a_store,
        "tiny",
        labelled[:4],
        labelled[4:],
        settings=FAST,
        on_epoch=lambda records, _: epochs.append(records[-1].epoch),
    )
    assert epochs == list(range(1, 61))
    assert np.mean(list(result.after.values())) > 0.8 > np.mean(list(result.before.values()))
    assert result.published
    served = a_store.current("tiny").card
    assert (served.version, served.parent) == ("2", "1")
    assert served.training.split == {"validation": ["case-4", "case-5"]}
    assert served.metrics[0].n == 2


def test_worse_model_is_kept_but_does_not_serve(a_store: ModelStore, labelled: list[LabelledStudy]) -> None:
    fine_tune(a_store, "tiny", labelled[:4], labelled[4:], settings=FAST)
    ruinous = TrainSettings(epochs=1, batch=8, learning_rate=10.0, ema=0.0)
    result = fine_tune(a_store, "tiny", labelled[:4], labelled[4:], settings=ruinous)
    assert not result.published
    assert "kept, not published" in result.reason
    assert a_store.current("tiny").card.version == "2"
    assert a_store.version("tiny", "3").card.parent == "2"


def test_nothing_is_published_without_a_validation_study(a_store: ModelStore, labelled: list[LabelledStudy]) -> None:
    result = fine_tune(a_store, "tiny", labelled[:2], [], settings=FAST.model_copy(update={"epochs": 1}))
    assert not result.published
    assert a_store.current("tiny").card.version == "1"


def test_patient_of_a_validation_study_is_never_trained_on(a_store: ModelStore, labelled: list[LabelledStudy]) -> None:
    with pytest.raises(InputError, match="no labelled study can be trained on"):
        fine_tune(a_store, "tiny", labelled[:1], labelled[:1], settings=FAST)


def test_unreadable_study_is_skipped_with_its_reason(
    a_store: ModelStore, labelled: list[LabelledStudy], tmp_path: Path
) -> None:
    empty = tmp_path / "empty.nii.gz"
    mask = read_mask(labelled[1].label)
    write_mask(mask.with_array(np.zeros_like(mask.array)), empty)
    bad = LabelledStudy(labelled[1].study, empty)
    settings = FAST.model_copy(update={"epochs": 1})
    result = fine_tune(a_store, "tiny", [labelled[0], bad], labelled[4:], settings=settings)
    assert list(result.skipped) == ["case-1"]
    assert "empty" in result.skipped["case-1"]


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
