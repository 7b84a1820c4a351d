"""Reviewers and several annotators, over HTTP."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests

from gliomics.client import ClientError
from gliomics.study import read_mask
from tests.server.servers import Server
from tests.server.studies import add_study
from tests.server.test_labels import a_mask_with

STUDY = "reviewed"
FORM = {"state": "returned", "comment": "redo it", "user": "Dr A"}


@pytest.fixture(scope="module", autouse=True)
def a_study(a_studies_folder: Path) -> Iterator[None]:
    """A study for these tests alone, so that others find theirs without labels."""
    add_study(a_studies_folder, STUDY, 0)
    yield
    shutil.rmtree(a_studies_folder / STUDY)


@pytest.fixture
def annotators(a_server: Server, tmp_path: Path) -> list[str]:
    """Three annotators' labels of one study, each under a tag of its own."""
    tags = {"anna": 10, "ben": 10, "carla": 14}
    for tag, count in tags.items():
        a_server.client.save_label(STUDY, a_mask_with({1: count}, tmp_path), tag=tag)
    return list(tags)


def test_returned_label_is_to_be_done_again_until_it_is_saved(a_server: Server, tmp_path: Path) -> None:
    client = a_server.client
    before = client.info()["datastore"]
    client.save_label(STUDY, a_mask_with({1: 5}, tmp_path))
    review = client.review_label(STUDY, "returned", "the second lesion is missing")
    assert (review["version"], review["user"]) == (1, "tester")
    now = client.info()["datastore"]
    assert (now["completed"], now["returned"]) == (before["completed"], 1)
    assert STUDY in {client.next_sample("random", seed=seed)["id"] for seed in range(40)}
    client.save_label(STUDY, a_mask_with({1: 9}, tmp_path))
    assert client.info()["datastore"]["completed"] == before["completed"] + 1
    assert client.review_label(STUDY, "approved")["version"] == 2
    states = [[review["state"] for review in version["reviews"]] for version in client.label_history(STUDY)]
    assert states == [["returned"], ["submitted", "approved"]]


def test_labels_of_a_study_are_listed_with_their_versions_and_what_was_said_of_them(
    a_server: Server, annotators: list[str], tmp_path: Path
) -> None:
    client = a_server.client
    client.save_label(STUDY, a_mask_with({1: 7}, tmp_path), tag="anna")
    client.review_label(STUDY, "returned", "too small", tag="anna")
    rows = client.labels(STUDY)
    anna = [row for row in rows if row["tag"] == "anna"]
    assert {row["tag"] for row in rows} >= {*annotators}
    assert [row["version"] for row in anna] == sorted((row["version"] for row in anna), reverse=True)
    assert [row["is_current"] for row in anna] == [True, *[False] * (len(anna) - 1)]
    assert anna[0]["review"]["comment"] == "too small"
    assert anna[0]["voxels"] == {"1": 7}
    assert anna[0]["user"] == "tester"
    with pytest.raises(ClientError, match="no-such") as refusal:
        client.labels("no-such")
    assert refusal.value.status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"json": FORM},
        {"data": FORM},
        {"data": {"params": json.dumps(FORM)}},
        {"files": {name: (None, text) for name, text in FORM.items()}},
        {"data": json.dumps(FORM), "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    ],
    ids=["json", "form", "params", "multipart", "json-as-form"],
)
def test_review_is_taken_as_json_and_as_any_form(a_server: Server, tmp_path: Path, body: dict[str, object]) -> None:
    a_server.client.save_label(STUDY, a_mask_with({1: 5}, tmp_path), tag="forms")
    answer = requests.put(
        f"{a_server.url}/datastore/label/review", params={"label": STUDY, "tag": "forms"}, timeout=60, **body
    )
    assert answer.status_code == 200, answer.text
    assert [answer.json()[key] for key in ("state", "comment", "user")] == ["returned", "redo it", "Dr A"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("PUT", "label/review", {"json": {"state": "approved"}}, 422, "parameter 'label' of the address is missing"),
        ("PUT", "label/review?label=reviewed", {"json": {}}, 400, "'state' is missing; send one of submitted"),
        ("PUT", "label/review?label=reviewed", {"json": [1]}, 400, "the body is [1]; expected a JSON object or a form"),
        ("PUT", "label/review?label=reviewed", {"json": "approved"}, 400, "the body is 'approved'; expected a JSON"),
        (
            "PUT",
            "label/review?label=reviewed",
            {"data": b'{"state":', "headers": {"Content-Type": "application/json"}},
            422,
            "the body is no JSON (at character 9",
        ),
        (
            "PUT",
            "label/review?label=reviewed",
            {"data": b"approved", "headers": {"Content-Type": "text/plain"}},
            400,
            "the body is of the type 'text/plain'; expected a JSON object or a form",
        ),
        ("PUT", "label/review?label=reviewed", {"files": {"state": b"x"}}, 400, "'state' of the form is a file"),
        (
            "PUT",
            "label/review?label=reviewed",
            {"data": [("state", "approved"), ("state", "returned")]},
            400,
            "twice in the form",
        ),
        ("GET", "label?label=reviewed&tag=final&version=two", {}, 422, "'version' of the address is 'two'; expected a"),
        ("PUT", "label?image=reviewed", {"data": {"params": "{}"}}, 422, "field 'label' of the body is missing"),
        ("DELETE", "label", {}, 422, "parameter 'id' of the address is missing; send it; parameter 'tag'"),
    ],
)
def test_unusable_request_is_answered_in_a_sentence(
    a_server: Server, method: str, path: str, body: dict[str, object], status: int, error: str
) -> None:
    answer = requests.request(method, f"{a_server.url}/datastore/{path}", timeout=60, **body)
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json()["detail"], str)
    assert error in answer.json()["detail"]


