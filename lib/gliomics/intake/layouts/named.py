"""Trees and flat folders whose file names follow a published convention (BIDS, BraTS, UPENN-GBM, UCSF-PDGM)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from gliomics.intake.acquisition import Sidecars
from gliomics.intake.assemble import Part, stem_of
from gliomics.intake.folder_content import FolderContent
from gliomics.intake.plan import ImageSource, usable_id
from gliomics.study.conventions import is_mask_folder, plain_role, role_in_folders, role_of, subject_of
from gliomics.study.sessions import date_in


def named_parts(files: FolderContent, paths: list[str]) -> tuple[list[Part], Counter[str], list[str]]:
    """The images that a convention names, how many follow each, and the paths that follow none."""
    parts: list[Part] = []
    conventions: Counter[str] = Counter()
    unnamed = []
    sidecars = Sidecars(files)
    for path in paths:
        stem, folder = stem_of(path), Path(path).parent.name
        subject = subject_of(stem, folder)
        if subject is None:
            unnamed.append(path)
            continue
        role = role_in_folders(role_of(subject, path, sidecars.of(path)), (*Path(path).parts[:-1], subject.session))
        if role.sequence is None and not role.is_other and is_mask_folder(folder):
            role = plain_role("mask")
        conventions[subject.convention.name] += 1
        parts.append(
            Part(
                path=path,
                study=usable_id(subject.study),
                patient=subject.patient,
                role=role,
                source=ImageSource(files.path(path)),
                name=subject.rest,
                timepoint=usable_id(subject.session) or "baseline",
                date=date_in(subject.session),
                numberings=subject.convention.numberings,
                marks=sidecars.time_marks(path),
            )
        )
    return parts, conventions, unnamed
