from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from gliomics.errors import InputError
from gliomics.files import read_json, write_json
from gliomics.models import ModelStore
from gliomics.segmentation.postprocess import PART_VALUES
from gliomics.server.store.datastore import StudyDatastore
from gliomics.server.tasks import training
from gliomics.server.tasks.train_segmentation import (
    SegmentationTraining,
    epochs_option,
    partly_labelled_studies,
    replayed_studies,
)
from gliomics.server.tasks.training import labelled_studies
from gliomics.study import read_mask
from gliomics.study.numbering import tumour_of
from tests.server.studies import TINY, a_card, a_lesion_case, add_label, add_model, add_study, an_untrained_state
from tests.unit.ring_tumours import PARTS, a_labelled_ring, a_parts_card

pytestmark = pytest.mark.slow


@pytest.fixture
def a_training(a_store: StudyDatastore) -> SegmentationTraining:
    add_model(a_store.root, a_card("test_model", TINY, ["flair"], []), an_untrained_state(TINY, 1))
    return SegmentationTraining("test_model", ModelStore(a_store.workspace.models), a_store)


def test_labelled_study_whose_folder_is_broken_is_reported(a_store: StudyDatastore) -> None:
    for seed in range(2):
        add_label(a_store.root, a_store.study(f"case-{seed}"), seed)
    (a_store.root / "case-0" / "flair.nii.gz").unlink()
    labelled, _ = labelled_studies(a_store)
    assert [item.study.id for item in labelled] == ["case-1"]


@pytest.mark.parametrize("name", ["tumour", "hyperintensity"])
def test_label_whose_segments_name_a_cavity_is_numbered_so(a_store: StudyDatastore, name: str) -> None:
    mask = a_lesion_case(0)[1]
    values = np.where(mask.array > 0, 1 + (np.arange(mask.shape[0]) % 2)[:, None, None], 0)
    a_store.keep_label("case-0", "final", mask.with_array(values), {"segments": {name: 1, "resection cavity": 2}})
    (item,) = labelled_studies(a_store)[0]
    assert item.study.numbering == "1=tumour,2=cavity"
    assert tumour_of(read_mask(item.label), item.study.numbering).array.sum() == (values == 1).sum()


def test_annotated_slices_are_learned_from_until_the_study_is_labelled(
    a_store: StudyDatastore, a_training: SegmentationTraining, tmp_path: Path
) -> None:
    add_label(a_store.root, a_store.study("case-1"), 1)
    a_store.keep_label("case-0", "partial", a_lesion_case(0)[1], {"slices_done": [1, 2]})
    assert [(item.study.id, item.slices) for item in partly_labelled_studies(a_store)[0]] == [("case-0", (1, 2))]
    state = a_training({"max_epochs": 1}, a_store)
    split = read_json(a_store.workspace.models / "test_model" / state["version"] / "model.json")["training"]
    assert "2 studies labelled here" in split["population"]
    a_store.keep_label("case-0", "final", a_lesion_case(0)[1], {})
    assert partly_labelled_studies(a_store) == ([], {})


def test_corrected_labels_of_parts_are_learned_by_a_model_of_parts(a_store: StudyDatastore) -> None:
    """A label whose values are of another numbering than its study says is left out, with the remedy."""
    for seed in (0, 1):
        a_labelled_ring(a_store.root, seed)
    a_labelled_ring(a_store.root, 2, values=(1, 2, 4))
    a_store.refresh()
    add_model(a_store.root, a_parts_card(), an_untrained_state(PARTS, 2))
    training = SegmentationTraining("parts", ModelStore(a_store.workspace.models), a_store)
    result = training({"max_epochs": 1}, a_store)
    assert (result["state"], result["version"]) == ("finished", "2")
    assert "the numbering of study.json is brats-2023 (1 core-without-enhancement" in result["skipped"]["ring-2"]
    assert '"numbering" in study.json' in result["skipped"]["ring-2"]
    card = read_json(a_store.workspace.models / "parts" / "2" / "model.json")
    assert (card["labels"], card["settings"]["inner"][1]["region"]) == (PART_VALUES, "enhancing")


@pytest.mark.parametrize("slices", [5, ["1"], [99], [-1], None])
def test_study_whose_record_says_impossible_slices_is_left_out_by_name(
    a_store: StudyDatastore, a_training: SegmentationTraining, slices: object
) -> None:
    add_label(a_store.root, a_store.study("case-1"), 1)
    a_store.keep_label("case-0", "partial", a_lesion_case(0)[1], {"slices_done": slices})
    state = a_training({"max_epochs": 1}, a_store)
    assert state["state"] == "finished"
    assert "slices" in state["skipped"]["case-0"]


