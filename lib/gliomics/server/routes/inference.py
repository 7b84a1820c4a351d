"""Routes that run models, on one study or on many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, UploadFile
from fastapi.background import BackgroundTasks
from fastapi.responses import FileResponse
from monailabel.endpoints import batch_infer as stock_batch
from monailabel.endpoints import infer as stock_infer
from monailabel.interfaces.tasks.batch_infer import BatchInferImageType
from monailabel.utils.others.generic import remove_file

from gliomics.errors import InputError
from gliomics.server.app import GliomicsApp
from gliomics.server.gate.access import needs, require, signed
from gliomics.server.gate.tokens import ANNOTATOR, READER, TRAINER
from gliomics.server.gate.uploads import client_options, received
from gliomics.server.lanes import INTERACTIVE, REGULAR
from gliomics.server.routes.common import (
    FormText,
    ImageIdIfAny,
    JsonBody,
    OptionalUpload,
    current_app,
    fetched,
    in_background,
)
from gliomics.server.storage import temporary_file
from gliomics.server.store.datastore import StudyDatastore
from gliomics.server.tasks.background import stop_task, task_status
from gliomics.server.viewer.shown import ShownSeries, shown_series, write_as_segmentation, write_for_viewer

router = APIRouter()

_NOTHING = "there is nothing to work on: give an image id, a session_id or a file"


@dataclass(frozen=True)
class InferenceTarget:
    """What a model works on: a study of the store, a session or an uploaded image, and the current segment, if any."""

    image: str
    session_id: str
    file: UploadFile | None
    label: UploadFile | None


async def target_of_request(
    image: ImageIdIfAny = "", session_id: str = "", file: OptionalUpload = None, label: OptionalUpload = None
) -> InferenceTarget:
    return InferenceTarget(image, session_id, file, label)


@router.post("/infer/{model}", tags=["Infer"], dependencies=[needs(READER)])
async def infer(
    request: Request,
    background_tasks: BackgroundTasks,
    model: str,
    *,
    target: Annotated[InferenceTarget, Depends(target_of_request)],
    params: FormText = "{}",
    output: stock_infer.ResultType | None = None,
) -> Any:
    """Run a model on a study of the store (``image``), a session, or an uploaded image (``file``)."""
    lane, options = current_app().lanes.inference, signed(client_options(params))
    if options.get("save_label"):
        require(ANNOTATOR)
    await fetched(target.image)

    def work() -> Any:
        return _infer(background_tasks, model, target, options, output)

    patience = INTERACTIVE if {"clicks", "foreground", "background", "stroke", "box"} & options.keys() else REGULAR
    return await lane.run(request, work, task=model, patience=patience)


@router.post("/export/{formats}", tags=["Infer"], dependencies=[needs(READER)])
async def export(
    request: Request,
    background_tasks: BackgroundTasks,
    formats: str,
    target: Annotated[InferenceTarget, Depends(target_of_request)],
    params: FormText = "{}",
) -> FileResponse:
    """The segment in ``label`` as files, in one ZIP: ``formats`` are csv, xlsx, html, seg and sr, with commas between.

    ``seg`` and ``sr`` are for studies that came from DICOM, and hold the patient's name as its files have it.
    """
    lane, options = current_app().lanes.inference, signed(client_options(params))
    await fetched(target.image)

    def work() -> Path:
        app = current_app()
        with given_target(app, target) as given:
            return app.export({**options, **given}, [name for name in formats.split(",") if name])

    path = await lane.run(request, work, task="export")
    background_tasks.add_task(remove_file, path)
    return FileResponse(path, media_type="application/zip", filename="export.zip")


@contextmanager
def given_target(app: GliomicsApp, target: InferenceTarget) -> Iterator[dict[str, str]]:
    """What a model works on, as the app takes it: ``image``, and ``label`` where there is one."""
    if not (target.image or target.session_id or target.file):
        raise InputError(_NOTHING)
    temporary = app.workspace.temporary
    with received(target.file, temporary) as image_file, received(target.label, temporary) as label_file:
        given = {"image": str(image_file or target.image)}
        if label_file:
            given["label"] = str(label_file)
        if target.session_id:
            given["image"] = str(app.sessions().image(target.session_id))
        yield given


def _infer(
    background_tasks: BackgroundTasks,
    model: str,
    target: InferenceTarget,
    options: dict[str, Any],
    output: stock_infer.ResultType | None,
) -> Any:
    app = current_app()
    if not (target.image or target.session_id or target.file):
        raise InputError(_NOTHING)
    if not isinstance(app.datastore(), StudyDatastore):  # MONAI Label's own way with DICOM
        return stock_infer.run_inference(
            background_tasks,
            model,
            target.image,
            target.session_id,
            json.dumps(options),
            target.file,
            target.label,
            output,
        )
    shown = shown_series(app.datastore(), target.image)
    if shown is not None:  # the viewer names a series, and sees the answer on its voxels
        target, options = replace(target, image=shown.study.id), {"resample_to": shown.sequence, **options}
    elif output == stock_infer.ResultType.dicom_seg:
        raise InputError("output=dicom_seg needs the Series Instance UID of an archive's series; ask for output=image")
    with given_target(app, target) as given:
        result = app.infer({**options, **given, "model": model})
    if shown is not None and result["file"] and result["params"].get("result", "mask") == "mask":
        return _for_viewer(app, shown, result, output, background_tasks)
    if output == stock_infer.ResultType.image and not result["file"]:
        raise InputError(f"model '{model}' answers with JSON only; ask for output=json")
    return stock_infer.send_response(app.datastore(), result, output, background_tasks)


def _for_viewer(
    app: GliomicsApp,
    shown: ShownSeries,
    result: dict[str, Any],
    output: stock_infer.ResultType | None,
    background_tasks: BackgroundTasks,
) -> Any:
    """The answer with its mask on the voxels of the series that the viewer shows."""
    mask, params = Path(result["file"]), result["params"]
    as_segmentation = output == stock_infer.ResultType.dicom_seg
    try:
        suffix = ".dcm" if as_segmentation else ".nrrd"
        with temporary_file(app.workspace.temporary, f"{shown.study.id}-", suffix) as file:
            if as_segmentation:
                write_as_segmentation(shown, mask, params["label_names"], file)
            else:
                write_for_viewer(shown, mask, file)
    finally:
        mask.unlink(missing_ok=True)
    answer = {**result, "file": str(file), "label": str(file), "dicom_seg": str(file)}
    return stock_infer.send_response(app.datastore(), answer, output, background_tasks)


@router.post("/batch/infer/{model}", tags=["Infer"], dependencies=[needs(ANNOTATOR)])
async def batch(
    request: Request,
    model: str,
    images: BatchInferImageType = BatchInferImageType.IMAGES_ALL,
    params: JsonBody = None,
    run_sync: bool = False,
) -> Any:
    """Segment many studies in the background and save the masks as labels (tag ``original``)."""
    options = {**signed(client_options(params)), "multi_gpu": False}

    def work() -> Any:
        current_app().infer_task(model)
        return stock_batch.run(model, images, options, run_sync)

    return await in_background(request, work, task=f"batch of {model}", run_sync=run_sync)


@router.get("/batch/infer", tags=["Infer"], dependencies=[needs(READER)])
def batch_status(all: bool = False, check_if_running: bool = False) -> Any:
    """The last batch, or ``all``, with what came of each study (404 when there is none)."""
    return task_status("batch_infer", every=all, running=check_if_running)


@router.delete("/batch/infer", tags=["Infer"], dependencies=[needs(TRAINER)])
def stop_batch() -> Any:
    """Stop the running batch; masks that are saved stay."""
    return stop_task("batch_infer")
