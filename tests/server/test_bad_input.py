"""Whatever is wrong with a request is said in a 4xx answer, and nothing is written."""

from __future__ import annotations

import gzip
import json
import re
import socket
import struct
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests

from gliomics.study import Volume, write_mask, write_volume
from tests.server.servers import Server
from tests.server.studies import AFFINE, a_lesion_case


def a_bomb() -> bytes:
    """A NIfTI file of a few hundred bytes that claims 2000 x 2000 x 1500 voxels."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, 2000, 2000, 1500, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 2, 8)
    struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<f", header, 108, 352)
    header[344:348] = b"n+1\0"
    return gzip.compress(bytes(header) + bytes(100_000))


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Labels that cannot be used with ``case-0``, by what is wrong with them."""
    folder = tmp_path_factory.mktemp("bad")
    _, mask = a_lesion_case(0)
    shifted = AFFINE.copy()
    shifted[0, 3] = 30
    write_mask(mask.with_array(np.zeros_like(mask.array)), folder / "empty-mask.nii.gz")
    write_mask(Volume(mask.array[::2], AFFINE @ np.diag([2, 1, 1, 1])), folder / "other-size.nii.gz")
    write_mask(Volume(mask.array, shifted), folder / "other-place.nii.gz")
    write_volume(Volume(mask.array * np.float32(0.5), AFFINE), folder / "fractions.nii.gz")
    good = folder / "good.nii.gz"
    write_mask(mask, good)
    (folder / "truncated.nii.gz").write_bytes(good.read_bytes()[:-60])
    (folder / "garbage.nii.gz").write_bytes(bytes(range(256)) * 20)
    (folder / "nothing.nii.gz").write_bytes(b"")
    (folder / "bomb.nii.gz").write_bytes(a_bomb())
    (folder / "text.txt").write_text("a note")
    return {path.name.split(".")[0]: path for path in folder.iterdir()}


BAD_LABELS = (
    "empty-mask",
    "other-size",
    "other-place",
    "fractions",
    "truncated",
    "garbage",
    "nothing",
    "bomb",
    "text",
)


def send(server: Server, method: str, path: str, **options: Any) -> requests.Response:
    return requests.request(method, server.url + path, timeout=60, **options)


def refused(server: Server, expected: int, method: str, path: str, **options: Any) -> str:
    """Send a request, check its status and that no file changed, and return the message."""
    before = server.written()
    answer = send(server, method, path, **options)
    assert answer.status_code == expected, answer.text
    assert server.written() == before
    detail: str = answer.json()["detail"]
    assert str(server.studies) not in detail, "a server's paths are nobody's business"
    return detail


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_bad_label_is_not_saved_and_the_answer_names_the_study(
    a_server: Server, bad_files: dict[str, Path], kind: str
) -> None:
    with bad_files[kind].open("rb") as file:
        message = refused(
            a_server, 400, "PUT", "/datastore/label?image=case-0", files={"label": (bad_files[kind].name, file)}
        )
    assert "case-0" in message


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_bad_label_is_not_measured_and_the_answer_names_the_study(
    a_server: Server, bad_files: dict[str, Path], kind: str
) -> None:
    with bad_files[kind].open("rb") as file:
        message = refused(
            a_server, 400, "POST", "/infer/radiomics?image=case-0", files={"label": (bad_files[kind].name, file)}
        )
    assert "case-0" in message


def test_features_without_a_segment_say_that_it_is_missing(a_server: Server) -> None:
    assert "segment" in refused(a_server, 400, "POST", "/infer/radiomics?image=case-0")


@pytest.mark.parametrize("kind", ["truncated", "garbage", "nothing", "bomb", "text"])
def test_corrupt_upload_does_not_replace_a_good_image(a_server: Server, bad_files: dict[str, Path], kind: str) -> None:
    with bad_files[kind].open("rb") as file:
        message = refused(
            a_server, 400, "PUT", "/datastore/image?image=single", files={"file": (bad_files[kind].name, file)}
        )
    assert "single" in message


def test_upload_does_not_replace_a_study_of_several_sequences(a_server: Server, bad_files: dict[str, Path]) -> None:
    with bad_files["good"].open("rb") as file:
        refused(a_server, 400, "PUT", "/datastore/image?image=case-0", files={"file": ("case-0.nii.gz", file)})


@pytest.mark.parametrize("kind", ["garbage", "bomb"])
def test_corrupt_session_image_is_refused(a_server: Server, bad_files: dict[str, Path], kind: str) -> None:
    with bad_files[kind].open("rb") as file:
        refused(a_server, 400, "PUT", "/session/", files={"files": ("flair.nii.gz", file)})


