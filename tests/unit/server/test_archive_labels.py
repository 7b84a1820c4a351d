"""Final labels sent to an archive as DICOM Segmentations, and those of others read back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from gliomics.dicom.segmentation import segmentation_of
from gliomics.dicom.source import find_source
from gliomics.errors import GliomicsError
from gliomics.server.dicomweb.address import TOKEN, ArchiveAddress
from gliomics.server.dicomweb.client import Archive, ArchiveError
from gliomics.server.dicomweb.exchange import label_of_segmentation
from gliomics.server.dicomweb.returning import ARCHIVE
from gliomics.server.dicomweb.store import ArchiveDatastore
from gliomics.study import Mask, read_mask, read_volume, write_mask
from gliomics.study.labels import FINAL
from tests.server.archives import write_examination
from tests.server.dicomweb import Faults, an_archive

STUDY = "A1_20210304"
PARTS = {"necrosis": 1, "oedema": 2, "enhancing": 3}


@dataclass
class Setting:
    """An archive with one examination, and a store that works on it."""

    files: Path
    faults: Faults
    url: str
    root: Path
    store: ArchiveDatastore

    def again(self) -> ArchiveDatastore:
        """The store as another process finds it."""
        return _store(self.root, self.url)

    def mask(self, *values: int) -> Mask:
        """A mask with a block of each value."""
        image = read_volume(self.store.study(STUDY).path("flair"))
        array = np.zeros(image.shape, np.uint8)
        for number, value in enumerate(values):
            array[10 + 4 * number : 13 + 4 * number, 10:20, 5:9] = value
        return image.with_array(array)

    def save(self, *values: int, **info: Any) -> None:
        path = self.root.parent / "label.nii.gz"
        write_mask(self.mask(*values), path)
        self.store.save_label(STUDY, str(path), FINAL, {"user": "Anna Meier", **info})

    def stored(self, modality: str = "SEG") -> list[pydicom.Dataset]:
        """What the archive has of a modality, the oldest first."""
        files = [pydicom.dcmread(path) for path in self.files.glob("*.dcm")]
        return sorted((file for file in files if file.Modality == modality), key=lambda file: str(file.ContentTime))

    def store_by_another(self, mask: Mask, moment: datetime, drawn: Any = "MANUAL") -> None:
        source = find_source(self.store.study(STUDY), mask)
        names = {value: name for name, value in PARTS.items()}
        file = segmentation_of(
            source.mask, source.instances, names, drawn=drawn, description="by another", creator="Bo Li"
        )
        file.ContentDate, file.ContentTime = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")
        file.TimezoneOffsetFromUTC = "+0000"
        file.save_as(self.files / f"{file.SOPInstanceUID}.dcm")

    def look(self) -> None:
        """Open the study some time later."""
        self.store.returning = self.again().returning
        self.store.get_image_info(STUDY)


@dataclass
class Served:
    """An archive with one examination, and a folder into which it was fetched."""

    files: Path
    faults: Faults
    url: str
    fetched: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root, faults = tmp_path_factory.mktemp("archive"), Faults()
    write_examination(root / "files", "A1", "sample-01", "t1c", "flair")
    with an_archive(root / "files", faults) as url:
        store = ArchiveDatastore(root / "studies", Archive(ArchiveAddress.parse(url), {}))
        store.workspace.create()
        store.listing.refresh()
        store.study(STUDY)
        yield Served(root / "files", faults, url, root / "studies")


@pytest.fixture
def a_setting(served: Served, tmp_path: Path) -> Iterator[Setting]:
    root = tmp_path / "studies"
    shutil.copytree(served.fetched, root)
    yield Setting(served.files, served.faults, served.url, root, _store(root, served.url))
    vars(served.faults).update(vars(Faults()))
    for path in served.files.glob("*.dcm"):
        path.unlink()


def _store(root: Path, url: str) -> ArchiveDatastore:
    return ArchiveDatastore(root, Archive(ArchiveAddress.parse(url), {}))


def test_final_label_is_a_segmentation_with_codes_and_its_annotators_name(a_setting: Setting) -> None:
    a_setting.save(1, 2, 3, segments=PARTS)
    a_setting.store.outbox.send_all()
    (stored,) = a_setting.stored()
    assert str(stored.ContentCreatorName).startswith("Anna Meier")
    segments = {str(item.SegmentLabel): item for item in stored.SegmentSequence}
    types = {name: item.SegmentedPropertyTypeCodeSequence[0] for name, item in segments.items()}
    assert {name: item.CodeValue for name, item in types.items()} == {
        "necrosis": "6574001", "oedema": "79654002", "enhancing": "108369006",
    }  # fmt: skip
    modifier = types["enhancing"].SegmentedPropertyTypeModifierCodeSequence[0]
    assert (modifier.CodeValue, modifier.CodingSchemeDesignator) == ("C113842", "NCIt")
    assert {item.SegmentAlgorithmType for item in segments.values()} == {"MANUAL"}
    assert stored.PatientID == "A1"
    (path,) = (path for path in a_setting.files.glob("*.dcm") if pydicom.dcmread(path).Modality == "SEG")
    mask, info = label_of_segmentation(path, a_setting.store.study(STUDY))
    np.testing.assert_array_equal(mask.array, a_setting.mask(1, 2, 3).array)
    assert info["segments"] == PARTS
    assert a_setting.store.outbox.waiting() == []
    assert a_setting.store.told_of_sending(STUDY) == "the archive keeps it as a DICOM Segmentation"


def test_how_a_label_came_about_is_told(a_setting: Setting, tmp_path: Path) -> None:
    for changed, drawn in ((False, "AUTOMATIC"), (True, "SEMIAUTOMATIC")):
        write_mask(a_setting.mask(1), tmp_path / "automatic.nii.gz")
        a_setting.store.automatic.keep(STUDY, "segmentation_flair", "3", tmp_path / "automatic.nii.gz")
        mask = a_setting.mask(1)
        mask.array[10, 10, 5] = 0 if changed else 1
        write_mask(mask, tmp_path / "label.nii.gz")
        a_setting.store.save_label(STUDY, str(tmp_path / "label.nii.gz"), FINAL, {})
        a_setting.store.outbox.send_all()
        newest = a_setting.stored()[-1]
        assert newest.SegmentSequence[0].SegmentAlgorithmType == drawn


def test_label_waits_while_the_archive_is_away_and_is_sent_once_by_the_next_process(a_setting: Setting) -> None:
    a_setting.faults.status = 503
    a_setting.save(1)
    with pytest.raises(ArchiveError, match=r"failed \(503\)"):
        a_setting.store.outbox.send_all()
    assert "waits to be sent to the archive: the archive" in a_setting.store.told_of_sending(STUDY)
    assert "waits to be sent" in a_setting.store.notices()[-1]
    (state,) = a_setting.store.state()["to_send"]
    assert state["may_pass"]
    a_setting.faults.status = 0
    a_setting.again().outbox.send_all()
    assert len(a_setting.stored()) == 1
    a_setting.again().outbox.send_all()
    assert len(a_setting.stored()) == 1


def test_label_whose_answer_was_lost_is_not_sent_twice(a_setting: Setting) -> None:
    a_setting.faults.lost_answers = True
    a_setting.save(1)
    with pytest.raises(ArchiveError):
        a_setting.store.outbox.send_all()
    (first,) = a_setting.stored()
    a_setting.faults.lost_answers = False
    again = a_setting.again()
    again.outbox.send_all()
    assert [item.SOPInstanceUID for item in a_setting.stored()] == [first.SOPInstanceUID]
    assert again.outbox.waiting() == []
    assert sum(asked.startswith("POST") for asked in a_setting.faults.asked) == 1


def test_label_that_a_killed_server_did_not_put_into_the_outbox_is_sent(a_setting: Setting) -> None:
    a_setting.save(1)
    for path in a_setting.root.rglob("outbox/*/*.json"):
        path.unlink()  # as if the server was killed before it was written
    again = a_setting.again()
    again.outbox.start = lambda: None  # type: ignore[method-assign]
    again.start_sending()
    again.outbox.send_all()
    assert len(a_setting.stored()) == 1
    again.start_sending()
    assert again.outbox.waiting() == []


def test_only_the_newest_of_labels_that_wait_is_sent(a_setting: Setting) -> None:
    a_setting.save(1)
    a_setting.save(1, 1)
    a_setting.store.outbox.send_all()
    (stored,) = a_setting.stored()
    assert stored.ContentDescription == "Final label, version 2"


def test_empty_label_is_kept_and_said_not_to_be_sent(a_setting: Setting) -> None:
    a_setting.save(allow_empty=True)
    a_setting.store.outbox.send_all()
    assert "cannot be sent to the archive: an empty label" in a_setting.store.told_of_sending(STUDY)
    a_setting.save(1)
    a_setting.store.outbox.send_all()
    assert a_setting.store.outbox.waiting() == []


def test_segmentation_of_another_becomes_the_final_label(a_setting: Setting) -> None:
    a_setting.store_by_another(a_setting.mask(1, 2, 3), datetime.now(timezone.utc))
    a_setting.look()
    version = a_setting.store.labels.current(STUDY, FINAL)
    assert version is not None
    assert (version.user, version.info["segments"]) == ("Bo Li", PARTS)
    label = read_mask(a_setting.store.labels.path(STUDY, FINAL))
    np.testing.assert_array_equal(label.array, a_setting.mask(1, 2, 3).array)
    assert a_setting.store.outbox.waiting() == []  # it is not sent back
    a_setting.look()
    assert len(a_setting.store.labels.versions(STUDY, FINAL)) == 1
    again = a_setting.again()
    again.outbox.start = lambda: None  # type: ignore[method-assign]
    again.start_sending()
    assert again.outbox.waiting() == []


@pytest.mark.parametrize(
    ("hours", "drawn", "tag"), [(1, "MANUAL", FINAL), (-1, "MANUAL", ARCHIVE), (1, "AUTOMATIC", ARCHIVE)]
)
def test_segmentation_of_another_replaces_only_an_older_label(
    a_setting: Setting, hours: int, drawn: str, tag: str
) -> None:
    a_setting.save(1)
    a_setting.store_by_another(a_setting.mask(2), datetime.now(timezone.utc) + timedelta(hours=hours), drawn)
    a_setting.look()
    assert a_setting.store.get_labels_by_image_id(STUDY).keys() == {FINAL, tag}
    current = a_setting.store.labels.current(STUDY, tag)
    assert current is not None
    assert current.user == "Bo Li"
    users = [version.user for version in a_setting.store.labels.versions(STUDY, FINAL)]
    assert users == ["Anna Meier", "Bo Li"][: len(users)]


def test_what_was_sent_does_not_come_back(a_setting: Setting) -> None:
    a_setting.save(1)
    a_setting.store.outbox.send_all()
    a_setting.look()
    assert [version.user for version in a_setting.store.labels.versions(STUDY, FINAL)] == ["Anna Meier"]


def test_segmentation_on_another_grid_is_no_label_and_is_looked_at_once(a_setting: Setting) -> None:
    source = find_source(a_setting.store.study(STUDY), a_setting.mask(1))
    for header in source.instances:
        header.ImagePositionPatient = [value + 7.3 for value in header.ImagePositionPatient]
    moved = a_setting.mask(1).affine.copy()
    moved[:3, 3] += [-7.3, -7.3, 7.3]
    mask = Mask(a_setting.mask(1).array, moved)
    file = segmentation_of(mask, source.instances, {}, drawn="MANUAL", description="elsewhere")
    file.save_as(a_setting.files / "elsewhere.dcm")
    a_setting.look()
    assert a_setting.store.labels.tags(STUDY) == []
    (received,) = a_setting.store.exchanges.of(STUDY).received
    assert "geometry" in received.reason


def test_study_is_opened_while_the_archive_is_away(a_setting: Setting) -> None:
    a_setting.faults.status = 503
    a_setting.look()
    assert a_setting.store.get_image_info(STUDY)["patient_id"] == "A1"
    with pytest.raises(ArchiveError):
        a_setting.store.refresh()
    assert a_setting.store.list_images() == [STUDY]
    assert "failed (503)" in a_setting.store.notices()[0]


def test_half_a_series_is_not_kept(a_setting: Setting) -> None:
    write_examination(a_setting.files, "B2", "sample-02", "flair")
    a_setting.store.listing.refresh()
    for cut in (20_000, 200):
        a_setting.faults.cut = cut
        with pytest.raises(ArchiveError, match=r"only in part|cannot be read"):
            a_setting.store.study("B2_20210304")
    assert not (a_setting.root / "B2_20210304").exists()
    assert not list(a_setting.store.workspace.temporary.iterdir())
    a_setting.faults.cut = 0
    assert list(a_setting.store.study("B2_20210304").sequences) == ["flair"]


def test_archive_that_refuses_the_token_is_said_and_the_token_is_not(a_setting: Setting) -> None:
    a_setting.faults.token = "opensesame"
    address = ArchiveAddress.parse(a_setting.url)
    with pytest.raises(ArchiveError, match=r"does not let this server in \(401\)") as refusal:
        Archive(address, {TOKEN: "closedsesame"}).examinations()
    assert "sesame" not in str(refusal.value)
    assert Archive(address, {TOKEN: "opensesame"}).examinations()


def test_silent_archive_is_waited_for_with_an_end(a_setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gliomics.server.dicomweb.client.ANSWER_SECONDS", 0.5)
    a_setting.faults.seconds = 3
    with pytest.raises(GliomicsError, match="did not answer in time"):
        a_setting.store.archive.check()
