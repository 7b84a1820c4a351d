"""What the panel's jobs do in their thread: write files, ask the backend, read files. No MRML, no Qt."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from slicer.i18n import tr as _

from gliomics.records import SubtypeEstimate
from RadiogenomicsLib.server.analysis import Analysis
from RadiogenomicsLib.server.backends import FINAL, PARTIAL, Backend, CaseFiles, DownloadedStudy, Exports
from RadiogenomicsLib.server.jobs import BackgroundJob
from RadiogenomicsLib.server.labelmap import withNeighbours
from RadiogenomicsLib.server.learning import Lease
from RadiogenomicsLib.server.offer import ServerInfo
from RadiogenomicsLib.server.prompts import STROKE_LESION, STROKE_NOT_LESION, Said, Stroke, withStrokes
from RadiogenomicsLib.server.savedlabels import SavedLabel
from RadiogenomicsLib.server.slices import withEarlierSlices
from RadiogenomicsLib.server.volumes import OrientedImage, readNifti, writeNifti


@dataclass(frozen=True)
class CaseImages:
    """The images to compute on, copied out of the scene; a study of the server needs no ``volumes``."""

    studyId: str = ""
    volumes: dict[str, OrientedImage] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyImages:
    """A downloaded study, why it was chosen and which slices are worth most; an empty ``studyId`` when none is left."""

    studyId: str
    reason: str
    volumes: dict[str, OrientedImage]
    slices: tuple[int, ...] = ()
    labels: tuple[SavedLabel, ...] = ()
    """Those that the server has of it already."""
    patientId: str = ""
    held: Lease | None = None
    """Who else has it."""


@dataclass(frozen=True)
class MaskImage:
    """A mask with the names of its values."""

    mask: OrientedImage
    labels: dict[str, int]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """Log-odds that each voxel of a segment adds to an estimate, 0 outside of it, and the estimate in sentences."""

    image: OrientedImage
    estimate: SubtypeEstimate
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Submitted:
    """What the server says after a label was saved, and the label in whose place it is now, if any."""

    info: ServerInfo
    earlier: SavedLabel | None


def connect(job: BackgroundJob, backend: Backend) -> ServerInfo:
    """Ask a server what it offers."""
    job.progress(_("asking what the server offers"))
    return backend.describe()


def takeNextStudy(job: BackgroundJob, backend: Backend, strategy: str, slices: int) -> StudyImages:
    """Download the study to annotate next; ``slices`` says how many of its slices shall be named, 0 for none."""
    with tempfile.TemporaryDirectory(prefix="gliomics-") as name:
        job.progress(_("choosing a study"))
        study = backend.nextStudy(strategy, slices, Path(name), job.progress)
        return _read(job, backend, study)


def takeStudy(job: BackgroundJob, backend: Backend, studyId: str) -> StudyImages:
    """Download the study of that name."""
    job.progress(_("asking for '{study}'").format(study=studyId))
    with tempfile.TemporaryDirectory(prefix="gliomics-") as name:
        return _read(job, backend, backend.images(studyId, Path(name), job.progress))


def _read(job: BackgroundJob, backend: Backend, study: DownloadedStudy) -> StudyImages:
    volumes = {}
    for sequence, path in study.files.items():
        job.progress(_("reading {sequence}").format(sequence=sequence))
        volumes[sequence] = readNifti(path)
        volumes[sequence].digest  # noqa: B018 - kept with the image for the panel, which has no time for it
    labels = listLabels(job, backend, study.studyId) if study.studyId else ()
    return StudyImages(study.studyId, study.reason, volumes, study.slices, labels, study.patientId, study.held)


def segment(job: BackgroundJob, backend: Backend, model: str, images: CaseImages) -> MaskImage:
    """Segment a case with a model."""
    with tempfile.TemporaryDirectory(prefix="gliomics-") as name:
        folder = Path(name)
        case = _case(job, images, folder)
        job.progress(_("{model} is at work").format(model=model))
        answer = backend.segment(model, case, folder)
        job.progress(_("reading the mask"))
        return MaskImage(readNifti(answer.mask), answer.labels, answer.warnings)


def voxelMap(job: BackgroundJob, backend: Backend, model: str, images: CaseImages, kind: str) -> OrientedImage:
    """A model's map of a case: ``"probability"`` or ``"uncertainty"``, from 0 to 1."""
    with tempfile.TemporaryDirectory(prefix="gliomics-") as name:
        folder = Path(name)
        case = _case(job, images, folder)
        job.progress(_("{model} is at work").format(model=model))
        path = backend.voxelMap(model, case, kind, folder)
        job.progress(_("reading the map"))
        return readNifti(path)


def evidence(
    job: BackgroundJob, backend: Backend, model: str, images: CaseImages, *, mask: OrientedImage, region: str
) -> Evidence:
    """What a tumour network estimates of a segment, and what each place adds to it."""
    with tempfile.TemporaryDirectory(prefix="gliomics-") as name:
        folder = Path(name)
        case = _case(job, images, folder)
        writeNifti(mask, folder / "label.nii.gz")
        job.progress(_("{model} is at work").format(model=model))
        answer = backend.heatMap(model, case, folder / "label.nii.gz", region)
        job.progress(_("reading the map"))
        (folder / "map.nii.gz").write_bytes(answer.content)
        return Evidence(readNifti(folder / "map.nii.gz"), answer.estimate, tuple(answer.sentences))


