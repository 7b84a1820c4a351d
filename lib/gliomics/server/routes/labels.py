"""Routes about labels: saving, history, reviews, and several annotators' labels of one study."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from monailabel.endpoints import datastore as stock

from gliomics.errors import InputError
from gliomics.files import safe_name
from gliomics.server.gate.access import needs, signed, without_signature
from gliomics.server.gate.tokens import ANNOTATOR, READER, TRAINER
from gliomics.server.gate.uploads import received
from gliomics.server.gate.values import parse_object
from gliomics.server.routes.common import (
    FinalUnlessTagged,
    FormText,
    ImageId,
    JsonBody,
    LabelId,
    LabelTag,
    Upload,
    current_app,
    study_store,
)
from gliomics.server.store.annotators import agreement_of_labels, keep_consensus, review_label
from gliomics.server.store.datastore import FINAL, StudyDatastore
from gliomics.server.store.reviews import STATES
from gliomics.server.viewer.shown import names_of, shown_series, write_label_of_voxels

router = APIRouter()


@router.put("/datastore/label", tags=["Datastore"], dependencies=[needs(ANNOTATOR)])
def save_label(image: ImageId, label: Upload, params: FormText = "{}", tag: FinalUnlessTagged = FINAL) -> Any:
    """Keep a label as a new version, after checking it against the study.

    Over an archive, ``archive`` says in a sentence what became of a final label there.
    """
    app, info = current_app(), signed(parse_object(params, "params"))
    shown = shown_series(app.datastore(), image)
    if shown is not None:  # as OHIF names it
        image = shown.study.id
    with received(label, app.workspace.temporary) as path:
        if shown is not None and path is not None and path.suffix == ".bin":
            voxels, path = path, path.with_suffix(".seg.nrrd")
            write_label_of_voxels(shown, voxels, names_of(info.pop("label_info", None)), path)
        label_id = app.datastore().save_label(image, str(path), tag, info)
    answer = app.on_save_label(image, label_id) or {}
    if tag == FINAL:
        answer |= app.told_of_sending(image)
    return {**answer, "image": image, "label": label_id}


@router.delete("/datastore/label", tags=["Datastore"], dependencies=[needs(ANNOTATOR)])
def remove_label(id: LabelId, tag: LabelTag) -> Any:
    """Remove a label; its versions stay in the history."""
    return stock.remove_label(id, tag)


@router.head("/datastore/label", tags=["Datastore"], dependencies=[needs(READER)])
def check_label(image: ImageId, tag: LabelTag) -> Any:
    """Whether a label exists."""
    return stock.download_label(image, tag, True)


@router.get("/datastore/label", tags=["Datastore"], dependencies=[needs(READER)])
def download_label(label: LabelId, tag: LabelTag, version: int | None = None) -> Response:
    """A label, or one of its earlier versions, as NIfTI."""
    store = current_app().datastore()
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


@router.get("/datastore/image/labels", tags=["Datastore"], dependencies=[needs(READER)])
def labels_of_study(image: ImageId) -> Any:
    """Every version of every label of a study that has one now, the newest of each tag first, with its last review.

    A label that was put there by hand and has no version yet is listed with the version null.
    """
    store = study_store()
    rows: list[dict[str, Any]] = []
    for tag in store.get_labels_by_image_id(image):
        reviews = {review.version: review.to_json() for review in store.reviews.reviews(image, tag)}
        current = store.labels.current(image, tag)
        if current is None:
            rows.append({"tag": tag, "version": None, "is_current": True})
        for version in reversed(store.labels.versions(image, tag)):
            is_current = current is not None and version.version == current.version
            row = {**version.to_json(), "is_current": is_current}
            rows.append({**row, "review": reviews.get(version.version)})
    return rows


@router.get("/datastore/label/history", tags=["Datastore"], dependencies=[needs(READER)])
def label_history(label: LabelId, tag: LabelTag = FINAL) -> Any:
    """Every version of a label: when, by whom, from which model, voxels of each value, and what reviewers said."""
    store = study_store()
    store.study(label)
    reviews = [review.to_json() for review in store.reviews.reviews(label, tag)]
    return [
        {**version.to_json(), "reviews": [each for each in reviews if each["version"] == version.version]}
        for version in store.labels.versions(label, tag)
    ]


@router.put("/datastore/label/review", tags=["Datastore"], dependencies=[needs(TRAINER)])
def review(label: LabelId, tag: LabelTag = FINAL, params: JsonBody = None) -> Any:
    """Approve a label, or return it with a comment: ``state``, ``comment``. A returned one is offered for labelling.

    With ``version``, the one that was looked at, a newer one is not reviewed: 409.
    """
    options = signed(params or {})
    user = options.get("user") or options.get("client_id")
    if options.get("state") is None:
        raise InputError(f"the review's field 'state' is missing; send one of {', '.join(STATES)}")
    return review_label(study_store(), label, tag, options=options, user=user)


@router.get("/datastore/reviews", tags=["Datastore"], dependencies=[needs(READER)])
def reviews() -> Any:
    """Every study with the state of its label, whose it is, its last review, and how far annotators agree."""
    return JSONResponse(study_store().review_list.to_json())


@router.get("/datastore/label/agreement", tags=["Datastore"], dependencies=[needs(READER)])
async def label_agreement(request: Request, label: LabelId, tag: Annotated[list[LabelTag], Query()]) -> Any:
    """How far the labels of a study with these tags, of different annotators, agree two by two."""

    def work() -> Any:
        return [agreement.to_json() for agreement in agreement_of_labels(study_store(), label, tag)]

    return await current_app().lanes.inference.run(request, work, task="agreement")


@router.put("/datastore/label/consensus", tags=["Datastore"], dependencies=[needs(TRAINER)])
async def label_consensus(request: Request, label: LabelId, tag: LabelTag = FINAL, params: JsonBody = None) -> Any:
    """Make a label of the labels with the tags ``of``, and keep it as the next version of ``tag``."""
    info = signed(dict(params or {}))
    tags = info.pop("of", None)
    if not isinstance(tags, list) or not all(isinstance(name, str) for name in tags):
        raise InputError(f"of is {tags!r}; expected a list of label tags")
    tags = [safe_name(name, "label tag") for name in tags]

    def work() -> Any:
        consensus = keep_consensus(study_store(), label, tags, tag, info)
        current_app().on_save_label(label, label)
        return consensus

    return await current_app().lanes.inference.run(request, work, task="consensus")


@router.get("/datastore/label/info", tags=["Datastore"], dependencies=[needs(READER)])
def label_info(label: LabelId, tag: LabelTag) -> Any:
    """What was sent with a label, and its version."""
    return stock.get_label_info(label, tag)


@router.put("/datastore/label/info", tags=["Datastore"], dependencies=[needs(ANNOTATOR)])
def update_label_info(label: LabelId, tag: LabelTag, info: FormText = "{}") -> Any:
    """Add notes to a label."""
    notes = without_signature(parse_object(info, "info"))
    current_app().datastore().update_label_info(label, tag, notes)


@router.put("/datastore/updatelabelinfo", tags=["Datastore"], include_in_schema=False, dependencies=[needs(ANNOTATOR)])
def update_label_info_by_its_old_name(label: LabelId, tag: LabelTag, params: FormText = "{}") -> Any:
    """As ``PUT /datastore/label/info``."""
    return update_label_info(label, tag, params)
