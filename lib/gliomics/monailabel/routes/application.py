"""Routes about the app itself: what it offers, its log and its models."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from monailabel.endpoints import logs as stock_logs

from gliomics.files import safe_name, sha256_of
from gliomics.monailabel.routes.common import the_app

router = APIRouter()


@router.get("/info/", tags=["App"])
def info() -> Any:
    """Models, trainers, strategies, training state and numbers of studies and labels."""
    return the_app().info()


@router.get("/logs/", tags=["Others"])
def logs(lines: int = 300, html: bool = True, text: bool = False, refresh: int = 0) -> Any:
    """The end of the server's log."""
    return stock_logs.get_logs(str(the_app().workspace.log_file), lines, html, text, refresh)


@router.get("/model/info/{model}", tags=["Model"])
def model_info(model: str) -> Any:
    """The serving version of a model: checksum of its weights, its card, and what was published when."""
    app = the_app()
    folder = app.store.current(safe_name(model, "model name"))
    weights = folder.file(next(iter(folder.card.sha256)))
    return {
        "checksum": f"SHA256:{sha256_of(weights)}",
        "modified_time": int(weights.stat().st_mtime),
        "card": folder.card.model_dump(),
        "history": app.store.history(model),
        "versions": sorted(app.store.versions(model), key=int),
    }
