"""Render the review of labels to PNG files, outside 3D Slicer: the panel, or with ``--views`` panel and views together.

    PYTHONPATH=lib:. .venv/bin/python tests/slicer/render_review.py docs/images

lets three invented annotators label copies of the sample studies on a real server, and a reviewer go through them.
``--all`` saves every state of the panel, light and dark, 400 and 600 pixels wide.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import numpy as np  # noqa: E402
import render_panel  # noqa: E402
import render_session  # noqa: E402

from gliomics.client import GliomicsClient  # noqa: E402
from gliomics.study import read_mask, write_mask  # noqa: E402

SAMPLES = HERE.parents[1] / "sample_studies"
STUDIES = ("sample-01", "sample-02", "sample-04", "sample-05", "sample-06", "sample-07")
DISPUTED = "sample-02"


def prepare(url: str, folder: Path) -> None:
    """Labels of several people in every state: of one study, two that disagree."""
    truth = {name: SAMPLES / "truth" / f"{name}.nii.gz" for name in STUDIES}
    anna, ben, rita = (GliomicsClient(url, user=name) for name in ("Dr Anna", "Dr Ben", "Dr Rita"))
    for client, name in ((anna, DISPUTED), (ben, "sample-04"), (anna, "sample-05"), (ben, "sample-06")):
        client.save_label(name, truth[name])
    mask = read_mask(truth[DISPUTED])
    array = np.roll(mask.array, 2, axis=0)
    array[:, : int(np.argwhere(array.any(axis=(0, 2))).mean()) - 6] = 0
    write_mask(mask.with_array(array), folder / "second.nii.gz")
    ben.save_label(DISPUTED, folder / "second.nii.gz", tag="second-reader")
    rita.review_label("sample-05", "returned", "The anterior margin is too generous")
    rita.review_label("sample-06", "approved")
    anna.save_label("sample-01", truth["sample-01"], tag="partial", params={"slices_done": [10, 11]})
    while rita.reviews()["agreements_pending"]:
        pass


def renderPanel(session: render_panel.Session, url: str) -> None:
    """The list, an open study, two labels compared, and what was decided."""
    ui = session.panel.ui
    ui.manageButton.click()
    ui.annotatorEdit.insert("Dr Rita")
    ui.serverUrl.text = url
    session.press("connectButton")
    session.press("reviewListButton")
    session.picture("review")
    session.press("reviewOpenButton")
    session.press("disagreementButton")
    session.picture("review_disagreement")
    ui.reviewCommentEdit.text = "Please look at the posterior end again"
    session.press("sendBackButton")
    session.picture("review_decided")


def renderViews(session: render_session.Session) -> None:
    """Where two labels disagree, over the four sequences."""
    ui = session.ui
    ui.manageButton.click()
    ui.annotatorEdit.insert("Dr Rita")
    session.press("connectButton")
    session.press("reviewListButton", "reviewOpenButton")
    session.layout("Sequences and 3-D")
    session.press("disagreementButton", "farthestButton")
    session.picture("session_reviewer")


def main() -> None:
    """Parse the command line, start a server, and render."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--views", action="store_true", help="panel and views together")
    parser.add_argument("--all", action="store_true", help="every state, style and width of the panel")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        from tests.server.servers import start_server

        for name in STUDIES:
            shutil.copytree(SAMPLES / name, folder / "studies" / name)
        server: Any = start_server(folder / "studies")
        stack.callback(server.stop)
        prepare(server.url, folder)
        if arguments.views:
            renderViews(render_session.Session(folder, arguments.out, server.url))
        else:
            from RadiogenomicsLib.server.backends import ServerBackend

            renderPanel(
                render_panel.Session(folder, arguments.out, ServerBackend, everything=arguments.all), server.url
            )


if __name__ == "__main__":
    main()
