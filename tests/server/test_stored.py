"""What clients send to be kept or used is checked when it comes: 400 with the reason, and nothing is written."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import requests
from monailabel.client import MONAILabelClient

from gliomics.study import write_mask, write_volume
from tests.server.servers import Server
from tests.server.studies import a_lesion_case
from tests.server.test_bad_input import refused

POISON = {
    "infinite": '{"note": 1e999}',
    "not a number": '{"note": NaN}',
    "huge": '{"note": %s}' % ("9" * 400),
    "half a surrogate pair": '{"note": "\\ud800"}',
    "half a surrogate pair as key": '{"\\udfff": 1}',
    "control character": '{"note": "a\\u0000b"}',
    "user of another type": '{"user": {"name": "x"}}',
    "user that cannot be encoded": '{"user": "\\ud800"}',
    "client that cannot be encoded": '{"client_id": "\\udc80"}',
    "comment of another type": '{"comment": 5}',
    "seconds": '{"seconds": "long"}',
    "slices": '{"slices_done": 5}',
    "segments": '{"segments": {"tumour": "1"}}',
    "region that cannot be encoded": '{"region": "\\ud800"}',
    "deep": f'{{"note": {"[" * 30}1{"]" * 30}}}',
    "long": json.dumps({"note": "x" * 20_000}),
    "many keys": json.dumps({f"key-{number}": 0 for number in range(20_000)}),
}
"""Objects that could not be written, encoded in an answer, or used where they are read."""

BODIES = (
    ("POST", "/activelearning/first"),
    ("POST", "/train/segmentation_flair"),
    ("POST", "/train/"),
    ("POST", "/batch/infer/segmentation_flair"),
    ("PUT", "/datastore/label/review?label=labelled-0"),
    ("PUT", "/datastore/label/consensus?label=labelled-0&tag=both"),
    ("POST", "/model/rollback/segmentation_flair"),
)
FORMS = (
    ("PUT", "/datastore/image/info?image=case-0", "info", None),
    ("PUT", "/datastore/label/info?label=labelled-0&tag=final", "info", None),
    ("PUT", "/datastore/updatelabelinfo?label=labelled-0&tag=final", "params", None),
    ("PUT", "/datastore/label?image=case-0", "params", "label"),
    ("PUT", "/datastore/image?image=poisoned", "params", "file"),
    ("POST", "/infer/segmentation_flair?image=case-0", "params", None),
    ("POST", "/infer/radiomics?image=case-0", "params", "label"),
)


@pytest.fixture(scope="module")
def the_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A label of ``case-0`` and an image, by the part of a form that they are sent as."""
    folder = tmp_path_factory.mktemp("files")
    volumes, mask = a_lesion_case(0)
    write_mask(mask, folder / "label.nii")
    write_volume(volumes["flair"], folder / "file.nii")
    return {path.stem: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_body_with_a_value_that_cannot_be_kept_is_refused(a_server: Server, method: str, path: str) -> None:
    for kind, text in POISON.items():
        headers = {"Content-Type": "application/json"}
        message = refused(a_server, 400, method, path, data=text.encode(), headers=headers)
        assert "params" in message, kind


@pytest.mark.parametrize(("method", "path", "field", "part"), FORMS)
def test_form_with_a_value_that_cannot_be_kept_is_refused(
    a_server: Server, the_files: dict[str, bytes], method: str, path: str, field: str, part: str | None
) -> None:
    for kind, text in POISON.items():
        files = {part: (f"{part}.nii", the_files[part])} if part else None
        message = refused(a_server, 400, method, path, data={field: text}, files=files)
        assert message, kind


def test_field_in_a_charset_that_makes_half_surrogate_pairs_is_refused(a_server: Server) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="info"\r\n'
        b'Content-Type: text/plain; charset=utf-7\r\n\r\n{"note": "+2AA-"}\r\n--x--\r\n'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x; charset=utf-7"}
    message = refused(a_server, 400, "PUT", "/datastore/image/info?image=case-0", data=body, headers=headers)
    assert "half of a surrogate pair" in message


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b'["\\ud800"]', "application/json"), (b"[1e999]", "application/json"), (b"\xff\xfe", "text/plain")],
)
def test_body_that_is_no_object_is_refused_in_a_sentence(a_server: Server, content: bytes, kind: str) -> None:
    for method, path in BODIES:
        message = refused(a_server, 400, method, path, data=content, headers={"Content-Type": kind})
        assert message.startswith("the body is")


