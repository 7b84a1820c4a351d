"""The first sessions of an annotator and a radiologist, gone through from the pages' own words in a browser."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.server.web.browser import PATIENCE, Visit, visit
from tests.server.web.test_study import orange
from tests.sessions import PROJECT, Shell, plain, steps, walk

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

ROLES = ("button", "link", "tab", "checkbox", "radio")


class PageScreen:
    """The page, as somebody sees it who has read of it: things are found by what stands on them."""

    def __init__(self, person: Visit, opened: Path) -> None:
        """``opened`` is where the desktop's browser puts the address that it is given."""
        self.person, self.page, self._opened = person, person.page, opened

    def show(self, url: str) -> None:
        end = time.monotonic() + PATIENCE / 1000
        while not self._opened.is_file() and time.monotonic() < end:
            time.sleep(0.05)
        assert self._opened.read_text().strip() == url
        self.page.goto(url)
        self._idle()

    def press(self, name: str) -> None:
        shown, pages, address = self._drawn(), len(self.page.context.pages), self.page.url
        named = [self.page.get_by_role(role, name=name, exact=True) for role in ROLES]
        found = named[0]
        for locator in named[1:]:
            found = found.or_(locator)
        found.locator("visible=true").first.click()
        if name in ("Take the next study", "Submit and next"):
            self.page.wait_for_url(lambda now: "#/study/" in now and now != address)
        self._idle()
        if name == "Automatic mask":
            self.page.get_by_text("Not sent yet").first.wait_for()
        elif name in ("Model: add", "Model: remove"):
            self._click_at_the_edge(outside=name == "Model: add")
            assert self._drawn() > shown if name == "Model: add" else self._drawn() < shown
        elif name in ("Undo", "Redo"):
            assert self._drawn() != shown
        elif name == "Report as a page":
            self._report(pages)

    def type(self, text: str, field: str) -> None:
        box = self.page.get_by_label(field, exact=True)
        box.fill(text)
        box.blur()

    def choose(self, option: str, field: str) -> None:
        self.page.get_by_role("combobox", name=field, exact=True).select_option(label=option)
        self._idle()

    def sees(self, text: str) -> None:
        self.page.get_by_text(text).locator("visible=true").first.wait_for()

    def seen(self) -> str:
        self.page.get_by_text("Reading the mask").wait_for(state="detached")
        return plain(self.page.locator("body").inner_text())

    def _drawn(self) -> float:
        """How large the mask is, as the page says it; 0 where it says nothing."""
        said = self.page.get_by_text(re.compile("cm\u00b3 drawn$")).locator("visible=true").all_inner_texts()
        return float(said[0].split(":")[1].split()[0]) if said else 0.0

    def _is_drawn_on(self) -> bool:
        return self.page.get_by_role("tab", name="Annotate", selected=True).count() > 0

    def _idle(self) -> None:
        """Wait until a view is whole and no model is at work."""
        if "#/study/" in self.page.url:
            self.page.get_by_role("tab", selected=True).wait_for()
            if self._is_drawn_on():
                self.person.all_images()
        self.page.get_by_role("button", name="Give up").wait_for(state="detached")

    def _click_at_the_edge(self, *, outside: bool) -> None:
        """Click beside the mask, or on it, where it reaches farthest to the right."""
        self.page.mouse.move(5, 5)
        picture = self.person.pixels("axial", "flair")
        rows, columns = np.nonzero(orange(picture))
        row = int(rows[columns.argmax()])
        box = self.page.locator("figure.pane canvas").first.bounding_box()
        assert box is not None
        ratio = picture.shape[1] / box["width"]
        x = (columns.max() + (6 if outside else -14)) / ratio
        self.page.locator("figure.pane canvas").first.click(position={"x": x, "y": row / ratio})
        self._idle()

    def _report(self, pages: int) -> None:
        while len(self.page.context.pages) == pages:
            self.page.wait_for_timeout(50)
        report: Any = self.page.context.pages[-1]
        report.wait_for_url("**/report/*")
        report.get_by_text("For research use only").first.wait_for()
        report.close()


@pytest.mark.parametrize(("page", "least"), [("annotator.md", 16), ("radiologist.md", 9)])
def test_session_goes_as_its_page_says(page: str, least: int, browser: Browser, tmp_path: Path) -> None:
    """All but what is done in 3D Slicer, whose panel has tests of its own."""
    (tmp_path / "sample_studies").symlink_to(PROJECT / "sample_studies")
    desktop, opened = tmp_path / "browser.sh", tmp_path / "opened.txt"
    desktop.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    desktop.chmod(0o755)
    shell, person = Shell(tmp_path, browser=desktop), visit(browser)
    try:
        here = [step for step in steps(page) if "3D Slicer" not in step.section]
        taken = walk(here, PageScreen(person, opened), shell)
    finally:
        person.context.close()
        shell.stop()
    assert taken["press"] >= least
    assert person.complaints == []
