"""The server's own plain web pages, of its routes and its log among others.

They have text and a style, no scripts and nothing from elsewhere.
What they look like is in ``templates/``.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from gliomics.server.gate.web_pages import content_policy

_STYLE = (Path(__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
_POLICY = content_policy(f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'")


@dataclass(frozen=True)
class RouteLine:
    """One route as its page shows it; ``query`` names its parameters, and ``body`` what is sent, if anything."""

    method: str
    path: str
    query: str
    about: str
    body: str


def routes_page(openapi: dict[str, Any]) -> HTMLResponse:
    """Every route of an OpenAPI description, by its tag, with its parameters and what it does."""
    routes_by_tag: dict[str, list[RouteLine]] = {}
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            routes_by_tag.setdefault(operation["tags"][0], []).append(_line(openapi, method, path, operation))
    version = openapi["info"]["version"]
    return _page("routes.html", title="Gliomics server", version=version, routes_by_tag=routes_by_tag)


def log_page(text: str, refresh: int) -> HTMLResponse:
    """The end of the log, loaded again every ``refresh`` seconds unless 0."""
    seconds = min(max(refresh, 3), 3600) if refresh > 0 else 0
    return _page("log.html", title="Log of the Gliomics server", text=text, refresh_seconds=seconds)


def no_viewer_page(up: str) -> HTMLResponse:
    """That the OHIF viewer shows no folder of studies, with the way ``up`` to the page that does."""
    return _page("no_viewer.html", 404, title="OHIF viewer", up=up)


def end_of_log(path: Path, lines: int) -> str:
    """The last lines of the log as it is now, all of it for 0 or less."""
    if not path.is_file():
        return ""
    content = path.read_bytes().decode("utf-8", errors="replace").splitlines(keepends=True)
    return "".join(content[-lines:] if lines > 0 else content)


def _line(openapi: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> RouteLine:
    names = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    about = (operation.get("description") or operation.get("summary", "")).replace("``", "")
    return RouteLine(method.upper(), path, f"?{'&'.join(names)}" if names else "", about, _body_of(openapi, operation))


def _body_of(openapi: dict[str, Any], operation: dict[str, Any]) -> str:
    """The parts of the form that is sent, or that it is JSON; nothing without a body."""
    content = operation.get("requestBody", {}).get("content", {})
    for kind, described in content.items():
        reference = described.get("schema", {}).get("$ref", "")
        if kind == "application/json" or not reference:
            return "JSON"
        return "form of " + ", ".join(openapi["components"]["schemas"][reference.rpartition("/")[2]]["properties"])
    return ""


def _page(template: str, status: int = 200, **content: Any) -> HTMLResponse:
    text = _templates().get_template(template).render(content, style=_STYLE)
    return HTMLResponse(text, status, headers={"Content-Security-Policy": _POLICY})


@cache
def _templates() -> Environment:
    loader = PackageLoader("gliomics.server.routes")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
