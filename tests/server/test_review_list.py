"""The list of studies that a reviewer goes through, over HTTP."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gliomics.client import ClientError, GliomicsClient
from gliomics.study import Volume, write_mask
from tests.server.servers import Server
from tests.server.studies import a_lesion_case, add_study
from tests.server.test_labels import a_mask_with

STUDIES = ("listed-a", "listed-b", "listed-c")


@pytest.fixture(autouse=True)
def some_studies(a_studies_folder: Path) -> Iterator[None]:
    """Studies for these tests alone, each time without labels."""
    for seed, name in enumerate(STUDIES):
        add_study(a_studies_folder, name, seed)
    yield
    for name in STUDIES:
        shutil.rmtree(a_studies_folder / name)
        for path in (a_studies_folder / "labels").glob(f"*/{name}.nii.gz"):
            path.unlink()
        shutil.rmtree(a_studies_folder / ".gliomics" / "history" / name, ignore_errors=True)
        for path in (a_studies_folder / ".gliomics" / "reviews").glob(f"*/{name}.json"):
            path.unlink()
    (a_studies_folder / ".gliomics" / "leases.json").unlink(missing_ok=True)


def client(server: Server, user: str) -> GliomicsClient:
    return GliomicsClient(server.url, timeout=60, user=user)


def rows(server: Server) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in server.client.reviews()["studies"] if row["id"] in STUDIES}


def state(server: Server, study: str = "listed-a") -> str:
    return str(rows(server)[study]["state"])


def test_states_follow_what_is_saved_and_said(a_server: Server, tmp_path: Path) -> None:
    anna, rita = client(a_server, "Anna Å"), client(a_server, "Rita")
    assert {row["state"] for row in rows(a_server).values()} == {"unlabelled"}
    anna.save_label("listed-a", a_mask_with({1: 5}, tmp_path), tag="partial", params={"slices_done": [2]})
    assert state(a_server) == "partial"
    anna.save_label("listed-a", a_mask_with({1: 5}, tmp_path))
    row = rows(a_server)["listed-a"]
    assert (row["state"], row["tag"], row["version"], row["user"], row["review"]) == (
        "submitted",
        "final",
        1,
        "Anna Å",
        None,
    )
    rita.review_label("listed-a", "returned", "too small", looked_at=row)
    row = rows(a_server)["listed-a"]
    assert (row["state"], row["review"]["comment"], row["review"]["user"], row["own_label"]) == (
        "returned",
        "too small",
        "Rita",
        False,
    )
    anna.save_label("listed-a", a_mask_with({1: 9}, tmp_path))
    assert state(a_server) == "submitted"
    answer = anna.review_label("listed-a", "approved", looked_at=rows(a_server)["listed-a"])
    assert answer["own_label"] is True
    row = rows(a_server)["listed-a"]
    assert (row["state"], row["version"], row["own_label"]) == ("approved", 2, True)
    assert rows(a_server)["listed-b"]["state"] == "unlabelled"


def test_what_was_said_of_a_label_is_not_said_of_one_that_was_copied_over_it(a_server: Server, tmp_path: Path) -> None:
    anna = client(a_server, "Anna")
    anna.save_label("listed-a", a_mask_with({1: 5}, tmp_path))
    anna.review_label("listed-a", "approved")
    assert state(a_server) == "approved"
    label = a_server.studies / "labels" / "final" / "listed-a.nii.gz"
    shutil.move(a_mask_with({1: 12}, tmp_path), label)
    row = rows(a_server)["listed-a"]
    assert (row["state"], row["version"], row["user"]) == ("submitted", None, None)


def test_a_version_that_came_since_is_not_reviewed(a_server: Server, tmp_path: Path) -> None:
    anna, rita = client(a_server, "Anna"), client(a_server, "Rita")
    anna.save_label("listed-a", a_mask_with({1: 5}, tmp_path))
    looked_at = rows(a_server)["listed-a"]
    anna.save_label("listed-a", a_mask_with({1: 9}, tmp_path))
    with pytest.raises(ClientError, match=r"was version 1 when .* is version 2 by Anna of 20.*nothing was noted") as no:
        rita.review_label("listed-a", "approved", looked_at=looked_at)
    assert no.value.status == 409
    assert (state(a_server), a_server.client.label_history("listed-a")[-1]["reviews"]) == ("submitted", [])
    with pytest.raises(ClientError, match="version is 'two'; expected the number"):
        rita.review_label("listed-a", "approved", looked_at={"version": "two"})
    assert rita.review_label("listed-a", "approved", looked_at=rows(a_server)["listed-a"])["version"] == 2


def test_a_label_that_was_put_there_by_hand_is_reviewed_as_it_is(a_server: Server, tmp_path: Path) -> None:
    label = a_server.studies / "labels" / "final" / "listed-b.nii.gz"
    shutil.move(a_mask_with({1: 7}, tmp_path), label)
    by_hand = rows(a_server)["listed-b"]
    assert (by_hand["state"], by_hand["version"]) == ("submitted", None)
    client(a_server, "Anna").save_label("listed-b", a_mask_with({1: 8}, tmp_path))
    with pytest.raises(ClientError, match=r"was put there by hand when .* is version 2 by Anna"):
        client(a_server, "Rita").review_label("listed-b", "approved", looked_at=by_hand)
    shutil.move(a_mask_with({1: 11}, tmp_path), label)
    client(a_server, "Rita").review_label("listed-b", "approved", looked_at=rows(a_server)["listed-b"])
    row = rows(a_server)["listed-b"]
    assert (row["state"], row["version"], row["review"]["user"]) == ("approved", 3, "Rita")


def agreements(server: Server, study: str) -> list[dict[str, Any]]:
    """Those of a study, when all are known."""
    end = time.monotonic() + 30
    while (answer := server.client.reviews())["agreements_pending"]:
        assert time.monotonic() < end
    return next(list(row["agreements"]) for row in answer["studies"] if row["id"] == study)


def test_agreements_are_made_once_and_again_when_a_label_changes(a_server: Server, tmp_path: Path) -> None:
    anna, ben = client(a_server, "Anna"), client(a_server, "Ben")
    anna.save_label("listed-c", a_mask_with({1: 10}, tmp_path))
    for tag in ("original", "partial"):  # neither is another annotator's label
        ben.save_label("listed-c", a_mask_with({1: 4}, tmp_path), tag=tag, params={"slices_done": [2]})
    assert agreements(a_server, "listed-c") == []
    ben.save_label("listed-c", a_mask_with({1: 14}, tmp_path), tag="second")
    (first,) = agreements(a_server, "listed-c")
    assert first == {"first": "final", "second": "second", "dice": pytest.approx(20 / 24)}
    ben.save_label("listed-c", a_mask_with({1: 10}, tmp_path), tag="second")
    assert [pair["dice"] for pair in agreements(a_server, "listed-c")] == [1]
    ben.save_label("listed-c", a_mask_with({}, tmp_path), tag="second", params={"allow_empty": True})
    assert [pair["dice"] for pair in agreements(a_server, "listed-c")] == [0]


def test_labels_that_cannot_be_compared_say_why(a_server: Server, tmp_path: Path) -> None:
    client(a_server, "Anna").save_label("listed-c", a_mask_with({1: 10}, tmp_path))
    other = a_server.studies / "labels" / "second" / "listed-c.nii.gz"
    other.parent.mkdir(exist_ok=True)
    write_mask(Volume(a_lesion_case(0)[1].array, np.diag([-1.5, 1.5, 5.0, 1.0])), other)
    (pair,) = agreements(a_server, "listed-c")
    assert pair["dice"] is None
    assert "second" in pair["refused"]


def test_what_was_sent_back_is_offered_first_and_to_whoever_drew_it(a_server: Server, tmp_path: Path) -> None:
    anna, ben, rita = (client(a_server, name) for name in ("Anna", "Ben", "Rita"))
    for annotator, study in ((anna, "listed-a"), (ben, "listed-b")):
        annotator.save_label(study, a_mask_with({1: 5}, tmp_path))
        rita.review_label(study, "returned", f"redo {study}")
    for annotator, name, study in ((ben, "Ben", "listed-b"), (anna, "Anna", "listed-a")):
        offer = annotator.next_sample("random", client_id=name)
        assert (offer["id"], offer["reason"]) == (study, f"sent back by Rita: redo {study}")
    carla = client(a_server, "Carla").next_sample("random", client_id="Carla")
    assert carla["id"] not in ("listed-a", "listed-b"), "they are with Anna and Ben now"
    anna.save_label("listed-a", a_mask_with({1: 6}, tmp_path))
    ben.save_label("listed-b", a_mask_with({1: 6}, tmp_path))
    assert "sent back" not in anna.next_sample("random", client_id="Anna")["reason"]


def test_a_returned_label_of_somebody_else_still_comes_before_studies_without_one(
    a_server: Server, tmp_path: Path
) -> None:
    client(a_server, "Anna").save_label("listed-a", a_mask_with({1: 5}, tmp_path))
    client(a_server, "Rita").review_label("listed-a", "returned", "redo")
    assert {a_server.client.next_sample("random", seed=seed)["id"] for seed in range(5)} == {"listed-a"}
