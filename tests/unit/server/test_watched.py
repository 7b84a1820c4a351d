from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gliomics.files import FileStamp
from gliomics.server.index import watched
from gliomics.server.index.watched import WatchedFolder, stamp_of

SETTLED = 0.06
"""Seconds after which a folder's time tells whether it changed."""


class CountedLooks:
    """Stamps of entries, and how often each was taken; ``meanwhile`` runs once, after the first stamp of ``b``."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.meanwhile = lambda: None

    def __call__(self, path: str) -> FileStamp | None:
        name, stamp = Path(path).name, stamp_of(path)
        self.names.append(name)
        if name == "b":
            meanwhile, self.meanwhile = self.meanwhile, lambda: None
            meanwhile()
        return stamp


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> CountedLooks:
    monkeypatch.setattr(watched, "CHECK_SECONDS", float("inf"))
    return CountedLooks()


@pytest.fixture
def a_folder(tmp_path: Path, looks: CountedLooks) -> WatchedFolder:
    """A folder of the files a, b and c that was looked at."""
    for name in "abc":
        (tmp_path / name).write_text("1")
    time.sleep(SETTLED)
    folder = WatchedFolder(tmp_path, looks)
    folder.entries()
    looks.names.clear()
    return folder


def test_nothing_is_looked_at_while_nothing_changes(a_folder: WatchedFolder, looks: CountedLooks) -> None:
    entries = a_folder.entries()
    assert a_folder.entries() is entries and set(entries) == {"a", "b", "c"}
    assert looks.names == []


def test_only_what_this_process_wrote_is_looked_at(a_folder: WatchedFolder, looks: CountedLooks) -> None:
    for name in ("a", "d"):
        with a_folder.writing(name):
            (a_folder.folder / name).write_text("other")
    with a_folder.writing("b"):
        (a_folder.folder / "b").unlink()
    assert {name: stamp.size for name, stamp in a_folder.entries().items()} == {"a": 5, "c": 1, "d": 5}
    assert looks.names == ["a", "d", "b"]


def test_write_that_is_under_way_has_nobody_look_at_every_entry(a_folder: WatchedFolder, looks: CountedLooks) -> None:
    with a_folder.writing("d"):
        (a_folder.folder / ".tmp-d").write_text("1")
        assert set(a_folder.entries()) == {"a", "b", "c"}
        with a_folder.writing("e"):
            (a_folder.folder / "e").write_text("1")
        assert set(a_folder.entries()) == {"a", "b", "c", "e"}
        (a_folder.folder / ".tmp-d").rename(a_folder.folder / "d")
    assert set(a_folder.entries()) == {"a", "b", "c", "d", "e"}
    assert looks.names == ["e", "d"]


def test_what_a_failed_write_left_is_seen(a_folder: WatchedFolder) -> None:
    with pytest.raises(OSError, match="disk"), a_folder.writing("a"):
        (a_folder.folder / "a").unlink()
        raise OSError("disk full")
    assert set(a_folder.entries()) == {"b", "c"}


def test_what_others_add_rename_or_remove_is_seen_at_once(a_folder: WatchedFolder) -> None:
    (a_folder.folder / "a").rename(a_folder.folder / "z")
    (a_folder.folder / "b").unlink()
    (a_folder.folder / ".hidden").write_text("1")
    assert set(a_folder.entries()) == {"c", "z"}


@pytest.mark.parametrize("written", [False, True])
def test_file_written_anew_by_others_is_seen_soon(
    a_folder: WatchedFolder, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    with a_folder.writing("a"):
        (a_folder.folder / "b").write_text("longer")
        if written:
            (a_folder.folder / "d").write_text("by others while this process writes")
    monkeypatch.setattr(watched, "CHECK_SECONDS", 0.0)
    expected = {"a": 1, "b": 6, "c": 1} | ({"d": 35} if written else {})
    for _ in range(100):
        if {name: stamp.size for name, stamp in a_folder.entries().items()} == expected:
            return
        time.sleep(0.02)
    pytest.fail("the change is not seen")


def test_look_at_every_entry_does_not_undo_what_was_written_meanwhile(
    a_folder: WatchedFolder, looks: CountedLooks
) -> None:
    def write() -> None:
        for name in ("b", "d"):
            with a_folder.writing(name):
                (a_folder.folder / name).write_text("written")
        with a_folder.writing("c"):
            (a_folder.folder / "c").unlink()

    looks.meanwhile = write
    a_folder.look()
    assert {name: stamp.size for name, stamp in a_folder.entries().items()} == {"a": 1, "b": 7, "d": 7}


@pytest.mark.parametrize("is_there", ["nothing", "a file"])
def test_folder_that_is_not_there_has_no_entries_until_it_is(tmp_path: Path, is_there: str) -> None:
    folder = WatchedFolder(tmp_path / "folder")
    if is_there == "a file":
        folder.folder.touch()
    assert folder.entries() == {}
    folder.folder.unlink(missing_ok=True)
    folder.folder.mkdir()
    (folder.folder / "a").touch()
    assert set(folder.entries()) == {"a"}


def test_link_that_leads_nowhere_and_a_pipe_are_entries(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    entries = WatchedFolder(tmp_path).entries()
    assert set(entries) == {"link", "pipe"}
    assert not any(stamp.is_file or stamp.is_folder for stamp in entries.values())
