"""What a front end asks of a server about trainings, versions of models and who labels which study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gliomics.client.calls import Calls, quoted
from gliomics.client.transport import ClientError


class LearningCalls(Calls):
    """Questions about what a server's models learn."""

    def train(self, model: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Start training a new version of a model on the final labels; returns the task."""
        return dict(self._transport.json("POST", f"/train/{quoted(model)}", json=self._with_user(params or {})))

    def train_status(self) -> dict[str, Any]:
        """The last training: ``status`` and ``progress``.

        The status is SUBMITTED, RUNNING, DONE, ERROR or STOPPED, or NONE if there was none.
        """
        try:
            return dict(self._transport.json("GET", "/train/"))
        except ClientError as error:
            if error.status != 404:
                raise
            return {"status": "NONE", "progress": {}}

    def training_of(self, model: str) -> dict[str, Any]:
        """What there is to train a model on (``basis``), its last training (``progress``), and the one that runs now.

        ``running`` is of any model: ``model``, ``user`` and for how many ``seconds``; None where none runs.
        """
        return dict(self._transport.json("GET", f"/train/{quoted(model)}"))

    def stop_training(self) -> dict[str, Any]:
        """Stop the running training; the answer is empty when none was running."""
        return dict(self._transport.json("DELETE", "/train/", json=self._with_user({})) or {})

    def model_versions(self, model: str) -> list[dict[str, Any]]:
        """Every version of a model, the newest first: its figures, what it learned from, whether it serves or did."""
        return list(self._transport.json("GET", f"/model/versions/{quoted(model)}"))

    def rollback_model(self, model: str, version: str | None = None, reason: str | None = None) -> dict[str, Any]:
        """Let an earlier version of a model serve again, the one before unless named."""
        body = {key: value for key, value in (("version", version), ("reason", reason)) if value is not None}
        return dict(self._transport.json("POST", f"/model/rollback/{quoted(model)}", json=self._with_user(body)))

    def leases(self) -> list[dict[str, Any]]:
        """The studies that are kept for somebody: ``image``, ``user``, ``until`` and ``seconds`` left."""
        return list(self._transport.json("GET", "/activelearning/leases"))

    def release(self, image_id: str) -> dict[str, Any]:
        """Keep a study for nobody any more; :class:`ClientError` (404) for one that is not kept."""
        return dict(self._transport.json("DELETE", f"/activelearning/leases/{quoted(image_id)}"))
