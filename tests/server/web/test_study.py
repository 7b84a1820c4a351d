"""A study on the page: where things lie, what is drawn, and what becomes of it."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from gliomics.server.gate.tokens import Tokens
from gliomics.server.workspace import Workspace
from gliomics.study import Volume, read_mask, write_mask
from tests.server.servers import Server
from tests.server.studies import AFFINE
from tests.server.web.browser import Visit, visit
from tests.server.web.conftest import BALL, OBLIQUE_SHAPE, Served, oblique_affine

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

ORANGE, BLUE = np.array([230, 159, 0]), np.array([86, 180, 233])


def letters(person: Visit, plane: str) -> dict[str, str]:
    """The letters at the sides of the first pane of a plane."""
    pane = person.page.locator(f"figure.pane[data-plane={plane}]").first
    return {side: pane.locator(f".letter.{side}").inner_text() for side in ("left", "right", "top", "bottom")}


def brightest(picture: Any) -> np.ndarray:
    """The middle (x, y) of what is bright and grey in a picture, as shares of its width and height."""
    grey = (picture.min(axis=2) > 200) & (np.ptp(picture, axis=2) < 12)
    assert grey.any()
    rows, columns = np.nonzero(grey)
    return np.array([columns.mean() / picture.shape[1], rows.mean() / picture.shape[0]])


def orange(picture: Any) -> np.ndarray:
    """Where the outline of the mask is in a picture."""
    return np.abs(picture - ORANGE).sum(axis=2) < 60


def planes_without_crosshair(person: Visit) -> None:
    """Three planes of the sequence that is chosen, seen well."""
    person.page.get_by_label("Layout").select_option("planes")
    person.page.locator("figure.pane[data-plane=coronal]").wait_for()
    person.page.locator("#main").focus()
    person.page.keyboard.press("x")


def test_left_is_left_on_voxels_that_lie_askew(annotator: Visit, served: Served) -> None:
    annotator.open_study(served.url, "oblique")
    planes_without_crosshair(annotator)
    assert letters(annotator, "axial") == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert letters(annotator, "sagittal") == {"left": "A", "right": "P", "top": "S", "bottom": "I"}
    assert letters(annotator, "coronal") == {"left": "R", "right": "L", "top": "S", "bottom": "I"}
    shown = show_ball(annotator)
    assert shown["axial"][0] > 0.55, "the patient's left is on the right of the picture"
    assert shown["axial"][1] < 0.45, "the front is at the top"
    assert shown["sagittal"][0] < 0.45, "the nose of a sagittal slice is on the left"
    assert shown["sagittal"][1] < 0.45
    assert shown["coronal"][0] > 0.55
    assert shown["coronal"][1] < 0.45


def show_ball(person: Visit) -> dict[str, np.ndarray]:
    """Turn to the slices with the bright ball by keys, from the middle ones; where it is seen in each plane."""
    affine = oblique_affine()
    ball = np.round(np.linalg.inv(affine) @ [*BALL, 1])[:3].astype(int)
    for plane, across, up in (("axial", 0, 1), ("coronal", 2, 1), ("sagittal", 1, -1)):  # j runs to the left
        steps = int(ball[across] - OBLIQUE_SHAPE[across] // 2) * up
        person.page.locator(f"figure.pane[data-plane={plane}] canvas").focus()
        for _ in range(abs(steps)):
            person.page.keyboard.press("ArrowUp" if steps > 0 else "ArrowDown")
    return {plane: brightest(person.pixels(plane, "flair")) for plane in ("axial", "sagittal", "coronal")}


def test_mask_lies_where_its_file_says_in_all_planes(annotator: Visit, served: Served) -> None:
    """What is drawn on the ball on the screen is, in the label's file, where the ball is in the patient."""
    page = annotator.page
    for plane in ("axial", "coronal", "sagittal"):
        annotator.open_study(served.url, "oblique")
        page.reload()
        annotator.all_images()
        planes_without_crosshair(annotator)
        shown = show_ball(annotator)
        page.locator("[data-tool=brush]").last.click()
        pane = page.locator(f"figure.pane[data-plane={plane}] canvas")
        box = pane.bounding_box()
        assert box is not None
        place = {"x": shown[plane][0] * box["width"], "y": shown[plane][1] * box["height"]}
        pane.click(position=place)
        page.get_by_text("Not sent yet").first.wait_for()
        page.mouse.move(5, 5)
        rows, columns = np.nonzero(orange(annotator.pixels(plane, "flair")))
        middle = [columns.mean() / box["width"], rows.mean() / box["height"]]
        assert np.allclose(middle, shown[plane], atol=0.05), plane
        page.get_by_role("button", name="Submit", exact=True).click()
        page.locator(".messages").get_by_text("was saved").wait_for()
        mask = read_mask(saved(served, "oblique"))
        voxels = np.argwhere(mask.array)
        centre = (mask.affine @ [*voxels.mean(axis=0), 1])[:3]
        assert np.linalg.norm(centre - BALL) < 7, plane
        assert len(voxels) < 200
        served.client("annotator")._transport.json(
            "DELETE", "/datastore/label", params={"id": "oblique", "tag": "final"}
        )


