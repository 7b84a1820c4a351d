"""Examinations of an archive among the studies of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gliomics.errors import InputError, UnknownNameError
from gliomics.server.dicomweb.address import ArchiveAddress
from gliomics.server.dicomweb.client import Archive
from gliomics.server.dicomweb.store import ArchiveDatastore
from gliomics.study import find_study
from tests.server.archives import series_uid, write_examination
from tests.server.dicomweb import an_archive
from tests.server.studies import add_study


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
