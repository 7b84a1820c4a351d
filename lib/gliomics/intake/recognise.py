"""Which layout a folder has, and the plan that follows from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gliomics.errors import InputError
from gliomics.intake.assemble import studies_of
from gliomics.intake.choices import Choices
from gliomics.intake.folder_content import FolderContent, find_files
from gliomics.intake.layouts.dicom import dicom_plan
from gliomics.intake.layouts.generic import generic_parts
from gliomics.intake.layouts.kaggle import kaggle_plan
from gliomics.intake.layouts.named import named_parts
from gliomics.intake.layouts.tasks import task_parts
from gliomics.intake.plan import ImportPlan, PlannedLabel, PlannedStudy
from gliomics.intake.write import write_plan
from gliomics.study.conventions import CONVENTIONS
from gliomics.study.numbering import parse_numbering
from gliomics.study.records import Study

EXPECTED = (
    "expected DICOM files, or NIfTI or NRRD images named after their sequence (t1, t1c, t2, flair), in folders of "
    "patients or in one folder; the public sets (BIDS, BraTS, UPENN-GBM, UCSF-PDGM, MSD, Kaggle LGG) as they are "
    "downloaded and unpacked"
)


def plan_import(
    source: Path,
    *,
    choices: Choices | None = None,
    numbering: str | None = None,
    patient_id: str | None = None,
    slice_spacing: float | None = None,
    without: Path | None = None,
) -> ImportPlan:
    """What ``source`` is taken for, and what would be made of it; nothing is written.

    ``choices`` settle what is undecided, ``numbering`` is that of all masks, ``patient_id`` that of DICOM files
    that hold none, ``slice_spacing`` (mm) that of pictures that do not tell it, ``without`` a folder to pass over.
    Raises :class:`InputError` naming what was found where nothing in the folder can be a study.
    """
    source, choices = Path(source), choices or Choices()
    numbering_name = parse_numbering(numbering).name if numbering is not None else None
    if not source.is_dir():
        find_files(source)
    plan = kaggle_plan(source, slice_spacing)
    if plan is None:
        if slice_spacing is not None:
            raise InputError(
                f"--slice-spacing is for pictures that do not tell it (the Kaggle set); the files in {source} do"
            )
        files = find_files(source, without=without)
        _check_one_kind(files)
        plan = dicom_plan(files, choices, patient_id) if files.dicom else _image_plan(files, choices)
        plan = replace(plan, left_out=(*plan.left_out, *files.left_out()))
    else:
        choices.check_used(())
    if numbering_name is None:
        return plan
    if not any(study.label for study in plan.studies):
        raise InputError(f"--numbering {numbering} is of masks, and none of the studies gets one; leave it out")
    return replace(plan, studies=tuple(_with_numbering(study, numbering_name) for study in plan.studies))


def _with_numbering(study: PlannedStudy, numbering: str) -> PlannedStudy:
    if study.label is None:
        return study
    return replace(study, label=PlannedLabel(study.label.source, (numbering,)))


def import_folder(
    source: Path, dest: Path, *, choices: Choices | None = None, slice_spacing: float | None = None
) -> list[Study]:
    """Import a folder as it is recognised, and return its studies, those that were there included.

    Raises :class:`InputError` for a folder that is not recognised, and when anything is left that only a user can
    settle: what was clear is written then.
    """
    plan = plan_import(source, choices=choices, slice_spacing=slice_spacing, without=dest)
    report = write_plan(plan, dest)
    still_open = [item for item in (*plan.left_out, *report.left_out) if item.is_open]
    if still_open:
        raise InputError("; ".join(f"{item.what}: {item.reason}" for item in still_open[:5]))
    return sorted([*report.written, *report.kept], key=lambda study: study.id)


def _check_one_kind(files: FolderContent) -> None:
    """Refuse a folder without images, and one of both DICOM and image files."""
    if files.images and files.dicom:
        raise InputError(
            f"{files.root} holds {len(files.images)} images ({files.images[0]}) and {len(files.dicom)} DICOM files "
            f"({files.dicom[0]}), perhaps of the same examinations; import the folder of one kind"
        )
    if files.images or files.dicom:
        return
    if files.studies:
        raise InputError(f"{files.root} holds studies already ({files.studies[0]}); there is nothing to import")
    still_open = [item for item in files.left_out() if item.is_open]
    if still_open:
        raise InputError(f"{files.root} holds no images: {still_open[0].what}: {still_open[0].reason}")
    listed = ", ".join(files.other_files[:3]) + (", ..." if len(files.other_files) > 3 else "")
    raise InputError(f"{files.root} holds no images ({len(files.other_files)} files: {listed or 'none'}); {EXPECTED}")


def _image_plan(files: FolderContent, choices: Choices) -> ImportPlan:
    task, paths, evidence = task_parts(files, files.images, choices)
    named, conventions, paths = named_parts(files, paths)
    generic = generic_parts(files, paths)
    examples = {convention.name: convention.example for convention in reversed(CONVENTIONS)}
    layouts = [(name, f"names such as {examples[name]}") for name, _ in conventions.most_common()]
    layouts += [("Decathlon or nnU-Net", evidence)] if task else []
    layouts += [("folders of images", "sequences by the names of files and folders")] if generic else []
    parts = [*task, *named, *generic]
    studies, left_out = studies_of(parts, files, choices)
    choices.check_used(name for part in parts for name in (part.name, Path(part.path).name) if name)
    return ImportPlan(
        layout=" and ".join(name for name, _ in layouts),
        evidence="; ".join(reason for _, reason in layouts),
        studies=tuple(studies),
        left_out=tuple(left_out),
    )