def test_training_writes_its_progress_and_result_for_the_server(
    a_store: StudyDatastore, a_training: SegmentationTraining
) -> None:
    assert a_training.stats() == {"epoch": 0, "new_labels": 0}
    for seed in range(2):
        add_label(a_store.root, a_store.study(f"case-{seed}"), seed)
    result = a_training({"max_epochs": 2}, a_store)
    assert a_training.stats() == result
    assert (result["state"], result["epoch"], result["total_epochs"]) == ("finished", 2, 2)
    assert result["version"] == "2"
    assert result["verdict"]["outcome"] == "too few patients to tell"
    assert result["reason"].startswith("kept, not published: too few patients to tell; about 5 patients would do")


def test_enough_patients_are_compared_and_the_verdict_is_told_in_words_and_numbers(
    a_store: StudyDatastore, a_training: SegmentationTraining
) -> None:
    for seed in range(6):
        add_label(a_store.root, add_study(a_store.root, f"patient-{seed}-scan", 10 + seed), 10 + seed)
    a_store.refresh()
    result = a_training({"max_epochs": 1}, a_store)
    verdict = result["verdict"]
    assert (verdict["n"], len(result["before"]), len(result["after"])) == (6, 6, 6)
    assert (result["epoch"], result["total_epochs"]) == (4, 4)
    gain = np.mean([result["after"][study] - result["before"][study] for study in result["before"]])
    assert verdict["gain"] == pytest.approx(gain)
    assert verdict["low"] <= gain <= verdict["high"]
    assert "over 6 patients, unseen by the models compared" in result["reason"]
    again = a_training({"max_epochs": 1}, a_store)
    if verdict["outcome"] == "better":
        assert again["verdict"]["n"] == 0
        assert "learned from 6 patients who are labelled" in again["reason"]
    else:
        assert again["verdict"]["n"] == 6


def test_training_without_labels_fails_with_a_reason_that_clients_see(
    a_store: StudyDatastore, a_training: SegmentationTraining
) -> None:
    with pytest.raises(InputError, match="label"):
        a_training({}, a_store)
    assert a_training.stats()["state"] == "failed"
    assert "label" in a_training.stats()["reason"]


def test_training_whose_process_is_gone_counts_as_interrupted(
    a_store: StudyDatastore, a_training: SegmentationTraining
) -> None:
    path = state_of_one_that_ended(a_store, process_started=0.0)
    assert a_training.stats()["state"] == "interrupted"
    assert read_json(path)["state"] == "running"


def test_training_that_is_being_stopped_says_so_from_the_end_of_its_process_on(
    a_store: StudyDatastore, a_training: SegmentationTraining
) -> None:
    state_of_one_that_ended(a_store, process_started=time.time() - 1)
    a_training.stopping("anna")
    assert (a_training.stats()["state"], a_training.stats()["reason"]) == ("interrupted", "stopped by anna")
    state_of_one_that_ended(a_store, process_started=time.time() + 1)  # the next one, by itself
    assert a_training.stats()["reason"] == "the training process ended before it was done"