def saved(served: Served, study: str) -> Path:
    """The file of a study's final label."""
    return served.server.studies / "labels" / "final" / f"{study}.nii.gz"


def test_mask_is_made_corrected_undone_and_saved_as_from_3d_slicer(annotator: Visit, served: Served) -> None:
    page = annotator.page
    annotator.open_study(served.url, "sample-05")
    page.get_by_role("button", name="Automatic mask").click()
    page.get_by_text("Not sent yet").first.wait_for()
    automatic = drawn(page)
    assert automatic > 10
    page.locator("[data-tool=add]").last.click()
    pane = page.locator("figure.pane canvas").first
    pane.click(position={"x": 150, "y": 120})
    page.get_by_role("button", name="Give up").wait_for(state="detached")
    corrected = drawn(page)
    assert corrected > automatic
    page.keyboard.press("Control+z")
    assert drawn(page) == automatic
    page.keyboard.press("Control+y")
    assert drawn(page) == corrected
    page.get_by_role("button", name="Submit", exact=True).click()
    page.locator(".messages").get_by_text("was saved").wait_for()
    history = served.client("reader")._transport.json("GET", "/datastore/label/history", params={"label": "sample-05"})
    assert [version["user"] for version in history] == ["A. Annotator"]
    info = history[0]["info"]
    assert (info["client"], info["segments"]) == ("browser", {"tumour": 1})
    assert info["origin"]["kind"] == "edited"
    mask = read_mask(saved(served, "sample-05"))
    cubic = mask.array.astype(bool).sum() * abs(np.linalg.det(mask.affine[:3, :3])) / 1000
    assert abs(cubic - corrected) < 0.06


def drawn(page: Any) -> float:
    """The volume of the mask in cubic centimetres, as the page says it."""
    return float(page.locator("p").filter(has_text="drawn").inner_text().split(":")[1].split()[0])


def test_work_that_was_not_sent_is_offered_again_and_sent_when_the_server_answers(
    annotator: Visit, served: Served
) -> None:
    page = annotator.page
    annotator.open_study(served.url, "case-1")
    page.locator("[data-tool=brush]").last.click()
    page.locator("figure.pane canvas").first.click(position={"x": 200, "y": 150})
    page.get_by_text("Not sent yet").first.wait_for()
    volume = drawn(page)
    page.get_by_role("link", name="Studies").click()
    page.get_by_role("heading", name="Drawn here and not sent yet").wait_for()
    page.reload()
    page.get_by_role("region", name="Unsent work").get_by_role("link", name="case-1").click()
    page.get_by_text("did not send").first.wait_for()
    assert drawn(page) == volume
    annotator.context.set_offline(True)
    page.get_by_role("button", name="Submit", exact=True).click()
    page.locator(".message.bad").get_by_text("does not answer").wait_for()
    annotator.context.set_offline(False)
    page.get_by_role("button", name="Send again").click()
    page.locator(".messages").get_by_text("was saved").wait_for()
    page.get_by_role("link", name="Studies").click()
    page.get_by_role("row", name="case-1").get_by_text("To review").wait_for()
    assert page.get_by_role("region", name="Unsent work").count() == 0


def test_empty_mask_is_sent_only_when_it_is_said_that_there_is_no_tumour(annotator: Visit, served: Served) -> None:
    page = annotator.page
    annotator.open_study(served.url, "oblique")
    page.get_by_role("button", name="Submit", exact=True).click()
    page.locator(".messages").get_by_text("tick that there is none").wait_for()
    assert not saved(served, "oblique").exists()
    page.get_by_label("There is no tumour in this study").check()
    page.get_by_role("button", name="Submit", exact=True).click()
    page.locator(".messages").get_by_text("was saved").wait_for()
    assert not read_mask(saved(served, "oblique")).array.any()
    served.client("annotator")._transport.json("DELETE", "/datastore/label", params={"id": "oblique", "tag": "final"})


def test_two_sequences_are_shown_side_by_side(annotator: Visit, served: Served) -> None:
    annotator.open_study(served.url, "sample-05")
    for chosen, shown in (("1", ["flair", "t1c"]), ("4", ["flair", "t2"])):
        annotator.page.keyboard.press(chosen)
        annotator.page.get_by_label("Layout").select_option("pair")
        panes = annotator.page.locator("figure.pane")
        assert [panes.nth(place).get_attribute("data-sequence") for place in range(panes.count())] == shown
        annotator.page.locator("#main").focus()


