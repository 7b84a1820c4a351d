"""Examinations of an archive among the studies of a folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import generate_uid

from gliomics.errors import AbandonedError, InputError, UnknownNameError
from gliomics.server.dicomweb.address import ArchiveAddress
from gliomics.server.dicomweb.client import Archive, ListedExamination
from gliomics.server.dicomweb.listing import Listing
from gliomics.server.dicomweb.store import ArchiveDatastore
from gliomics.study import find_study
from tests.server.archives import series_uid, study_uid, write_examination
from tests.server.dicomweb import an_archive
from tests.server.studies import add_study
from tests.unit.dicom.dicom_files import change


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of an archive with two examinations, the first of four sequences."""
    folder = tmp_path_factory.mktemp("archive")
    write_examination(folder, "A/1")
    write_examination(folder, "B2", "sample-02", "t1c", "flair")
    return folder


@pytest.fixture(scope="module")
def url(files: Path) -> Iterator[str]:
    with an_archive(files) as address:
        yield address


@pytest.fixture
def a_store(url: str, tmp_path: Path) -> ArchiveDatastore:
    add_study(tmp_path / "studies", "case-0", 0)
    store = ArchiveDatastore(tmp_path / "studies", Archive(ArchiveAddress.parse(url), {}))
    store.listing.refresh()
    return store


def test_examinations_are_listed_beside_the_studies_of_the_folder(a_store: ArchiveDatastore) -> None:
    assert a_store.list_images() == ["case-0", "A-1_20210304", "B2_20210304"]
    assert set(a_store.get_unlabeled_images()) == {"case-0", "A-1_20210304", "B2_20210304"}
    assert a_store.status()["not_fetched"] == 2
    rows = {row["id"]: row for row in a_store.review_list.rows()}
    assert rows["A-1_20210304"]["patient_id"] == "A/1"
    assert rows["A-1_20210304"]["fetched"] is False
    assert a_store.json()["objects"].keys() == rows.keys()


def test_examination_becomes_one_study_when_it_is_needed(a_store: ArchiveDatastore) -> None:
    study = a_store.study("A-1_20210304")
    assert list(study.sequences) == ["t1", "t1c", "t2", "flair"]
    assert (study.patient_id, study.date) == ("A/1", "2021-03-04")
    assert study == find_study(a_store.root, "A-1_20210304")
    assert all(item.folder.is_relative_to(study.folder) for item in study.series.values())
    assert not list(a_store.workspace.temporary.iterdir())
    assert a_store.get_image_info("A-1_20210304")["StudyInstanceUID"] == study_uid("A/1")
    assert a_store.status()["not_fetched"] == 1
    assert "archive" in a_store.get_image_info("A-1_20210304")


def test_series_leads_to_its_study_and_sequence(a_store: ArchiveDatastore) -> None:
    study, sequence = a_store.of_series(series_uid("B2", "t1c"))
    assert (study.id, sequence) == ("B2_20210304", "t1c")
    for unknown in ("1.2.3", "../../case-0", series_uid("B2", "t2")):
        with pytest.raises(UnknownNameError, match="no examination with series"):
            a_store.of_series(unknown)


def test_ids_outlive_the_server(a_store: ArchiveDatastore, url: str) -> None:
    add_study(a_store.root, "B2_20210304-2", 1)
    again = ArchiveDatastore(a_store.root, Archive(ArchiveAddress.parse(url), {}))
    assert again.listing.known() == a_store.listing.known()
    with pytest.raises(InputError, match="keeps what was fetched from"):
        ArchiveDatastore(a_store.root, Archive(ArchiveAddress.parse("http://127.0.0.1:9/other"), {}))


def test_only_what_the_address_asks_for_is_listed(url: str, tmp_path: Path) -> None:
    store = ArchiveDatastore(tmp_path, Archive(ArchiveAddress.parse(f"{url}?PatientID=B2"), {}))
    assert store.list_images() == ["B2_20210304"]


