"""A headless Chromium that shows the page, and everything that it asks for and complains of."""

from __future__ import annotations

import base64
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

PATIENCE = 60_000
"""Milliseconds: machines of tests are busy."""


def chromium() -> str:
    """The program, named by ``GLIOMICS_CHROMIUM`` or found on the path; skips where there is none."""
    pytest.importorskip("playwright")
    named = os.environ.get("GLIOMICS_CHROMIUM") or next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if named is None or not Path(named).is_file():
        pytest.skip("no Chromium to show the page in (Debian: apt install chromium), nor named by GLIOMICS_CHROMIUM")
    return named


@contextmanager
def launched(*options: str) -> Iterator[Browser]:
    """A browser for as long as it is needed."""
    from playwright.sync_api import sync_playwright

    program = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *options])
        yield browser
        browser.close()


@dataclass
class Visit:
    """One person at the page: the tab, and what it asked for and complained of."""

    page: Page
    context: BrowserContext
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def sign_in(self, url: str, token: str) -> None:
        """Open the page and give the token."""
        self.page.goto(url)
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="Studies", exact=True).wait_for()

    def open_study(self, url: str, study: str) -> None:
        """Show a study with all its images and its mask."""
        self.page.goto(f"{url}/#/study/{study}")
        self.all_images()

    def all_images(self) -> None:
        """Wait until every pane shows its image, and the mask can be worked on."""
        self.page.locator("figure.pane figcaption").first.wait_for()
        self.page.locator("[data-tool=look]").first.wait_for()
        loading = self.page.locator("figure.pane figcaption").filter(has_text="loading")
        self.page.locator("p.quiet").filter(has_text="sent").first.wait_for()
        loading.first.wait_for(state="detached")

    def said(self) -> str:
        """The messages above the panels."""
        return self.page.locator(".messages").inner_text()

    def pixels(self, plane: str, sequence: str) -> Any:
        """The picture of a pane without what lies over it, rows by columns by red, green and blue."""
        pane = self.page.locator(f"figure.pane[data-plane={plane}][data-sequence={sequence}] canvas")
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        content = pane.evaluate("(canvas) => canvas.toDataURL().split(',')[1]")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB")).astype(int)


def visit(browser: Browser, **options: Any) -> Visit:
    """A new person, who has nothing of what others keep in their browser."""
    size = {"width": 1280, "height": 800}
    context = browser.new_context(**{"viewport": size, "locale": "en-GB", **options})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    made = Visit(page, context)
    page.on("request", lambda request: made.asked.append(request.url))
    page.on("pageerror", lambda error: made.complaints.append(str(error)))
    page.on("console", lambda line: made.complaints.append(line.text) if "Security Policy" in line.text else None)
    page.on("dialog", lambda dialog: made.complaints.append(dialog.message))
    return made
