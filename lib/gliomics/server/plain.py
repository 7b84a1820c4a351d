"""MONAI Label's own server around the Gliomics app: errors are answered with their reason and status.

``python -m gliomics.server start_server`` runs it; importing it takes MONAI Label's settings from the environment.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import requests
from monailabel.app import app
from monailabel.endpoints import infer, train
from monailabel.interfaces.utils.app import app_instance
from starlette.requests import Request
from starlette.responses import JSONResponse

from gliomics.errors import InputError
from gliomics.server.serve import answer_errors
from gliomics.study import read_mask

__all__ = ["app"]

_run_model, _run_all = train.run_model, train.run


def _train_model(model: str, params: dict[str, Any] | None = None, *how: Any, **named: Any) -> Any:
    """Begin a training of a model; :class:`InputError` where it cannot begin."""
    _check_trainable()
    app_instance().trainer(model).check(params or {})
    return _run_model(model, params, *how, **named)


def _train_all(*options: Any, **named: Any) -> Any:
    _check_trainable()
    return _run_all(*options, **named)


def _check_trainable() -> None:
    if not app_instance().info()["trainers"]:
        raise InputError("training needs a folder of studies; this server works on a DICOMweb archive")


def _dicom_segmentation(series: str, mask: str, label_info: object, use_itk: bool = True) -> str:
    """The file of a mask as a DICOM Segmentation; ``series`` is the folder of the series that it is of."""
    archive = app_instance().datastore()
    dataset = archive.segmentation(Path(series).name, read_mask(Path(mask)), label_info, automatic=True)
    with tempfile.NamedTemporaryFile(suffix=".dcm", delete=False) as file:
        dataset.save_as(file)
    return file.name


async def _archive_error(request: Request, error: Exception) -> JSONResponse:
    reason = str(error) or type(error).__name__
    return JSONResponse({"detail": f"the DICOMweb archive did not do what it was asked for: {reason}"}, status_code=502)


train.run_model, train.run = _train_model, _train_all
infer.nifti_to_dicom_seg = _dicom_segmentation
answer_errors(app)
app.add_exception_handler(requests.RequestException, _archive_error)