def test_reading_is_shown_as_the_server_words_it(annotator: Visit, served: Served, tmp_path: Path) -> None:
    page = annotator.page
    annotator.open_study(served.url, "sample-05")
    if not page.get_by_text("The server has final").count():
        page.get_by_role("button", name="Automatic mask").click()
        page.get_by_text("Not sent yet").first.wait_for()
        page.get_by_role("button", name="Submit", exact=True).click()
        page.locator(".messages").get_by_text("was saved").wait_for()
    page.get_by_role("tab", name="Read").click()
    page.locator(".estimate").first.wait_for()
    reading = served.client("reader").read("sample-05", label=saved(served, "sample-05"))
    text = page.locator(".reading").inner_text()
    for fact in reading.headline:
        assert fact.text in text
    for estimate in reading.estimates:
        section = page.locator(f".estimate[data-title='{estimate.title}']").first.inner_text()
        assert estimate.headline in section
        assert "For research use only" in section
        assert all(bar.text in section for bar in estimate.bars)
        assert all(caution in section for caution in estimate.cautions)
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Report as a page").click()
    report = opened.value
    report.wait_for_url("**/report/*")
    report.get_by_text("sample-05").first.wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert "sample-05" in Path(download.value.path()).read_text()


def test_label_is_sent_back_with_a_comment_that_its_annotator_sees(browser: Browser, served: Served) -> None:
    client = served.client("annotator")
    mask = np.zeros((40, 44, 6), np.uint8)
    mask[18:24, 18:24, 2:4] = 1
    path = served.server.studies.parent / "label.nii.gz"
    write_mask(Volume(mask, AFFINE), path)
    client.save_label("case-2", path)
    comment = "Take in the <b>oedema</b>."
    reviewer = visit(browser)
    reviewer.sign_in(served.url, served.tokens["trainer"])
    reviewer.open_study(served.url, "case-2")
    reviewer.page.get_by_role("tab", name="Review").click()
    reviewer.page.get_by_text("You decide on version 1 by A. Annotator").wait_for()
    reviewer.page.locator(".history summary").first.click()
    reviewer.page.get_by_text(re.compile(r"^final v\d: axial slice [23], the one that shows most of it$")).wait_for()
    shown = io.BytesIO(reviewer.page.locator(".history canvas").first.screenshot())
    assert orange(np.asarray(Image.open(shown).convert("RGB")).astype(int)).any()
    reviewer.page.get_by_role("button", name="Send back").click()
    reviewer.page.locator(".messages").get_by_text("Say in the comment").wait_for()
    reviewer.page.get_by_label("Comment").fill(comment)
    reviewer.page.get_by_role("button", name="Send back").click()
    reviewer.page.locator(".messages").get_by_text("is sent back").wait_for()
    reviewer.page.get_by_role("listitem").get_by_text(f"T. Trainer: {comment}").wait_for()
    write_mask(Volume(np.roll(mask, 2, axis=0), AFFINE), path)
    served.client("trainer").save_label("case-2", path, tag="second_reader")
    reviewer.page.reload()
    reviewer.all_images()
    reviewer.page.get_by_role("tab", name="Review").click()
    reviewer.page.get_by_role("button", name="How far they agree").click()
    reviewer.page.get_by_text("dice 0.67").wait_for()
    reviewer.page.get_by_role("button", name="Show their outlines").click()
    reviewer.page.get_by_text("second_reader, by T. Trainer").wait_for()
    picture = reviewer.pixels("axial", "flair")
    assert orange(picture).any()
    assert (np.abs(picture - BLUE).sum(axis=2) < 60).any()
    reviewer.page.get_by_role("link", name="Learning").click()
    reviewer.page.get_by_role("button", name="Train on the labels").wait_for()
    reviewer.page.get_by_role("rowheader", name="in use").wait_for()
    assert reviewer.complaints == []
    reviewer.context.close()
    reader = visit(browser)
    reader.sign_in(served.url, served.tokens["reader"])
    reader.open_study(served.url, "case-2")
    reader.page.get_by_role("tab", name="Review").click()
    reader.page.get_by_role("listitem").get_by_text(comment).wait_for()
    assert reader.page.get_by_role("button", name="Send back").count() == 0
    assert reader.page.get_by_role("button", name="Submit", exact=True).count() == 0
    assert reader.complaints == []
    reader.context.close()


