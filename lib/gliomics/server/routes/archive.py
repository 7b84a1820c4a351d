"""Routes about the archive whose examinations are among the studies."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from gliomics.errors import InputError, UnknownNameError
from gliomics.files import safe_name
from gliomics.server.dicomweb.store import ArchiveDatastore
from gliomics.server.gate.access import needs
from gliomics.server.gate.tokens import ANNOTATOR, READER, TRAINER
from gliomics.server.routes.common import ImageId, JsonBody, current_app

router = APIRouter()


@router.get("/archive/", tags=["Archive"], dependencies=[needs(READER)])
def archive() -> Any:
    """Whether the archive answers, what is fetched now and how far, and what waits to be sent and why."""
    return archive_store().state()


@router.post("/archive/fetch", tags=["Archive"], dependencies=[needs(TRAINER)])
def fetch(params: JsonBody = None) -> Any:
    """Begin to fetch all examinations, or the studies named in the list ``images``, one after the other."""
    images = (params or {}).get("images")
    if images is not None:
        images = [safe_name(name, "study id") for name in _texts(images, "images", "ids of studies")]
    store = archive_store()
    store.fetch_in_background(images)
    return store.state()


@router.post("/archive/fetch/{image}", tags=["Archive"], dependencies=[needs(ANNOTATOR)])
def fetch_anew(image: ImageId, params: JsonBody = None) -> Any:
    """Fetch one examination again, with what undecided series of it are: ``{"sequences": ["t1c=7", "none=9"]}``."""
    store = archive_store()
    store.fetch_anew(image, _texts((params or {}).get("sequences", []), "sequences", "texts such as t1c=7"))
    return store.get_image_info(image)


def _texts(value: object, name: str, expected: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise InputError(f"{name} is {str(value)[:80]!r}; expected a list of {expected}")
    return value


@router.delete("/archive/fetch", tags=["Archive"], dependencies=[needs(TRAINER)])
def stop_fetching() -> Any:
    """Stop what fetches examinations in the background; those that have come whole stay."""
    store = archive_store()
    store.stop_fetching()
    return store.state()


@router.post("/archive/send", tags=["Archive"], dependencies=[needs(ANNOTATOR)])
def send() -> Any:
    """Try now to send all labels that wait, also those that were refused."""
    store = archive_store()
    store.outbox.try_now()
    return store.state()


def archive_store() -> ArchiveDatastore:
    """The store with the examinations of an archive; :class:`UnknownNameError` for one of a folder alone."""
    store = current_app().datastore()
    if not isinstance(store, ArchiveDatastore):
        raise UnknownNameError(
            "this server works on a folder of studies, without an archive: gliomics serve --studies https://ARCHIVE"
        )
    return store
