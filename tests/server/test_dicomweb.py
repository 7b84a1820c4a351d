"""The app under MONAI Label's own server, on a DICOMweb archive."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
import requests

from gliomics.bundled import bundled
from gliomics.client import GliomicsClient
from gliomics.dicom import find_examinations, read_series
from gliomics.dicom.segmentation import read_segmentation
from gliomics.study import Mask, Volume, read_mask, read_volume, same_grid, write_mask
from tests.server.dicomweb import an_archive
from tests.server.servers import environment
from tests.unit.dicom.dicom_files import write_series

SAMPLE = bundled("sample_studies") / "sample-01" / "flair.nii.gz"


@dataclass
class Archive:
    """A server of an archive, and what the archive holds."""

    url: str
    folder: Path
    home: Path
    flair: str
    t1c: str
    image: Volume

    def get(self, route: str, **query: str) -> requests.Response:
        return requests.get(f"{self.url}{route}", params=query, timeout=120)

    def post(self, route: str, **query: str) -> requests.Response:
        return requests.post(f"{self.url}{route}", params=query, timeout=120)

    def save(self, image: str, mask: Path, params: str = "{}") -> requests.Response:
        query = {"image": image, "tag": "final"}
        files = {"label": (mask.name, mask.read_bytes())}
        return requests.put(
            f"{self.url}/datastore/label", params=query, files=files, data={"params": params}, timeout=120
        )

    def segmentations(self) -> list[pydicom.Dataset]:
        """What was stored, without voxels."""
        files = (pydicom.dcmread(path, stop_before_pixels=True) for path in self.folder.glob("*.dcm"))
        return [file for file in files if file.Modality == "SEG"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    root = tmp_path_factory.mktemp("dicomweb")
    folder, home = root / "files", root / "home"
    home.mkdir()
    volume = read_volume(SAMPLE)
    pixels = (volume.array * (4000.0 / volume.array.max())).astype(np.uint16).transpose(2, 1, 0)
    axes = (np.diag([-1.0, -1.0, 1.0]) @ volume.affine[:3, :3]) / volume.spacing
    flair = write_series(folder, 1, "AX T2 FLAIR", pixels=pixels, axes=axes, spacing=volume.spacing)
    t1c = write_series(folder, 2, "AX T1 POST", pixels=pixels[:3], axes=axes, spacing=volume.spacing)
    (examination,), _ = find_examinations(sorted(flair.iterdir()))
    uids = [str(pydicom.dcmread(next(series.iterdir())).SeriesInstanceUID) for series in (flair, t1c)]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with an_archive(folder) as address, (root / "log.txt").open("w") as log:
        command = [
            sys.executable,
            "-m",
            "gliomics.server",
            "start_server",
            "--app",
            str(bundled("apps/radiogenomics")),
        ]
        command += ["--studies", address, "--host", "127.0.0.1", "--port", str(port)]
        variables = {**environment(), "HOME": str(home)}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=variables, cwd=root)
        url = f"http://127.0.0.1:{port}"
        try:
            GliomicsClient(url).wait_ready(240)
            yield Archive(url, folder, home, *uids, read_series(examination.series[0]))
        finally:
            process.terminate()
            process.wait(30)


def a_mask(archive: Archive, folder: Path) -> Path:
    """Values 1 and 3 on the grid of the archive's series."""
    array = np.zeros(archive.image.shape, np.uint8)
    array[10:20, 12:30, 2:4], array[14, 15, 2] = 1, 3
    write_mask(archive.image.with_array(array), folder / "mask.nii.gz")
    return folder / "mask.nii.gz"


def downloaded(archive: Archive, folder: Path) -> Mask:
    answer = archive.get("/datastore/label", label=archive.flair, tag="final")
    assert answer.status_code == 200, answer.text
    (folder / "again.nii.gz").write_bytes(answer.content)
    return read_mask(folder / "again.nii.gz")


def test_server_offers_what_an_archive_has(archive: Archive) -> None:
    info = archive.get("/info/").json()
    assert info["datastore"]["total"] == 2
    assert list(info["strategies"]) == ["random", "first"]
    assert info["trainers"] == {}


def test_app_folder_is_not_written_to(archive: Archive) -> None:
    assert {path.name for path in bundled("apps/radiogenomics").iterdir()} <= {"main.py", "__pycache__"}
    assert (archive.home / ".gliomics" / "app" / "logs" / "app.log").is_file()