def test_two_at_once_and_a_token_that_is_taken_away(browser: Browser, served: Served, annotator: Visit) -> None:
    tokens = Tokens(Workspace(served.server.studies.resolve()).tokens)
    token = tokens.add("L. Leaving", "annotator")
    second = visit(browser)
    second.sign_in(served.url, token)
    for person, place in ((annotator, 200), (second, 215)):
        person.open_study(served.url, "case-0")
        person.page.locator("[data-tool=brush]").last.click()
        person.page.locator("figure.pane canvas").first.click(position={"x": place, "y": 150})
    for person in (annotator, second):
        person.page.get_by_role("button", name="Submit", exact=True).click()
        person.page.locator(".messages").get_by_text("was saved").wait_for()
    assert "Version 1 by A. Annotator is kept in its history" in second.said()
    second.page.locator("figure.pane canvas").first.click(position={"x": 230, "y": 160})
    second.page.get_by_text("Not sent yet").first.wait_for()
    tokens.remove("L. Leaving")
    second.page.get_by_role("button", name="Submit", exact=True).click()
    second.page.get_by_text("is kept here").wait_for()
    second.page.get_by_label("Token").fill(tokens.add("L. Leaving", "annotator"))
    second.page.get_by_role("button", name="Sign in").click()
    second.page.get_by_text("did not send").first.wait_for()
    second.page.get_by_role("button", name="Submit", exact=True).click()
    second.page.locator(".messages").get_by_text("was saved").wait_for()
    assert [version["user"] for version in served.client("reader").label_history("case-0")] == [
        "A. Annotator",
        "L. Leaving",
        "L. Leaving",
    ]
    second.context.close()


def in_another_tab(person: Visit, served: Served, study: str) -> Visit:
    """The same person with the study in a second tab of the same browser."""
    other = Visit(person.context.new_page(), person.context)
    other.sign_in(served.url, served.tokens["annotator"])
    other.open_study(served.url, study)
    return other


IS_KEPT = """async () => {
    const open = await new Promise((resolve, reject) => {
        const opening = indexedDB.open("gliomics");
        opening.onsuccess = () => resolve(opening.result);
        opening.onerror = () => reject(opening.error);
    });
    const keys = await new Promise((resolve) => {
        const asked = open.transaction("work").objectStore("work").getAllKeys();
        asked.onsuccess = () => resolve(asked.result);
    });
    open.close();
    return keys.some(([server, user, study]) => location.hash.endsWith(`/${study}`));
}"""
"""Whether the browser keeps work on the study that the page shows."""


def paint(person: Visit, x: int, y: int) -> None:
    """A dab of the brush that is kept in the browser."""
    person.page.locator("[data-tool=brush]").last.click()
    person.page.locator("figure.pane canvas").first.click(position={"x": x, "y": y})
    person.page.get_by_text("Not sent yet").first.wait_for()
    end = time.monotonic() + 60
    while not person.page.evaluate(IS_KEPT):
        assert time.monotonic() < end, "nothing was kept"


def test_two_tabs_of_one_study_hear_of_each_other_and_leave_no_work_behind(annotator: Visit, served: Served) -> None:
    page = annotator.page
    annotator.open_study(served.url, "case-2")
    paint(annotator, 200, 150)
    other = in_another_tab(annotator, served, "case-2")
    other.page.get_by_text("did not send").first.wait_for()
    paint(annotator, 240, 150)
    other.page.locator(".messages").get_by_text("is drawn on in another tab").wait_for()
    volume = drawn(page)
    other.page.reload()  # what the other tab only restored does not take the place of what was drawn since
    other.page.get_by_text("did not send").first.wait_for()
    assert drawn(other.page) == volume
    page.get_by_role("button", name="Submit", exact=True).click()
    page.locator(".messages").get_by_text("was saved").wait_for()
    other.page.locator(".messages").get_by_text("sent or discarded there").wait_for()
    other.page.get_by_text(re.compile(r"was not sent. The server has final v\d by A. Annotator")).wait_for()
    other.page.get_by_role("link", name="Studies").click()
    other.page.locator("table.studies").wait_for()
    assert other.page.get_by_role("region", name="Unsent work").count() == 0
    other.page.close()


def test_work_of_nobody_becomes_that_of_who_gives_a_name(browser: Browser, a_server: Server) -> None:
    person = visit(browser)
    page = person.page
    person.open_study(a_server.url, "case-0")
    paint(person, 200, 150)
    page.get_by_label("Your name").fill("Nora")
    page.keyboard.press("Tab")
    page.reload()
    page.get_by_text("did not send").first.wait_for()
    page.get_by_role("button", name="Discard it").click()
    page.get_by_text("Nothing here that was not sent.").wait_for()
    for name in ("Nora", ""):
        page.get_by_label("Your name").fill(name)
        page.keyboard.press("Tab")
        page.goto(f"{a_server.url}/#/")
        page.reload()
        page.locator("table.studies").wait_for()
        assert page.get_by_role("region", name="Unsent work").count() == 0
    assert person.complaints == []
    person.context.close()
