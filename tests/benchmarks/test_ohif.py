"""The whole way of a mask through OHIF: made, corrected with the brush, saved, stored in the archive, seen again.

    python -m pytest tests/benchmarks/test_ohif.py --basetemp=/tmp/ohif-pictures

Its pictures lie in that folder. With Orthanc (``apt install orthanc orthanc-dicomweb``) the archive is Orthanc.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import requests

from gliomics.bundled import bundled
from gliomics.study import on_grid_of, read_mask, read_volume
from tests.server.archives import series_uid, study_uid
from tests.server.conftest import ServedArchive, served_archive
from tests.server.web.browser import launched, visit
from tests.server.web.test_ohif import SOFTWARE_WEBGL, STUDY, middle_in_head, picture_of

SHOWN_AGAIN = 13
"""The axial slice, from 0, in which the mask is looked at again."""


def ask(archive: ServedArchive, path: str) -> requests.Response:
    return requests.get(archive.server.url + path, headers=archive.as_role("reader"), timeout=60)


def stored_segmentation(archive: ServedArchive, folder: Path) -> Path:
    """The DICOM SEG that the archive has, once it has one."""
    examination = f"/proxy/dicom/wado/studies/{study_uid('A/1')}"
    end = time.monotonic() + 240
    while not (found := ask(archive, f"/proxy/dicom/qido/studies/{study_uid('A/1')}/series?Modality=SEG").json()):
        assert time.monotonic() < end, ask(archive, "/archive/").text
        time.sleep(1)
    (series,) = [item["0020000E"]["Value"][0] for item in found]
    headers = {**archive.as_role("reader"), "Accept": 'multipart/related; type="application/dicom"'}
    answer = requests.get(f"{archive.server.url}{examination}/series/{series}", headers=headers, timeout=60)
    content = answer.content.split(b"\r\n\r\n", 1)[1]
    (folder / "stored.dcm").write_bytes(content[: content.rindex(b"\r\n--")])
    return folder / "stored.dcm"


def test_mask_is_corrected_stored_and_seen_again_in_its_place(tmp_path: Path) -> None:
    with (
        served_archive(tmp_path / "archive", "flair", "t1", "t1c", "t2") as archive,
        launched(*SOFTWARE_WEBGL) as browser,
    ):
        person = visit(browser)
        page, url = person.page, archive.server.url
        page.goto(f"{url}/ohif/monai-label?StudyInstanceUIDs={study_uid('A/1')}")
        page.get_by_label("Token").fill(archive.tokens["annotator"])
        page.get_by_role("button", name="Sign in").click()
        page.locator("[data-cy=studyBrowser-panel]").get_by_text("AX T2 FLAIR").wait_for()
        page.get_by_text("Confirm and Hide").click()
        page.wait_for_load_state("networkidle")
        page.locator(".actionButton").first.click()
        page.get_by_text("Auto-Segmentation").wait_for()
        models = page.locator("select", has=page.locator("option", has_text="segmentation_parts")).first
        models.select_option("segmentation_parts")
        page.locator(".tab-content .actionButton:visible").first.click()
        page.get_by_text("Running Segmentation - Successful").wait_for()
        page.screenshot(path=tmp_path / "1_segmented.png")

        page.locator("[data-cy=panelSegmentationWithTools-btn]").click()
        page.locator("[data-cy=data-row]").filter(has_text="oedema").click()
        page.locator("[data-cy=Brush]").click()
        viewport = page.locator("[data-cy=viewport-pane]").first
        box = viewport.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2 + 4, box["y"] + box["height"] / 2 + 4, steps=4)
        page.mouse.up()
        page.wait_for_timeout(2000)
        page.screenshot(path=tmp_path / "2_corrected.png")
        with page.expect_response(lambda answer: answer.request.method == "PUT") as saved:
            page.locator("[data-cy=SaveMask]").click()
        assert saved.value.status == 200, saved.value.text()

        history = ask(archive, f"/datastore/label/history?label={STUDY}").json()
        assert history[-1]["info"]["origin"]["kind"] == "edited"
        (tmp_path / "label.nii.gz").write_bytes(ask(archive, f"/datastore/label?label={STUDY}&tag=final").content)
        label = read_mask(tmp_path / "label.nii.gz")
        segmentation = stored_segmentation(archive, tmp_path)
        dcmqi = Path(sys.executable).parent / "segimage2itkimage"
        if shutil.which(str(dcmqi)):
            command = [
                dcmqi,
                "--inputDICOM",
                segmentation,
                "--outputDirectory",
                tmp_path,
                "--prefix",
                "dcmqi",
                "-t",
                "nii",
            ]
            subprocess.run(command, check=True, capture_output=True)
            for number in sorted(set(np.unique(label.array)) - {0}):
                read = on_grid_of(read_mask(tmp_path / f"dcmqi-{number}.nii.gz"), label, "what dcmqi reads")
                assert np.array_equal(read.array > 0, label.array == number)

        page.goto(f"{url}/ohif/segmentation?StudyInstanceUIDs={study_uid('A/1')}")
        stored = page.locator("[data-cy=studyBrowser-panel]").get_by_text("Final label, version 1")
        stored.wait_for()
        page.wait_for_load_state("networkidle")
        stored.dblclick()
        page.get_by_text("LOAD", exact=True).first.click()
        page.get_by_text("core-without-enhancement").first.wait_for()
        viewport = page.locator("[data-cy=viewport-pane]").filter(has_text="AX T2 FLAIR").first
        viewport.hover()
        while f"({SHOWN_AGAIN + 1}/24)" not in viewport.inner_text():
            page.mouse.wheel(0, 100)
            page.wait_for_timeout(300)
        page.wait_for_timeout(2000)
        page.screenshot(path=tmp_path / "3_seen_again.png")
        seen = picture_of(viewport)
        head = (np.ptp(seen, axis=2) < 12) & (seen.mean(axis=2) > 40)
        coloured = np.ptp(seen, axis=2) > 40
        rows, columns = np.argwhere(head).min(axis=0), np.argwhere(head).max(axis=0)
        inside = np.zeros_like(coloured)
        inside[rows[0] : columns[0], rows[1] : columns[1]] = True
        image = read_volume(bundled("sample_studies") / "sample-01" / "flair.nii.gz").array[:, :, SHOWN_AGAIN].T
        mask, whole = label.array[:, :, SHOWN_AGAIN].T > 0, image > 0.1 * image.max()
        assert np.allclose(middle_in_head(coloured & inside, head), middle_in_head(mask, whole), atol=0.06)
        shares = [part.sum() / np.ptp(np.argwhere(around), axis=0).prod() for part, around in
                  ((coloured & inside, head), (mask, whole))]  # fmt: skip
        assert abs(shares[0] / shares[1] - 1) < 0.3, "another slice of the mask is shown"
        assert [asked for asked in person.asked if not asked.startswith((url, "data:", "blob:"))] == []
        assert person.complaints == []
        assert series_uid("A/1", "flair") in " ".join(person.asked)
