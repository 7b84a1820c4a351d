"""Render the panel's arrangement *Manage* in each of its states to PNG files, outside 3D Slicer.

    PYTHONPATH=lib:. .venv/bin/python tests/slicer/render_manage.py docs/images

trains tiny models on small made-up studies with a real server; ``--all`` as in ``render_panel.py``.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from render_panel import Session  # which finds the harness and the extension first

SECONDS = 300.0


def until(session: Session, condition: Callable[[], bool]) -> None:
    """Run the event loop until something holds."""
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {SECONDS} s")
        session.application.processEvents()
        threading.Event().wait(0.01)


def render(session: Session, folder: Path, stack: ExitStack) -> None:
    """Every state of *Manage*."""
    from trainingserver import FAILING_MODEL, MODEL, SLOW_MODEL, TrainingServer, choose, connectAs

    server = TrainingServer(folder / "studies", labelled=8)
    stack.callback(server.stop)
    panel, ui, facts = session.panel, session.panel.ui, session.panel.model.learning

    def spin(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
        until(session, condition)

    connectAs(panel, server, "Anna", spin)
    choose(panel, MODEL)
    spin(lambda: facts.versions != ())
    session.picture("manage")
    session.press("trainButton")
    spin(lambda: facts.training.progress.curve != () and facts.isRunning)
    session.picture("manage_training")
    spin(lambda: facts.training.running is None and facts.training.progress.state == "finished")
    spin(lambda: len(facts.versions) == 3)
    panel.model.actionDone("")
    session.picture("manage_verdict")
    ui.verdictInfo.click()
    session.picture("manage_explained")
    ui.verdictInfo.click()
    ui.versionsTable.selectRow(len(facts.versions) - 1)
    ui.publishReasonEdit.insert("the newer one draws ventricles")
    panel.learning.onReason()
    session.picture("manage_publish")
    ui.publishReasonEdit.clear()
    for user in ("Anna", "Ben"):
        server.client(user).next_sample("first")
    panel.learning.askNow()
    spin(lambda: len(facts.leases) == 2)
    ui.leasesRoom.collapsed = False
    ui.leaseList.setCurrentRow(1)
    session.picture("manage_leases")
    ui.leasesRoom.collapsed = True
    choose(panel, FAILING_MODEL)
    spin(lambda: facts.training is not None)
    session.press("trainButton")
    spin(lambda: facts.training.progress.state == "failed" and facts.training.running is None)
    panel.model.actionDone("")
    session.picture("manage_failed")
    server.client("Ben").train(SLOW_MODEL, {"max_epochs": 200})
    spin(lambda: facts.training.running is not None)
    session.picture("manage_other")
    choose(panel, SLOW_MODEL)
    spin(lambda: facts.isRunning and facts.training.progress.state == "running")
    server.kill()
    spin(lambda: facts.silence != "")
    session.picture("manage_silent")
    server.start()
    spin(lambda: facts.silence == "" and facts.training.progress.state == "interrupted")
    session.picture("manage_interrupted")


def main() -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--all", action="store_true", help="every state, style and width")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        from RadiogenomicsLib.server.backends import ServerBackend

        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        render(Session(folder, arguments.out, ServerBackend, everything=arguments.all), folder, stack)


if __name__ == "__main__":
    main()
