"""Records, labels and histories of which one is something else: told, kept, and no hindrance for the others."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gliomics.errors import BusyError, InputError
from gliomics.files import write_json
from gliomics.server.store import kept_records
from gliomics.server.store.kept_records import KeptRecords, locked
from gliomics.server.store.labels import LabelStore
from gliomics.server.store.leases import Leases
from gliomics.server.store.reviews import APPROVED, RETURNED, ReviewStore
from gliomics.server.store.sessions import StudySessions
from gliomics.server.workspace import Workspace
from gliomics.study import Mask, find_label


def a_mask(voxels: int) -> Mask:
    array = np.zeros((8, 8, 8), np.uint8)
    array.flat[:voxels] = 1
    return Mask(array, np.eye(4))


@pytest.fixture
def a_store(tmp_path: Path) -> LabelStore:
    return LabelStore(tmp_path, tmp_path / ".gliomics" / "history")


def test_broken_record_is_told_until_it_changes_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records, path = KeptRecords(tmp_path), tmp_path / "notes" / "a.json"
    path.parent.mkdir()
    path.write_text("[" * 5000 + "]" * 5000)
    with caplog.at_level(logging.WARNING):
        assert [records.read(path, dict[str, int]) for _ in range(3)] == [None] * 3
    assert len(caplog.records) == 1
    assert records.broken() == {"notes/a.json": "notes/a.json is nested deeper than 64 levels"}
    path.write_text('{"a": 1}')
    assert records.broken() == {}
    assert records.read(path, dict[str, int]) == {"a": 1}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("odd", ["5", "folder", "pipe", "link out"])
def test_broken_record_is_set_aside_and_not_overwritten(tmp_path: Path, odd: str) -> None:
    records, path = KeptRecords(tmp_path / "studies"), tmp_path / "studies" / "a.json"
    path.parent.mkdir()
    write_json(tmp_path / "outside.json", {"a": 5})
    {
        "5": lambda: path.write_text("5"),
        "folder": lambda: (path.mkdir(), (path / "kept").write_text("kept")),
        "pipe": lambda: os.mkfifo(path),
        "link out": lambda: path.symlink_to(tmp_path / "outside.json"),
    }[odd]()
    assert records.read(path, dict[str, int]) is None
    mode = path.lstat().st_mode
    records.write(path, {"a": 1})
    assert records.read(path, dict[str, int]) == {"a": 1}
    (aside,) = path.parent.glob("a.json.broken-*")
    assert aside.lstat().st_mode == mode
    assert (tmp_path / "outside.json").read_text().strip() == '{\n  "a": 5\n}'


def test_record_is_not_written_through_a_link_out_or_over_a_file_in_the_place_of_its_folder(tmp_path: Path) -> None:
    records, outside = KeptRecords(tmp_path / "studies"), tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "out").symlink_to(outside)
    (tmp_path / "studies" / "file").write_text("")
    with pytest.raises(InputError, match="through a link out of"):
        records.write(tmp_path / "studies" / "out" / "a.json", {})
    with pytest.raises(InputError, match="is in the way"):
        records.write(tmp_path / "studies" / "file" / "a.json", {})
    assert records.read(tmp_path / "studies" / "file" / "a.json", dict[str, int]) is None
    assert records.broken() == {"file/a.json": "file/a.json cannot be read: Not a directory"}
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("content", ["{}", "[]", "5", "", "[" * 9999, '{"study_id": "case", "version": "one"}'])
def test_broken_record_of_a_version_hinders_no_save_and_loses_no_version(a_store: LabelStore, content: str) -> None:
    for voxels in (3, 4):
        a_store.save("case", "final", a_mask(voxels), {"user": "anna"})
    record = a_store.version_path("case", "final", 2).with_name("0002.json")
    record.write_text(content)
    assert [version.version for version in a_store.versions("case", "final")] == [1]
    assert a_store.save("case", "final", a_mask(5), {}).version == 4
    assert [version.version for version in a_store.versions("case", "final")] == [1, 3, 4]
    adopted = a_store.versions("case", "final")[1]
    assert adopted.voxels == {"1": 4}
    assert adopted.info == {"source": "version 2, whose record is broken", "origin": {"kind": "unknown"}}
    assert record.read_text() == content
    assert a_store.version_path("case", "final", 2).is_file()


def test_label_that_a_link_brings_from_elsewhere_is_not_read_nor_replaced(a_store: LabelStore, tmp_path: Path) -> None:
    a_store.save("case", "final", a_mask(3), {})
    label, outside = a_store.path("case", "final"), tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    label.rename(outside / label.name)
    label.symlink_to(outside / label.name)
    before = (outside / label.name).read_bytes()
    for use in (
        lambda: a_store.path("case", "final"),
        lambda: find_label(tmp_path, "case"),
        lambda: a_store.save("case", "final", a_mask(4), {}),
        lambda: a_store.remove("case", "final"),
    ):
        with pytest.raises(InputError, match="through a link out of"):
            use()
    assert a_store.labelled("final") == set()
    assert label.is_symlink()
    assert (outside / label.name).read_bytes() == before


def test_folder_of_labels_that_is_a_link_out_is_neither_read_nor_written(a_store: LabelStore, tmp_path: Path) -> None:
    a_store.save("case", "final", a_mask(3), {})
    folder, outside = tmp_path / "labels" / "final", tmp_path.parent / f"{tmp_path.name}-outside"
    folder.rename(outside)
    folder.symlink_to(outside)
    files = sorted(outside.iterdir())
    with pytest.raises(InputError, match="through a link out of"):
        a_store.save("case", "final", a_mask(4), {})
    assert a_store.tags("case") == []
    assert "through a link out of" in a_store.files.misplaced()["labels/final"]
    assert sorted(outside.iterdir()) == files


def test_labels_of_links_inside_the_studies_folder_are_labels(a_store: LabelStore, tmp_path: Path) -> None:
    a_store.save("case", "final", a_mask(3), {})
    (tmp_path / "kept").mkdir()
    label = a_store.path("case", "final")
    label.rename(tmp_path / "kept" / "mask.nii.gz")
    label.symlink_to("../../kept/mask.nii.gz")
    assert a_store.labelled("final") == {"case"}
    assert a_store.current("case", "final") is not None


@pytest.mark.timeout(20)
def test_masks_that_are_no_files_are_told_and_hide_no_label(a_store: LabelStore, tmp_path: Path) -> None:
    a_store.save("case", "final", a_mask(3), {})
    folder = tmp_path / "labels" / "final"
    os.mkfifo(folder / "pipe.nii.gz")
    (folder / "folder.nii.gz").mkdir()
    (folder / "nothing.nii.gz").symlink_to("nothing")
    (folder / "case.nrrd").mkdir()
    (tmp_path / "labels" / os.fsdecode(b"\xff")).mkdir()
    files = a_store.files.of("final")
    assert files.labelled == {"case"}
    assert files.unusable == {"pipe.nii.gz", "folder.nii.gz", "nothing.nii.gz", "case.nrrd"}
    assert a_store.tags("case") == ["final"]
    assert a_store.save("case", "final", a_mask(4), {}).version == 2
    with pytest.raises(InputError, match=r"folder\.nii\.gz is a folder, not a file"):
        a_store.save("folder", "final", a_mask(4), {})


def test_reviews_of_another_form_are_set_aside_when_the_next_is_written(tmp_path: Path) -> None:
    records = KeptRecords(tmp_path)
    reviews = ReviewStore(tmp_path / "reviews", records)
    reviews.add("good", "final", 1, state=RETURNED, comment="again", user="anna")
    reviews.add("odd", "final", 1, state=RETURNED, comment="again", user="anna")
    (tmp_path / "reviews" / "final" / "odd.json").write_text('[{"version": 1}]')
    assert list(reviews.returned("final")) == ["good"]
    assert reviews.reviews("odd", "final") == []
    assert list(records.broken()) == ["reviews/final/odd.json"]
    reviews.add("odd", "final", 2, state=APPROVED, user="anna")
    assert [review.state for review in reviews.reviews("odd", "final")] == [APPROVED]
    assert len(list((tmp_path / "reviews" / "final").glob("odd.json.broken-*"))) == 1
    assert list(reviews.returned("final")) == ["good"]


@pytest.mark.parametrize("content", ['{"case": 5}', '{"case": {"user": "anna", "until": 1e999}}', "[]"])
def test_leases_of_another_form_keep_no_study(tmp_path: Path, content: str) -> None:
    records = KeptRecords(tmp_path)
    (tmp_path / "leases.json").write_text(content)
    leases = Leases(tmp_path / "leases.json", records)
    assert leases.current() == {}
    leases.take("case", "ben")
    assert {study: lease.user for study, lease in leases.current().items()} == {"case": "ben"}
    leases.release("case")
    assert leases.current() == {}


@pytest.mark.timeout(20)
def test_session_whose_description_is_something_else_or_leads_out_is_none(tmp_path: Path) -> None:
    (tmp_path / "image.nii.gz").write_bytes(b"image")
    sessions = StudySessions(str(tmp_path / "sessions"))
    session_id, info = sessions.add_session(str(tmp_path / "image.nii.gz"))
    assert sessions.get_session(session_id) is not None
    description = tmp_path / "sessions" / session_id / "meta.info"
    kept = description.read_text()
    for content in ("[]", "5", "{}", "", kept.replace(info.image, "/etc/passwd")):
        description.write_text(content)
        assert sessions.get_session(session_id) is None
    description.unlink()
    os.mkfifo(description)
    assert sessions.get_session(session_id) is None
    description.unlink()
    description.write_text(kept)
    assert sessions.get_session(session_id) is not None


def test_workspace_that_a_link_brings_from_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "studies" / ".gliomics").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="through a link out of"):
        Workspace(tmp_path / "studies").create()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_requests_that_remove_expired_sessions_at_the_same_time_do_not_fail(tmp_path: Path) -> None:
    sessions = StudySessions(str(tmp_path / "sessions"))
    for number in range(400):
        folder = tmp_path / "sessions" / f"{number:08x}"
        folder.mkdir(parents=True)
        os.utime(folder, (0, 0))
    with ThreadPoolExecutor(8) as threads:
        removals = [threads.submit(sessions.remove_expired) for _ in range(8)]
    assert sum(removal.result() for removal in removals) >= 400
    assert not list((tmp_path / "sessions").iterdir())


def test_session_that_is_removed_while_it_is_asked_for_stays_removed(tmp_path: Path) -> None:
    sessions = StudySessions(str(tmp_path / "sessions"))
    for number in range(60):
        (image := tmp_path / f"{number}.nii.gz").write_bytes(b"image")
        session_id, _ = sessions.add_session(str(image))
        with ThreadPoolExecutor(4) as threads:
            asked = [threads.submit(sessions.get_session, session_id) for _ in range(6)]
            threads.submit(sessions.remove_session, session_id).result()
            for each in asked:
                each.result()
        assert not list((tmp_path / "sessions").iterdir())


def test_lock_that_another_program_keeps_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_records, "LOCK_SECONDS", 0.2)
    hold = "import sys, filelock; a = filelock.FileLock(sys.argv[1]); a.acquire(); print('held', flush=True); input()"
    command = [sys.executable, "-c", hold, str(tmp_path / "a.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None and program.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match=r"a\.lock was held"), locked(tmp_path / "a.lock", tmp_path):
            pass
        program.communicate("\n")
    with locked(tmp_path / "a.lock", tmp_path):
        pass
