"""The OHIF viewer in a browser: an examination of an archive is listed, seen, segmented and saved."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from gliomics.bundled import bundled
from gliomics.client import GliomicsClient
from gliomics.study import read_mask, read_volume
from tests.server.archives import study_uid
from tests.server.conftest import ServedArchive
from tests.server.web.browser import PATIENCE, Visit, chromium, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

STUDY = "A-1_20210304"
SOFTWARE_WEBGL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


@pytest.fixture
def person(browser: Browser) -> Iterator[Visit]:
    """In a browser of its own, started beside that of the other tests of the page."""
    drawing = browser.browser_type.launch(executable_path=chromium(), args=["--no-sandbox", *SOFTWARE_WEBGL])
    visitor = visit(drawing)
    yield visitor
    visitor.context.close()
    drawing.close()


def picture_of(viewport: Locator) -> Any:
    """Rows by columns by red, green and blue."""
    return np.asarray(Image.open(io.BytesIO(viewport.screenshot(timeout=PATIENCE))).convert("RGB")).astype(int)


def middle_in_head(part: Any, head: Any) -> Any:
    """Where the middle of a part lies in the box around the head: 0 to 1 along rows and columns."""
    corners = np.argwhere(head).min(axis=0), np.argwhere(head).max(axis=0)
    return (np.argwhere(part).mean(axis=0) - corners[0]) / (corners[1] - corners[0])


def test_examination_is_listed_seen_segmented_and_saved(person: Visit, a_served_archive: ServedArchive) -> None:
    page, url = person.page, a_served_archive.server.url
    page.goto(f"{url}/ohif/")
    page.get_by_label("Token").fill(a_served_archive.tokens["annotator"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("A/1").first.click()
    page.get_by_role("button", name="MONAI Label").click()

    assert page.locator("#monailabelServerURL").input_value() == f"{url}/"
    viewport = page.locator("[data-cy=viewport-pane]").first
    viewport.get_by_text("AX T2 FLAIR").wait_for()
    page.get_by_text("Confirm and Hide").click()
    page.wait_for_load_state("networkidle")
    slice_number = int(re.findall(r"\((\d+)/24\)", viewport.inner_text())[0]) - 1
    seen = picture_of(viewport)
    image = read_volume(bundled("sample_studies") / "sample-01" / "flair.nii.gz").array[:, :, slice_number].T
    grey = np.ptp(seen, axis=2) < 12
    head = grey & (seen.mean(axis=2) > 40)
    lesion = image > 0.8 * image.max()
    bright = grey & (seen.mean(axis=2) > 0.8 * seen[head].mean(axis=1).max())
    assert np.allclose(middle_in_head(bright, head), middle_in_head(lesion, image > 0.1 * image.max()), atol=0.05)

    page.locator(".actionButton").first.click()
    page.get_by_text("Auto-Segmentation").wait_for()
    with page.expect_response(lambda answer: "/infer/" in answer.url) as answered:
        page.locator(".tab-content .actionButton:visible").first.click()
    assert answered.value.status == 200
    page.get_by_text("Running Segmentation - Successful").wait_for()
    page.wait_for_timeout(500)
    overlaid = picture_of(viewport)
    coloured = (overlaid[..., 2] - overlaid[..., 1] > 30) & (seen[..., 2] - seen[..., 1] < 10)
    truth = read_mask(bundled("sample_studies") / "truth" / "sample-01.nii.gz").array[:, :, slice_number].T > 0
    assert coloured.sum() > 200
    assert np.allclose(middle_in_head(coloured, head), middle_in_head(truth, image > 0.1 * image.max()), atol=0.05)

    with page.expect_response(lambda answer: answer.request.method == "PUT") as stored:
        page.locator("[data-cy=SaveMask]").click()
    assert stored.value.status == 200, stored.value.text()
    page.get_by_text("Saved as the final label of this study").wait_for()
    client = GliomicsClient(url, timeout=60, token=a_served_archive.tokens["reader"])
    newest = client.label_history(STUDY)[-1]
    assert newest["user"] == "annotator Anna"
    assert list(newest["info"]["segments"]) == ["tumour"]
    assert newest["info"]["origin"]["model"] == "segmentation_flair"
    assert study_uid("A/1") in page.url
    assert [asked for asked in person.asked if not asked.startswith((url, "data:", "blob:"))] == []
    assert not any(token in asked for token in a_served_archive.tokens.values() for asked in person.asked)
    assert person.complaints == []


def test_page_leads_to_the_viewer_where_there_is_an_archive(person: Visit, a_served_archive: ServedArchive) -> None:
    person.sign_in(a_served_archive.server.url, a_served_archive.tokens["reader"])
    person.page.get_by_role("link", name="OHIF viewer").click()
    person.page.get_by_label("Token").or_(person.page.get_by_text("A/1")).first.wait_for()
    assert person.page.url.startswith(f"{a_served_archive.server.url}/ohif/")
