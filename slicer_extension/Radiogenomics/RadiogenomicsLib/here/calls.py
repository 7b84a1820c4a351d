"""What the panel asks of the process that computes beside it. No Qt, no MRML."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from slicer.i18n import tr as _

from RadiogenomicsLib.here.process import Asking
from RadiogenomicsLib.server.analysis import Analysis, analysisOfAnswer
from RadiogenomicsLib.server.jobs import BackgroundJob
from RadiogenomicsLib.server.offer import ServerInfo, offerOf
from RadiogenomicsLib.server.servercalls import CaseImages
from RadiogenomicsLib.server.volumes import OrientedImage, readNifti, writeNifti

_UNNAMED_STUDY = "examination"
_KEPT_IMAGES = 8
"""Two studies: what was given up may still be read."""
_COPYING = threading.Lock()
"""A job that was given up may be copying the same image still."""


@dataclass(frozen=True)
class HereAnswer:
    """What was computed here, and the subtype models that did."""

    analysis: Analysis
    offer: ServerInfo


def analyse(
    job: BackgroundJob,
    asking: Asking,
    images: CaseImages,
    *,
    mask: OrientedImage,
    region: str,
    options: dict[str, Any],
) -> HereAnswer:
    """Features, estimates and reading of the voxels of ``mask``, as the server answers them."""
    process = asking.process
    with _files(job, process.folder, images, mask) as files:
        job.progress(_("measuring in 3D Slicer") if process.isRunning else _("starting, then measuring in 3D Slicer"))
        answer = asking.ask(job, {**files, "region": region, **options, "task": "subtype"})
    return HereAnswer(analysisOfAnswer(answer), offerOf(asking.ask(job, {"task": "info"})))


def featureMap(
    job: BackgroundJob, asking: Asking, images: CaseImages, *, mask: OrientedImage, feature: str, radius: int
) -> OrientedImage:
    """The map of a feature, by its name in tables, over the voxels of ``mask``; NaN where it has no value."""
    process = asking.process
    with _files(job, process.folder, images, mask) as files, tempfile.TemporaryDirectory(dir=process.folder) as name:
        job.progress(_("measuring around each voxel"))
        request = {**files, "task": "maps", "features": [feature], "radius": radius, "folder": name}
        paths = asking.ask(job, request)["maps"]
        return readNifti(Path(paths[feature]))


@contextmanager
def _files(job: BackgroundJob, folder: Path, images: CaseImages, mask: OrientedImage) -> Iterator[dict[str, Any]]:
    """The images and the mask as files, which a request names; images are kept for the next one."""
    with _COPYING:
        files = _copied(job, folder, images)
    descriptor, label = tempfile.mkstemp(prefix="label", suffix=".nii", dir=folder)
    os.close(descriptor)
    writeNifti(mask, Path(label))
    yield {"study_id": images.studyId or _UNNAMED_STUDY, "files": files, "label": label}
    Path(label).unlink()


def _copied(job: BackgroundJob, folder: Path, images: CaseImages) -> dict[str, str]:
    """The files of the images by sequence, copied where they are not yet; the oldest of others are removed."""
    files: dict[str, str] = {}
    for sequence, volume in images.volumes.items():
        place = hashlib.blake2b(np.ascontiguousarray(volume.ijkToRas).tobytes(), digest_size=8).hexdigest()
        path = folder / f"{sequence}-{volume.digest}-{place}.nii"
        if path.exists():
            path.touch()
        else:
            job.progress(_("copying {sequence}").format(sequence=sequence))
            partial = path.with_suffix(".part")
            writeNifti(volume, partial)
            partial.replace(path)
        files[sequence] = str(path)
    kept = sorted(folder.glob("*-*.nii"), key=lambda path: path.stat().st_mtime)[-_KEPT_IMAGES:]
    for path in folder.glob("*-*.nii"):
        if path not in kept and str(path) not in files.values():
            path.unlink()
    return files
