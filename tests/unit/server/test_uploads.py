from __future__ import annotations

import io
from pathlib import Path

import pytest
from fastapi import UploadFile

from gliomics.errors import InputError
from gliomics.server.gate.uploads import client_options, file_name, received


def an_upload(name: str | None, content: bytes = b"x") -> UploadFile:
    return UploadFile(io.BytesIO(content), filename=name)


@pytest.mark.parametrize(
    "key",
    ["label", "image", "model", "file", "study", "session", "session_id", "image_path", "bundle_path", "label_uri"],
)
def test_option_that_names_a_file_or_the_request_itself_is_dropped(key: str) -> None:
    assert client_options(f'{{"{key}": "/etc/passwd", "region": "core"}}') == {"region": "core"}


def test_options_of_a_json_body_are_cleaned_too() -> None:
    assert client_options({"model": "x", "max_epochs": 3}) == {"max_epochs": 3}
    assert client_options(None) == {}


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"x": Infinity}', "nonsense"])
def test_options_must_be_a_json_object(text: str) -> None:
    with pytest.raises(InputError, match="params"):
        client_options(text)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("flair.nii.gz", "flair.nii.gz"),
        ("/tmp/Slicer-x/tmpabc.nii.gz", "tmpabc.nii.gz"),
        ("C:\\Users\\x\\t1.nrrd", "t1.nrrd"),
        ("../../etc/cron.d/x.nii.gz", "x.nii.gz"),
        ("..", "image"),
        ("mein Bild.nii.gz", "mein_Bild.nii.gz"),
        (".hidden.nrrd", "hidden.nrrd"),
        ("Müller flair.nii.gz", "M_ller_flair.nii.gz"),
        ("图像.nii.gz", "image.nii.gz"),
        (None, "image"),
    ],
)
def test_uploaded_file_keeps_a_name_that_stays_in_its_folder(sent: str | None, kept: str) -> None:
    assert file_name(an_upload(sent)) == kept


def test_uploaded_file_is_gone_after_the_block_even_on_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError), received(an_upload("x.nii.gz", b"content"), tmp_path) as path:
        assert path is not None
        assert path.read_bytes() == b"content"
        raise InputError("no")
    assert not list(tmp_path.iterdir())
