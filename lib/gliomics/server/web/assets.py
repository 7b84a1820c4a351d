"""The files of the page, sent as they are: modules that browsers run, styles, one document. Nothing is built."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gliomics.errors import UnknownNameError

FOLDER = Path(__file__).parent / "page"
DOCUMENT = "index.html"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""The page runs its own modules and nothing else, and no text can be made a part of it but as text."""


@dataclass(frozen=True)
class Asset:
    """One file as it is sent; ``etag`` tells a browser whether it has it already."""

    content: bytes
    media_type: str
    etag: str


def asset(name: str) -> Asset:
    """A file of the page by its path in ``page/``; :class:`UnknownNameError` for another name."""
    assets = _assets()
    if name not in assets:
        raise UnknownNameError(f"the page has no file '{name[:80]}'")
    return assets[name]


@cache
def _assets() -> dict[str, Asset]:
    """Every file of the page, read once: no name that a client sends becomes a path."""
    assets = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in _TYPES and path.is_file():
            content = path.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            assets[path.relative_to(FOLDER).as_posix()] = Asset(content, _TYPES[path.suffix], etag)
    return assets
