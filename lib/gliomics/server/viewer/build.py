"""The files of the OHIF build in the installed ``monailabel`` package, and those that are ours in their place.

Its first page loads fonts and scripts from elsewhere and runs scripts that are written into it. Ours, in ``page/``,
loads the same program and nothing else, tells it where the archive is and gives it the token with which somebody signed
in.
"""

from __future__ import annotations

import hashlib
import importlib.util
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gliomics.errors import DependencyError, UnknownNameError

_OURS = Path(__file__).parent / "page"
_INSIDE_PACKAGE = Path("endpoints", "static", "ohif")
_DOCUMENT = "index.html"
_STYLES = "app.bundle.css"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",  # its reader of DICOM SEG makes functions of text
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""The viewer runs its own files and asks this server alone, whatever address is typed into it."""

_NEVER_SENT = frozenset(
    {_DOCUMENT, "app-config.js", "google.js", "init-service-worker.js", "silent-refresh.html", "sw.js"}
)
"""Files of the build that ours replace, or that are about sign-in with others and work without a network."""

_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".wasm": "application/wasm"}
_HASHED = re.compile(r"(.*[.])?[0-9a-f]{20}[.](js|wasm)")
"""Names that change with what is in the file, so that a browser may keep it for ever."""

_PROGRAM = re.compile(r"app\.bundle\.[0-9a-f]+\.js")
_FROM_ELSEWHERE = re.compile(rb"@import\s+url\(\s*['\"]?https?:[^)]*\)[^;]*;?")


@dataclass(frozen=True)
class ViewerFile:
    """One file as it is sent: a ``path`` on disk or, where it is changed, its ``content``."""

    media_type: str
    etag: str
    path: Path | None = None
    content: bytes = b""
    lasting: bool = False
    """Whether a file of this name is always the same."""


def viewer_file(name: str) -> ViewerFile:
    """A file of the viewer by its name below ``/ohif/``; its page for what is an address within the viewer.

    Raises :class:`UnknownNameError` for another name and :class:`DependencyError` where the build lacks.
    """
    files = _files()
    if name in files:
        return files[name]
    if "." in name.rpartition("/")[2]:
        raise UnknownNameError(f"the viewer has no file '{name[:80]}'")
    return files[_DOCUMENT]


@cache
def _files() -> dict[str, ViewerFile]:
    """Every file of the viewer by its name: no name that a client sends becomes a path."""
    build = _build()
    files = {}
    for path in sorted(build.rglob("*")):
        name = path.relative_to(build).as_posix()
        if path.is_file() and name not in _NEVER_SENT and path.suffix != ".map":
            state = path.stat()
            etag = f'"{state.st_mtime_ns:x}-{state.st_size:x}"'
            files[name] = ViewerFile(_type_of(name), etag, path, lasting=_HASHED.fullmatch(path.name) is not None)
    program = next(filter(_PROGRAM.fullmatch, files), "")
    if not program or _STYLES not in files:
        raise DependencyError(f"the package monailabel has no OHIF viewer in {build}; install monailabel 0.8.5 again")
    files[_STYLES] = _made(_STYLES, _FROM_ELSEWHERE.sub(b"", (build / _STYLES).read_bytes()))
    for path in sorted(_OURS.iterdir()):
        if path.suffix in (".html", ".js"):
            name = path.name if path.name == _DOCUMENT else f"gliomics/{path.name}"
            files[name] = _made(name, path.read_bytes().replace(b"app.bundle.js", program.encode()))
    return files


def _made(name: str, content: bytes) -> ViewerFile:
    return ViewerFile(_type_of(name), f'"{hashlib.sha256(content).hexdigest()[:32]}"', content=content)


def _type_of(name: str) -> str:
    suffix = Path(name).suffix
    if suffix == ".html":
        return "text/html; charset=utf-8"
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _build() -> Path:
    specification = importlib.util.find_spec("monailabel")
    if specification is None or not specification.submodule_search_locations:
        raise DependencyError("the viewer needs 'monailabel', which is not installed; install the server part")
    return Path(specification.submodule_search_locations[0]) / _INSIDE_PACKAGE
