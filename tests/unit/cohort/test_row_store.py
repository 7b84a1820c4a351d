"""Rows on disk: what was put is got, what is broken counts as not there."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gliomics.cohort.pieces import StudyFeatures
from gliomics.cohort.row_store import RowStore, StoredRows, default_folder
from gliomics.errors import InputError
from gliomics.records import FeatureRow

KEY = "ab" * 32
TABLE = FeatureRow("case-1", "whole", {"flair_original_firstorder_Mean": 0.1 + 0.2}, {"voxels": 7}, ["beware"])
ROWS = StudyFeatures([TABLE, FeatureRow("case-1", "oedema", {})], {"enhancing": "it is empty"})


def file_of(folder: Path) -> Path:
    return folder / "ab" / f"{KEY}.json"


def test_rows_are_got_as_they_were_put(tmp_path: Path) -> None:
    RowStore(tmp_path / "cache").put(KEY, ROWS)
    assert RowStore(tmp_path / "cache").get(KEY) == ROWS


def test_rows_that_were_not_put_are_none(tmp_path: Path) -> None:
    assert RowStore(tmp_path).get(KEY) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"tables": [{"study_id": "case-1", "reg',
        b"\x00" * 100,
        b"\xff\xfe",
        b"null",
        b"[]",
        b'{"tables": []}',
        b'{"missing": {}}',
        b'{"tables": 3, "missing": {}}',
        b'{"tables": ["x"], "missing": {}}',
        b'{"tables": [{"study_id": "case-1"}], "missing": {}}',
        b'{"tables": [], "missing": "none"}',
        b'{"tables": [{"study_id": "case-1", "region": "whole", "values": null}], "missing": {}}',
        b'{"tables": [{"study_id": "case-1", "region": "whole", "values": {"Mean": null}}], "missing": {}}',
    ],
)
def test_broken_file_counts_as_none_and_is_replaced(tmp_path: Path, content: bytes) -> None:
    store = RowStore(tmp_path)
    store.put(KEY, ROWS)
    file_of(tmp_path).write_bytes(content)
    assert store.get(KEY) is None
    store.put(KEY, ROWS)
    assert store.get(KEY) == ROWS


def test_every_cut_of_a_file_counts_as_none(tmp_path: Path) -> None:
    store = RowStore(tmp_path)
    store.put(KEY, ROWS)
    whole = file_of(tmp_path).read_bytes()
    for length in range(len(whole.rstrip())):
        file_of(tmp_path).write_bytes(whole[:length])
        assert store.get(KEY) is None


def test_file_where_the_folder_should_be_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(
        InputError, match=r"cache cannot hold measured rows: File exists; give another folder with --cache"
    ):
        RowStore(tmp_path / "cache")


def test_folder_that_takes_no_files_is_told_before_anything_is_measured() -> None:
    with pytest.raises(InputError, match=r"/proc/self cannot hold measured rows: .*; give another folder with --cache"):
        RowStore(Path("/proc/self"))


def test_folder_that_takes_no_more_files_is_told(tmp_path: Path) -> None:
    store = RowStore(tmp_path)
    (tmp_path / "ab").write_text("in the way")
    with pytest.raises(InputError, match="cannot hold measured rows"):
        store.put(KEY, ROWS)


def test_two_that_put_the_same_rows_at_once_leave_them_whole(tmp_path: Path) -> None:
    def put_and_get(_: int) -> bool:
        store = RowStore(tmp_path)
        store.put(KEY, ROWS)
        return store.get(KEY) == ROWS

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(put_and_get, range(64)))
    assert [path.name for path in (tmp_path / "ab").iterdir()] == [f"{KEY}.json"]


def test_stored_tables_can_be_gone_through_again(tmp_path: Path) -> None:
    store = RowStore(tmp_path)
    store.put(KEY, ROWS)
    tables = StoredRows(store, [KEY, KEY])
    assert list(tables) == list(tables) == ROWS.rows * 2


def test_row_that_vanished_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="vanished from the cache folder meanwhile; run the command again"):
        list(StoredRows(RowStore(tmp_path), [KEY]))


def test_folder_is_the_users_cache_unless_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "gliomics" / "features"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "/home/someone")
    assert default_folder() == Path("/home/someone/.cache/gliomics/features")


def test_numbers_are_kept_to_the_last_bit(tmp_path: Path) -> None:
    numbers = {"a": 1 / 3, "b": 5e-324, "c": -1.7976931348623157e308, "d": 1e22, "e": -0.0}
    RowStore(tmp_path).put(KEY, StudyFeatures([FeatureRow("case-1", "whole", numbers)], {}))
    features = RowStore(tmp_path).get(KEY)
    assert features is not None
    assert json.dumps(features.rows[0].values) == json.dumps(numbers)
