"""Nothing on the page keeps people from using it who hear it, use keys alone, or see little contrast."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from tests.server.web.browser import Visit, visit
from tests.server.web.conftest import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


RULES = ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]


def hindrances(person: Visit) -> list[str]:
    """What axe finds on the page as it is, light and dark, with where it is."""
    found = []
    for scheme in ("light", "dark"):
        person.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        answer = person.page.evaluate("(rules) => axe.run(document, {runOnly: rules})", RULES)
        found += [
            f"{scheme}, {violation['impact']} {violation['id']}: {node['html'][:120]} {node.get('failureSummary', '')}"
            for violation in answer["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]
    return found


def test_axe_finds_no_serious_hindrance_in_any_view(browser: Browser, served: Served) -> None:
    person = visit(browser, bypass_csp=True)
    person.context.add_init_script(AXE)
    page, found = person.page, {}
    page.goto(served.url)
    page.get_by_label("Token").wait_for()
    found["sign-in"] = hindrances(person)
    person.sign_in(served.url, served.tokens["trainer"])
    page.locator("tbody tr").first.wait_for()
    found["list"] = hindrances(person)
    person.open_study(served.url, "case-3")
    drawing(person)
    page.locator("[data-tool=add]").last.click()
    page.get_by_label("Layout").select_option("surface")
    page.locator("figure.surface").wait_for()
    found["annotate"] = hindrances(person)
    page.get_by_role("tab", name="Read").click()
    page.locator(".facts").wait_for()
    found["read"] = hindrances(person)
    page.get_by_role("tab", name="Review").click()
    page.get_by_role("heading", name="History").wait_for()
    found["review"] = hindrances(person)
    page.get_by_role("link", name="Learning").click()
    page.get_by_role("rowheader", name="in use").wait_for()
    found["learning"] = hindrances(person)
    assert {view: rules for view, rules in found.items() if rules} == {}
    page.evaluate("() => document.querySelector('h1').style.color = 'rgb(160, 165, 170)'")
    assert "color-contrast" in hindrances(person)[0], "axe is at work"
    person.context.close()


def drawing(person: Visit) -> None:
    """A few strokes, so that there is something to read."""
    person.page.locator("[data-tool=brush]").last.click()
    pane = person.page.locator("figure.pane canvas").first
    pane.click(position={"x": 200, "y": 150})
    pane.click(position={"x": 215, "y": 160})
    person.page.get_by_text("Not sent yet").first.wait_for()


def test_study_fits_screens_from_a_tablet_to_4k(annotator: Visit, served: Served) -> None:
    annotator.open_study(served.url, "sample-05")
    for width, height in ((1024, 768), (3840, 2160), (1280, 800)):
        annotator.page.set_viewport_size({"width": width, "height": height})
        box = annotator.page.locator("figure.pane").last.bounding_box()
        assert box is not None
        assert box["width"] > width / 4
        assert box["height"] > height / 5
        assert box["y"] + box["height"] <= height
        assert annotator.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_study_is_annotated_by_keys_alone(annotator: Visit, served: Served) -> None:
    page = annotator.page
    annotator.open_study(served.url, "case-3")
    page.locator("figure.pane canvas").first.focus()
    before = page.locator("figcaption").first.inner_text()
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(100)
    assert page.locator("figcaption").first.inner_text() != before
    page.keyboard.press("b")
    assert page.locator("[data-tool=brush]").last.get_attribute("aria-pressed") == "true"
    page.get_by_role("tab", name="Annotate").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="Read").get_attribute("aria-selected") == "true"
