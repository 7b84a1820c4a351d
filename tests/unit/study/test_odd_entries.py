"""Whatever lies in a studies folder, the studies beside it are read, and it is reported."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gliomics.errors import InputError
from gliomics.study import find_study, open_studies
from gliomics.study.description import MAX_STUDY_BYTES
from gliomics.study.images import MAX_FILE_BYTES
from tests.unit.study.listing import failures

DESCRIPTION = {"format": 1, "id": "odd", "patient_id": "P", "sequences": {"flair": "flair.nii.gz"}}


def described(folder: Path, **values: Any) -> None:
    """A study of an image that is there, with other values in its description."""
    folder.mkdir()
    (folder / "flair.nii.gz").write_bytes((folder.parent / "case1" / "flair.nii.gz").read_bytes())
    (folder / "study.json").write_text(json.dumps(DESCRIPTION | values))


def written(content: bytes) -> Callable[[Path], None]:
    """A study whose description has this content."""

    def write(folder: Path) -> None:
        described(folder)
        (folder / "study.json").write_bytes(content)

    return write


def with_odd_file(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    """A study of which one file is made anew by ``make``."""

    def write(folder: Path) -> None:
        described(folder)
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return write


def a_socket(path: Path) -> None:
    """A socket that nobody listens on any more."""
    os.mknod(path, stat.S_IFSOCK | 0o600)  # binding one takes short paths only


def linked(target: str) -> Callable[[Path], None]:
    """A link."""
    return lambda path: path.symlink_to(target)


def deep(folder: Path) -> None:
    """Folders in folders, as many as a path can name, and no study."""
    folder.mkdir()
    start = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
    finally:
        os.chdir(start)


def large(path: Path) -> None:
    """A file that says to be larger than any image, and takes no space."""
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "brackets": (written(b"[" * 100_000), "nested deeper"),
    "empty description": (written(b""), "is not valid JSON"),
    "list": (written(b"[]"), "the whole file: Input should be"),
    "number": (written(b"5"), "the whole file: Input should be"),
    "two ids": (written(b'{"id": "a", "id": "b"}'), "the key 'id' is there twice"),
    "large description": (written(b" " * (MAX_STUDY_BYTES + 1)), "has more than 262,144 bytes"),
    "image is too large": (with_odd_file("flair.nii.gz", large), "bytes; at most"),
    "large.nii": (large, "bytes; at most"),
    "surrogate": (lambda folder: described(folder, sequences={"flair": "f\ud800.nii.gz"}), "is not valid JSON"),
    "bad bool": (lambda folder: described(folder, spacing_known="maybe"), "spacing_known: Input should be"),
    "number as name": (lambda folder: described(folder, patient_id=10**400), "patient_id: Input should be"),
    "number as date": (
        lambda folder: described(folder, sequences=None, timepoints=[DESCRIPTION | {"name": "a", "date": 0}]),
        "timepoints.0.date: Input should be a valid string",
    ),
    "long file name": (lambda folder: described(folder, sequences={"t1": "x" * 300 + ".nii"}), "does not exist"),
    "null in file name": (lambda folder: described(folder, sequences={"t1": "x\0.nii"}), "outside"),
    "description is a folder": (with_odd_file("study.json", Path.mkdir), "study.json is a folder, not a file"),
    "description is a pipe": (with_odd_file("study.json", os.mkfifo), "study.json is a named pipe, not a file"),
    "description is a link out": (with_odd_file("study.json", linked("/etc/passwd")), "through a link out of"),
    "image is a pipe": (with_odd_file("flair.nii.gz", os.mkfifo), "flair.nii.gz is a named pipe, not a file"),
    "image is a socket": (with_odd_file("flair.nii.gz", a_socket), "flair.nii.gz is a socket, not a file"),
    "image is a folder": (with_odd_file("flair.nii.gz", Path.mkdir), "flair.nii.gz is a folder, not a file"),
    "image is a link out": (with_odd_file("flair.nii.gz", linked("/etc/passwd")), "through a link out of"),
    "image is a link to nothing": (with_odd_file("flair.nii.gz", linked("gone")), "a file that is not there"),
    "image is a loop": (with_odd_file("flair.nii.gz", linked("flair.nii.gz")), "Too many levels"),
    "link to nothing": (linked("nothing"), "is a link to a file that is not there"),
    "loop": (linked("loop"), "Too many levels"),
    "link out": (linked("/etc"), "through a link out of"),
    "pipe": (os.mkfifo, "pipe is a named pipe"),
    "pipe.nii.gz": (os.mkfifo, "pipe.nii.gz is a named pipe"),
    "socket": (a_socket, "socket is a socket"),
    "bytes-\udcff.nii.gz": (lambda path: path.write_bytes(b"x"), r"bytes-\udcff.nii.gz"),
    "bytes-\udcfe": (lambda path: (path.mkdir(), (path / "flair.nii.gz").write_bytes(b"x")), r"bytes-\udcfe"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ODD)
def test_an_odd_entry_is_reported_and_hides_no_study(a_studies_folder: Path, name: str) -> None:
    make, reason = ODD[name]
    make(a_studies_folder / name)
    listed, errors = failures(a_studies_folder)
    assert listed == ["case1"]
    assert list(errors) == [name]
    assert reason in errors[name]
    errors[name].encode()
    assert find_study(a_studies_folder, "case1").id == "case1"
    assert [study.id for study in open_studies(a_studies_folder, lambda path, error: None)] == ["case1"]


@pytest.mark.timeout(20)
def test_a_folder_with_pipes_or_with_folders_without_end_is_no_study_and_is_not_waited_for(
    a_studies_folder: Path,
) -> None:
    (a_studies_folder / "pipes").mkdir()
    os.mkfifo(a_studies_folder / "pipes" / "pipe")
    deep(a_studies_folder / "deep")
    reasons = failures(a_studies_folder)
    subprocess.run(["rm", "-r", a_studies_folder / "deep"], check=True)  # deeper than Python removes
    assert reasons == (["case1"], {})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_description_as_windows_editors_write_it_is_read(a_studies_folder: Path, encoding: str) -> None:
    written(json.dumps(DESCRIPTION).encode(encoding))(a_studies_folder / "odd")
    assert failures(a_studies_folder) == (["case1", "odd"], {})


def test_an_odd_study_that_is_asked_for_says_what_it_is(a_studies_folder: Path) -> None:
    with_odd_file("study.json", os.mkfifo)(a_studies_folder / "odd")
    for ask in (lambda: find_study(a_studies_folder, "odd"), lambda: open_studies(a_studies_folder / "odd")):
        with pytest.raises(InputError, match="is a named pipe, not a file"):
            ask()
