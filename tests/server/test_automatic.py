from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gliomics.models import ModelStore
from gliomics.study import write_mask
from tests.server.servers import Server, start_server
from tests.server.studies import TINY, a_card, a_lesion_case, add_label, add_model, add_study, an_untrained_state
from tests.server.test_learning import wait_for, wait_until_done
from tests.server.test_starting import one_line, serve


@pytest.fixture
def an_eager_server(tmp_path: Path) -> Iterator[Server]:
    """A server over four studies that trains after two new labels, with three studies of another cohort to replay."""
    root, cohort = tmp_path / "site" / "studies", tmp_path / "cohort"
    for seed in range(4):
        add_study(root, f"case-{seed}", seed)
    for seed in range(30, 33):
        add_label(cohort, add_study(cohort, f"old-{seed}", seed), seed)
    for name in ("segmentation_flair", "tiny"):
        add_model(root, a_card(name, TINY, ["flair"], []), an_untrained_state(TINY, 1))
    server = start_server(root, "--train-after", "2", "--replay", str(cohort))
    yield server
    server.stop()


def saved(server: Server, seed: int, folder: Path, **params: str) -> None:
    mask = folder / f"mask-{seed}.nii.gz"
    write_mask(a_lesion_case(seed)[1], mask)
    server.client.save_label(f"case-{seed}", mask, params=params)


def test_server_trains_by_itself_after_enough_new_labels_and_replays_the_first_cohort(
    an_eager_server: Server, tmp_path: Path
) -> None:
    server = an_eager_server
    saved(server, 0, tmp_path, model="tiny")
    assert server.client.train_status()["status"] == "NONE"
    saved(server, 1, tmp_path, model="tiny")
    wait_for(lambda: server.client.train_status()["status"] != "NONE")
    status = wait_until_done(server)
    assert status["status"] == "DONE", status
    assert server.client.train_status()["request"]["model"] == "tiny"
    stats = server.client.info()["train_stats"]
    assert (stats["tiny"]["new_labels"], stats["segmentation_flair"]["new_labels"]) == (0, 2)
    store = ModelStore(server.studies / ".gliomics" / "models")
    version = store.version("tiny", stats["tiny"]["version"]).card
    assert version.training.population.endswith("then 2 studies labelled here, with 3 replayed")
    saved(server, 2, tmp_path)
    wait_for(lambda: server.client.train_status()["request"]["model"] == "segmentation_flair")
    assert wait_until_done(server)["status"] == "DONE"


def test_broken_state_of_the_last_training_stops_neither_a_label_nor_the_next_training(tmp_path: Path) -> None:
    root = tmp_path / "studies"
    add_study(root, "case-0", 0)
    add_model(root, a_card("segmentation_flair", TINY, ["flair"], []), an_untrained_state(TINY, 1))
    server = start_server(root, "--train-after", "1")
    try:
        (root / ".gliomics" / "training" / "segmentation_flair.json").write_text("{")
        saved(server, 0, tmp_path)
        wait_for(lambda: server.client.train_status()["status"] != "NONE")
        assert server.client.label_history("case-0", "final")[0]["version"] == 1
    finally:
        server.stop()


def test_missing_folder_to_replay_is_one_clear_line(tmp_path: Path) -> None:
    message = one_line(serve("--studies", str(tmp_path), "--replay", str(tmp_path / "nowhere")))
    assert "--replay needs a folder of studies with final labels" in message
