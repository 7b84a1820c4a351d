"""Routes for images that are uploaded for a while and not kept in the store."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from fastapi import APIRouter, UploadFile
from monailabel.endpoints import session as stock

from gliomics.errors import InputError
from gliomics.server.gate.access import needs
from gliomics.server.gate.tokens import READER
from gliomics.server.gate.uploads import file_name
from gliomics.server.request_study import sequence_of_file
from gliomics.server.routes.common import Uploads, current_app
from gliomics.server.store.new_images import check_is_image
from gliomics.server.store.sessions import StudySessions
from gliomics.study.images import read_volume

MAX_SESSION_FILES = 8

router = APIRouter()


@router.put("/session/", tags=["Session"], dependencies=[needs(READER)])
def create_session(files: Uploads, uncompress: bool = False, expiry: int = 0) -> Any:
    """Upload one image, or the sequences of one study as ``<sequence>.nii.gz``, for this session only."""
    app = current_app()
    sessions: StudySessions = app.sessions()
    if uncompress:
        raise InputError("archives are not accepted; send the images themselves, one file per sequence")
    if len(files) > MAX_SESSION_FILES:
        raise InputError(f"the session has {len(files)} files; expected at most {MAX_SESSION_FILES}, one per sequence")
    sessions.remove_expired()
    folder = Path(tempfile.mkdtemp(dir=app.workspace.temporary, prefix="session-"))
    try:
        sequences = [sequence_of_file(file_name(upload)) for upload in files] if len(files) > 1 else []
        if len(set(sequences)) < len(sequences):
            names = ", ".join(file_name(upload) for upload in files)
            raise InputError(f"two of the uploaded files are one sequence ({names}); send each sequence once")
        for upload in files:
            _receive_image(upload, folder)
        image = folder if len(files) > 1 else folder / file_name(files[0])
        session_id, session = sessions.add_session(str(image), expiry)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"session_id": session_id, "session_info": session.to_json()}


def _receive_image(upload: UploadFile, folder: Path) -> None:
    name = file_name(upload)
    path = folder / name
    with path.open("wb") as target:
        shutil.copyfileobj(upload.file, target)
    try:
        volume = read_volume(path)
    except InputError as error:
        raise InputError(f"{name} was refused: {str(error).replace(str(path), 'the file')}") from error
    check_is_image(volume, name)


@router.get("/session/{session_id}", tags=["Session"], dependencies=[needs(READER)])
def get_session(session_id: str, update_ts: bool = False, image: bool = False) -> Any:
    """A session's description, or with ``image`` its only image."""
    session = current_app().sessions().get_session(session_id, update_ts=update_ts)
    if session and image and Path(session.image).is_dir():
        raise InputError(f"session '{session_id}' holds several images; they cannot be downloaded as one")
    return stock.get_session(session_id, update_ts, image)


@router.delete("/session/{session_id}", tags=["Session"], dependencies=[needs(READER)])
def remove_session(session_id: str) -> Any:
    """Forget a session and its images."""
    return stock.remove_session(session_id)
