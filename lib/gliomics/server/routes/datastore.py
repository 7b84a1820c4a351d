"""Routes to the studies and their labels."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.background import BackgroundTasks
from fastapi.responses import FileResponse, JSONResponse, Response
from monailabel.endpoints import datastore as stock
from monailabel.utils.others.generic import remove_file

from gliomics.errors import InputError, UnknownNameError
from gliomics.files import open_file
from gliomics.server.gate.access import needs, require, signed
from gliomics.server.gate.tokens import ANNOTATOR, READER, TRAINER
from gliomics.server.gate.uploads import received
from gliomics.server.gate.values import parse_object
from gliomics.server.routes.common import FormText, ImageId, Upload, current_app
from gliomics.server.storage import temporary_file
from gliomics.server.store.datastore import StudyDatastore, download_name
from gliomics.server.store.new_images import study_id_of_upload
from gliomics.study.images import read_volume, write_volume

router = APIRouter()


@router.get("/datastore/", tags=["Datastore"], dependencies=[needs(READER)])
def datastore(output: stock.ResultType | None = None) -> Any:
    """Numbers (``stats``), the training list (``train``) or everything (``all``)."""
    answer = stock.datastore(output)
    if not isinstance(current_app().datastore(), StudyDatastore):
        return answer
    return JSONResponse(answer)  # of ten thousand studies, which need no second look for what is no JSON


@router.put("/datastore/", tags=["Datastore"], include_in_schema=False, dependencies=[needs(ANNOTATOR)])
@router.put("/datastore/image", tags=["Datastore"], dependencies=[needs(ANNOTATOR)])
def add_image(file: Upload, image: str | None = None, params: FormText = "{}", replace: bool = False) -> Any:
    """Make a one-sequence study of an image; one that is there is replaced only if ``replace`` says so."""
    store, info = current_app().datastore(), signed(parse_object(params, "params"))
    study_id = study_id_of_upload(file.filename or "", image or None)
    if replace:
        require(TRAINER)  # as for removing an image
    with received(file, current_app().workspace.temporary) as path:
        if not isinstance(store, StudyDatastore):
            return {"image": store.add_image(image or "", str(path), info)}
        assert path is not None
        upload = store.add_new_image(path, study_id, info, replace=replace)
    if upload.replaced is None:
        return {"image": upload.study_id}
    return {"image": upload.study_id, "replaced": upload.replaced.name, "labels_moved": upload.labels}


@router.delete("/datastore/", tags=["Datastore"], include_in_schema=False, dependencies=[needs(TRAINER)])
@router.delete("/datastore/image", tags=["Datastore"], dependencies=[needs(TRAINER)])
def remove_image(id: ImageId) -> Any:
    """Take a study out of the store."""
    return stock.remove_image(id)


@router.head("/datastore/image", tags=["Datastore"], dependencies=[needs(READER)])
def check_image(image: ImageId, check_sum: str | None = None) -> Any:
    """Whether a study exists, and whether its default image has this checksum, ``SHA256:...`` (or MD5, SHA512)."""
    path = Path(current_app().datastore().get_image_uri(image))
    if check_sum and not has_checksum(path, check_sum):
        raise UnknownNameError(f"the image of study '{image}' has another checksum")
    return {}


@router.get("/datastore/image", tags=["Datastore"], dependencies=[needs(READER)])
def download_image(background_tasks: BackgroundTasks, image: ImageId, sequence: str | None = None) -> Response:
    """One sequence of a study as NIfTI; without ``sequence`` the first of flair, t1c, t2, t1 that there is."""
    store = current_app().datastore()
    if not isinstance(store, StudyDatastore):
        response: Response = stock.download_image(image)
        return response
    study = store.study(image)
    name = sequence or study.default_sequence
    path, file_name = study.path(name), download_name(study, name)
    if not path.name.lower().endswith(".nii.gz"):
        volume = read_volume(path)
        with temporary_file(store.workspace.temporary, "download-", ".nii.gz") as path:
            write_volume(volume, path)
        background_tasks.add_task(remove_file, str(path))
    open_file(path).close()  # says what is wrong with it before the answer begins
    return FileResponse(path, media_type="application/octet-stream", filename=file_name)


@router.get("/datastore/image/info", tags=["Datastore"], dependencies=[needs(READER)])
def image_info(image: ImageId) -> Any:
    """What is known about a study; ``held`` says for whom it is kept, if it is."""
    info, lease = stock.get_image_info(image), current_app().held().get(image)
    return {**info, "held": lease.to_json()} if lease is not None else info


@router.put("/datastore/image/info", tags=["Datastore"], dependencies=[needs(ANNOTATOR)])
def update_image_info(image: ImageId, info: FormText = "{}") -> Any:
    """Add notes to a study."""
    notes = signed(parse_object(info, "info"))
    current_app().datastore().update_image_info(image, notes)


@router.get("/datastore/dataset", tags=["Datastore"], dependencies=[needs(READER)])
async def dataset(
    request: Request, background_tasks: BackgroundTasks, limit_cases: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """The labelled studies as a ZIP archive."""
    app = current_app()
    path = await app.lanes.inference.run(
        request, lambda: app.datastore().get_dataset_archive(limit_cases), task="dataset"
    )
    background_tasks.add_task(remove_file, path)
    return FileResponse(path, media_type="application/zip", filename="dataset.zip")


def has_checksum(path: Path, checksum: str) -> bool:
    """Whether a file has the checksum ``ALGORITHM:HEX``, or ``HEX`` of SHA-256."""
    algorithm, _, digest = checksum.rpartition(":")
    if algorithm not in ("", "SHA256", "SHA512", "MD5") or not re.fullmatch(r"[0-9A-Fa-f]{32,128}", digest):
        raise InputError(
            f"check_sum is {checksum[:80]!r}; expected SHA256:, SHA512: or MD5: and the hexadecimal digest"
        )
    with path.open("rb") as file:
        return hashlib.file_digest(file, (algorithm or "SHA256").lower()).hexdigest() == digest.lower()
