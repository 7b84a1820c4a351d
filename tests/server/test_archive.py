"""``gliomics serve`` over a DICOMweb archive: Debian's Orthanc where it is installed, else a small store of files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from requests import Session

from gliomics.bundled import bundled
from gliomics.server.dicomweb.address import PASSWORD as PASSWORD_VARIABLE
from gliomics.server.dicomweb.address import USER as USER_VARIABLE
from gliomics.study import read_mask, read_volume, write_mask
from tests.server.archives import study_uid, write_examination
from tests.server.dicomweb import an_archive
from tests.server.orthanc import PASSWORD, USER, an_orthanc, why_no_orthanc
from tests.server.servers import Server, start_server
from tests.unit.export.dcmqi_tools import run_tool

STUDY = "A-1_20210304"


@dataclass
class Served:
    """A server, its archive, and a client that asks the archive itself."""

    server: Server
    url: str
    archive: DICOMwebClient

    def get(self, path: str, **query: str) -> Any:
        return self.server.client._transport.json("GET", path, params=query)

    def stored(self, modality: str) -> list[pydicom.Dataset]:
        series = self.archive.search_for_series(study_uid("A/1"), search_filters={"Modality": modality})
        uids = [str(pydicom.Dataset.from_json(item).SeriesInstanceUID) for item in series]
        return [file for uid in uids for file in self.archive.retrieve_series(study_uid("A/1"), uid)]

    def wait_for(self, modality: str) -> pydicom.Dataset:
        end = time.monotonic() + 240
        while not (stored := self.stored(modality)):
            assert time.monotonic() < end, self.get("/archive/")
            time.sleep(0.5)
        return stored[-1]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("archive")
    write_examination(root / "files", "A/1")
    write_examination(root / "files", "B2", "sample-02", "t1c", "flair")
    with (
        pytest.MonkeyPatch.context() as patch,
        an_archive(root / "files") if why_no_orthanc() else an_orthanc(root, root / "files") as url,
    ):
        patch.setenv(USER_VARIABLE, USER)
        patch.setenv(PASSWORD_VARIABLE, PASSWORD)
        session = Session()
        session.auth = (USER, PASSWORD)
        (root / "studies").mkdir()
        server = start_server(root / "studies", "--studies", url)
        yield Served(server, url, DICOMwebClient(url, session=session))
        server.stop()


@pytest.fixture(scope="module")
def saved(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The label of two parts that is saved as the final one."""
    path = tmp_path_factory.mktemp("label") / "label.nii.gz"
    truth = read_mask(bundled("sample_studies") / "truth" / "sample-01.nii.gz")
    image = read_volume(served.server.client.download_image(STUDY, path.parent / "flair.nii.gz", "flair"))
    label = image.with_array((truth.array > 0).astype(np.uint8))
    label.array[:, :, : label.shape[2] // 2] *= 2
    write_mask(label, path)
    segments = {"core": 1, "oedema": 2}
    answer = served.server.client.save_label(STUDY, path, params={"segments": segments, "user": "Anna Meier"})
    assert "archive" in answer
    return path


def test_worklist_has_the_examinations_and_nothing_is_fetched_for_it(served: Served) -> None:
    rows = {row["id"]: row for row in served.get("/datastore/worklist")["studies"]}
    assert rows.keys() == {STUDY, "B2_20210304"}
    assert served.get("/archive/")["fault"] is None
    assert served.get("/info/")["archive"]["address"] == served.url


def test_examination_is_segmented_by_its_sequences(served: Served) -> None:
    answer = served.server.client.infer("segmentation_flair", STUDY)
    assert answer.params["sequences_used"] == ["flair"]
    assert served.get("/datastore/image/info", image=STUDY)["sequences"] == ["flair", "t1", "t1c", "t2"]


def test_final_label_lies_in_the_archive_with_its_measurements(served: Served, saved: Path, tmp_path: Path) -> None:
    segmentation = served.wait_for("SEG")
    assert [item.SegmentLabel for item in segmentation.SegmentSequence] == ["core", "oedema"]
    assert str(segmentation.ContentCreatorName).startswith("Anna Meier")
    report = served.wait_for("SR")
    referred = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    instances = {item.ReferencedSOPInstanceUID for series in referred for item in series.ReferencedSOPSequence}
    assert segmentation.SOPInstanceUID in instances
    containers = [item.ContentSequence for item in report.ContentSequence if item.ValueType == "CONTAINER"]
    groups, estimates = containers
    assert len(groups) == 2
    assert all(item.ValueType == "TEXT" and "IDH" in item.TextValue for item in estimates[:1])
    assert served.get("/archive/")["to_send"] == []


def test_others_read_what_was_stored(served: Served, saved: Path, tmp_path: Path) -> None:
    for modality in ("SEG", "SR"):
        served.wait_for(modality).save_as(tmp_path / f"{modality}.dcm")
    run_tool(
        "segimage2itkimage", "--inputDICOM", tmp_path / "SEG.dcm", "--outputDirectory", tmp_path, "--outputType", "nii"
    )
    label = read_mask(saved)
    for value in (1, 2):
        segment = read_mask(tmp_path / f"{value}.nii.gz")
        assert int((segment.array > 0).sum()) == int((label.array == value).sum())
    run_tool("tid1500reader", "--inputDICOM", tmp_path / "SR.dcm", "--outputMetadata", tmp_path / "sr.json")
    groups = json.loads((tmp_path / "sr.json").read_text())["Measurements"]
    assert [group["TrackingIdentifier"] for group in groups] == ["core", "oedema"]
    assert all(group["measurementItems"][0]["quantity"]["CodeMeaning"] == "Volume" for group in groups)
