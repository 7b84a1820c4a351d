"""What clients send: files kept only while they are needed, options that cannot name paths, bodies of bounded size."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import UploadFile
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gliomics.errors import InputError
from gliomics.files import safe_name, suffix_of

MAX_UPLOAD_MB = 1024
"""Largest request body that is accepted unless the server is told otherwise."""

_RESERVED = {"model", "image", "label", "file", "study", "session", "session_id", "strategy", "datastore", "output"}
_PATH_LIKE = re.compile(r".*_(path|paths|file|files|dir|uri)")


@contextmanager
def received(upload: UploadFile | None, folder: Path) -> Iterator[Path | None]:
    """The uploaded file on disk under its own name, while the block runs; None when there is no upload."""
    if upload is None:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(dir=folder, prefix="upload-"))
    try:
        path = home / file_name(upload)
        with path.open("wb") as target:
            shutil.copyfileobj(upload.file, target)
        yield path
    finally:
        shutil.rmtree(home, ignore_errors=True)


def file_name(upload: UploadFile) -> str:
    """The name that the client gave the file, without folders and with ``_`` for what no file's name may have.

    That is how the file is called while the server works on it, and what its sequence is known by; ``image`` and the
    type where nothing is left. What is kept gets its name from
    :func:`~gliomics.monailabel.new_images.study_id_of_upload`.
    """
    name = re.split(r"[/\\]", upload.filename or "")[-1]
    suffix = suffix_of(Path(name)) if name.isprintable() else ""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", name[: len(name) - len(suffix)]).strip("._-")
    try:
        return safe_name(f"{stem or 'image'}{suffix}", "file name")
    except InputError:
        return f"image{suffix}"


def client_options(params: str | dict[str, Any] | None) -> dict[str, Any]:
    """The client's options, without those that name the model, the study or files.

    Raises :class:`InputError` when ``params`` is not a JSON object.
    """
    value = parse_object(params, "params") if isinstance(params, str) else params or {}
    return {key: item for key, item in value.items() if key not in _RESERVED and not _PATH_LIKE.fullmatch(key)}


def parse_object(text: str, name: str) -> dict[str, Any]:
    """A JSON object from a form field; NaN and infinities are refused, as JSON has none."""
    try:
        value = json.loads(text or "{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{name} is {text[:80]!r}; expected a JSON object such as {{}}")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


class BodyLimit:
    """Answers 413 to a request whose body is too large, and 411 to one that does not say how large it is."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it from its headers alone."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length")
        if length is None and b"transfer-encoding" in headers:
            return JSONResponse({"detail": "send the request with a Content-Length"}, status_code=411)
        if length is not None and int(length) > self._limit:
            detail = f"the request has {int(length):,} bytes; this server accepts at most {self._limit:,}"
            return JSONResponse({"detail": detail}, status_code=413)
        return None