def correct(
    job: BackgroundJob,
    backend: Backend,
    model: str,
    images: CaseImages,
    *,
    mask: OrientedImage,
    said: Said,
) -> OrientedImage:
    """A segment after the last of what was said of it; the others are in it already.

    Where it is a part of a tumour, ``mask`` and the answer are label maps of all parts.
    """
    with tempfile.TemporaryDirectory(prefix="gliomics-") as name:
        folder = Path(name)
        case = _case(job, images, folder)
        last = said.prompts[-1]
        if isinstance(last, Stroke) and said.part is None:
            array = withStrokes(mask.array, [last], STROKE_LESION, STROKE_NOT_LESION)
            mask = OrientedImage(array, mask.ijkToRas)
        writeNifti(mask, folder / "label.nii.gz")
        job.progress(_("{model} is at work").format(model=model))
        return readNifti(backend.correct(model, case, folder / "label.nii.gz", said, folder))


def analyse(
    job: BackgroundJob,
    backend: Backend,
    images: CaseImages,
    *,
    mask: OrientedImage,
    region: str,
    options: dict[str, Any],
) -> Analysis:
    """Features of a segment and the subtypes estimated from them, and from what ``options`` say of the patient."""
    with tempfile.TemporaryDirectory(prefix="gliomics-") as name:
        folder = Path(name)
        case = _case(job, images, folder)
        writeNifti(mask, folder / "label.nii.gz")
        job.progress(_("computing features and estimates"))
        return backend.analyse(case, folder / "label.nii.gz", region, options)


def analyseParts(
    job: BackgroundJob,
    backend: Backend,
    images: CaseImages,
    *,
    label: OrientedImage,
    numbering: str,
    options: dict[str, Any],
) -> dict[str, Analysis | str]:
    """Features of every region of a tumour by its name, or the reason why there are none."""
    with tempfile.TemporaryDirectory(prefix="gliomics-") as name:
        folder = Path(name)
        case = _case(job, images, folder)
        writeNifti(label, folder / "label.nii.gz")
        job.progress(_("measuring every part of the tumour"))
        return backend.analyseParts(case, folder / "label.nii.gz", numbering, options)


def export(
    job: BackgroundJob,
    backend: Backend,
    images: CaseImages,
    *,
    mask: OrientedImage,
    others: dict[str, np.ndarray],
    exports: Exports,
) -> tuple[Path, ...]:
    """Write a segment, measured and read, to the path of each format; ``others`` are the segments beside it.

    Where the exports have a numbering, ``mask`` has every part of the tumour.
    """
    with tempfile.TemporaryDirectory(prefix="gliomics-") as name:
        folder = Path(name)
        case = _case(job, images, folder)
        if not exports.numbering:
            labelled = withNeighbours(exports.segment, mask, others)
            mask, exports = labelled.mask, replace(exports, values=labelled.values)
        writeNifti(mask, folder / "label.nii.gz")
        job.progress(_("measuring, and writing the files"))
        backend.export(case, folder / "label.nii.gz", exports)
        return tuple(exports.paths.values())


def listLabels(job: BackgroundJob, backend: Backend, studyId: str) -> tuple[SavedLabel, ...]:
    """Ask which labels the server has of a study."""
    job.progress(_("asking which labels '{study}' has").format(study=studyId))
    return backend.labelsOf(studyId)


def loadLabel(job: BackgroundJob, backend: Backend, studyId: str, label: SavedLabel) -> OrientedImage:
    """Download one of a study's labels."""
    with tempfile.TemporaryDirectory(prefix="gliomics-") as name:
        job.progress(_("downloading {name} of '{study}'").format(name=label.name, study=studyId))
        return readNifti(backend.label(studyId, label, Path(name)))


def submit(job: BackgroundJob, backend: Backend, studyId: str, mask: OrientedImage, notes: dict[str, Any]) -> Submitted:
    """Save the label of a whole study, and ask the server how many studies are labelled now."""
    job.progress(_("asking which labels '{study}' has").format(study=studyId))
    earlier = next((label for label in backend.labelsOf(studyId) if label.tag == FINAL and label.isCurrent), None)
    _send(job, backend, studyId, mask, notes=notes, tag=FINAL)
    return Submitted(backend.describe(), earlier)


def submitSlices(
    job: BackgroundJob,
    backend: Backend,
    studyId: str,
    mask: OrientedImage,
    *,
    slices: tuple[int, ...],
    notes: dict[str, Any],
) -> tuple[int, ...]:
    """Save what is drawn in some slices, beside those that were saved before; returns all that are done now."""
    with tempfile.TemporaryDirectory(prefix="gliomics-") as name:
        job.progress(_("asking which slices of '{study}' were saved before").format(study=studyId))
        earlier = backend.partialLabel(studyId, Path(name))
        if earlier is not None:
            mask = withEarlierSlices(mask, slices, readNifti(earlier.mask), earlier.slices)
            slices = tuple(sorted({*earlier.slices, *slices}))
    _send(job, backend, studyId, mask, notes={**notes, "slices_done": list(slices)}, tag=PARTIAL)
    return slices


def _send(
    job: BackgroundJob, backend: Backend, studyId: str, mask: OrientedImage, *, notes: dict[str, Any], tag: str
) -> None:
    with tempfile.TemporaryDirectory(prefix="gliomics-") as name:
        job.progress("compressing")
        path = Path(name) / "label.nii.gz"
        writeNifti(mask, path)
        job.progress(_("sending the label of '{study}'").format(study=studyId))
        backend.submit(studyId, path, notes, tag)


def _case(job: BackgroundJob, images: CaseImages, folder: Path) -> CaseFiles:
    if images.studyId:
        return CaseFiles(studyId=images.studyId)
    files = {}
    for sequence, volume in images.volumes.items():
        job.progress(f"compressing {sequence}")
        files[sequence] = folder / f"{sequence}.nii.gz"
        writeNifti(volume, files[sequence])
    return CaseFiles(files=files)