def test_session_files_that_are_not_named_after_sequences_are_refused(
    a_server: Server, bad_files: dict[str, Path]
) -> None:
    content = bad_files["good"].read_bytes()
    files = [("files", (name, content)) for name in ("flair.nii.gz", "scan7.nii.gz")]
    assert "scan7" in refused(a_server, 400, "PUT", "/session/", files=files)


def test_archive_as_session_is_refused(a_server: Server, bad_files: dict[str, Path]) -> None:
    files = {"files": ("case.zip", b"PK")}
    refused(a_server, 400, "PUT", "/session/?uncompress=true", files=files)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/infer/nope?image=case-0", 404),
        ("POST", "/infer/segmentation_flair?image=nope", 404),
        ("POST", "/infer/segmentation_flair", 400),
        ("POST", "/infer/segmentation_flair?session_id=0123456789ab", 404),
        ("POST", "/infer/segmentation_flair?session_id=..%2F..%2Fsecret", 400),
        ("POST", "/infer/segmentation_flair?image=case-0&output=dicom_seg", 400),
        ("POST", "/activelearning/nope", 404),
        ("POST", "/train/nope", 404),
        ("POST", "/batch/infer/nope", 404),
        ("GET", "/datastore/image?image=nope", 404),
        ("GET", "/datastore/image?image=case-0&sequence=pet", 404),
        ("GET", "/datastore/label?label=case-0&tag=nope", 404),
        ("GET", "/datastore/label?label=labelled-0&tag=final&version=7", 404),
        ("GET", "/datastore/label/history?label=nope", 404),
        ("DELETE", "/datastore/image?id=nope", 404),
        ("DELETE", "/datastore/label?id=case-0&tag=nope", 404),
        ("DELETE", "/session/0123456789ab", 404),
        ("GET", "/model/info/nope", 404),
    ],
)
def test_unknown_name_is_a_404_that_says_so(a_server: Server, method: str, path: str, expected: int) -> None:
    assert refused(a_server, expected, method, path)


OUTSIDE = ("../outside/x", "..", "/etc/passwd", "labels/final/labelled-0", ".gliomics", "a\x00b", "a" * 300)


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize(
    ("method", "path", "parameter"),
    [
        ("POST", "/infer/segmentation_flair", "image"),
        ("GET", "/datastore/image", "image"),
        ("GET", "/datastore/image/info", "image"),
        ("PUT", "/datastore/image/info", "image"),
        ("GET", "/datastore/label?tag=final", "label"),
        ("GET", "/datastore/label?label=case-0", "tag"),
        ("GET", "/datastore/label/info?tag=final", "label"),
        ("GET", "/datastore/label/history", "label"),
        ("DELETE", "/datastore/image", "id"),
        ("DELETE", "/datastore/label?tag=final", "id"),
        ("DELETE", "/datastore/label?id=labelled-0", "tag"),
    ],
)
def test_name_that_leads_out_of_the_store_is_refused(
    a_server: Server, method: str, path: str, parameter: str, name: str
) -> None:
    assert "not allowed" in refused(a_server, 400, method, path, params={parameter: name})


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("parameter", ["image", "tag"])
def test_label_or_image_is_not_written_under_a_name_that_leads_out(
    a_server: Server, bad_files: dict[str, Path], parameter: str, name: str
) -> None:
    content = bad_files["good"].read_bytes()
    params = {"image": "case-0", parameter: name}
    refused(a_server, 400, "PUT", "/datastore/label", params=params, files={"label": ("x.nii.gz", content)})
    if parameter == "image":
        refused(a_server, 400, "PUT", "/datastore/image", params=params, files={"file": ("x.nii.gz", content)})


@pytest.mark.parametrize("params", ["{", "[1]", '"text"', '{"a": NaN}', "[" * 100_000])
def test_params_that_are_not_a_json_object_are_refused(a_server: Server, params: str) -> None:
    refused(a_server, 400, "POST", "/infer/segmentation_flair?image=case-0", data={"params": params})


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("segmentation_flair", {"result_extension": "/../x"}),
        ("segmentation_flair", {"resample_to": ["flair"]}),
        ("segmentation_flair", {"resample_to": "pet"}),
        ("segmentation_flair", {"result": "heatmap"}),
        ("segmentation_flair", {"save_label": True, "label_tag": "../../x"}),
        ("radiomics", {"config": "/etc/passwd"}),
        ("radiomics", {"label_value": -1}),
        ("subtype", {"models": ["nope"]}),
        ("subtype", {"models": "subtype_size"}),
        ("subtype", {"age": 400}),
        ("subtype", {"age": "old"}),
        ("subtype", {"age": True}),
        ("subtype", {"prevalence": 0.3}),
        ("subtype", {"prevalence": {"small": "many"}}),
        ("subtype", {"prevalence": {"nobody": 0.3}}),
    ],
)
def test_unusable_option_is_refused(
    a_server: Server, bad_files: dict[str, Path], model: str, params: dict[str, Any]
) -> None:
    before = a_server.written()
    with bad_files["good"].open("rb") as label:
        answer = requests.post(
            f"{a_server.url}/infer/{model}?image=case-0",
            data={"params": json.dumps(params)},
            files={"label": ("good.nii.gz", label)},
            timeout=60,
        )
    assert answer.status_code in (400, 404), answer.text
    assert a_server.written() == before


