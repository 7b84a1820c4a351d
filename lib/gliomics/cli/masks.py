"""``gliomics masks``: masks brought to the grids of their images, out of DICOM, and of the brain."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.terminal.console import (
    RESAMPLE_TO,
    STUDIES,
    check_apart,
    console,
    counted,
    report_unreadable,
    report_unused_masks,
    with_progress,
)
from gliomics.cli.terminal.failures import Failures
from gliomics.errors import InputError

if TYPE_CHECKING:
    from gliomics.study import Mask, Study

masks = typer.Typer(
    no_args_is_help=True, help="Masks brought to the grids of their images, out of DICOM, and of the brain."
)


@masks.callback()
def _masks() -> None:
    """Masks brought to the grids of their images, out of DICOM, and of the brain."""


@masks.command("resample")
def resample(
    masks: Annotated[Path, typer.Argument(help="Folder of masks, <study id>.nii.gz (or .nii, .nrrd, .seg.nrrd) each.")],
    studies: Annotated[Path, STUDIES],
    out: Annotated[Path, typer.Option(help="Folder for the masks on the images' grids, <study id>.nii.gz each.")],
    sequence: Annotated[
        str | None, typer.Option(help="Bring them to the grid of this sequence.  [default: the study's first]")
    ] = None,
) -> None:
    """Bring every study's mask to the grid of its image and say how its volume changed.

    A mask whose voxels are the image's, cropped, padded, flipped or stored in another order, comes there without loss;
    others by linear interpolation of each label. A mask that cannot be brought there is reported and the others go on;
    the exit code is 1 then.
    """
    from gliomics.study import find_mask, open_studies, read_label_names, write_mask

    if not masks.is_dir():
        raise InputError(f"{masks} is not a folder; give the folder that holds <study id>.nii.gz for each study")
    if os.path.realpath(out) == os.path.realpath(masks):
        raise InputError(f"{out} holds the masks themselves; give another folder to --out")
    every_study = open_studies(studies, report_unreadable)
    images = [path for study in every_study for path in study.sequences.values()]
    check_apart([out / f"{study.id}.nii.gz" for study in every_study], images)
    report_unused_masks(masks, every_study)
    resampled, failures = 0, Failures()
    for study in with_progress(every_study, "resampling", len(every_study)):
        with failures.of(study.id):
            path = find_mask(masks, study.id)
            if path is None:
                continue
            before, after = _resampled(path, study, sequence)
            write_mask(after, out / f"{study.id}.nii.gz")
            resampled += 1
            console.print(f"{study.id}: {_change(before, after)}", markup=False)
            if names := read_label_names(path):
                segments = ", ".join(f"{value} '{name}'" for value, name in names.items())
                console.print(f"{study.id}: .nii.gz keeps no names; its segments were {segments}", markup=False)
    if not resampled and not failures.errors:
        raise InputError(f"none of the {len(every_study)} studies has a mask in {masks}")
    console.print(f"{counted(resampled, 'mask')} in {out}{failures.summary}")
    failures.end()


@masks.command("brain")
def brain(
    studies: Annotated[Path, STUDIES],
    out: Annotated[Path, typer.Option(help="Folder for the masks of the brain, <study id>.nii.gz each.")],
    masks: Annotated[
        Path | None,
        typer.Option(help="Folder of the tumours' masks, <study id>.nii.gz each: what lies outside is added."),
    ] = None,
    resample_to: Annotated[str | None, RESAMPLE_TO] = None,
) -> None:
    """Outline the brain of every study, for --brain of gliomics features and gliomics stability.

    The networks of the package deepbet look at T1, T1c, T2 and FLAIR, as many of them as there are. A study in which no
    brain is found is reported and the others go on; the exit code is 1 then.
    """
    from gliomics.brain_extraction.extract import BrainExtractor
    from gliomics.brain_extraction.study import outline_brain
    from gliomics.study import find_mask, open_studies, write_mask

    if masks is not None and not masks.is_dir():
        raise InputError(f"{masks} is not a folder; give the folder that holds <study id>.nii.gz for each study")
    if masks is not None and os.path.realpath(out) == os.path.realpath(masks):
        raise InputError(f"{out} holds the masks of the tumours; give another folder to --out")
    every_study = open_studies(studies, report_unreadable)
    images = [path for study in every_study for path in study.sequences.values()]
    check_apart([out / f"{study.id}.nii.gz" for study in every_study], images)
    if masks is not None:
        report_unused_masks(masks, every_study)
    extractor, failures = BrainExtractor(), Failures(only=len(every_study) == 1)
    for study in with_progress(every_study, "outlining brains", len(every_study)):
        with failures.of(study.id):
            tumour = find_mask(masks, study.id) if masks is not None else None
            outlined = outline_brain(study, extractor, tumour=tumour, resample_to=resample_to)
            write_mask(outlined.mask, out / f"{study.id}.nii.gz")
            size = f"{outlined.millilitres:.0f} ml" if study.spacing_known else f"{outlined.mask.array.sum()} voxels"
            added = f", {outlined.added:.1%} of the tumour added" if outlined.added else ""
            console.print(f"{study.id}: {size} by {', '.join(outlined.sequences)}{added}", markup=False)
    outlined_count = len(every_study) - len(failures.errors)
    if not outlined_count:
        raise InputError(f"no brain was outlined in {len(every_study)} studies; the reasons are above")
    console.print(f"{counted(outlined_count, 'mask')} in {out}{failures.summary}")
    failures.end()


@masks.command("from-dicom")
def from_dicom(
    segmentation: Annotated[Path, typer.Argument(help="A DICOM Segmentation (SEG), as another program wrote it.")],
    out: Annotated[Path, typer.Argument(help="The mask to write, .nii.gz.")],
) -> None:
    """Write the segments of a DICOM Segmentation as a mask, and say which value each has.

    The value is the segment's number. Slices without a segment may lack at either end; the mask lies on its images'
    voxels all the same. A segment that is made of others, such as a whole tumour beside its parts, adds nothing.
    """
    from gliomics.dicom.segmentation import read_segmentation, segment_names
    from gliomics.study import write_mask

    if not out.name.endswith((".nii.gz", ".nii", ".nrrd")):
        raise InputError(f"{out} is no mask by its name; give a file that ends in .nii.gz")
    check_apart([out], [segmentation])
    if not segmentation.is_file():
        raise InputError(f"there is no file {segmentation}; give a DICOM Segmentation")
    mask = read_segmentation(segmentation)
    if not mask.array.any():
        raise InputError(f"{segmentation} has no labelled voxel")
    write_mask(mask, out)
    values = set(mask.array.ravel().tolist())
    names = ", ".join(f"{number} '{name}'" for number, name in segment_names(segmentation).items() if number in values)
    console.print(f"{out}: {names}", markup=False)


def _resampled(path: Path, study: Study, sequence: str | None) -> tuple[Mask, Mask]:
    from gliomics.study import read_mask, read_volume, resample_mask

    sequence = sequence or next(iter(study.sequences))
    before = read_mask(path)
    after = resample_mask(before, read_volume(study.path(sequence)), f"mask {path.name}", f"sequence '{sequence}'")
    if not after.array.any():
        raise InputError(f"mask {path.name} is empty on the grid of sequence '{sequence}': no voxel is mostly labelled")
    return before, after


def _change(before: Mask, after: Mask) -> str:
    """How many voxels each label has before and after, and how its volume changed."""
    import numpy as np

    size = np.prod(after.spacing) / np.prod(before.spacing)
    parts = []
    for value in sorted({int(value) for value in np.unique(before.array)} - {0}):
        old, new = (int(np.count_nonzero(mask.array == value)) for mask in (before, after))
        parts.append(f"label {value}: {old} voxels, now {new}, volume {100 * (size * new / old - 1):+.1f} %")
    return "; ".join(parts)
