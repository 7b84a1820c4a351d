"""Routes of the OHIF viewer: its files, what it asks of the archive, and the masks that it saves."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response, StreamingResponse

from gliomics.errors import UnknownNameError
from gliomics.server.dicomweb.store import ArchiveDatastore
from gliomics.server.gate.access import OPEN, needs, signed
from gliomics.server.gate.tokens import ANNOTATOR, READER
from gliomics.server.routes.common import current_app
from gliomics.server.routes.pages import no_viewer_page
from gliomics.server.store.datastore import FINAL
from gliomics.server.viewer.archive_proxy import ArchiveAnswer, ArchiveProxy
from gliomics.server.viewer.build import POLICY, viewer_file
from gliomics.server.viewer.shown import saved_segmentations, shown_series, stored_answer

router = APIRouter()

MOST_AT_ONCE = 16
"""How many requests wait for the archive at once: fewer than the server has threads for all requests."""

_ROOT = "/proxy/dicom/wado"
_LONGEST_HEADER = 1000
_FOREVER = "public, max-age=31536000, immutable"
_NO_ARCHIVE = (
    "the OHIF viewer shows the examinations of a DICOMweb archive, and this server has a folder of studies: its own "
    "page, at /, shows these. With an archive it is started as: gliomics serve --studies https://ARCHIVE/dicom-web"
)
_turns = asyncio.Semaphore(MOST_AT_ONCE)
_Worked = TypeVar("_Worked")

Operation = Literal["qido", "wado", "stow"]


@router.api_route("/ohif", methods=["GET", "HEAD"], include_in_schema=False, dependencies=[needs(OPEN)])
@router.api_route("/ohif/{name:path}", methods=["GET", "HEAD"], include_in_schema=False, dependencies=[needs(OPEN)])
def viewer(request: Request, name: str | None = None) -> Response:
    """A file of the viewer or its page; where there is no archive, a page that says so."""
    if not isinstance(current_app().datastore(), ArchiveDatastore):
        if "text/html" not in request.headers.get("accept", ""):
            raise UnknownNameError(_NO_ARCHIVE)
        return no_viewer_page(up="../" * (request.url.path.count("/") - 1) or "./")
    if name is None:
        return RedirectResponse("/ohif/", status_code=308)
    file = viewer_file(name)
    keeping = _FOREVER if file.lasting else "no-cache"
    headers = {"Content-Security-Policy": POLICY, "ETag": file.etag, "Cache-Control": keeping}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    if file.path is not None:
        return FileResponse(file.path, media_type=file.media_type, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)


@router.get("/proxy/dicom/{operation}/{path:path}", include_in_schema=False, dependencies=[needs(READER)])
async def ask_archive(request: Request, operation: Operation, path: str) -> Response:
    """What the archive answers, asked as the server may: examinations, series, headers, images."""
    accept = request.headers.get("accept", "*/*")[:_LONGEST_HEADER]
    archive = ArchiveProxy(_archive_store().archive, _ROOT)
    answer = await _in_thread(partial(archive.get, path, request.url.query, accept))
    headers = {"Content-Type": answer.media_type, "Cache-Control": "no-store"}
    return StreamingResponse(_sent(answer), answer.status, headers)


@router.post("/proxy/dicom/{operation}/studies", include_in_schema=False, dependencies=[needs(ANNOTATOR)])
@router.post("/proxy/dicom/{operation}/studies/{study}", include_in_schema=False, dependencies=[needs(ANNOTATOR)])
async def save_from_viewer(request: Request, operation: Operation, study: str = "") -> Response:
    """Keep the Segmentations that the viewer stores as final labels of their studies; these go to the archive."""
    _archive_store()
    body, kind = await request.body(), request.headers.get("content-type", "")
    info = signed({})
    return await _in_thread(partial(_save, body, kind, info))


def _save(body: bytes, content_type: str, info: dict[str, Any]) -> Response:
    app = current_app()
    store = _archive_store()
    app.workspace.temporary.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=app.workspace.temporary, prefix="stored-") as name:
        saved = saved_segmentations(body, content_type, Path(name))
        for number, segmentation in enumerate(saved):
            shown = shown_series(store, segmentation.series)
            if shown is None:
                raise UnknownNameError("the Segmentation names no series of this archive that it is of")
            label = Path(name) / f"{number}.seg.nrrd"
            segmentation.write_label(shown, label)
            label_id = store.save_label(shown.study.id, str(label), FINAL, info)
            app.on_save_label(shown.study.id, label_id)
    return JSONResponse(stored_answer(saved), media_type="application/dicom+json")


def _archive_store() -> ArchiveDatastore:
    store = current_app().datastore()
    if not isinstance(store, ArchiveDatastore):
        raise UnknownNameError(_NO_ARCHIVE)
    return store


async def _sent(answer: ArchiveAnswer) -> AsyncIterator[bytes]:
    while piece := await _in_thread(partial(next, answer.pieces, b"")):
        yield piece


async def _in_thread(work: Callable[[], _Worked]) -> _Worked:
    async with _turns:
        return await run_in_threadpool(work)
