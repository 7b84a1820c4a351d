"""What clients send: files kept only while they are needed, options that cannot name paths, bodies of bounded size."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import UploadFile
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gliomics.errors import InputError
from gliomics.files import safe_name, suffix_of
from gliomics.server.gate.refusal import refuse
from gliomics.server.gate.values import checked, parse_object

MAX_FIELD_BYTES = 2**20
"""Largest field of a form, and largest body of a request that carries no file."""

MAX_FIELDS = 64
"""Most fields of a form."""

MAX_FILES = 16
"""Most files of a form."""

UPLOADS = re.compile(
    r"PUT /datastore/(image|label)?|POST /(infer|export)/[^/]+|POST /report/|PUT /session/"
    r"|POST /proxy/dicom/[a-z]+/studies(/[^/]+)?"
)
"""The requests that hold images or labels: forms, and what the viewer stores."""

_RESERVED = {"model", "image", "label", "file", "study", "session", "session_id", "strategy", "datastore", "output"}
_SUFFIX = re.compile(r"(\.[a-z0-9]{1,10}){1,2}")
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
    :func:`~gliomics.server.store.new_images.study_id_of_upload`.
    """
    name = re.split(r"[/\\]", upload.filename or "")[-1]
    suffix = suffix_of(Path(name))
    suffix = suffix if _SUFFIX.fullmatch(suffix) else ""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", name[: len(name) - len(suffix)]).strip("._-")
    try:
        return safe_name(f"{stem or 'image'}{suffix}", "file name")
    except InputError:
        return f"image{suffix}"


def client_options(params: str | dict[str, Any] | None) -> dict[str, Any]:
    """The client's options, without those that name the model, the study or files.

    Raises :class:`InputError` when ``params`` is not a JSON object, or not one that can be used.
    """
    value = parse_object(params, "params") if isinstance(params, str) else checked(params or {}, "params")
    return {key: item for key, item in value.items() if key not in _RESERVED and not _PATH_LIKE.fullmatch(key)}


class BodyLimit:
    """Bounds every request's body: 413 for more than the limit, whatever the headers say.

    Only requests that may carry images or labels (:data:`UPLOADS`) may be as large as ``limit``; all others have
    :data:`MAX_FIELD_BYTES`. A body that does not say how large it is gets 411, and one that says it in two ways 400.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it from its headers alone or once it is too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit if UPLOADS.fullmatch(f"{scope['method']} {scope['path']}") else MAX_FIELD_BYTES
        refusal = _refusal_of(scope, limit)
        if refusal is not None:
            await refuse(scope, receive, send, *refusal)
            return
        size = 0

        async def receive_counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise HTTPException(413, _too_large(f"more than {limit:,}", limit), {"Connection": "close"})
            return message

        await self._app(scope, receive_counted, send)


def _refusal_of(scope: Scope, limit: int) -> tuple[int, str] | None:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    chunked = any(name == b"transfer-encoding" for name, _ in scope["headers"])
    if chunked and not lengths:
        return 411, "send the request with a Content-Length instead of in chunks"
    if chunked or len(lengths) > 1 or not all(length.isdigit() for length in lengths):
        return 400, "the request says in two ways how long it is; send one Content-Length and no Transfer-Encoding"
    if lengths and int(lengths[0]) > limit:
        return 413, _too_large(f"{int(lengths[0]):,}", limit)
    return None


def _too_large(size: str, limit: int) -> str:
    return f"the request has {size} bytes; this server accepts at most {limit:,} here"
