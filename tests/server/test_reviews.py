"""Reviewers and several annotators, over HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gliomics.client import ClientError
from gliomics.study import read_mask
from tests.server.servers import Server
from tests.server.studies import add_study
from tests.server.test_labels import a_mask_with

STUDY = "reviewed"


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
    said = [[review["state"] for review in version["reviews"]] for version in client.label_history(STUDY)]
    assert said == [["returned"], ["submitted", "approved"]]


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
    found = {(one["first"], one["second"]): one for one in a_server.client.label_agreement(STUDY, annotators)}
    assert found["anna", "ben"]["dice"] == 1
    assert found["anna", "carla"]["dice"] == pytest.approx(2 * 10 / 24)
    assert found["anna", "carla"]["hausdorff_95"] > 0
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
