"""What the routes share: the one app of this process, and the kinds of their parameters."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Depends, File, Form, UploadFile
from monailabel.interfaces.utils.app import app_instance

from gliomics.errors import InputError
from gliomics.monailabel.app import GliomicsApp
from gliomics.monailabel.datastore import StudyDatastore
from gliomics.monailabel.values import checked


async def _checked_body(params: Annotated[dict[str, Any] | None, Body()] = None) -> dict[str, Any] | None:
    return None if params is None else checked(params, "params")


FormText = Annotated[str, Form()]
JsonBody = Annotated[dict[str, Any] | None, Depends(_checked_body)]
Upload = Annotated[UploadFile, File()]
OptionalUpload = Annotated[UploadFile | None, File()]
Uploads = Annotated[list[UploadFile], File()]


def the_app() -> GliomicsApp:
    """The one app of this process."""
    app: GliomicsApp = app_instance()
    return app


def study_store() -> StudyDatastore:
    """The store of studies; :class:`InputError` when the server works on a DICOMweb archive instead."""
    store = the_app().datastore()
    if not isinstance(store, StudyDatastore):
        raise InputError("this needs a studies folder; the server works on a DICOMweb archive")
    return store
