from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from gliomics.errors import InputError, UnknownNameError
from gliomics.server.store.labels import LabelStore
from gliomics.study import Mask, Volume, label_path, read_mask, write_mask


@pytest.fixture
def a_store(tmp_path: Path) -> LabelStore:
    return LabelStore(tmp_path, tmp_path / ".gliomics" / "history")


def a_mask(voxels: int) -> Mask:
    array = np.zeros((4, 5, 6), np.uint8)
    array.flat[:voxels] = 1
    return Volume(array, np.eye(4))


def test_label_put_there_by_hand_is_kept_byte_for_byte_when_it_is_replaced(a_store: LabelStore, tmp_path: Path) -> None:
    by_hand = label_path(tmp_path, "case")
    write_mask(a_mask(9), by_hand)
    content = by_hand.read_bytes()
    assert a_store.current("case", "final") is None
    a_store.save("case", "final", a_mask(3), {})
    first, second = a_store.versions("case", "final")
    assert a_store.version_path("case", "final", 1).read_bytes() == content
    assert (first.voxels, first.info) == ({"1": 9}, {"source": "found in labels/final", "origin": {"kind": "imported"}})
    assert second.voxels == {"1": 3}


def test_damaged_label_put_there_by_hand_does_not_stop_a_save(a_store: LabelStore, tmp_path: Path) -> None:
    by_hand = label_path(tmp_path, "case")
    by_hand.parent.mkdir(parents=True)
    by_hand.write_bytes(b"not a mask")
    a_store.save("case", "final", a_mask(3), {})
    assert a_store.version_path("case", "final", 1).read_bytes() == b"not a mask"
    assert read_mask(a_store.path("case", "final")).array.sum() == 3


def test_label_that_is_removed_by_hand_while_another_is_saved_does_not_stop_it(
    a_store: LabelStore, tmp_path: Path
) -> None:
    by_hand, ended = label_path(tmp_path, "case"), threading.Event()
    a_store.save("case", "final", a_mask(3), {})
    contents = [bytes([number]) * 1_000_000 for number in range(60)]  # not a mask, and each another

    def put_and_remove() -> None:
        for content in contents:
            by_hand.write_bytes(content)
            time.sleep(0.002)
            by_hand.unlink(missing_ok=True)
        ended.set()

    threading.Thread(target=put_and_remove).start()
    while not ended.is_set():
        a_store.save("case", "final", a_mask(4), {})
    a_store.save("case", "final", a_mask(5), {})
    assert read_mask(a_store.path("case", "final")).array.sum() == 5


def test_current_version_follows_the_file_not_the_last_save(a_store: LabelStore) -> None:
    a_store.save("case", "final", a_mask(3), {})
    a_store.save("case", "final", a_mask(4), {})
    path = a_store.path("case", "final")
    path.write_bytes(a_store.version_path("case", "final", 1).read_bytes())
    current = a_store.current("case", "final")
    assert current is not None
    assert current.version == 1


def test_image_left_without_its_record_by_a_kill_is_not_reused(a_store: LabelStore) -> None:
    a_store.save("case", "final", a_mask(3), {})
    orphan = a_store.version_path("case", "final", 1).with_name("0002.nii.gz")
    orphan.write_bytes(b"half")
    assert a_store.save("case", "final", a_mask(4), {}).version == 3
    assert orphan.read_bytes() == b"half"


@pytest.mark.parametrize("value", [float("inf"), "\ud800", {1, 2}])
def test_label_whose_record_cannot_be_written_is_not_kept_at_all(
    a_store: LabelStore, tmp_path: Path, value: object
) -> None:
    a_store.save("case", "final", a_mask(3), {})
    before = the_files(tmp_path)
    with pytest.raises(InputError, match="label 'final' of study 'case' cannot be kept"):
        a_store.save("case", "final", a_mask(4), {"seconds": value})
    assert the_files(tmp_path) == before


def test_save_that_cannot_replace_the_current_label_leaves_no_version_and_works_again_after(
    a_store: LabelStore, tmp_path: Path
) -> None:
    a_store.save("case", "final", a_mask(3), {})
    folder, aside = tmp_path / "labels" / "final", tmp_path / "aside"
    folder.rename(aside)
    folder.touch()  # a file where the folder of labels should be
    before = the_files(tmp_path)
    with pytest.raises(InputError, match="labels/final is in the way"):
        a_store.save("case", "final", a_mask(4), {})
    assert the_files(tmp_path) == before
    folder.unlink()
    aside.rename(folder)
    assert a_store.save("case", "final", a_mask(4), {}).version == 2
    assert read_mask(a_store.path("case", "final")).array.sum() == 4


@pytest.mark.parametrize("version", [0, -1, 10**9, 10**300])
def test_number_that_is_no_version_is_unknown_and_not_a_file_name(a_store: LabelStore, version: int) -> None:
    a_store.save("case", "final", a_mask(3), {})
    with pytest.raises(UnknownNameError, match="has no version"):
        a_store.version_path("case", "final", version)


def the_files(folder: Path) -> dict[str, bytes]:
    """Content of all files but locks."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_notes_are_added_to_the_current_version(a_store: LabelStore) -> None:
    a_store.save("case", "final", a_mask(3), {"seconds": 60})
    a_store.update_info("case", "final", {"quality": "good"})
    (version,) = a_store.versions("case", "final")
    assert version.info == {"seconds": 60, "quality": "good"}


def test_missing_label_names_those_that_exist(a_store: LabelStore) -> None:
    a_store.save("case", "original", a_mask(3), {})
    with pytest.raises(UnknownNameError, match="no label 'final'; its labels: original"):
        a_store.path("case", "final")


def test_temporary_files_are_no_labels(a_store: LabelStore, tmp_path: Path) -> None:
    a_store.save("case", "final", a_mask(3), {})
    (tmp_path / "labels" / "final" / ".tmp-x.nii.gz").write_bytes(b"")
    assert a_store.labelled("final") == {"case"}
