"""Uploads of images: two files never become one study, and labels stay with the image that they were drawn on."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from gliomics.client import ClientError
from gliomics.study import label_path, write_mask, write_volume
from tests.server.servers import Server, start_server
from tests.server.studies import a_lesion_case, add_label, add_study


@pytest.fixture(scope="module")
def a_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over the study folder ``case-0``, with a label, and nothing else."""
    root = tmp_path_factory.mktemp("uploads") / "studies"
    add_label(root, add_study(root, "case-0", 0), 0)
    server = start_server(root)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Six different images, as files."""
    folder = tmp_path_factory.mktemp("images")
    for seed in range(6):
        write_volume(a_lesion_case(seed)[0]["flair"], folder / f"{seed}.nii.gz")
    return [(folder / f"{seed}.nii.gz").read_bytes() for seed in range(6)]


def send(server: Server, name: str, content: bytes, **params: str) -> requests.Response:
    files = {"file": (name, content)}
    return requests.put(f"{server.url}/datastore/image", params=params, files=files, timeout=60)


def refused(server: Server, name: str, content: bytes, **params: str) -> str:
    before = server.written()
    answer = send(server, name, content, **params)
    assert answer.status_code == 400, answer.text
    assert server.written() == before
    return str(answer.json()["detail"])


def test_an_id_that_contradicts_the_sequence_of_the_files_name_is_refused(
    a_server: Server, images: list[bytes]
) -> None:
    assert re.search(
        r"is t1c by its name, and 'P7_T1' says t1", refused(a_server, "T1 GD.nii.gz", images[0], image="P7_T1")
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Pat A flair.nii.gz", "use 1 to 128 letters"),
        ("Müller.nii.gz", "use 1 to 128 letters"),
        ("-flair.nii.gz", "use 1 to 128 letters"),
        ("a..b.nii.gz", "use 1 to 128 letters"),
        (".nii.gz", "use 1 to 128 letters"),
        ("labels.nii.gz", "reserved"),
        ("Truth.nii.gz", "reserved"),
        ("CON.nii.gz", "device of Windows"),
        ("lpt1.flair.nii.gz", "device of Windows"),
        ("flair..nii.gz", "use 1 to 128 letters|reserved"),
        ("flair.nii.gz.nii.gz", "ends in a file type"),
        ("flair.nrrd.nii.gz", "ends in a file type"),
        ("case1_seg.nii.gz", "named as a mask.*PUT /datastore/label"),
        ("case1.seg.nrrd", "ends in a file type|named as a mask"),
        ("case-0.nii.gz", "study 'case-0' exists already"),
        ("CASE-0.nii.gz", "study 'case-0' exists already"),
    ],
)
def test_a_name_that_cannot_be_a_study_of_its_own_is_refused(
    a_server: Server, images: list[bytes], name: str, reason: str
) -> None:
    assert re.search(reason, refused(a_server, name, images[1]))


def test_files_of_unsafe_names_become_studies_under_the_ids_that_are_given(
    a_server: Server, images: list[bytes]
) -> None:
    assert send(a_server, "Pat A flair.nii.gz", images[1], image="pat-a_flair").json() == {"image": "pat-a_flair"}
    assert send(a_server, "Pat B flair.nii.gz", images[2], image="pat-b_flair").json() == {"image": "pat-b_flair"}
    assert (a_server.studies / "pat-a_flair.nii.gz").read_bytes() == images[1]
    assert (a_server.studies / "pat-b_flair.nii.gz").read_bytes() == images[2]


@pytest.mark.parametrize("name", ["one.nii.gz", "ONE.nii.gz", "One.nii"])
def test_names_that_differ_by_case_or_type_are_not_one_study(a_server: Server, images: list[bytes], name: str) -> None:
    assert send(a_server, "one.nii.gz", images[3]).json() == {"image": "one"}
    content = gzip.decompress(images[4]) if name.endswith(".nii") else images[4]
    assert "'one" in refused(a_server, name, content)
    assert (a_server.studies / "one.nii.gz").read_bytes() == images[3]


def test_an_image_with_a_label_is_replaced_only_when_asked_and_its_label_goes_with_it(
    a_server: Server, images: list[bytes], tmp_path: Path
) -> None:
    assert send(a_server, "two_flair.nii.gz", images[1]).status_code == 200
    write_mask(a_lesion_case(1)[1], tmp_path / "label.nii.gz")
    a_server.client.save_label("two_flair", tmp_path / "label.nii.gz")
    assert "has labels (final)" in refused(a_server, "two_flair.nii.gz", images[2])
    assert send(a_server, "two_flair.nii.gz", images[1]).json() == {"image": "two_flair"}  # the same file again
    packed_anew = gzip.compress(gzip.decompress(images[1]), 1)
    assert packed_anew != images[1]
    assert send(a_server, "two_flair.nii.gz", packed_anew).json() == {"image": "two_flair"}
    assert label_path(a_server.studies, "two_flair").is_file()
    answer = send(a_server, "two_flair.nii.gz", images[2], replace="true").json()
    assert answer["labels_moved"] == ["final"]
    kept = a_server.studies / ".gliomics" / "removed" / answer["replaced"]
    assert (kept / "two_flair.nii.gz").read_bytes() == images[1]
    assert (kept / "labels" / "final" / "two_flair.nii.gz").is_file()
    assert not label_path(a_server.studies, "two_flair").exists()
    with pytest.raises(ClientError, match="no label 'final'"):
        a_server.client.download_label("two_flair")
    assert len(a_server.client.label_history("two_flair")) == 1


def test_of_uploads_at_the_same_time_one_is_the_study_and_the_others_are_refused(
    a_server: Server, images: list[bytes]
) -> None:
    answers: dict[int, requests.Response] = {}

    def upload(number: int) -> None:
        answers[number] = send(a_server, "race.nii.gz", images[number])

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [number for number, answer in answers.items() if answer.status_code == 200]
    assert all(answer.status_code == 400 for number, answer in answers.items() if number != winner)
    assert (a_server.studies / "race.nii.gz").read_bytes() == images[winner]


def test_a_mask_is_refused_as_an_image_with_the_route_of_labels(a_server: Server, tmp_path: Path) -> None:
    write_mask(a_lesion_case(1)[1], tmp_path / "three.nii.gz")
    content = (tmp_path / "three.nii.gz").read_bytes()
    assert "PUT /datastore/label" in refused(a_server, "three.nii.gz", content)
    answer = requests.put(f"{a_server.url}/session/", files={"files": ("three.nii.gz", content)}, timeout=60)
    assert answer.status_code == 400
    assert "PUT /datastore/label" in answer.json()["detail"]


def test_two_files_of_one_sequence_are_no_session(a_server: Server, images: list[bytes]) -> None:
    files = [("files", (name, images[number])) for number, name in enumerate(("t1c.nii.gz", "T1ce.nii.gz"))]
    answer = requests.put(f"{a_server.url}/session/", files=files, timeout=60)
    assert answer.status_code == 400
    assert "one sequence (t1c.nii.gz, T1ce.nii.gz)" in answer.json()["detail"]
