from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gliomics.client import ClientError, GliomicsClient
from gliomics.models import ModelStore
from gliomics.study import label_path, read_mask, write_mask
from tests.server.conftest import LABELLED
from tests.server.servers import Server


@pytest.mark.parametrize("strategy", ["random", "epistemic"])
def test_next_sample_is_an_unlabelled_study_with_a_reason(a_server: Server, strategy: str) -> None:
    sample = a_server.client.next_sample(strategy)
    assert sample["id"] in {"case-0", "case-1", "case-2", "case-3", "single"}
    assert sample["reason"]
    assert sample["sequences"]


def test_default_strategy_is_listed_first_and_asked_unless_another_is_named(a_server: Server) -> None:
    default = next(iter(a_server.client.info()["strategies"]))
    assert default == "hybrid"
    assert default in a_server.client.next_sample()["strategy"]


def test_epistemic_strategy_tells_the_score_and_how_many_it_compared(a_server: Server) -> None:
    sample = a_server.client.next_sample("epistemic")
    assert sample["score"] > 0
    version = a_server.client.info()["models"]["segmentation_flair"]["version"]
    assert f"segmentation_flair version {version}" in sample["reason"]
    assert "5 studies scored" in sample["reason"]


def test_study_is_kept_for_whoever_took_it_until_it_is_given_back(a_server: Server) -> None:
    anna, ben = (GliomicsClient(a_server.url, user=name) for name in ("Anna", "Ben"))
    study = anna.next_sample("first")["id"]
    (lease,) = [entry for entry in ben.leases() if entry["image"] == study]
    assert lease["user"] == "Anna"
    assert 0 < lease["until"] - time.time() <= 1800
    assert ben.image_info(study)["held"] == {key: lease[key] for key in ("user", "until")} | {
        "seconds": pytest.approx(lease["seconds"], abs=5)
    }
    assert ben.next_sample("first")["id"] != study
    anna.release(study)
    assert "held" not in ben.image_info(study)
    with pytest.raises(ClientError, match=f"study '{study}' is kept for nobody") as refusal:
        anna.release(study)
    assert refusal.value.status == 404
    assert ben.next_sample("first")["id"] == study
    for entry in ben.leases():
        ben.release(entry["image"])


def test_study_that_somebody_else_holds_is_offered_last_and_with_a_word(a_server: Server) -> None:
    client = GliomicsClient(a_server.url, user="Anna")
    offered: list[str] = []
    while (study := client.next_sample("first", client_id=f"annotator {len(offered)}")["id"]) not in offered:
        offered.append(study)
    choice = client.next_sample("first")
    assert "with other annotators" in choice["reason"]
    assert choice["held"]["user"].startswith("annotator ")
    for entry in client.leases():
        client.release(entry["image"])


def test_training_keeps_a_version_serves_it_only_if_better_and_reports_bad_studies(
    a_server: Server, a_studies_folder: Path
) -> None:
    store = ModelStore(a_studies_folder / ".gliomics" / "models")
    champion = store.current("segmentation_multi").card.version
    bad = label_path(a_studies_folder, "case-3")
    bad.write_bytes(b"not a mask")
    try:
        task = a_server.client.train("segmentation_multi", {"max_epochs": 6})
        assert task["request"]["model"] == "segmentation_multi"
        running = a_server.client.training_of("segmentation_flair")["running"]
        assert (running["model"], running["user"]) == ("segmentation_multi", "tester")
        with pytest.raises(ClientError, match="running already") as refusal:
            a_server.client.train("segmentation_flair")
        assert refusal.value.status == 429
        a_server.client.infer("segmentation_flair", "case-0")
        status = wait_until_done(a_server)
    finally:
        bad.unlink()
    progress = status["progress"]
    assert status["status"] == "DONE", status
    assert list(progress["skipped"]) == ["case-3"]
    assert progress["total_epochs"] == 4 * 6
    assert progress["by"] == "tester"
    whole = a_server.client.training_of("segmentation_multi")
    assert whole["running"] is None
    assert whole["basis"]["labelled"] == LABELLED
    curve = whole["progress"]["curve"]
    assert [point["epoch"] for point in curve[:2]] == [1, 2]
    assert {point["run"] for point in curve} == {1, 2, 3, 4}
    assert curve[-1]["epoch"] == progress["epoch"]
    assert all(point["loss"] > 0 for point in curve)
    assert all(0 <= point["dice"] <= 1 for point in curve if "dice" in point)
    assert any("dice" in point for point in curve), "five patients are enough to choose the epoch on one"
    assert "curve" not in a_server.client.info()["train_stats"]["segmentation_multi"]
    better = progress["verdict"]["outcome"] == "better"
    assert progress["published"] is better
    challenger = store.version("segmentation_multi", progress["version"]).card
    assert challenger.parent == champion
    serving = challenger.version if better else champion
    assert a_server.client.infer("segmentation_multi", "case-0").params["model_version"] == serving
    assert a_server.client.info()["train_stats"]["segmentation_multi"]["version"] == challenger.version
    newest, *older = a_server.client.model_versions("segmentation_multi")
    assert (newest["version"], newest["parent"], newest["serves"]) == (challenger.version, champion, better)
    assert (newest["n_patients"], newest["reason"]) == (challenger.training.n_patients, challenger.reason)
    assert [entry["version"] for entry in older if entry["serves"]] == ([] if better else [champion])
    assert "patients" not in newest, "nobody is told by the server whom a model learned from"


