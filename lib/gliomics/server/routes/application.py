"""Routes about the app itself: what it offers, its pages, its log and its models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response

from gliomics.answers.options import text_option
from gliomics.files import sha256_of
from gliomics.models import ModelFolder
from gliomics.models.overview import versions_of
from gliomics.server.gate.access import OPEN, asking, needs, signed
from gliomics.server.gate.tokens import READER, TRAINER
from gliomics.server.routes.common import JsonBody, ModelName, current_app
from gliomics.server.routes.pages import end_of_log, log_page, routes_page

router = APIRouter()


@router.get("/info/", tags=["App"], dependencies=[needs(READER)])
def info() -> Any:
    """Models, trainers, strategies, training state, numbers of studies and labels, and who asks (``you``)."""
    return {**current_app().info(), "you": asking()}


@router.api_route("/docs", methods=["GET", "HEAD"], include_in_schema=False, dependencies=[needs(OPEN)])
def routes(request: Request) -> Response:
    """A page of all routes."""
    return routes_page(request.app.openapi())


@router.api_route("/openapi.json", methods=["GET", "HEAD"], include_in_schema=False, dependencies=[needs(OPEN)])
def openapi(request: Request) -> Response:
    """The OpenAPI description of all routes."""
    return JSONResponse(request.app.openapi())


@router.get("/logs/", tags=["App"], dependencies=[needs(READER)])
def logs(lines: int = 300, html: bool = True, text: bool = False, refresh: int = 0) -> Response:
    """The end of the server's log, all of it for ``lines=0``: a page, or text with ``text=true``."""
    content = end_of_log(current_app().workspace.log_file, lines)
    return log_page(content, refresh) if html and not text else PlainTextResponse(content)


@router.get("/queue/", tags=["App"], dependencies=[needs(READER)])
def queue(request: str | None = None) -> Any:
    """What runs and how many requests wait in each lane, and where the one is that has this ``X-Request-ID``."""
    return current_app().lanes.to_json(request)


@router.get("/model/info/{model}", tags=["Model"], dependencies=[needs(READER)])
def model_info(model: ModelName) -> Any:
    """The serving version of a model: checksum of its weights, its card, and what was published when."""
    app = current_app()
    folder = app.store.current(model)
    weights = _weights(folder)
    return {
        "checksum": f"SHA256:{sha256_of(weights)}",
        "modified_time": int(weights.stat().st_mtime),
        "card": folder.card.model_dump(),
        "history": app.store.history(model),
        "versions": sorted(app.store.versions(model), key=int),
        "served": app.store.served(model),
    }


@router.get("/model/versions/{model}", tags=["Model"], dependencies=[needs(READER)])
def model_versions(model: ModelName) -> Any:
    """Every version of a model, the newest first: what it learned from, its figures, and whether it serves."""
    return versions_of(current_app().store, model)


@router.post("/model/rollback/{model}", tags=["Model"], dependencies=[needs(TRAINER)])
def rollback_model(model: ModelName, params: JsonBody = None) -> Any:
    """Let a version that served earlier serve again: ``version``, or the one before; ``reason`` is kept."""
    options = signed(params or {})
    to, reason = text_option(options, "version"), text_option(options, "reason") or "rolled back over REST"
    user = text_option(options, "client_id")
    store = current_app().store
    version_before = store.current(model).card.version
    folder = store.rollback(model, to=to, reason=f"{reason} ({user})" if user else reason)
    return {"model": model, "version": folder.card.version, "before": version_before, "history": store.history(model)}


@router.get("/model/{model}", tags=["Model"], dependencies=[needs(READER)])
def download_model(model: ModelName) -> FileResponse:
    """Weights of the serving version."""
    weights = _weights(current_app().store.current(model))
    return FileResponse(weights, media_type="application/octet-stream", filename=f"{model}{weights.suffix}")


def _weights(folder: ModelFolder) -> Path:
    return folder.file(max(folder.card.sha256, key=lambda name: folder.file(name).stat().st_size))
