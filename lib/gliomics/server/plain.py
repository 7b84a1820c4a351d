"""MONAI Label's own server around the Gliomics app: errors are answered with their reason and status.

``python -m gliomics.server start_server`` runs it; importing it takes MONAI Label's settings from the environment.
"""

from __future__ import annotations

from typing import Any

from monailabel.app import app
from monailabel.endpoints import train
from monailabel.interfaces.utils.app import app_instance

from gliomics.server.serve import answer_errors

__all__ = ["app"]

_run_model = train.run_model


def _train_model(model: str, params: dict[str, Any] | None = None, *how: Any, **named: Any) -> Any:
    """Begin a training of a model; :class:`InputError` where it cannot begin."""
    app_instance().trainer(model).check(params or {})
    return _run_model(model, params, *how, **named)


train.run_model = _train_model
answer_errors(app)
