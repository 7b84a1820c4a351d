"""The page in a real browser with much to show: ten thousand studies, a large study, twenty studies in a row, a server
that is killed at each step, and how long a first annotation takes.

`python -m pytest tests/benchmarks/test_page.py -s` prints what docs/benchmarks/page.md quotes.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gliomics.bundled import bundled
from gliomics.client import GliomicsClient
from gliomics.study import Study, Volume, read_mask, write_study_json, write_volume
from tests.server.many_studies import a_folder_of
from tests.server.servers import Server, start_server
from tests.server.web.browser import Visit, launched, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LARGE = (512, 512, 300)
IN_A_ROW = 20


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as running:
        yield running


def arrived(person: Visit, url: str) -> None:
    """The list of studies of a server without tokens, in somebody's name."""
    person.page.goto(url)
    person.page.locator("table.studies tbody tr").first.wait_for()
    name = person.page.get_by_label("Your name")
    name.fill("A. Annotator")
    name.press("Enter")


def memory(person: Visit) -> float:
    """Megabytes that the tab holds after a look for garbage: its heap and the arrays beside it."""
    session = person.context.new_cdp_session(person.page)
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")
    session.detach()
    return float(heap["usedSize"] + heap.get("backingStorageSize", 0)) / 2**20


def test_ten_thousand_studies_stay_fluent(browser: Browser, tmp_path: Path) -> None:
    server = start_server(a_folder_of(10_000, tmp_path))
    person = visit(browser)
    try:
        person.page.goto(server.url)
        person.page.get_by_text("1 to 100 of 10000").first.wait_for(timeout=120_000)
        person.page.reload()
        started = time.monotonic()
        person.page.get_by_text("1 to 100 of 10000").first.wait_for()
        shown = time.monotonic() - started
        field, answers = person.page.get_by_label("Search study"), []
        for number in range(5):
            started = time.monotonic()
            field.fill(f"case-0{number}123")
            person.page.get_by_text("1 to 1 of 1").first.wait_for()
            answers.append(time.monotonic() - started)
            field.fill("")
            person.page.get_by_text("1 to 100 of 10000").first.wait_for()
        rows = person.page.locator("table.studies tbody tr").count()
        print(
            f"\n10,000 studies: list after {shown:.2f} s, a search after {np.median(answers):.2f} s, {rows} rows sent"
        )
        assert rows == 100
        assert np.median(answers) < 3
    finally:
        person.context.close()
        server.stop()


def a_large_study(root: Path) -> None:
    """FLAIR and T1 of 512 x 512 x 300 voxels: a head with a bright ball."""
    i, j, k = (np.arange(size) - size / 2 for size in LARGE)
    squared = (i[:, None, None] / 200) ** 2 + (j[None, :, None] / 230) ** 2 + (k[None, None, :] / 140) ** 2
    head = np.where(squared < 1, 400 + (100 * squared).astype(np.int16), 0).astype(np.int16)
    ball = (i[:, None, None] + 80) ** 2 + (j[None, :, None] - 60) ** 2 + (k[None, None, :] - 20) ** 2 < 45**2
    affine = np.diag([-0.5, -0.5, 0.6, 1.0])
    paths = {name: root / "large" / f"{name}.nii.gz" for name in ("flair", "t1")}
    for name, path in paths.items():
        write_volume(Volume(head + (900 if name == "flair" else -200) * ball.astype(np.int16), affine), path)
    write_study_json(root / "large", [Study(id="large", patient_id="large", folder=root / "large", sequences=paths)])


def test_large_study_is_shown_and_drawn_on(browser: Browser, tmp_path: Path) -> None:
    a_large_study(tmp_path / "studies")
    server, person = start_server(tmp_path / "studies"), visit(browser)
    page = person.page
    try:
        arrived(person, server.url)
        started = time.monotonic()
        page.get_by_role("link", name="large").click()
        page.locator("figure.pane figcaption").first.filter(has_text="FLAIR, axial").wait_for(timeout=120_000)
        first = time.monotonic() - started
        assert person.pixels("axial", "flair").max() > 100, "there is a picture and not a black square"
        person.all_images()
        whole = time.monotonic() - started
        page.locator("figure.pane canvas").first.focus()
        frames = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        started = time.monotonic()
        for _ in range(20):
            page.keyboard.press("ArrowUp")
            page.evaluate(frames)
        turned = (time.monotonic() - started) / 20
        page.locator("[data-tool=brush]").last.click()
        page.locator("figure.pane canvas").first.click(position={"x": 200, "y": 200})
        page.get_by_text("Not sent yet").first.wait_for()
        started = time.monotonic()
        page.get_by_role("button", name="Submit", exact=True).click()
        page.locator(".messages").get_by_text("was saved").wait_for(timeout=120_000)
        sent = time.monotonic() - started
        print(
            f"\n512 x 512 x 300, two sequences: first picture after {first:.1f} s, all after {whole:.1f} s, a slice in "
            f"{1000 * turned:.0f} ms, saved in {sent:.1f} s, {memory(person):.0f} MB"
        )
        mask = read_mask(server.studies / "labels" / "final" / "large.nii.gz")
        assert mask.shape == LARGE
        assert 20 < np.count_nonzero(mask.array) < 2000
        assert turned < 1
    finally:
        person.context.close()
        server.stop()


def copies_of_a_sample(root: Path, count: int) -> None:
    """So many studies with the images of one sample study."""
    for number in range(count):
        folder = root / f"copy-{number:02d}"
        shutil.copytree(bundled("sample_studies") / "sample-05", folder, copy_function=os.link)
        (folder / "study.json").unlink()
        paths = {name: folder / f"{name}.nii.gz" for name in ("flair", "t1", "t1c", "t2")}
        write_study_json(folder, [Study(id=folder.name, patient_id=folder.name, folder=folder, sequences=paths)])