def test_parameter_of_another_type_is_refused_in_a_sentence(a_server: Server) -> None:
    message = refused(a_server, 422, "GET", "/datastore/label?label=x&tag=final&version=one")
    assert message.startswith("the request cannot be used: ")


@pytest.mark.parametrize("notes", [{"strategy": 5}, {"path": "/etc/passwd"}, {"patient_id": "x"}, {"sequences": []}])
def test_clients_cannot_note_what_the_server_itself_tells_of_a_study(
    a_server: Server, the_files: dict[str, bytes], notes: dict[str, Any]
) -> None:
    data, image = {"info": json.dumps(notes)}, {"file": ("new.nii", the_files["file"])}
    assert "itself tells" in refused(a_server, 400, "PUT", "/datastore/image/info?image=case-0", data=data)
    data = {"params": data["info"]}
    assert "itself tells" in refused(a_server, 400, "PUT", "/datastore/image?image=new", data=data, files=image)


@pytest.mark.parametrize(
    ("offset", "number"),
    [(108, float("inf")), (108, float("nan")), (108, -1e9), (116, float("nan")), (116, float("inf")),
     (80, float("nan")), (280, float("inf"))],
)  # fmt: skip
def test_image_whose_header_holds_an_impossible_number_is_refused_on_every_route_that_takes_one(
    a_server: Server, the_files: dict[str, bytes], offset: int, number: float
) -> None:
    routes = (
        ("PUT", "/datastore/image?image=hostile", "file"),
        ("PUT", "/datastore/label?image=case-0", "label"),
        ("PUT", "/session/", "files"),
        ("POST", "/infer/segmentation_flair", "file"),
        ("POST", "/infer/radiomics?image=case-0", "label"),
        ("POST", "/infer/correction?image=case-0", "label"),
    )
    for method, path, part in routes:
        content = bytearray(the_files["label" if part == "label" else "file"])
        struct.pack_into("<2f", content, 112, 1.0, 0.0)
        struct.pack_into("<f", content, offset, number)
        if offset == 80:
            struct.pack_into("<2h", content, 252, 1, 0)
        message = refused(a_server, 400, method, path, files={part: ("flair.nii", bytes(content))})
        assert "upload-" not in message, "clients know no folders of the server"


@pytest.mark.parametrize("name", ["x." + "a" * 300, "a" * 400 + ".nii.gz", "x.\ud7ff\x01", "..", "x" * 300])
def test_upload_with_an_impossible_file_name_is_refused_or_renamed(
    a_server: Server, the_files: dict[str, bytes], name: str
) -> None:
    files = {"file": (name, b"nothing")}
    assert refused(a_server, 400, "PUT", "/datastore/image?image=named", files=files)


@pytest.mark.parametrize("version", ["9" * 300, "0", "-1", "1000000000"])
def test_number_that_is_no_version_of_a_label_is_unknown(a_server: Server, version: str) -> None:
    assert refused(a_server, 404, "GET", f"/datastore/label?label=labelled-0&tag=final&version={version}")


def test_training_of_all_models_takes_options_by_name_and_heeds_nothing_else(a_server: Server, tmp_path: Path) -> None:
    message = refused(a_server, 400, "POST", "/train/", json={"segmentation_flair": 1.5})
    assert "segmentation_flair" in message
    stock = MONAILabelClient(a_server.url, str(tmp_path), "plugin")
    try:
        assert "segmentation_flair" in stock.train_start(None, {"a": 1.5, "segmentation_flair": {"max_epochs": 1}})
    finally:
        stop_all(a_server)


def stop_all(server: Server) -> None:
    """Stop the running training and those that wait for it."""
    while requests.get(f"{server.url}/train/", timeout=30).json()["status"] in ("SUBMITTED", "RUNNING"):
        requests.delete(f"{server.url}/train/", timeout=30)