def test_rollback_goes_only_to_versions_that_served_and_says_which(a_server: Server, a_studies_folder: Path) -> None:
    store = ModelStore(a_studies_folder / ".gliomics" / "models")
    serving = store.current("slow")
    weights = {
        name: lambda path, name=name: path.write_bytes(serving.file(name).read_bytes()) for name in serving.card.sha256
    }
    kept = store.add(serving.card.model_copy(update={"reason": "kept, not published: worse"}), weights).card.version
    better = store.add(serving.card, weights).card.version
    store.publish("slow", better, "better")
    with pytest.raises(ClientError, match=f"version {kept} .* never served .*worse") as refusal:
        a_server.client.rollback_model("slow", kept)
    assert refusal.value.status == 400
    with pytest.raises(ClientError, match="no version 9") as refusal:
        a_server.client.rollback_model("slow", "9")
    assert refusal.value.status == 404
    answer = a_server.client.rollback_model("slow", reason="it is slow")
    assert answer["history"][-1]["reason"] == "it is slow (tester)"
    assert (answer["version"], answer["before"]) == (serving.card.version, better)
    assert a_server.client.info()["models"]["slow"]["version"] == serving.card.version


def test_label_tells_from_which_mask_it_was_made(a_server: Server, tmp_path: Path) -> None:
    """The server compares what is saved with what it gave out; what a client says of it changes nothing."""
    answer = a_server.client.infer("segmentation_flair", "case-2")
    path = tmp_path / "mask.nii.gz"
    path.write_bytes(answer.label or b"")
    automatic = read_mask(path)
    version = answer.params["model_version"]

    def saved(array: np.ndarray) -> dict[str, object]:
        write_mask(automatic.with_array(array.astype(np.uint8)), path)
        a_server.client.save_label("case-2", path, tag="origins", params={"origin": {"kind": "drawn"}})
        origin: dict[str, object] = a_server.client.label_history("case-2", "origins")[-1]["info"]["origin"]
        return origin

    made = {"model": "segmentation_flair", "version": version}
    assert saved(automatic.array) == {"kind": "unchanged", **made, "changed": 0.0}
    edited = automatic.array.copy()
    edited[:, :, 1] = 0
    share = (automatic.array[:, :, 1] > 0).sum() / (automatic.array > 0).sum()
    assert saved(edited) == {"kind": "edited", **made, "changed": round(float(share), 4)}
    independent = np.zeros_like(automatic.array)
    independent[2:9, 2:9, 2:4] = 1
    assert saved(independent) == {"kind": "independent"}


def test_subtype_model_is_trained_on_a_genomic_table_of_enough_patients(
    a_server: Server, a_studies_folder: Path
) -> None:
    with pytest.raises(ClientError, match=r"studies folder has no genomics.csv; .* 'size'") as refusal:
        a_server.client.train("subtype_size")
    assert refusal.value.status == 400
    table = a_studies_folder / "genomics.csv"
    sizes = "".join(f"patient-{number},{'large' if number % 2 else 'small'}\n" for number in range(10, 15))
    table.write_text("patient_id,size\n" + sizes)
    try:
        a_server.client.train("subtype_size")
        status = wait_until_done(a_server)
    finally:
        table.unlink()
    assert status["status"] == "ERROR"
    assert "too few patients in a class" in status["progress"]["reason"]
    assert a_server.client.info()["models"]["subtype"]["subtype_models"]["subtype_size"]["version"] == "1"


def test_stopped_training_leaves_the_models_as_they_were(a_server: Server, a_studies_folder: Path) -> None:
    store = ModelStore(a_studies_folder / ".gliomics" / "models")
    before = set(store.versions("segmentation_flair"))
    a_server.client.train("segmentation_flair", {"max_epochs": 200})
    wait_for(lambda: a_server.client.train_status()["progress"].get("epoch", 0) > 0)
    assert a_server.client.training_of("segmentation_flair")["progress"]["seconds_left"] > 0
    with ThreadPoolExecutor(1) as watcher:
        seen = watcher.submit(first_reason_of_its_end, a_server.client)
        assert a_server.client.stop_training()["status"] == "STOPPED"
        assert seen.result() == "stopped by tester"
    assert a_server.client.train_status()["progress"]["reason"] == "stopped by tester"
    assert set(store.versions("segmentation_flair")) == before
    assert a_server.client.stop_training() == {}


def first_reason_of_its_end(client: GliomicsClient) -> str:
    """Asks again and again, and returns the reason of the first answer that says that the training ended."""
    end = time.monotonic() + 60
    while (progress := client.training_of("segmentation_flair")["progress"])["state"] == "running":
        assert time.monotonic() < end
    return str(progress["reason"])


def wait_until_done(server: Server) -> dict[str, object]:
    wait_for(lambda: server.client.train_status()["status"] not in ("SUBMITTED", "RUNNING"))
    status: dict[str, object] = server.client.train_status()
    return status


def wait_for(condition: object, seconds: float = 300) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)
