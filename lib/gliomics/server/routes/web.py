"""Routes of the page in the browser: its files, its list of studies, and the reports that it opens.

All else that the page asks for goes to the same routes as from 3D Slicer.
"""

from __future__ import annotations

import io
import zipfile
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from gliomics.errors import InputError
from gliomics.reading.changes import changes
from gliomics.reading.record import Reading
from gliomics.server.dicomweb.store import ArchiveDatastore
from gliomics.server.gate.access import OPEN, needs, signed
from gliomics.server.gate.tokens import READER
from gliomics.server.gate.uploads import client_options
from gliomics.server.routes.common import FormText, JsonBody, current_app, fetched, study_store
from gliomics.server.routes.inference import InferenceTarget, given_target, target_of_request
from gliomics.server.web.assets import DOCUMENT, POLICY, asset
from gliomics.server.web.opened_reports import REPORT_POLICY, OpenedReports
from gliomics.server.web.worklist import WorklistQuery, worklist

router = APIRouter()
_reports = OpenedReports()


@router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False, dependencies=[needs(OPEN)])
def page(request: Request) -> Response:
    """The page in the browser."""
    return _asset(request, DOCUMENT)


@router.api_route("/web/{name:path}", methods=["GET", "HEAD"], include_in_schema=False, dependencies=[needs(OPEN)])
def page_file(request: Request, name: str) -> Response:
    """A file of the page."""
    return _asset(request, name)


@router.get("/datastore/worklist", tags=["Datastore"], dependencies=[needs(READER)])
def list_studies(
    *,
    search: Annotated[str, Query(max_length=200)] = "",
    state: str = "",
    sort: str = "id",
    descending: bool = False,
    offset: int = 0,
    limit: int = 100,
) -> Any:
    """A part of the list of studies with the state of their labels and who has them, found and put in order."""
    query = WorklistQuery(search, state, sort, descending, offset, limit)
    store = study_store()
    part = worklist(store.review_list.rows(), current_app().held(), query, store.index.broken())
    viewer = "ohif/" if isinstance(store, ArchiveDatastore) else None
    return JSONResponse({**part, "notices": store.notices(), "viewer": viewer})


@router.post("/reading/changes", tags=["Infer"], dependencies=[needs(READER)])
def reading_changes(params: JsonBody = None) -> Any:
    """What changed between two readings of one region: ``before`` and ``after``, as a request for them answered."""
    readings = [(params or {}).get(key) for key in ("before", "after")]
    try:
        before, after = (Reading.from_json(reading) for reading in readings)  # type: ignore[arg-type]
        rows = [row.to_json() for row in changes(before, after)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            "before and after are not two readings; send 'reading' of two answers of POST /infer/subtype"
        ) from error
    return rows


@router.post("/report/", tags=["Infer"], dependencies=[needs(READER)])
async def open_report(
    request: Request, target: Annotated[InferenceTarget, Depends(target_of_request)], params: FormText = "{}"
) -> Any:
    """The report of the segment in ``label``, to be opened as a page: ``path`` leads to it for ten minutes."""
    app, options = current_app(), signed(client_options(params))
    await fetched(target.image)

    def work() -> bytes:
        with given_target(app, target) as files:
            archive = app.export({**options, **files}, ["html"])
        try:
            with zipfile.ZipFile(io.BytesIO(archive.read_bytes())) as content:
                return content.read(content.namelist()[0])
        finally:
            archive.unlink()

    content = await app.lanes.inference.run(request, work, task="report")
    return {"path": f"report/{_reports.keep(content)}"}


@router.get("/report/{name}", include_in_schema=False, dependencies=[needs(OPEN)])
def opened_report(name: str) -> Response:
    """A report that was asked for, as a page."""
    headers = {"Content-Security-Policy": REPORT_POLICY, "Cache-Control": "no-store"}
    return Response(_reports.content(name), media_type="text/html; charset=utf-8", headers=headers)


def _asset(request: Request, name: str) -> Response:
    """A file of the page, or that the browser has it as it is."""
    file = asset(name)
    headers = {"Content-Security-Policy": POLICY, "ETag": file.etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
