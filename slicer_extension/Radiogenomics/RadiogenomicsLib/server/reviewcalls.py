"""What the jobs of a review do in their thread: ask the backend, read files, compare labels. No MRML, no Qt."""

from __future__ import annotations

from dataclasses import dataclass

from slicer.i18n import tr as _

from gliomics.errors import GliomicsError
from RadiogenomicsLib.scene.difference import Difference, centralVoxel, differenceOf
from RadiogenomicsLib.server import servercalls
from RadiogenomicsLib.server.backends import Backend
from RadiogenomicsLib.server.jobs import BackgroundJob
from RadiogenomicsLib.server.reviews import ReviewedStudy, inOrder
from RadiogenomicsLib.server.savedlabels import SavedLabel
from RadiogenomicsLib.server.volumes import OrientedImage


@dataclass(frozen=True)
class OpenedStudy:
    """A study with its label as it is now, None where it has none, and the voxel (i, j, k) in the label's middle."""

    images: servercalls.StudyImages
    label: SavedLabel | None = None
    mask: OrientedImage | None = None
    centre: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Decided:
    """What became of a decision: whether the label is the reviewer's own, and the studies as they are now.

    ``failure`` says why these are not known although the decision was kept.
    """

    isOwn: bool
    studies: tuple[ReviewedStudy, ...] = ()
    failure: str = ""


def listStudies(job: BackgroundJob, backend: Backend) -> tuple[ReviewedStudy, ...]:
    """Every study, what needs a decision first."""
    job.progress(_("asking for the studies"))
    return tuple(inOrder(backend.reviews()))


def openStudy(job: BackgroundJob, backend: Backend, study: ReviewedStudy) -> OpenedStudy:
    """Download a study's images and its current label; that label, and no later one, is what is reviewed."""
    images = servercalls.takeStudy(job, backend, study.studyId)
    label = next((each for each in images.labels if each.tag == study.tag and each.isCurrent), None)
    if label is None:
        return OpenedStudy(images)
    mask = servercalls.loadLabel(job, backend, study.studyId, label)
    return OpenedStudy(images, label, mask, centralVoxel(mask.array > 0))


def decide(job: BackgroundJob, backend: Backend, study: ReviewedStudy, state: str, comment: str) -> Decided:
    """Tell the server what is to become of a label, and ask for the studies again."""
    job.progress(_("telling the server about '{study}'").format(study=study.studyId))
    isOwn = backend.review(study, state, comment)
    try:
        return Decided(isOwn, listStudies(job, backend))
    except GliomicsError as error:
        return Decided(isOwn, failure=str(error))


def compare(job: BackgroundJob, backend: Backend, studyId: str, labels: tuple[SavedLabel, SavedLabel]) -> Difference:
    """Where two labels of a study differ."""
    first, second = (servercalls.loadLabel(job, backend, studyId, label) for label in labels)
    job.progress(_("comparing"))
    return differenceOf(first, second, (labels[0].name, labels[1].name))
