"""A DICOMweb archive on a free port: dicomweb-client's store of a folder of DICOM files, behind HTTP."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import uvicorn
from dicomweb_client.file import DICOMfileClient
from fastapi import FastAPI, Request, Response
from requests_toolbelt.multipart.decoder import MultipartDecoder


@dataclass
class Faults:
    """What is wrong with an archive: each request waits, is refused, or is answered only in part."""

    seconds: float = 0.0
    status: int = 0
    token: str = ""
    """What requests must be signed with."""
    cut: int = 0
    """So many bytes are missing at the end of each series."""
    lost_answers: bool = False
    """What is stored is kept, and not said to be."""
    asked: list[str] = field(default_factory=list)
    """The method and path of each request."""


@contextmanager
def an_archive(folder: Path, faults: Faults | None = None, port: int = 0) -> Iterator[str]:
    """The address of an archive of the DICOM files in a folder, into which what is stored is written."""
    config = uvicorn.Config(_application(folder, faults or Faults()), host="127.0.0.1", port=port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


def _application(folder: Path, faults: Faults) -> FastAPI:
    app = _archive_of(folder, faults)

    @app.middleware("http")
    async def fail(request: Request, answer: Any) -> Response:
        faults.asked.append(f"{request.method} {request.url.path}")
        await asyncio.sleep(faults.seconds)
        if faults.token and request.headers.get("authorization") != f"Bearer {faults.token}":
            return Response(status_code=401)
        if faults.status:
            return Response(status_code=faults.status)
        response: Response = await answer(request)
        return Response(status_code=503) if faults.lost_answers and request.method == "POST" else response

    return app


def _archive_of(folder: Path, faults: Faults) -> FastAPI:
    app, lock = FastAPI(), threading.Lock()
    _serve_frames(app, folder)

    @contextmanager
    def files() -> Iterator[DICOMfileClient]:
        with lock:
            yield DICOMfileClient(f"file://{folder}", update_db=True, in_memory=True)

    @app.get("/studies")
    def studies(request: Request) -> Any:
        ignored = ("includefield", "fuzzymatching")
        filters = {key: value for key, value in request.query_params.items() if key not in ignored}
        limit, offset = (int(filters.pop(name, default)) for name, default in (("limit", 1000), ("offset", 0)))
        with files() as client:
            return client.search_for_studies(search_filters=filters)[offset : offset + limit]

    @app.get("/studies/{study}/series/{series}/instances")
    def instances(study: str, series: str) -> Any:
        with files() as client:
            return client.search_for_instances(study, series)

    @app.get("/series")
    @app.get("/studies/{study}/series")
    def search(request: Request, study: str | None = None) -> Any:
        with files() as client:
            filters = {key: value for key, value in request.query_params.items() if key != "includefield"}
            return client.search_for_series(study, search_filters=filters)

    @app.get("/studies/{study}/series/{series}/metadata")
    def metadata(study: str, series: str) -> Any:
        with files() as client:
            return client.retrieve_series_metadata(study, series)

    @app.get("/studies/{study}/series/{series}")
    def retrieve(study: str, series: str) -> Response:
        parts = []
        with files() as client:
            for dataset in client.retrieve_series(study, series):
                buffer = BytesIO()
                pydicom.dcmwrite(buffer, dataset)
                parts.append(b"\r\n--part\r\nContent-Type: application/dicom\r\n\r\n" + buffer.getvalue())
        kind = 'multipart/related; type="application/dicom"; boundary=part'
        content = b"".join(parts) + b"\r\n--part--"
        return Response(content[: len(content) - faults.cut], headers={"Content-Type": kind})

    @app.post("/studies/{study}")
    @app.post("/studies")
    async def store(request: Request, study: str = "") -> Any:
        stored = MultipartDecoder(await request.body(), request.headers["content-type"])
        for part in stored.parts:
            dataset = pydicom.dcmread(BytesIO(part.content))
            dataset.save_as(folder / f"{dataset.SOPInstanceUID}.dcm")
        return {}

    return app


def _serve_frames(app: FastAPI, folder: Path) -> None:
    """Pixels of single slices, as viewers ask for them: not all files are read again for each."""
    paths: dict[str, Path] = {}

    @app.get("/studies/{study}/series/{series}/instances/{instance}/frames/1")
    def frame(instance: str) -> Response:
        if instance not in paths:
            files = [path for path in folder.rglob("*") if path.is_file()]
            paths.update({str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID): path for path in files})
        dataset = pydicom.dcmread(paths[instance])
        syntax = dataset.file_meta.TransferSyntaxUID
        head = f"\r\n--part\r\nContent-Type: application/octet-stream; transfer-syntax={syntax}\r\n\r\n".encode()
        kind = 'multipart/related; type="application/octet-stream"; boundary=part'
        return Response(head + dataset.PixelData + b"\r\n--part--", headers={"Content-Type": kind})
