"""Time a first annotation in the panel, step by step, outside 3D Slicer: a study, its mask, one click, the label.

    PYTHONPATH=lib:. .venv/bin/python tests/slicer/first_annotation.py

prints the clicks and seconds that docs/benchmarks/page.md sets beside those of the page.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from render_session import HERE, STUDY, Session

STEPS = {"shown": ("annotateButton", "connectButton", "nextStudyButton"), "mask": ("segmentButton",)}
"""Buttons of each step."""


class Timed(Session):
    """A session in which nobody waits for pictures."""

    def settle(self) -> None:
        """Go on at once."""
        self.application.processEvents()

    def annotated(self) -> None:
        """Walk the steps of a first annotation and print when each was done."""
        self.ui.annotatorEdit.insert("Reader 1")
        self.ui.sliceCount.value = 0  # a whole study
        started, clicks, done = time.monotonic(), 0, {}
        for step, buttons in STEPS.items():
            self.press(*buttons)
            clicks += len(buttons)
            done[step] = time.monotonic() - started
        self.correctWhatIsMissing()
        clicks += 2
        done["corrected"] = time.monotonic() - started
        self.press("submitButton")
        done["saved"] = time.monotonic() - started
        sys.stdout.write(
            f"{clicks + 1} clicks; " + ", ".join(f"{step} after {s:.1f} s" for step, s in done.items()) + "\n"
        )


def main() -> None:
    """Start a server and annotate one study."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        from tests.server.servers import start_server

        shutil.copytree(HERE.parents[1] / "sample_studies" / STUDY, folder / "studies" / STUDY)
        server = start_server(folder / "studies")
        stack.callback(server.stop)
        Timed(folder, folder, server.url).annotated()


if __name__ == "__main__":
    main()