def state_of_one_that_ended(store: StudyDatastore, process_started: float) -> Path:
    """The file of a training that says that it runs, of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    path = store.workspace.training / "test_model.json"
    write_json(
        path, {"model": "test_model", "state": "running", "pid": process.pid, "process_started": process_started}
    )
    return path


def test_what_a_stopped_training_was_writing_goes_with_it(
    a_store: StudyDatastore, a_training: SegmentationTraining
) -> None:
    """A killed process may take a moment to end, and writes until then."""
    folder = a_store.workspace.training
    folder.mkdir(parents=True, exist_ok=True)
    write_a_little_later = f"import time; time.sleep(0.3); open({str(folder / '.tmp-half.json')!r}, 'w').write('{{')"
    with subprocess.Popen([sys.executable, "-c", write_a_little_later]) as process:
        running = {"model": "test_model", "state": "running", "pid": process.pid}
        started = psutil.Process(process.pid).create_time()
        write_json(folder / "test_model.json", {**running, "process_started": started})
        a_training.stopped("anna")
    assert [path.name for path in folder.iterdir()] == ["test_model.json"]
    assert read_json(folder / "test_model.json")["reason"] == "stopped by anna"


def test_what_a_training_was_writing_when_it_was_stopped_at_its_beginning_goes_with_it(
    a_store: StudyDatastore, a_training: SegmentationTraining
) -> None:
    folder = a_store.workspace.training
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".tmp-first.json").write_text("{")
    a_training.stopped("anna")
    assert list(folder.iterdir()) == []


def test_the_next_training_which_runs_already_is_not_called_stopped(
    a_store: StudyDatastore, a_training: SegmentationTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_SECONDS_TO_END", 0.1)
    a_store.workspace.training.mkdir(parents=True, exist_ok=True)
    path, process = a_store.workspace.training / "test_model.json", psutil.Process()
    running = {"model": "test_model", "state": "running", "pid": process.pid}
    write_json(path, {**running, "process_started": process.create_time()})
    a_training.stopped("anna")
    assert read_json(path)["state"] == "running"


@pytest.mark.parametrize("value", [0, 201, 1.5, "8", True, None])
def test_unusable_number_of_epochs_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="max_epochs"):
        epochs_option({"max_epochs": value})


def test_label_corrected_after_a_training_is_used_by_the_next(
    a_store: StudyDatastore, a_training: SegmentationTraining
) -> None:
    for seed in range(2):
        add_label(a_store.root, a_store.study(f"case-{seed}"), seed)
    a_training({"max_epochs": 1}, a_store)
    store = ModelStore(a_store.workspace.models)
    training = store.version("test_model", "2").card.training
    a_store.labels.save("case-0", "final", a_lesion_case(9)[1], {})
    a_training({"max_epochs": 1}, a_store)
    assert store.version("test_model", "3").card.training.fingerprint != training.fingerprint


def test_labels_that_are_new_or_changed_since_the_last_training_are_counted(
    a_store: StudyDatastore, a_training: SegmentationTraining
) -> None:
    for seed in range(2):
        add_label(a_store.root, a_store.study(f"case-{seed}"), seed)
    assert a_training.stats()["new_labels"] == a_training.new_labels() == 2
    assert a_training({"max_epochs": 1}, a_store)["new_labels"] == 0
    same = a_store.labels.path("case-0", "final")
    same.write_bytes(same.read_bytes())
    assert a_training.new_labels() == 0
    a_store.labels.save("case-0", "final", a_lesion_case(9)[1], {})
    assert a_training.new_labels() == 1
    add_label(a_store.root, add_study(a_store.root, "case-2", 2), 2)
    a_store.refresh()
    assert a_training.stats()["new_labels"] == 2


def test_label_saved_while_a_training_runs_is_new_for_the_next(
    a_store: StudyDatastore, a_training: SegmentationTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(2):
        add_label(a_store.root, a_store.study(f"case-{seed}"), seed)

    class Correcting:
        def __call__(self) -> bool:
            if a_training.new_labels() == 0:
                a_store.labels.save("case-1", "final", a_lesion_case(9)[1], {})
            return False

    monkeypatch.setattr("gliomics.server.tasks.train_segmentation.orphaned", Correcting)
    assert a_training({"max_epochs": 1}, a_store)["new_labels"] == 1
    assert "labels" not in a_training.stats()


def test_replayed_studies_have_a_label(tmp_path: Path) -> None:
    for seed in range(3):
        add_label(tmp_path, add_study(tmp_path, f"old-{seed}", seed), seed)
    add_study(tmp_path, "old-3", 3)
    assert [item.study.id for item in replayed_studies(tmp_path)] == ["old-0", "old-1", "old-2"]
    assert replayed_studies(None) == []


def test_training_takes_replayed_studies_along(a_store: StudyDatastore, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort"
    for seed in range(5, 8):
        add_label(cohort, add_study(cohort, f"old-{seed}", seed), seed)
    for seed in range(2):
        add_label(a_store.root, a_store.study(f"case-{seed}"), seed)
    add_model(a_store.root, a_card("test_model", TINY, ["flair"], []), an_untrained_state(TINY, 1))
    store = ModelStore(a_store.workspace.models)
    SegmentationTraining("test_model", store, a_store, replay=cohort)({"max_epochs": 1}, a_store)
    assert "with 3 replayed" in store.version("test_model", "2").card.training.population


def test_missing_folder_of_replayed_studies_is_told_without_its_path(
    a_store: StudyDatastore, a_training: SegmentationTraining, tmp_path: Path
) -> None:
    for seed in range(2):
        add_label(a_store.root, a_store.study(f"case-{seed}"), seed)
    training = SegmentationTraining(
        "test_model", ModelStore(a_store.workspace.models), a_store, replay=tmp_path / "gone"
    )
    with pytest.raises(InputError, match="--replay") as refusal:
        training({}, a_store)
    assert str(tmp_path) not in str(refusal.value)
    assert training.new_labels() == 0
