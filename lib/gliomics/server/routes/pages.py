"""The server's own two web pages, its routes and its log: text and a style, no scripts, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse

from gliomics.server.gate.web_pages import content_policy

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1d2733; background: #f6f7f9; margin: 2rem auto; max-width: 68rem;
  padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 1.75rem 0 .4rem; }
p { margin: .3rem 0; } a { color: #1558a6; }
table { border-collapse: collapse; width: 100%; background: #fff; border: 1px solid #d9dee5; }
td { border-top: 1px solid #e7ebf0; padding: .4rem .7rem; vertical-align: top; } tr:first-child td { border-top: 0; }
td:first-child { white-space: nowrap; width: 24rem; } td p { color: #5a6675; font-size: 13px; }
code, pre { font: 13px/1.45 ui-monospace, monospace; } b { display: inline-block; width: 4.2rem; font-weight: 600; }
pre { background: #fff; border: 1px solid #d9dee5; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
"""

_POLICY = content_policy(f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'")


def routes_page(openapi: dict[str, Any]) -> HTMLResponse:
    """Every route of an OpenAPI description, by its tag, with its parameters and what it does."""
    tables: dict[str, list[str]] = {}
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            tables.setdefault(operation["tags"][0], []).append(_row(openapi, method, path, operation))
    body = "".join(f"<h2>{escape(tag)}</h2><table>{''.join(rows)}</table>" for tag, rows in tables.items())
    intro = (
        f"<p>Version {escape(openapi['info']['version'])}. For research use only. This server speaks MONAI Label's "
        'REST interface: connect 3D Slicer or a program to it. <a href="logs/">Log</a>, '
        '<a href="openapi.json">OpenAPI description</a>.</p>'
    )
    return _page("Gliomics server", intro + body)


def log_page(text: str, refresh: int) -> HTMLResponse:
    """The end of the log, loaded again every ``refresh`` seconds unless 0."""
    again = f'<meta http-equiv="refresh" content="{min(max(refresh, 3), 3600)}">' if refresh > 0 else ""
    return _page("Log of the Gliomics server", f'<p><a href="../">Routes</a></p><pre>{escape(text)}</pre>', again)


def end_of_log(path: Path, lines: int) -> str:
    """The last lines of the log as it is now, all of it for 0 or less."""
    if not path.is_file():
        return ""
    content = path.read_bytes().decode("utf-8", errors="replace").splitlines(keepends=True)
    return "".join(content[-lines:] if lines > 0 else content)


def _row(openapi: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    names = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    query = f"?{'&'.join(names)}" if names else ""
    parts = _parts(openapi, operation)
    sent = f"<p>Body: {escape(parts)}</p>" if parts else ""
    about = escape(operation.get("description") or operation.get("summary", "")).replace("``", "")
    call = f"<code><b>{method.upper()}</b>{escape(path)}<wbr>{escape(query)}</code>"
    return f"<tr><td>{call}</td><td>{about}{sent}</td></tr>"


def _parts(openapi: dict[str, Any], operation: dict[str, Any]) -> str:
    """The parts of the form that is sent, or that it is JSON; nothing without a body."""
    content = operation.get("requestBody", {}).get("content", {})
    for kind, described in content.items():
        reference = described.get("schema", {}).get("$ref", "")
        if kind == "application/json" or not reference:
            return "JSON"
        return "form of " + ", ".join(openapi["components"]["schemas"][reference.rpartition("/")[2]]["properties"])
    return ""


def _page(title: str, body: str, head: str = "") -> HTMLResponse:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{head}<title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    return HTMLResponse(text, headers={"Content-Security-Policy": _POLICY})