@pytest.mark.parametrize(
    ("study", "state", "comment", "status", "error"),
    [
        ("labelled-0", "perfect", "", 400, "expected one of submitted, approved, returned"),
        ("labelled-0", "returned", "", 400, "say what is to be done"),
        ("nobody", "approved", "", 404, "no study 'nobody'"),
        ("case-0", "approved", "", 404, "no label 'final'"),
        ("../case-0", "approved", "", 400, "label id"),
    ],
)
def test_unusable_review_is_refused(
    a_server: Server, study: str, state: str, comment: str, status: int, error: str
) -> None:
    with pytest.raises(ClientError, match=error) as refusal:
        a_server.client.review_label(study, state, comment)
    assert refusal.value.status == status


def test_agreement_of_several_annotators(a_server: Server, annotators: list[str]) -> None:
    pairs = a_server.client.label_agreement(STUDY, annotators)
    agreements = {(pair["first"], pair["second"]): pair for pair in pairs}
    assert agreements["anna", "ben"]["dice"] == 1
    assert agreements["anna", "carla"]["dice"] == pytest.approx(2 * 10 / 24)
    assert agreements["anna", "carla"]["hausdorff_95"] > 0
    with pytest.raises(ClientError, match="two different label tags"):
        a_server.client.label_agreement(STUDY, ["anna"])


def test_consensus_is_kept_with_what_it_is_made_of(a_server: Server, annotators: list[str], tmp_path: Path) -> None:
    made = a_server.client.save_consensus(STUDY, annotators, tag="consensus")
    path = tmp_path / "consensus.nii.gz"
    path.write_bytes(a_server.client.download_label(STUDY, "consensus"))
    agreed = read_mask(path)
    assert np.count_nonzero(agreed.array) == 10
    version = a_server.client.label_history(STUDY, "consensus")[-1]
    assert (version["user"], set(version["info"]["consensus_of"])) == ("tester", set(annotators))
    assert made["specificity"]["carla"] < made["specificity"]["anna"]
    with pytest.raises(ClientError, match="cannot be the consensus and one of those"):
        a_server.client.save_consensus(STUDY, annotators, tag="anna")


def test_empty_label_is_kept_only_where_it_is_meant(a_server: Server, tmp_path: Path) -> None:
    empty = a_mask_with({}, tmp_path)
    with pytest.raises(ClientError, match=r"'empty' of study 'reviewed' is empty.*allow_empty"):
        a_server.client.save_label(STUDY, empty, tag="empty")
    a_server.client.save_label(STUDY, empty, tag="empty", params={"allow_empty": True})
    assert a_server.client.label_history(STUDY, "empty")[-1]["voxels"] == {}