def test_series_that_is_undecided_is_fetched_once_it_is_named(tmp_path: Path) -> None:
    write_examination(tmp_path / "files", "C3", "sample-02", "t1c", "flair")
    (tmp_path / "files" / "C3" / "series3").rename(tmp_path / "files" / "C3" / "series9")
    change(tmp_path / "files" / "C3" / "series9", SeriesNumber=9)
    second = shutil.copytree(tmp_path / "files" / "C3" / "series9", tmp_path / "files" / "C3" / "series10")
    for path in second.iterdir():
        file = pydicom.dcmread(path)
        file.SeriesNumber, file.SeriesInstanceUID = 10, generate_uid(entropy_srcs=["second"])
        file.SOPInstanceUID = generate_uid(entropy_srcs=["second", path.name])
        file.PixelData = file.PixelData[::-1]
        file.save_as(path)
    with an_archive(tmp_path / "files") as url:
        store = ArchiveDatastore(tmp_path / "studies", Archive(ArchiveAddress.parse(url), {}))
        store.workspace.create()
        store.listing.refresh()
        assert list(store.study("C3_20210304").sequences) == ["flair"]
        before = store.labels.image_hashes("C3_20210304")["flair"]
        assert "one of 2 series that are t1c" in store.get_image_info("C3_20210304")["archive"]["left_out"]
        with pytest.raises(InputError, match="t1c=77 selects nothing"):
            store.fetch_anew("C3_20210304", ["t1c=77"])
        study = store.fetch_anew("C3_20210304", ["t1c=9", "none=10"])
        assert list(study.sequences) == ["t1c", "flair"]
        assert study.series["t1c"].number == "9"
        assert store.labels.image_hashes("C3_20210304")["flair"] == before  # labels are of the same image still
    (removed,) = store.workspace.removed.iterdir()
    assert (removed / "C3_20210304" / "study.json").is_file()


def test_examinations_are_fetched_in_the_background_until_that_is_stopped(a_store: ArchiveDatastore) -> None:
    with pytest.raises(UnknownNameError, match="lists no examination 'Z'"):
        a_store.fetch_in_background(["Z"])
    a_store.fetch_in_background()
    end = time.monotonic() + 120
    while (state := a_store.state())["in_background"]["running"] and time.monotonic() < end:
        time.sleep(0.05)
    assert (state["in_background"]["done"], state["in_background"]["of"], state["not_fetched"]) == (2, 2, 0)


def test_fetching_that_is_stopped_keeps_nothing_of_an_examination(a_store: ArchiveDatastore) -> None:
    images: list[int] = []
    with pytest.raises(AbandonedError, match="was cancelled"):
        a_store.fetch(a_store.listing.known()["B2_20210304"], lambda: images.append(1) or len(images) > 10)
    assert not (a_store.root / "B2_20210304").exists()
    assert not list(a_store.workspace.temporary.iterdir())


def test_what_an_archive_says_is_never_a_path_and_ids_are_not_given_twice(tmp_path: Path) -> None:
    said = [
        ListedExamination("1.1", "../../etc", "20240101"),
        ListedExamination("1.2", "con", ""),
        ListedExamination("1.3", "labels", ""),
        ListedExamination("1.4", "", "20240101"),
        ListedExamination("1.5", "P", "20240101"),
        ListedExamination("1.6", "p", "20240101"),
    ]
    listing = Listing(tmp_path, "http://archive", lambda: said, lambda: ["P_20240101"])
    listing.refresh()
    ids = {item.uid: name for name, item in listing.known().items()}
    assert (ids["1.1"], ids["1.4"]) == ("etc_20240101", "unknown_20240101")
    assert all(ids[uid].startswith("examination-") for uid in ("1.2", "1.3"))
    assert {ids["1.5"], ids["1.6"]} == {"P_20240101-2", "p_20240101-3"}
    del said[:3]
    said.append(ListedExamination("1.0", "P", "20240101"))
    other = Listing(tmp_path, "http://archive", lambda: said, list)
    other.refresh()
    assert {item.uid: name for name, item in other.known().items()} == {**ids, "1.0": "P_20240101"}
    assert [item.uid for item in other.known().values() if not item.is_there] == ["1.1", "1.2", "1.3"]
