"""Labels of several annotators, and what reviewers say of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gliomics.errors import InputError
from gliomics.evaluation.agreement import Agreement, agreements, consensus
from gliomics.server.request_study import read_label
from gliomics.server.store.datastore import StudyDatastore
from gliomics.server.store.label_check import drawn_on_another_image
from gliomics.server.store.reviews import Review
from gliomics.study import Mask, read_label_names
from gliomics.study.numbering import tumour_of


def review_label(
    store: StudyDatastore, study_id: str, tag: str, *, state: str, comment: str = "", user: str | None = None
) -> Review:
    """Say of a study's current label that it is approved, submitted, or returned with a comment."""
    version = store.labels.adopted(store.study(study_id).id, tag)
    return store.reviews.add(study_id, tag, version.version, state=state, comment=comment, user=user)


def agreement_of_labels(store: StudyDatastore, study_id: str, tags: Sequence[str]) -> list[Agreement]:
    """How far the labels of a study with these tags agree, two by two."""
    return agreements(_masks(store, study_id, tags), spacing_known=store.study(study_id).spacing_known)


def keep_consensus(
    store: StudyDatastore, study_id: str, tags: Sequence[str], tag: str, info: dict[str, Any]
) -> dict[str, Any]:
    """Keep the consensus of the labels with these ``tags`` as the next version of the label ``tag``."""
    if tag in tags:
        raise InputError(f"label '{tag}' cannot be the consensus and one of those that it is made of")
    agreed = consensus(_masks(store, study_id, tags))
    versions = {name: store.labels.adopted(study_id, name).version for name in tags}
    provenance = {
        "consensus_of": versions,
        "method": "STAPLE",
        "sensitivity": agreed.sensitivity,
        "specificity": agreed.specificity,
    }
    version = store.keep_label(study_id, tag, agreed.mask, {**info, **provenance})
    return {"image": study_id, "label": study_id, "tag": tag, "version": version.version, **provenance}


def _masks(store: StudyDatastore, study_id: str, tags: Sequence[str]) -> dict[str, Mask]:
    if len(set(tags)) < 2:
        raise InputError(f"two different label tags at least are compared; found {', '.join(tags) or 'none'}")
    study = store.study(study_id)
    masks = {}
    for tag in tags:
        path = store.labels.path(study_id, tag)
        if (changed := drawn_on_another_image(store.labels, study_id, tag)) is not None:
            raise InputError(changed)
        label = read_label(path, study, f"label '{tag}'", allow_empty=True)
        masks[tag] = tumour_of(label, study.numbering, read_label_names(path))
    return masks
