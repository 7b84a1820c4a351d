"""What the routes share: the one app of this process, and the kinds of their parameters.

Names that paths are built from are checked as they come in: :class:`InputError`, answered 400, for one that could lead
out of its folder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Body, Depends, File, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from monailabel.interfaces.utils.app import app_instance
from pydantic import AfterValidator

from gliomics.errors import InputError
from gliomics.files import safe_name
from gliomics.server.app import GliomicsApp
from gliomics.server.dicomweb.store import ArchiveDatastore
from gliomics.server.gate.uploads import MAX_FIELD_BYTES, MAX_FIELDS, MAX_FILES
from gliomics.server.gate.values import checked, parse_object
from gliomics.server.lanes import BACKGROUND
from gliomics.server.store.datastore import FINAL, StudyDatastore
from gliomics.server.viewer.shown import shown_series


async def _checked_body(request: Request, params: Annotated[Any, Body()] = None) -> dict[str, Any] | None:
    """The options of a request: a JSON object, or a form with one as the field ``params`` or with a field for each."""
    if isinstance(params, bytes):  # of a type that is no JSON
        params = await _form_options(request, params)
    if params is None:
        return None
    if not isinstance(params, dict):
        raise InputError(f"the body is {ascii(params)[:80]}; expected a JSON object or a form")
    return checked(params, "params")


async def _form_options(request: Request, body: bytes) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body.lstrip().startswith(b"{"):  # JSON that is sent as a form or as nothing, as curl does
        return parse_object(body.decode("utf-8", errors="replace"), "the body")
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise InputError(f"the body is of the type {kind or 'none'!r}; expected a JSON object or a form")
    form = await request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES)
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if not isinstance(value, str):
            raise InputError(f"field '{name}' of the form is a file; expected text")
        if name in fields:
            raise InputError(f"field '{name}' is twice in the form; send it once")
        fields[name] = value
    return {**parse_object(fields.pop("params", ""), "params"), **fields}


def _checked_name(kind: str) -> AfterValidator:
    return AfterValidator(lambda name: safe_name(name, kind))


ImageId = Annotated[str, _checked_name("image id")]
ImageIdIfAny = Annotated[str, AfterValidator(lambda name: name and safe_name(name, "image id"))]
LabelId = Annotated[str, _checked_name("label id")]
LabelTag = Annotated[str, _checked_name("label tag")]
FinalUnlessTagged = Annotated[str, AfterValidator(lambda name: safe_name(name or FINAL, "label tag"))]
ModelName = Annotated[str, _checked_name("model name")]

FormText = Annotated[str, Form()]
JsonBody = Annotated[dict[str, Any] | None, Depends(_checked_body)]
Upload = Annotated[UploadFile, File()]
OptionalUpload = Annotated[UploadFile | None, File()]
Uploads = Annotated[list[UploadFile], File()]


def current_app() -> GliomicsApp:
    """The one app of this process."""
    app: GliomicsApp = app_instance()
    return app


def study_store() -> StudyDatastore:
    """The store of studies; :class:`InputError` when the server works on a DICOMweb archive instead."""
    store = current_app().datastore()
    if not isinstance(store, StudyDatastore):
        raise InputError("this needs a studies folder; the server works on a DICOMweb archive")
    return store


async def fetched(image: str) -> None:
    """Fetch an examination of an archive before its request waits for a turn: others compute meanwhile."""
    store = current_app().datastore()
    if isinstance(store, ArchiveDatastore):
        shown = await run_in_threadpool(shown_series, store, image)
        if shown is None and store.is_waiting(image):
            await run_in_threadpool(store.study, image)


async def in_background(request: Request, work: Callable[[], Any], *, task: str, run_sync: bool) -> Any:
    """Begin what runs in a process of its own; with ``run_sync`` do it here, behind all that clients wait for."""
    if not run_sync:
        return await run_in_threadpool(work)
    return await current_app().lanes.inference.run(request, work, task=task, patience=BACKGROUND)
