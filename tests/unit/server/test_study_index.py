from __future__ import annotations

import contextlib
import json
import random
import shutil
import time
from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.server.index import study_index, watched
from gliomics.server.index.study_index import StudyIndex
from gliomics.study.folder import Reading, read_or_error
from tests.server.studies import add_study

OLD_ENOUGH = 0.06
"""Seconds after which a file's time tells whether it changed."""


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the entries that were read, in order."""
    names = []

    def counted(entry: Path) -> Reading:
        names.append(entry.name)
        return read_or_error(entry)

    monkeypatch.setattr(study_index, "read_or_error", counted)
    return names


@pytest.fixture
def an_index(tmp_path: Path) -> StudyIndex:
    for seed in range(3):
        add_study(tmp_path, f"case-{seed}", seed)
    time.sleep(OLD_ENOUGH)
    return StudyIndex(tmp_path)


def test_only_what_changed_is_read_again(an_index: StudyIndex, reads: list[str]) -> None:
    assert sorted(an_index.studies()) == ["case-0", "case-1", "case-2"]
    assert sorted(reads) == ["case-0", "case-1", "case-2"]
    an_index.studies(), an_index.study("case-1"), an_index.refresh()
    assert len(reads) == 3
    add_study(an_index.root, "case-3", 3)
    assert "case-3" in an_index.studies()
    assert set(reads[3:]) == {"case-3"}


def test_study_that_came_and_went_is_forgotten(an_index: StudyIndex) -> None:
    an_index.studies()
    (an_index.root / "case-1").rename(an_index.root.parent / f"{an_index.root.name}-elsewhere")
    assert sorted(an_index.studies()) == ["case-0", "case-2"]


def test_broken_study_is_read_again_when_it_was_mended(an_index: StudyIndex) -> None:
    description = an_index.root / "case-1" / "study.json"
    content = description.read_text()
    description.write_text("{")
    time.sleep(OLD_ENOUGH)
    assert set(an_index.broken()) == {"case-1"}
    description.write_text(content)
    assert "case-1" in an_index.studies()
    assert an_index.broken() == {}


def test_change_inside_a_study_is_seen_soon_by_those_who_list(
    an_index: StudyIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "CHECK_SECONDS", 0.0)
    an_index.studies()
    (an_index.root / "case-1" / "study.json").unlink()
    for _ in range(100):
        if "case-1" not in an_index.studies():
            return
        time.sleep(0.02)
    pytest.fail("the study is still listed")


def test_index_that_saw_every_change_is_the_same_as_one_of_now(tmp_path: Path, a_study_file: Path) -> None:
    rng, index = random.Random(0), StudyIndex(tmp_path)
    for step in range(60):
        change(tmp_path, rng, a_study_file, index if step % 2 else None)
        now = StudyIndex(tmp_path)
        assert index.studies() == now.studies()
        assert index.broken() == now.broken()
        for name in NAMES:
            assert index.entries_named(name) == now.entries_named(name)
            assert index.with_id_like(name) == now.with_id_like(name)


NAMES = ("a", "b", "B", "c")


@pytest.fixture
def a_study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_study(tmp_path_factory.mktemp("other"), "case", 0).path("flair")


def change(root: Path, rng: random.Random, image: Path, index: StudyIndex | None) -> None:
    """Add, replace or remove an image, a folder of one or two time points with any id, or a broken one."""
    name = rng.choice(NAMES)
    entry = root / (f"{name}.nii.gz" if rng.random() < 0.3 else name)
    with index.writing(entry.name) if index is not None else contextlib.nullcontext():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.exists():
            entry.unlink()
        elif entry.name != name:
            shutil.copyfile(image, entry)
        else:
            entry.mkdir()
            shutil.copyfile(image, entry / "flair.nii.gz")
            points = [{"name": point, "sequences": {"flair": "flair.nii.gz"}} for point in ("baseline", "t2")]
            value = {"format": 1, "id": rng.choice(NAMES), "patient_id": "p", "timepoints": points[: rng.randint(0, 2)]}
            (entry / "study.json").write_text(json.dumps(value))


def test_new_time_point_is_found_when_it_is_asked_for(an_index: StudyIndex) -> None:
    an_index.studies()
    description = an_index.root / "case-1" / "study.json"
    value = json.loads(description.read_text())
    points = [{"name": name, "sequences": value["sequences"]} for name in ("baseline", "later")]
    del value["sequences"]
    description.write_text(json.dumps({**value, "timepoints": points}))
    assert an_index.study("case-1_later").timepoint == "later"


def test_folder_that_is_gone_is_an_error_and_not_a_folder_without_studies(an_index: StudyIndex) -> None:
    an_index.studies()
    an_index.root.rename(an_index.root.parent / f"{an_index.root.name}-elsewhere")
    with pytest.raises(InputError, match="is not a folder"):
        an_index.studies()
