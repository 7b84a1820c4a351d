"""A real server over small studies with tiny models, whose trainings take seconds."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from panels import Spin, press

MODEL, SLOW_MODEL, FAILING_MODEL = "segmentation_flair", "slow", "wants_t2"
UNLABELLED = 2


class TrainingServer:
    """Anna and Ben may train, Cleo may label; it comes back on the same port."""

    def __init__(self, studies: Path, *, labelled: int) -> None:
        from gliomics.server.gate.tokens import ANNOTATOR, TRAINER, Tokens
        from tests.server.studies import SLOW, TINY, a_card, add_label, add_model, add_study, an_untrained_state

        self.studies = studies
        for seed in range(UNLABELLED):
            add_study(studies, f"case-{seed}", seed)
        for seed in range(10, 10 + labelled):
            add_label(studies, add_study(studies, f"labelled-{seed}", seed), seed)
        add_model(studies, a_card(MODEL, TINY, ["flair"], []), an_untrained_state(TINY, 1))
        add_model(studies, a_card(SLOW_MODEL, SLOW, ["flair"], []), an_untrained_state(SLOW, 1))
        add_model(studies, a_card(FAILING_MODEL, TINY, ["t2"], []), an_untrained_state(TINY, 1))
        tokens = Tokens(studies / ".gliomics" / "tokens.json")
        roles = {"Anna": TRAINER, "Ben": TRAINER, "Cleo": ANNOTATOR}
        self.tokens = {name: tokens.add(name, role) for name, role in roles.items()}
        self._server: Any = None
        self.start()

    def start(self) -> None:
        from tests.server.servers import start_server

        port = urlsplit(self.url).port if self._server is not None else 0
        self._server = start_server(self.studies, "--port", str(port))

    @property
    def url(self) -> str:
        return str(self._server.url)

    def client(self, user: str) -> Any:
        from gliomics.client import GliomicsClient

        return GliomicsClient(self.url, token=self.tokens[user], timeout=60)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Requests are taken by the operating system, and nobody works on them."""
        os.kill(self._server.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._server.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        self._server.kill()

    def stop(self) -> None:
        self._server.stop()


def connectAs(panel: Any, server: TrainingServer, user: str, spin: Spin) -> None:
    """Manage the server in the name of a user."""
    panel.ui.manageButton.click()
    panel.ui.serverUrl.text = server.url
    panel.ui.tokenEdit.clear()
    panel.ui.tokenEdit.insert(server.tokens[user])
    press(panel, "connectButton", spin)


def choose(panel: Any, model: str) -> None:
    """Choose the model to train."""
    selector = panel.ui.trainerSelector
    selector.setCurrentIndex(selector.findText(model))
    assert panel.model.learning.modelName == model
