"""The one examination that a command is about, and its mask."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gliomics.cli.terminal.console import is_one_study
from gliomics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gliomics.models import ModelStore
    from gliomics.report.examine import MaskFile
    from gliomics.study import Study

STUDY = typer.Argument(help="A study's folder or one image file; with --studies its id.", show_default=False)
STUDIES = typer.Option(help="Folder of studies in which STUDY is an id.")
MASK = typer.Option(
    help="The tumour's mask, or a folder of masks, <study id>.nii.gz each.  [default: the final label beside the "
    "studies, else an automatic mask]",
    show_default=False,
)
MODEL = typer.Option(help="Segmentation model of the automatic mask, where there is no other.")
NUMBERING = typer.Option(
    help="Which label of the mask is which part of the tumour, as for gliomics features.  [default: that of "
    "study.json, else what the labels allow]",
    show_default=False,
)
AGE = typer.Option(help="The patient's age in years, which makes estimates better.", min=0, max=120, show_default=False)
VASARI = typer.Option(
    "--vasari", help="Also say where in the brain the tumour lies, and the VASARI features that its mask tells."
)
MODELS = typer.Option(help="Folder with models trained here, besides those shipped.")

_DRAWN_BY_NOBODY = (
    "nobody has looked at this mask: what is measured and estimated is only as good as it is; models draw smoother "
    "edges than people, and after a correction one subtype estimate in ten changed by more than 0.2"
)


def find_examination(text: str, studies: Path | None) -> tuple[Study, Path]:
    """The study that is meant, and the folder beside whose studies its labels lie."""
    from gliomics.study import find_study, open_studies

    if studies is not None:
        return find_study(studies, text), studies
    path = Path(text)
    if not path.exists():
        raise InputError(
            f"there is no folder or file {text}; give a study's folder, one image file, or with --studies FOLDER its id"
        )
    examinations = open_studies(path)
    root = path.resolve().parent if is_one_study(path) else path
    if len(examinations) > 1:
        more = f" and {len(examinations) - 10} more" if len(examinations) > 10 else ""
        raise InputError(
            f"{path} holds {len(examinations)} examinations: {', '.join(item.id for item in examinations[:10])}{more}; "
            f"give one of these ids: ID --studies {root}"
        )
    return examinations[0], root


@contextlib.contextmanager
def mask_of(
    study: Study, root: Path, path: Path | None, *, store: ModelStore, model: str, resample_to: str | None
) -> Iterator[tuple[Study, MaskFile]]:
    """The mask that is reported on: the one at ``path``, else the final label, else an automatic one.

    The study comes back with the numbering that its label's segments are named by.
    """
    from gliomics.study import find_mask, labels_folder

    if path is not None:
        yield study, _given_mask(study, path)
    elif find_mask(labels_folder(root), study.id) is not None:
        yield _labelled(study, root)
    else:
        with tempfile.TemporaryDirectory(prefix="gliomics-report-") as folder:
            yield study, _automatic_mask(study, Path(folder), store, model, resample_to)


def _given_mask(study: Study, file_or_folder: Path) -> MaskFile:
    from gliomics.report.examine import MaskFile
    from gliomics.segmentation.mask_record import MaskRecord
    from gliomics.study import find_mask

    is_folder = file_or_folder.is_dir()
    path = find_mask(file_or_folder, study.id) if is_folder else file_or_folder
    if path is None or not path.is_file():
        what = f"{file_or_folder} has no mask {study.id}.nii.gz" if is_folder else f"there is no file {file_or_folder}"
        raise InputError(f"{what}; give the tumour's mask on the images of study '{study.id}'")
    record = MaskRecord(path.parent)
    made_by = record.made_by(path)
    if made_by is None:
        return MaskFile(path, f"given as {path.name}")
    warnings = [_DRAWN_BY_NOBODY]
    if record.in_sample(path) is not None:
        warnings.append(f"{made_by} learned from this patient: its masks of other patients are less good than this one")
    return MaskFile(path, f"automatic, by {made_by} (given as {path.name})", warnings, is_automatic=True)


def _labelled(study: Study, root: Path) -> tuple[Study, MaskFile]:
    """The final label, with who saved it when, which version it is, what it was made from and what reviews said."""
    from gliomics.report.examine import MaskFile
    from gliomics.server.request_study import with_numbering_of_segments
    from gliomics.server.store.label_check import drawn_on_another_image
    from gliomics.server.store.labels import LabelStore
    from gliomics.server.store.origins import ORIGIN, made_from
    from gliomics.server.store.reviews import SUBMITTED, ReviewStore
    from gliomics.server.workspace import Workspace
    from gliomics.study.labels import FINAL

    workspace = Workspace(root)
    labels = LabelStore(root, workspace.history, lambda _: study.sequences)
    path, version = labels.path(study.id, FINAL), labels.current(study.id, FINAL)
    if version is None:
        return study, MaskFile(path, f"the study's final label, {path.name}, imported or put there by hand")
    if (changed := drawn_on_another_image(labels, study.id, FINAL)) is not None:
        raise InputError(f"{changed}; to report on it all the same, give it with --mask {path}")
    facts = {"Label": f"version {version.version}, saved {version.saved} by {version.user or 'somebody unnamed'}"}
    if (model := made_from(version.info)) is not None:
        share = float(version.info[ORIGIN].get("changed", 0.0))
        how = f"{share:.0%} of the lesion is another now" if share else "unchanged"
        facts["Label made from"] = f"the automatic mask of {model.replace('/', ' version ')}, {how}"
    reviews = ReviewStore(workspace.reviews).reviews(study.id, FINAL)
    if reviews and reviews[-1].state != SUBMITTED:
        review = reviews[-1]
        comment = f": {review.comment}" if review.comment else ""
        facts["Review"] = f"version {review.version} {review.state} by {review.user or 'somebody unnamed'}{comment}"
    origin = f"the study's final label, version {version.version} by {version.user or 'somebody unnamed'}"
    return with_numbering_of_segments(study, version.info), MaskFile(path, origin, facts=facts)


def _automatic_mask(study: Study, folder: Path, store: ModelStore, model: str, resample_to: str | None) -> MaskFile:
    from gliomics.report.examine import MaskFile
    from gliomics.segmentation.labelled import load_volumes
    from gliomics.segmentation.segmenter import Segmenter

    segmenter = Segmenter(store.current(model))
    card = segmenter.card
    segmented = segmenter.segment(load_volumes(study, card, resample_to=resample_to))
    if not segmented.mask.array.any():
        raise InputError(
            f"{model} version {card.version} finds no lesion in study '{study.id}'; give the tumour's mask with --mask"
        )
    path = folder / f"{study.id}{segmented.suffix}"
    segmented.write_mask(path)
    return MaskFile(
        path,
        f"automatic, by {card.name} version {card.version}",
        [_DRAWN_BY_NOBODY, *segmented.warnings, *card.in_sample_warnings(study.patient_id)],
        is_automatic=True,
    )
