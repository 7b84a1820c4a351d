"""What the OHIF viewer asks of the server: its files, the archive behind, masks on its series, and saving."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
import requests

from gliomics.client import GliomicsClient
from gliomics.dicom.segmentation import segmentation_of
from gliomics.study import Mask, read_mask
from tests.server.archives import series_uid, study_uid
from tests.server.conftest import ServedArchive

FLAIR, T1 = (series_uid("A/1", sequence) for sequence in ("flair", "t1"))
STUDY = "A-1_20210304"


def ask(archive: ServedArchive, role: str, method: str, path: str, **how: object) -> requests.Response:
    headers = {**archive.as_role(role), **how.pop("headers", {})}  # type: ignore[dict-item]
    return requests.request(method, archive.server.url + path, headers=headers, timeout=120, **how)  # type: ignore[arg-type]


def of_instances(*datasets: pydicom.Dataset, end: bytes = b"\r\n--x--\r\n") -> dict[str, object]:
    """The body that stores instances, and its type."""
    body = b""
    for dataset in datasets:
        buffer = BytesIO()
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
        body += b"\r\n--x\r\nContent-Type: application/dicom\r\n\r\n" + buffer.getvalue()
    return {
        "data": body + end,
        "headers": {"Content-Type": 'multipart/related; type="application/dicom"; boundary="x"'},
    }


def flair_files(archive: ServedArchive) -> list[pydicom.Dataset]:
    files = [pydicom.dcmread(path) for path in archive.files.rglob("*") if path.is_file()]
    ours = [file for file in files if file.SeriesInstanceUID == FLAIR]
    return sorted(ours, key=lambda file: float(file.ImagePositionPatient[2]))


def a_block(archive: ServedArchive) -> Mask:
    """A mask with the values 1 and 4 on the grid of the FLAIR series."""
    first, *_, last = flair_files(archive)
    count = len(flair_files(archive))
    lps = np.eye(4)
    lps[:3, 0] = np.array(first.ImageOrientationPatient[:3], float) * first.PixelSpacing[1]
    lps[:3, 1] = np.array(first.ImageOrientationPatient[3:], float) * first.PixelSpacing[0]
    positions = [np.array(file.ImagePositionPatient, float) for file in (first, last)]
    lps[:3, 2], lps[:3, 3] = (positions[1] - positions[0]) / (count - 1), positions[0]
    array = np.zeros((first.Columns, first.Rows, count), np.uint8)
    array[40:60, 50:80, 8:12], array[45:50, 60:70, 9] = 1, 4
    return Mask(array, np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps)


def test_files_of_the_viewer_come_without_a_token_and_load_nothing_from_elsewhere(
    a_served_archive: ServedArchive,
) -> None:
    url = a_served_archive.server.url
    page = requests.get(f"{url}/ohif/monai-label?StudyInstanceUIDs=1.2", timeout=30)
    assert page.status_code == 200
    assert "https:" not in page.text
    assert "connect-src 'self' data: blob:" in page.headers["content-security-policy"]
    styles = requests.get(f"{url}/ohif/app.bundle.css", timeout=30)
    assert styles.headers["content-type"].startswith("text/css")
    assert "@import" not in styles.text
    (program,) = (part for part in page.text.split('"') if part.startswith("/ohif/app.bundle.") and ".js" in part)
    for path, kind in ((program, "text/javascript"), ("/ohif/assets/favicon-32x32.png", "image/png")):
        answer = requests.get(url + path, timeout=30)
        assert answer.headers["content-type"].startswith(kind), path
        again = requests.get(url + path, headers={"If-None-Match": answer.headers["etag"]}, timeout=30)
        assert again.status_code == 304
    for path in ("/ohif/google.js", "/ohif/..%2f..%2fohif.py", "/ohif/%2e%2e%2fa.py", "/ohif/assets/none.png"):
        assert requests.get(url + path, timeout=30).status_code == 404, path


def test_archive_is_asked_in_the_name_of_readers_alone(a_served_archive: ServedArchive) -> None:
    path = f"/proxy/dicom/qido/studies?StudyInstanceUID={study_uid('A/1')}"
    assert requests.get(a_served_archive.server.url + path, timeout=30).status_code == 401
    answer = ask(a_served_archive, "reader", "GET", path)
    assert [item["00100020"]["Value"] for item in answer.json()] == [["A/1"]]
    assert answer.headers["cache-control"] == "no-store"
    for method, elsewhere in (
        ("GET", "/proxy/dicom/qido/system"),
        ("GET", "/proxy/dicom/qido/studies/..%2f..%2fsystem"),
        ("GET", "/proxy/dicom/wado/http:%2f%2f127.0.0.1%2fstudies"),
        ("GET", f"/proxy/dicom/wado/studies/{study_uid('A/1')}/series/{FLAIR}/file"),
        ("DELETE", f"/proxy/dicom/wado/studies/{study_uid('A/1')}"),
        ("GET", "/proxy/dicom/dimse/studies"),
    ):
        refused = ask(a_served_archive, "trainer", method, elsewhere)
        assert refused.status_code in (404, 405, 422), elsewhere
    stored = ask(a_served_archive, "reader", "POST", "/proxy/dicom/wado/studies", **of_instances())
    assert stored.status_code == 403


def test_mask_lies_on_the_series_that_is_shown(a_served_archive: ServedArchive, tmp_path: Path) -> None:
    """The model needs the FLAIR, and the viewer shows the T1 of that study."""
    path = f"/infer/segmentation_flair?image={T1}"
    params = {"params": json.dumps({"result_extension": ".nrrd"})}
    answer = ask(a_served_archive, "reader", "POST", f"{path}&output=image", data=params)
    assert answer.status_code == 200, answer.text
    header, voxels = answer.content.split(b"\n\n", 1)
    assert b"encoding: raw" in header
    assert b"sizes: 144 144 24" in header
    shown = np.frombuffer(voxels, np.uint8).reshape((144, 144, 24), order="F")
    client = GliomicsClient(a_served_archive.server.url, timeout=120, token=a_served_archive.tokens["reader"])
    (tmp_path / "mask.nii.gz").write_bytes(client.infer("segmentation_flair", STUDY).label)
    assert np.array_equal(shown, read_mask(tmp_path / "mask.nii.gz").array)
    segmentation = ask(a_served_archive, "reader", "POST", f"{path}&output=dicom_seg")
    dataset = pydicom.dcmread(BytesIO(segmentation.content))
    assert dataset.ReferencedSeriesSequence[0].SeriesInstanceUID == T1
    assert [item.SegmentLabel for item in dataset.SegmentSequence] == ["tumour"]


def test_segmentation_that_is_stored_becomes_the_final_label_in_the_name_of_the_token(
    a_served_archive: ServedArchive, tmp_path: Path
) -> None:
    mask = a_block(a_served_archive)
    names = {1: "oedema", 4: "enhancing"}
    made = segmentation_of(mask, flair_files(a_served_archive), names, drawn="MANUAL", description="by hand")
    made.ContentCreatorName = "FORGED"
    path = f"/proxy/dicom/wado/studies/{study_uid('A/1')}"
    answer = ask(a_served_archive, "annotator", "POST", path, **of_instances(made))
    assert answer.status_code == 200, answer.text
    (item,) = answer.json()["00081199"]["Value"]
    assert item["00081155"]["Value"] == [made.SOPInstanceUID]
    client = GliomicsClient(a_served_archive.server.url, timeout=60, token=a_served_archive.tokens["annotator"])
    newest = client.label_history(STUDY)[-1]
    assert newest["user"] == "annotator Anna"
    assert newest["voxels"] == {"2": int((mask.array == 1).sum()), "3": int((mask.array == 4).sum())}
    assert newest["info"]["segments"] == {"oedema": 2, "enhancing": 3}
    kept = ask(a_served_archive, "reader", "GET", f"/datastore/label?label={STUDY}&tag=final")
    (tmp_path / "label.nii.gz").write_bytes(kept.content)
    assert np.array_equal(
        read_mask(tmp_path / "label.nii.gz").array, np.select([mask.array == 1, mask.array == 4], [2, 3])
    )


def test_label_of_bare_voxels_is_placed_on_its_series(a_served_archive: ServedArchive) -> None:
    voxels = np.zeros((144, 144, 24), np.uint8)
    voxels[30:50, 40:60, 5:8] = 1
    path = f"/datastore/label?image={FLAIR}&tag=voxels"
    short = {"label": ("label.bin", voxels.tobytes("F")[:-1])}
    refused = ask(a_served_archive, "annotator", "PUT", path, files=short)
    assert refused.status_code == 400
    assert "one or two bytes for each" in refused.json()["detail"]
    files = {"label": ("label.bin", (3 * voxels).tobytes("F"))}
    named = {"params": json.dumps({"label_info": [{"idx": 3, "name": "oedema"}]})}
    answer = ask(a_served_archive, "annotator", "PUT", path, files=files, data=named)
    assert answer.json()["image"] == STUDY
    client = GliomicsClient(a_served_archive.server.url, timeout=60, token=a_served_archive.tokens["reader"])
    newest = client.label_history(STUDY, "voxels")[-1]
    assert newest["voxels"] == {"2": 20 * 20 * 3}
    assert newest["info"]["segments"] == {"oedema": 2}
    assert "label_info" not in newest["info"]


@pytest.mark.parametrize("kind", ["image", "cut", "other series", "text", "empty"])
def test_what_is_no_segmentation_of_ours_is_not_stored(a_served_archive: ServedArchive, kind: str) -> None:
    images = flair_files(a_served_archive)
    mask = a_block(a_served_archive)
    made = segmentation_of(mask, images, {1: "tumour"}, drawn="MANUAL", description="by hand")
    sent = of_instances(made)
    if kind == "image":
        sent = of_instances(images[0])
    elif kind == "cut":
        sent = of_instances(made, end=b"")
    elif kind == "other series":
        made.ReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3"
        sent = of_instances(made)
    elif kind == "text":
        sent = {"data": b"hello", "headers": {"Content-Type": "text/plain"}}
    elif kind == "empty":
        sent = of_instances()
    client = GliomicsClient(a_served_archive.server.url, timeout=60, token=a_served_archive.tokens["reader"])
    before = client.label_history(STUDY)
    answer = ask(a_served_archive, "annotator", "POST", "/proxy/dicom/stow/studies", **sent)
    assert answer.status_code in (400, 404), answer.text
    assert len(answer.json()["detail"]) > 20
    assert client.label_history(STUDY) == before