@pytest.mark.parametrize("params", [{"max_epochs": 0}, {"max_epochs": "many"}, {"max_epochs": 10**9}])
def test_unusable_training_option_is_refused_before_a_process_starts(a_server: Server, params: dict[str, Any]) -> None:
    refused(a_server, 400, "POST", "/train/segmentation_flair", json=params)


def test_study_without_the_sequence_that_a_model_needs_is_named(a_server: Server, a_studies_folder: Path) -> None:
    files = {"t1": a_studies_folder / "case-0" / "t1.nii.gz"}
    session = a_server.client.open_session(files)
    try:
        message = refused(a_server, 404, "POST", f"/infer/segmentation_flair?session_id={session}")
        assert "flair" in message
    finally:
        a_server.client.close_session(session)


def test_body_over_the_limit_is_refused_from_its_header_alone(a_server: Server) -> None:
    assert (
        raw(a_server, "PUT /datastore/image HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999999\r\n\r\n") == 413
    )


def test_body_of_untold_size_is_refused(a_server: Server) -> None:
    request = "PUT /datastore/image HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert raw(a_server, request) == 411


def test_web_page_under_another_name_cannot_reach_a_loopback_server(a_server: Server) -> None:
    assert raw(a_server, "GET /info/ HTTP/1.1\r\nHost: evil.example\r\n\r\n") == 400


def test_other_web_pages_are_not_allowed_to_read_answers(a_server: Server) -> None:
    answer = requests.get(f"{a_server.url}/info/", headers={"Origin": "http://evil.example"}, timeout=30)
    assert "access-control-allow-origin" not in answer.headers


def raw(server: Server, request: str) -> int:
    """Status of an answer to a request written out by hand."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(request.encode())
        return int(connection.recv(1000).split()[1])


@pytest.fixture(scope="module")
def expanding_files() -> dict[str, bytes]:
    """Files of 4 MB whose gzip stream expands to 4 GiB, by where their header hides it."""
    stream = 256 * gzip.compress(bytes(1 << 24))
    fields = b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 40 44 6\nencoding: gzip\n"
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, 40, 44, 6, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 2, 8)
    struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<f", header, 108, 352)
    header[344:348] = b"n+1\0"
    return {
        "skipped.nrrd": fields + b"byte skip: -1\n\n" + stream,
        "first.nrrd": fields + b"byte skip: 4000000000\n\n" + stream,
        "longer.nii.gz": gzip.compress(bytes(header)) + stream,
    }


@pytest.mark.parametrize("name", ["skipped.nrrd", "first.nrrd", "longer.nii.gz"])
@pytest.mark.parametrize(
    ("method", "path", "part"),
    [
        ("PUT", "/datastore/image?image=single", "file"),
        ("PUT", "/datastore/label?image=case-0", "label"),
        ("POST", "/infer/segmentation_flair", "file"),
        ("POST", "/infer/radiomics?image=case-0", "label"),
        ("PUT", "/session/", "files"),
    ],
)
def test_small_file_that_expands_to_gigabytes_is_refused_at_once_with_little_memory(
    a_server: Server, expanding_files: dict[str, bytes], method: str, path: str, part: str, name: str
) -> None:
    before = peak_mb(a_server)
    started = time.monotonic()
    refused(a_server, 400, method, path, files={part: (name, expanding_files[name])})
    assert time.monotonic() - started < 10
    assert peak_mb(a_server) - before < 100


def peak_mb(server: Server) -> float:
    """The most memory that the server's process has ever held, in MB (Linux)."""
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.is_file():
        pytest.skip("the peak memory of another process is read from /proc")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) / 1024


def test_image_that_takes_its_voxels_from_a_file_of_the_server_is_refused(a_server: Server, tmp_path: Path) -> None:
    secret = tmp_path / "secret.raw"
    secret.write_bytes(bytes(range(125)))
    fields = b"type: uint8\ndimension: 3\nsizes: 5 5 5\nencoding: raw\n"
    for hiding in (b"", b"# " + b"x" * 70_000 + b"\n", b"# x\r"):
        content = b"NRRD0004\n" + fields + hiding + f"data file: {secret}\n\n".encode()
        refused(a_server, 400, "PUT", "/datastore/image?image=read", files={"file": ("read.nrrd", content)})
