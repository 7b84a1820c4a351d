"""Labels of several annotators, and what reviewers say of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gliomics.errors import ConflictError, InputError
from gliomics.evaluation.agreement import Agreement, agreements, consensus
from gliomics.server.store.datastore import StudyDatastore
from gliomics.server.store.label_check import lesions_of
from gliomics.server.store.labels import LabelVersion
from gliomics.study import Mask


def review_label(
    store: StudyDatastore, study_id: str, tag: str, *, options: Mapping[str, Any], user: str | None = None
) -> dict[str, Any]:
    """Say of a study's current label that it is approved, submitted, or returned with a comment; the review as JSON.

    ``options`` are what the reviewer sent. Where they have a ``version``, None for a label that was put there by hand,
    another one is not reviewed: :class:`ConflictError`. ``own_label`` of the answer says whether the reviewer saved it.
    """
    state, comment = options["state"], options.get("comment") or ""
    looked_at = options.get("version")
    if looked_at is not None and type(looked_at) is not int:
        raise InputError(f"version is {looked_at!r}; expected the number of the version that was reviewed, or null")
    with store.labels.held(store.study(study_id).id, tag) as (number, label):
        if "version" in options and number != looked_at:
            raise ConflictError(_changed(label, looked_at))
        review = store.reviews.add(study_id, tag, label.version, state=state, comment=comment, user=user)
    return {**review.to_json(), "own_label": user is not None and user == label.user}


def _changed(label: LabelVersion, looked_at: int | None) -> str:
    was = "was put there by hand" if looked_at is None else f"was version {looked_at}"
    by = f" by {label.user}" if label.user else ""
    return (
        f"label '{label.tag}' of study '{label.study_id}' {was} when it was looked at, and is version {label.version}"
        f"{by} of {label.saved[:16].replace('T', ' ')} (UTC) now; nothing was noted: look at that one, and review it"
    )


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
    return lesions_of(store.labels, store.study(study_id), tags)
