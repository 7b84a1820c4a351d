from __future__ import annotations

import time
from pathlib import Path

import pytest

from gliomics.monailabel import study_index, watched
from gliomics.monailabel.study_index import StudyIndex
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
