"""Routes about labels: saving, history, reviews, and several annotators' labels of one study."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from monailabel.endpoints import datastore as stock

from gliomics.errors import InputError
from gliomics.files import safe_name
from gliomics.server.gate.access import signed, without_signature
from gliomics.server.gate.uploads import received
from gliomics.server.gate.values import parse_object
from gliomics.server.routes.common import FormText, JsonBody, Upload, study_store, the_app
from gliomics.server.store.annotators import agreement_of_labels, keep_consensus, review_label
from gliomics.server.store.datastore import FINAL, StudyDatastore
from gliomics.server.store.reviews import STATES

router = APIRouter()


@router.put("/datastore/label", tags=["Datastore"])
def save_label(image: str, label: Upload, params: FormText = "{}", tag: str = FINAL) -> Any:
    """Keep a label as a new version, after checking it against the study."""
    app, info = the_app(), signed(parse_object(params, "params"))
    safe_name(image, "image id")
    tag = safe_name(tag or FINAL, "label tag")
    with received(label, app.workspace.temporary) as path:
        label_id = app.datastore().save_label(image, str(path), tag, info)
    answer = app.on_save_label(image, label_id) or {}
    return {**answer, "image": image, "label": label_id}


@router.delete("/datastore/label", tags=["Datastore"])
def remove_label(id: str, tag: str) -> Any:
    """Remove a label; its versions stay in the history."""
    return stock.remove_label(safe_name(id, "label id"), safe_name(tag, "label tag"))


@router.head("/datastore/label", tags=["Datastore"])
def check_label(image: str, tag: str) -> Any:
    """Whether a label exists."""
    return stock.download_label(safe_name(image, "image id"), safe_name(tag, "label tag"), True)


@router.get("/datastore/label", tags=["Datastore"])
def download_label(label: str, tag: str, version: int | None = None) -> Response:
    """A label, or one of its earlier versions, as NIfTI."""
    safe_name(label, "label id"), safe_name(tag, "label tag")
    store = the_app().datastore()
    if not isinstance(store, StudyDatastore):
        response: Response = stock.download_label(label, tag)
        return response
    if version is None:
        path, name = store.labels.path(label, tag), f"{label}.nii.gz"
    else:
        path, name = store.labels.version_path(label, tag, version), f"{label}_{version:04d}.nii.gz"
    with store.label_as_nifti(path) as nifti:
        return Response(
            nifti.read_bytes(),
            media_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


@router.get("/datastore/label/history", tags=["Datastore"])
def label_history(label: str, tag: str = FINAL) -> Any:
    """Every version of a label: when, by whom, from which model, voxels of each value, and what reviewers said."""
    store = study_store()
    store.study(label)
    reviews = [review.to_json() for review in store.reviews.reviews(label, safe_name(tag, "label tag"))]
    return [
        {**version.to_json(), "reviews": [said for said in reviews if said["version"] == version.version]}
        for version in store.labels.versions(label, tag)
    ]


@router.put("/datastore/label/review", tags=["Datastore"])
def review(label: str, tag: str = FINAL, params: JsonBody = None) -> Any:
    """Approve a label, or return it with a comment: ``state``, ``comment``. A returned one is offered for labelling."""
    safe_name(label, "label id"), safe_name(tag, "label tag")
    options = signed(params or {})
    user = options.get("user") or options.get("client_id")
    state, comment = options.get("state"), options.get("comment") or ""
    if state is None:
        raise InputError(f"the review's field 'state' is missing; send one of {', '.join(STATES)}")
    return review_label(study_store(), label, tag, state, comment, user).to_json()


@router.get("/datastore/label/agreement", tags=["Datastore"])
async def label_agreement(request: Request, label: str, tag: Annotated[list[str], Query()]) -> Any:
    """How far the labels of a study with these tags, of different annotators, agree two by two."""
    tags, label = [safe_name(name, "label tag") for name in tag], safe_name(label, "label id")

    def work() -> Any:
        return [agreement.to_json() for agreement in agreement_of_labels(study_store(), label, tags)]

    return await the_app().lanes.inference.run(request, work, task="agreement")


@router.put("/datastore/label/consensus", tags=["Datastore"])
async def label_consensus(request: Request, label: str, tag: str = FINAL, params: JsonBody = None) -> Any:
    """Make a label of the labels with the tags ``of``, and keep it as the next version of ``tag``."""
    info = signed(dict(params or {}))
    tags = info.pop("of", None)
    if not isinstance(tags, list) or not all(isinstance(name, str) for name in tags):
        raise InputError(f"of is {tags!r}; expected a list of label tags")
    tags = [safe_name(name, "label tag") for name in tags]
    label, tag = safe_name(label, "label id"), safe_name(tag, "label tag")

    def work() -> Any:
        kept = keep_consensus(study_store(), label, tags, tag, info)
        the_app().on_save_label(label, label)
        return kept

    return await the_app().lanes.inference.run(request, work, task="consensus")


@router.get("/datastore/label/info", tags=["Datastore"])
def label_info(label: str, tag: str) -> Any:
    """What was sent with a label, and its version."""
    return stock.get_label_info(safe_name(label, "label id"), safe_name(tag, "label tag"))


@router.put("/datastore/label/info", tags=["Datastore"])
def update_label_info(label: str, tag: str, info: FormText = "{}") -> Any:
    """Add notes to a label."""
    notes = without_signature(parse_object(info, "info"))
    the_app().datastore().update_label_info(safe_name(label, "label id"), safe_name(tag, "label tag"), notes)


@router.put("/datastore/updatelabelinfo", tags=["Datastore"], include_in_schema=False)
def update_label_info_by_its_old_name(label: str, tag: str, params: FormText = "{}") -> Any:
    """As ``PUT /datastore/label/info``."""
    return update_label_info(label, tag, params)