def test_series_is_segmented_as_the_sequence_that_it_is(archive: Archive) -> None:
    answer = archive.post("/infer/segmentation_flair", image=archive.flair, output="json")
    assert answer.status_code == 200, answer.text
    assert not any("taken as" in warning for warning in answer.json()["warnings"])
    other = archive.post("/infer/segmentation_flair", image=archive.t1c, output="json")
    assert other.status_code == 404
    assert "has no sequence 'flair'; it has t1c" in other.json()["detail"]


def test_final_label_is_a_segmentation_of_its_series_and_comes_back(archive: Archive, tmp_path: Path) -> None:
    mask = a_mask(archive, tmp_path)
    none = archive.get("/datastore/label", label=archive.flair, tag="final")
    assert none.status_code == 404
    params = '{"label_info": [{"name": "oedema", "idx": 1}, {"name": "enhancing", "idx": 3}]}'
    answer = archive.save(archive.flair, mask, params)
    assert answer.status_code == 200, answer.text
    (stored,) = archive.segmentations()
    assert stored.ReferencedSeriesSequence[0].SeriesInstanceUID == archive.flair
    assert [item.SegmentLabel for item in stored.SegmentSequence] == ["oedema", "label 2", "enhancing"]
    for labels in archive.home.rglob("labels/final/*.nii.gz"):
        assert same_grid(downloaded(archive, tmp_path), read_mask(labels))
        labels.unlink()  # so that it comes from the archive
    again = downloaded(archive, tmp_path)
    assert same_grid(again, archive.image)
    np.testing.assert_array_equal(again.array, read_mask(mask).array)
    assert archive.post("/activelearning/random").json()["id"] == archive.t1c


@pytest.mark.parametrize("wrong", ["another grid", "empty"])
def test_label_that_does_not_fit_is_refused_with_its_reason(archive: Archive, tmp_path: Path, wrong: str) -> None:
    before = len(archive.segmentations())
    grid = archive.image.affine.copy()
    grid[0, 3] += 0.5 if wrong == "another grid" else 0
    array = np.full(archive.image.shape, 0 if wrong == "empty" else 1, np.uint8)
    write_mask(Volume(array, grid), tmp_path / "mask.nii.gz")
    answer = archive.save(archive.flair, tmp_path / "mask.nii.gz")
    assert answer.status_code == 400
    assert ("no labelled voxel" if wrong == "empty" else "geometry of the label") in answer.json()["detail"]
    assert len(archive.segmentations()) == before


def test_mask_is_answered_as_a_segmentation(archive: Archive, tmp_path: Path) -> None:
    query = {"image": archive.flair, "output": "dicom_seg"}
    form = {"params": '{"label_info": [{"name": "tumour", "idx": 1}]}'}
    answer = requests.post(f"{archive.url}/infer/segmentation_flair", params=query, data=form, timeout=120)
    assert answer.status_code == 200, answer.text
    (tmp_path / "mask.dcm").write_bytes(answer.content)
    (segment,) = pydicom.dcmread(tmp_path / "mask.dcm").SegmentSequence
    assert (segment.SegmentLabel, segment.SegmentAlgorithmType) == ("tumour", "AUTOMATIC")
    assert read_segmentation(tmp_path / "mask.dcm").array.any()


@pytest.mark.parametrize(
    ("method", "route", "status", "reason"),
    [
        ("POST", "/train/segmentation_flair", 400, "training needs a folder of studies"),
        ("POST", "/train/", 400, "training needs a folder of studies"),
        ("POST", "/activelearning/hybrid", 404, "there is no strategy 'hybrid'; there are first, random"),
        ("GET", "/datastore/image?image=../../app/main.py", 404, "a series is named by its UID"),
        ("GET", "/datastore/image?image=1.2.3", 404, "there is no series '1.2.3'"),
        ("GET", "/datastore/label?label=1.2.3&tag=final", 404, "there is no series '1.2.3'"),
    ],
)
def test_what_an_archive_cannot_do_is_refused_with_its_reason(
    archive: Archive, method: str, route: str, status: int, reason: str
) -> None:
    answer = requests.request(method, f"{archive.url}{route}", timeout=120)
    assert answer.status_code == status
    assert reason in answer.json()["detail"]
