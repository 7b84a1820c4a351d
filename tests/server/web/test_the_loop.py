"""The labelling loop on the page: parts, what a model is told, slices that were asked for, trainings, versions."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from gliomics.study import read_mask, read_volume, write_mask
from tests.server.studies import a_lesion_case
from tests.server.web.browser import Visit, visit
from tests.server.web.conftest import BALL, TRAINED, Served, oblique_affine
from tests.server.web.test_study import BLUE, brightest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

CORE, OEDEMA, ENHANCING = 1, 2, 3


def volumes(page: Any) -> list[float]:
    """What is drawn of each segment in cubic centimetres, as the page says it."""
    texts = page.get_by_text(re.compile("cm\u00b3 drawn$")).all_inner_texts()
    return [float(text.split(":")[1].split()[0]) for text in texts]


def answered(person: Visit) -> None:
    """Wait until the model that corrects is done."""
    person.page.get_by_role("button", name="Give up").wait_for(state="detached")


def said_by(person: Visit, tool: str, way: str) -> None:
    """Choose what a model is told."""
    person.page.locator(f"[data-tool={tool}]").last.click()
    person.page.locator(f"[data-by={way}]").click()


def dragged(person: Visit, *places: tuple[int, int]) -> None:
    """Drag the mouse along places of the first pane."""
    box = person.page.locator("figure.pane canvas").first.bounding_box()
    assert box is not None
    for number, (x, y) in enumerate(places):
        person.page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
        if not number:
            person.page.mouse.down()
    person.page.mouse.up()


def lesion(person: Visit) -> float:
    """The volume of the only segment."""
    return volumes(person.page)[0]


def test_model_is_told_by_strokes_and_boxes(annotator: Visit, served: Served) -> None:
    page = annotator.page
    page.get_by_role("link", name="Studies").click()
    annotator.open_study(served.url, "case-3")
    empty = lesion(annotator)
    said_by(annotator, "add", "stroke")
    dragged(annotator, (200, 130), (230, 150), (240, 170))
    answered(annotator)
    stroked = lesion(annotator)
    assert stroked > empty
    said_by(annotator, "remove", "box")
    pane = page.locator("figure.pane canvas").first
    pane.click(position={"x": 110, "y": 80})  # two corners, on slices apart
    page.keyboard.press("ArrowUp")
    pane.click(position={"x": 320, "y": 420})
    answered(annotator)
    assert lesion(annotator) < stroked
    page.keyboard.press("Control+z")
    assert lesion(annotator) == stroked
    said_by(annotator, "remove", "box")
    dragged(annotator, (110, 80), (320, 420))
    answered(annotator)
    assert lesion(annotator) < stroked
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert lesion(annotator) == empty
    page.get_by_role("link", name="Studies").click()
    page.get_by_role("button", name="Discard the unsent work on case-3").click()
    page.get_by_role("region", name="Unsent work").wait_for(state="detached")


def test_map_of_the_model_lies_over_the_images_with_a_legend(annotator: Visit, served: Served) -> None:
    page = annotator.page
    annotator.open_study(served.url, "case-1")
    page.locator("#main").focus()
    page.keyboard.press("h")
    page.mouse.move(5, 5)
    plain = annotator.pixels("axial", "flair")
    page.get_by_label("Model's map").select_option("uncertainty")
    page.locator(".legend").get_by_text("Uncertainty").wait_for()
    half = np.abs(annotator.pixels("axial", "flair") - plain)
    assert half.any()
    page.get_by_label("Map opacity").fill("100")
    assert np.abs(annotator.pixels("axial", "flair") - plain).sum() > 1.5 * half.sum()
    page.get_by_label("Model's map").select_option("")
    assert np.array_equal(annotator.pixels("axial", "flair"), plain)
    assert not page.locator(".legend").is_visible()


def test_surface_is_turned_and_leads_to_its_slices(annotator: Visit, served: Served, tmp_path: Path) -> None:
    page, client = annotator.page, served.client("annotator")
    flair = read_volume(served.server.studies / "oblique" / "flair.nii.gz")
    write_mask(flair.with_array((flair.array > 200).astype(np.uint8)), tmp_path / "ball.nii.gz")
    client.save_label("oblique", tmp_path / "ball.nii.gz")
    annotator.open_study(served.url, "oblique")
    page.get_by_label("Layout").select_option("surface")
    surface = page.locator("figure.surface canvas")
    page.locator("figure.surface figcaption").filter(has_text="seen from A").wait_for()
    seen = shaded(annotator)
    assert seen.sum() > 1000
    ball = np.round(np.linalg.inv(oblique_affine()) @ [*BALL, 1])[:3].astype(int)
    axial = page.locator("figure.pane[data-plane=axial] figcaption")
    page.locator("figure.pane[data-plane=axial] canvas").focus()
    for press in (lambda: page.keyboard.press("PageDown"),) * 2 + (surface.click,):
        before = axial.inner_text()
        press()
        axial.filter(has_not_text=before).wait_for()
    shown = [int(text.split("slice ")[1].split()[0]) for text in page.locator("figcaption").all_inner_texts()[:3]]
    assert np.abs(np.array(shown) - [ball[0], ball[1], ball[2]]).max() <= 5, "axial, sagittal and coronal: i, j and k"
    page.keyboard.press("ArrowRight")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    page.locator("figure.surface figcaption").filter(has_text="seen from R").wait_for()
    assert abs(shaded(annotator).sum() / seen.sum() - 1) < 0.5, "a ball is a ball from every side"


def shaded(person: Visit) -> Any:
    """Where the surface of the only segment is seen."""
    person.page.wait_for_timeout(100)
    picture = np.asarray(
        Image.open(io.BytesIO(person.page.locator("figure.surface canvas").screenshot())).convert("RGB")
    )
    red, _, blue = picture.astype(int).transpose(2, 0, 1)
    return red > 60 + blue


def test_labels_on_other_voxels_are_shown_beside_each_other(annotator: Visit, served: Served, tmp_path: Path) -> None:
    page = annotator.page
    t1 = read_volume(served.server.studies / "oblique" / "t1.nii.gz")
    write_mask(t1.with_array((t1.array > 200).astype(np.uint8)), tmp_path / "ball.nii.gz")
    served.client("trainer").save_label("oblique", tmp_path / "ball.nii.gz", tag="second_reader")
    page.reload()
    annotator.all_images()
    page.get_by_label("Layout").select_option("planes")
    page.get_by_role("tab", name="Review").click()
    page.get_by_role("button", name="Show their outlines").click()
    page.get_by_text("on other voxels; brought to these to be shown").wait_for()
    page.mouse.move(5, 5)
    picture = annotator.pixels("coronal", "flair")
    rows, columns = np.nonzero(np.abs(picture - BLUE).sum(axis=2) < 60)
    middle = [columns.mean() / picture.shape[1], rows.mean() / picture.shape[0]]
    assert np.allclose(middle, brightest(picture), atol=0.03), "the label of other voxels lies on the ball"


def test_examination_is_compared_with_an_earlier_one(annotator: Visit, served: Served, tmp_path: Path) -> None:
    page, path = annotator.page, tmp_path / "label.nii.gz"
    write_mask(a_lesion_case(2)[1], path)
    served.client("annotator").save_label("case-2", path)
    annotator.open_study(served.url, "case-3")
    page.locator("[data-tool=brush]").last.click()
    page.locator("figure.pane canvas").first.click(position={"x": 200, "y": 150})
    page.get_by_role("tab", name="Read").click()
    page.get_by_role("combobox", name="Compare with").select_option("case-2")
    page.get_by_role("columnheader", name="follow-up, 2024-05-01").wait_for()
    heads = page.locator("details").filter(has_text="What changed").locator("th[scope=col]").all_inner_texts()
    assert heads == ["What", "baseline", "follow-up, 2024-05-01", "Change"]
    volume = served.client("reader").read("case-2", label=path).headline[0]
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=volume.name, exact=True))
    assert volume.text in row.inner_text()
    page.get_by_role("tab", name="Annotate").click()
    page.keyboard.press("Control+z")
    page.get_by_role("link", name="Studies").click()
    page.get_by_role("button", name="Discard the unsent work on case-3").click()
    page.get_by_role("region", name="Unsent work").wait_for(state="detached")


def test_parts_are_made_corrected_read_and_saved(annotator: Visit, served: Served) -> None:
    page = annotator.page
    annotator.open_study(served.url, "sample-05")
    before = volumes(page)
    page.get_by_role("combobox", name="Model", exact=True).select_option("segmentation_parts")
    page.get_by_role("button", name="Automatic mask").click()
    page.get_by_label("Enhancing").wait_for()
    made = volumes(page)
    assert len(made) == 3
    page.keyboard.press("Control+z")
    assert volumes(page) == before, "what its values mean is taken back with the mask"
    page.keyboard.press("Control+y")
    assert volumes(page) == made
    page.get_by_label("Enhancing").check()
    said_by(annotator, "add", "click")
    page.locator("figure.pane canvas").first.click(position={"x": 150, "y": 120})
    answered(annotator)
    clicked = volumes(page)
    assert clicked[ENHANCING - 1] > made[ENHANCING - 1]
    said_by(annotator, "add", "stroke")
    dragged(annotator, (160, 110), (180, 120))
    answered(annotator)
    assert volumes(page)[ENHANCING - 1] > clicked[ENHANCING - 1]
    page.get_by_role("tab", name="Read").click()
    page.get_by_role("combobox", name="Region").wait_for()
    regions = page.get_by_role("combobox", name="Region").locator("option").all_inner_texts()
    assert {"whole tumour", "enhancing tumour"} <= {region.lower() for region in regions}, regions
    page.get_by_role("combobox", name="Region").select_option("enhancing")
    page.locator(".reading h2").filter(has_text=re.compile("enhancing", re.IGNORECASE)).wait_for()
    page.get_by_role("tab", name="Annotate").click()
    drawn = volumes(page)
    page.get_by_role("button", name="Submit", exact=True).click()
    page.locator(".messages").get_by_text("was saved").wait_for()
    info = served.client("reader").label_history("sample-05")[-1]["info"]
    assert info["segments"] == {"core-without-enhancement": CORE, "oedema": OEDEMA, "enhancing": ENHANCING}
    mask = read_mask(served.server.studies / "labels" / "final" / "sample-05.nii.gz")
    cubic = abs(np.linalg.det(mask.affine[:3, :3])) / 1000
    assert [round(float((mask.array == value).sum() * cubic), 1) for value in (1, 2, 3)] == drawn
    page.reload()
    annotator.all_images()
    assert volumes(page) == drawn


def test_asked_slices_are_saved_alone_beside_those_that_others_saved(
    annotator: Visit, served: Served, tmp_path: Path
) -> None:
    page, client = annotator.page, served.client("annotator")
    client.release(client.next_sample("disagreement", budget_seconds=60)["id"])  # until all are scored
    page.get_by_role("link", name="Studies").click()
    page.locator("section.next select").select_option("disagreement")
    page.get_by_role("button", name="Take the next study").click()
    page.get_by_role("heading", name="Slices of which the model is least sure").wait_for()
    annotator.all_images()
    study = page.get_by_role("heading", level=1).inner_text()
    asked = [int(text.split()[1]) for text in page.locator(".slices button").all_inner_texts()]
    assert f"slice {asked[0]} (" in page.locator("figcaption").first.inner_text(), "the first of them is shown"
    page.locator("[data-tool=brush]").last.click()
    page.locator("figure.pane canvas").first.click(position={"x": 200, "y": 150})
    page.get_by_label(f"Slice {asked[0]} is done").check()
    assert not page.get_by_label("The whole study is done").is_checked()
    page.get_by_role("button", name="Submit", exact=True).click()
    page.locator(".messages").get_by_text(f"Slices {asked[0]} of {study} were saved").wait_for()
    assert f"slice {asked[1]} (" in page.locator("figcaption").first.inner_text(), "then the next one"
    path, axis = served.server.studies / "labels" / "partial" / f"{study}.nii.gz", 0 if study == "oblique" else 2
    first = read_mask(path)
    assert first.array.any()
    other = next(number for number in range(first.shape[axis]) if number not in asked)
    array = first.array.copy()
    np.moveaxis(array, axis, 0)[other, 3:6, 3:6] = 1
    write_mask(first.with_array(array), tmp_path / "label.nii.gz")
    options = {"slices_done": [asked[0], other]}
    served.client("trainer").save_label(study, tmp_path / "label.nii.gz", tag="partial", params=options)
    page.get_by_label(f"Slice {asked[1]} is done").check()
    page.get_by_role("button", name="Submit", exact=True).click()
    page.locator(".messages").get_by_text(f"Slices {other} are as they were saved before").wait_for()
    saved = served.client("reader").label_history(study, "partial")[-1]
    assert (saved["user"], saved["info"]["slices_done"]) == ("A. Annotator", sorted([asked[0], asked[1], other]))
    assert np.array_equal(read_mask(path).array, array)
    assert page.get_by_text("saved before").count() >= 1
    client.release(study)


def test_model_is_trained_with_its_verdict_and_versions_are_put_back(browser: Browser, served: Served) -> None:
    trainer = visit(browser)
    trainer.sign_in(served.url, served.tokens["trainer"])
    page = trainer.page
    page.get_by_role("link", name="Learning").click()
    page.get_by_role("combobox", name="Model", exact=True).select_option(TRAINED)
    page.get_by_text("never in use, for it was not better").wait_for()
    _, second, first, _ = (version["version"] for version in served.client("reader").model_versions(TRAINED))
    page.get_by_role("button", name=f"Put version {first} in use").click()
    page.get_by_text("Say first why").wait_for()
    page.get_by_label("Why another version").fill("it <b>draws</b> ventricles")
    page.get_by_role("button", name=f"Put version {first} in use").click()
    page.get_by_text(f"Version {first} serves from the next request on, instead of version {second}").wait_for()
    page.get_by_role("button", name=f"Put version {second} in use").wait_for()
    published = served.client("reader").model_versions(TRAINED)[-2]["published"]
    assert "it <b>draws</b> ventricles (T. Trainer)" in str(published)
    page.get_by_role("button", name="Train on the labels").click()
    page.get_by_text("is being trained for T. Trainer").wait_for()
    page.get_by_text("epoch").first.wait_for(timeout=120_000)
    page.get_by_text("The last training has ended").wait_for(timeout=120_000)
    training = served.client("reader").training_of(TRAINED)
    verdict = training["progress"]["verdict"]["sentence"]
    assert verdict in page.get_by_role("region", name="Training").inner_text()
    page.get_by_role("row", name=f"{training['progress']['version']} ").first.wait_for()
    page.get_by_role("button", name="Train on the labels").click()
    page.get_by_role("button", name="Stop the training").click()
    page.get_by_text("is stopped").wait_for()
    assert trainer.complaints == []
    trainer.context.close()
