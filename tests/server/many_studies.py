"""Folders of any number of studies, labelled, reviewed and noted about in part, for measuring what grows with them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from gliomics.files import sha256_of
from gliomics.server.workspace import Workspace
from gliomics.study import label_path, write_mask, write_volume
from tests.server.studies import a_lesion_case

LABELLED = 0.3
"""Share of the studies with a final label; of these a third have a history and notes, a sixth a review, a fifth a
second label."""


def a_folder_of(count: int, root: Path) -> Path:
    """So many studies that share one small image by hard links; the first 30 % are labelled."""
    studies = root / "studies"
    studies.mkdir(parents=True)
    volumes, mask = a_lesion_case(0)
    write_volume(volumes["flair"], root / "flair.nii.gz")
    write_mask(mask, root / "mask.nii.gz")
    for number in range(count):
        folder = studies / study_id(number)
        folder.mkdir()
        os.link(root / "flair.nii.gz", folder / "flair.nii.gz")
        description = {"format": 1, "id": folder.name, "patient_id": folder.name}
        _write(folder / "study.json", {**description, "sequences": {"flair": "flair.nii.gz"}})
    digests = {"mask": sha256_of(root / "mask.nii.gz"), "flair": sha256_of(root / "flair.nii.gz")}
    for number in range(round(LABELLED * count)):
        _label(studies, number, root / "mask.nii.gz", digests)
    return studies


def study_id(number: int) -> str:
    """The id of one of the studies."""
    return f"case-{number:05d}"


def _label(studies: Path, number: int, mask: Path, digests: dict[str, str]) -> None:
    study, workspace = study_id(number), Workspace(studies)
    _copy(mask, label_path(studies, study, "final"))
    if number % 5 == 0:
        _copy(mask, label_path(studies, study, "second_reader"))
    if number % 3 == 0:
        record = {
            "study_id": study,
            "tag": "final",
            "version": 1,
            "saved": "2026-01-01T00:00:00.000+00:00",
            "user": "A",
        }
        record |= {"voxels": {"1": 300}, "sha256": digests["mask"], "images": {"flair": digests["flair"]}}
        _copy(mask, workspace.history / study / "final" / "0001.nii.gz")
        _write(workspace.history / study / "final" / "0001.json", {"format": 1, **record})
        _write(workspace.image_info / f"{study}.json", {"note": "seen"})
    if number % 6 == 0:
        state = "returned" if number % 12 == 0 else "approved"
        review = {"version": 1, "state": state, "comment": "look again", "user": "B", "when": ""}
        _write(workspace.reviews / "final" / f"{study}.json", [review])


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