def test_memory_stays_flat_over_twenty_studies(browser: Browser, tmp_path: Path) -> None:
    copies_of_a_sample(tmp_path / "studies", IN_A_ROW)
    server, person = start_server(tmp_path / "studies"), visit(browser)
    page = person.page
    try:
        arrived(person, server.url)
        held, seconds = [], []
        for number in range(IN_A_ROW):
            started = time.monotonic()
            page.get_by_role("link", name=f"copy-{number:02d}").click()
            person.all_images()
            seconds.append(time.monotonic() - started)
            page.locator("[data-tool=brush]").last.click()
            page.locator("figure.pane canvas").first.click(position={"x": 150, "y": 120})
            page.get_by_role("button", name="Submit", exact=True).click()
            page.locator(".messages").get_by_text("was saved").wait_for()
            page.get_by_role("link", name="Studies").click()
            page.locator("table.studies tbody tr").first.wait_for()
            held.append(memory(person))
        print(
            f"\n20 studies: {np.median(seconds):.1f} s (median) to show four sequences, "
            f"{held[4]:.0f} MB after 5, {held[-1]:.0f} MB after 20"
        )
        assert held[-1] < 1.3 * held[4] + 5
        assert len(list((server.studies / "labels" / "final").glob("*.nii.gz"))) == IN_A_ROW
    finally:
        person.context.close()
        server.stop()


def killed_and_restarted(server: Server) -> Server:
    """The server after a kill, at the same address."""
    port = server.url.rpartition(":")[2]
    server.kill()
    return start_server(server.studies, "--port", port)


def test_nothing_is_lost_when_the_server_is_killed_at_each_step(browser: Browser, tmp_path: Path) -> None:
    copies_of_a_sample(tmp_path / "studies", 2)
    server, person = start_server(tmp_path / "studies"), visit(browser)
    page = person.page
    try:
        arrived(person, server.url)
        server = killed_and_restarted(server)  # in the list
        page.get_by_role("link", name="copy-00").click()
        person.all_images()
        server.kill()  # while a model is asked
        page.get_by_role("button", name="Automatic mask").click()
        page.locator(".message.bad").get_by_text("does not answer").wait_for()
        server = start_server(server.studies, "--port", server.url.rpartition(":")[2])
        page.get_by_role("button", name="Automatic mask").click()
        page.get_by_text("Not sent yet").first.wait_for()
        server.kill()  # before the label is sent
        page.get_by_role("button", name="Submit", exact=True).click()
        page.get_by_role("button", name="Send again").wait_for()
        page.get_by_role("tab", name="Read").click()
        page.get_by_role("button", name="Read again").wait_for()
        server = start_server(server.studies, "--port", server.url.rpartition(":")[2])
        page.get_by_role("button", name="Read again").click()
        page.locator(".estimate").first.wait_for()
        page.get_by_role("button", name="Send again").click()
        page.locator(".messages").get_by_text("was saved").wait_for()
        assert read_mask(server.studies / "labels" / "final" / "copy-00.nii.gz").array.any()
    finally:
        person.context.close()
        server.stop()


def test_first_annotation_in_clicks_and_seconds(browser: Browser, tmp_path: Path) -> None:
    """From the address to a submitted label: take a study, let the model draw, click once, submit."""
    shutil.copytree(bundled("sample_studies"), tmp_path / "studies", copy_function=os.link)
    server, person = start_server(tmp_path / "studies"), visit(browser)
    page, clicks = person.page, 0
    try:
        page.goto(server.url)
        page.locator("table.studies tbody tr").first.wait_for()
        started = time.monotonic()
        page.get_by_role("link", name="sample-01", exact=True).click()
        person.all_images()
        shown = time.monotonic() - started
        page.get_by_role("button", name="Automatic mask").click()
        page.get_by_text("Not sent yet").first.wait_for()
        drawn = time.monotonic() - started
        page.locator("[data-tool=add]").last.click()
        page.locator("figure.pane canvas").first.click(position={"x": 200, "y": 150})
        page.get_by_role("button", name="Give up").wait_for(state="detached")
        corrected = time.monotonic() - started
        page.get_by_role("button", name="Submit", exact=True).click()
        page.locator(".messages").get_by_text("was saved").wait_for()
        clicks = 5
        print(
            f"\nfirst annotation: {clicks} clicks; study shown after {shown:.1f} s, mask after {drawn:.1f} s, "
            f"corrected after {corrected:.1f} s, saved after {time.monotonic() - started:.1f} s"
        )
        assert GliomicsClient(server.url).label_history("sample-01")
    finally:
        person.context.close()
        server.stop()


def test_size_of_what_is_loaded(browser: Browser, tmp_path: Path) -> None:
    copies_of_a_sample(tmp_path / "studies", 1)
    server, person = start_server(tmp_path / "studies"), visit(browser)
    sizes: dict[str, int] = {}
    person.page.on("response", lambda answer: sizes.update({answer.url: int(answer.headers["content-length"] or 0)}))
    try:
        arrived(person, server.url)
        code = sum(size for url, size in sizes.items() if "/web/" in url or url == f"{server.url}/")
        print(f"\nthe page's own files: {code / 1000:.0f} kB in {sum('/web/' in url for url in sizes) + 1} files")
        assert code < 250_000
        assert person.complaints == []
    finally:
        person.context.close()
        server.stop()
