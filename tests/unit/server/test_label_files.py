from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gliomics.files import FileStamp
from gliomics.server.index.label_files import LabelFiles, TagFiles
from gliomics.study.labels import unused_names

STUDIES = {"case-1": None, "case-2": None}
NAMES = [f"case-{number}{suffix}" for number in (1, 2, 3) for suffix in (".nii.gz", ".nii", ".seg.nrrd", ".txt", "")]

stamps = st.dictionaries(
    st.sampled_from(NAMES), st.integers(0, 2).map(lambda size: FileStamp(size, 10 * size, (size,), 0o100644, size))
)


@given(st.lists(stamps, min_size=1, max_size=5))
def test_files_that_changed_come_to_the_same_as_all_files(changes: list[dict[str, FileStamp]]) -> None:
    files = TagFiles()
    for each in changes:
        files = files.with_stamps(each)
    assert files == TagFiles().with_stamps(changes[-1])


@given(stamps)
def test_files_are_counted_as_unused_that_are_named_as_unused(entries: dict[str, FileStamp]) -> None:
    files = TagFiles().with_stamps(entries)
    assert files.unused(STUDIES) == len(unused_names(entries, STUDIES))


def test_label_is_known_by_size_and_time_of_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "labels" / "final"
    folder.mkdir(parents=True)
    for name in ("case-1.nii.gz", "case-2.nii", "case-2.nrrd"):
        (folder / name).write_bytes(b"1")
    time = (folder / "case-1.nii.gz").stat().st_mtime_ns
    files = LabelFiles(tmp_path).of("final")
    assert (files.labelled, files.states) == ({"case-1"}, {("case-1", 1, time)})
