"""Render the page with a sample study as somebody who reads it sees it, to a WebP file.

    PYTHONPATH=lib:. .venv/bin/python tests/server/web/render_page.py docs/images

starts a server over the synthetic sample studies, lets a model draw the mask and reads it, in a headless Chromium.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

from gliomics.bundled import bundled
from tests.server.servers import start_server
from tests.server.web.browser import Visit, launched, visit

STUDY = "sample-01"
QUALITY = 33
"""Of a picture that is kept, in hundredths: letters stay sharp, and the file is a third of a PNG."""


def read_study(person: Visit, url: str) -> None:
    """Let a model draw the mask, and show what is read of it with the slices through its middle."""
    page = person.page
    person.open_study(url, STUDY)
    page.get_by_label("Your name").fill("A. Annotator")
    page.get_by_role("button", name="Automatic mask").click()
    page.get_by_text("Not sent yet").first.wait_for()
    page.get_by_role("tab", name="Read").click()
    page.locator(".estimate").first.wait_for()


def keep(person: Visit, path: Path) -> None:
    """The window as it is."""
    Image.open(io.BytesIO(person.page.screenshot())).convert("RGB").save(path, quality=QUALITY, method=6)
    sys.stderr.write(f"{path}: {path.stat().st_size // 1000} kB\n")


def main(out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        studies = Path(folder) / "studies"
        shutil.copytree(bundled("sample_studies"), studies)
        server = start_server(studies)
        try:
            with launched() as browser:
                person = visit(browser)
                read_study(person, server.url)
                keep(person, out / "page_read.webp")
        finally:
            server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
