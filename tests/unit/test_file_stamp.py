from __future__ import annotations

import os
from pathlib import Path

import pytest

from gliomics.files import FileStamp


@pytest.fixture
def a_file(tmp_path: Path) -> Path:
    path = tmp_path / "a.json"
    path.write_text("1")
    return path


def test_stamp_is_the_same_while_nothing_changes(a_file: Path) -> None:
    assert FileStamp.of(a_file) == FileStamp.of(str(a_file))


def test_file_of_the_same_size_and_time_in_its_place_has_another_stamp(a_file: Path) -> None:
    stamp = FileStamp.of(a_file)
    copy = a_file.with_name("copy.json")
    copy.write_text("2")
    os.utime(copy, ns=(stamp.modified_ns, stamp.modified_ns))
    copy.replace(a_file)
    now = FileStamp.of(a_file)
    assert (now.size, now.modified_ns) == (stamp.size, stamp.modified_ns)
    assert now != stamp


def test_stamp_of_a_link_is_that_of_its_file_or_its_own(a_file: Path) -> None:
    link = a_file.with_name("link.json")
    link.symlink_to(a_file)
    assert FileStamp.of(link) == FileStamp.of(a_file)
    assert FileStamp.of(link, follow_links=False) != FileStamp.of(a_file)


def test_what_belongs_to_a_folder_changes_its_stamp(a_file: Path, tmp_path: Path) -> None:
    stamp = FileStamp.of(tmp_path, str(a_file))
    a_file.chmod(0o600)
    os.utime(a_file, ns=(1, 1))
    assert FileStamp.of(tmp_path, str(a_file)) != stamp
    assert FileStamp.of(tmp_path, "/no/such/file").changed_ns[1] == 0


def test_kind_is_told_and_nothing_is_an_error(a_file: Path, tmp_path: Path) -> None:
    assert FileStamp.of(a_file).is_file
    assert FileStamp.of(tmp_path).is_folder
    with pytest.raises(FileNotFoundError):
        FileStamp.of(tmp_path / "nothing")
