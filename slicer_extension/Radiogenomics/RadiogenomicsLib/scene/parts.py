"""The parts of a tumour that a segmentation's segments are, as one label map for a server that reads all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from slicer.i18n import tr as _

from RadiogenomicsLib.scene.segments import ijkToRasOf, segmentArray, segmentsOf
from RadiogenomicsLib.scene.terminology import CORE, EDEMA, ENHANCING, NECROSIS, TUMOUR, meaningOf
from RadiogenomicsLib.server.labelmap import primary
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError
from RadiogenomicsLib.wording import inWords

CAVITY = "cavity"
_UNDIVIDED = "tumour"
VALUES = {
    "core-without-enhancement": 1,
    "oedema": 2,
    "enhancing": 3,
    CAVITY: 4,
    _UNDIVIDED: 5,
}
"""What a server calls the parts, and the value that each has in the label map."""
_WITHOUT_ENHANCEMENT = re.compile(r"non|net|un|cyst|without|\bcc\b", re.IGNORECASE)


@dataclass(frozen=True)
class LabelledParts:
    """A label map and which value is which part, as the server's option ``numbering`` has it."""

    mask: OrientedImage
    numbering: str


def labelledParts(segmentation: Any, reference: Any) -> LabelledParts:
    """All segments of a segmentation on the grid of ``reference``, each as a part of the tumour by its name.

    A segment that is made of others, such as a whole tumour beside its parts, adds nothing. Refused by their names are
    segments that are no part that is known, and parts that share voxels.
    """
    arrays: dict[str, np.ndarray] = {}
    for segmentId, segment in segmentsOf(segmentation).items():
        voxels = segmentArray(segmentation, segmentId, reference)
        if voxels.any():
            arrays[segment.GetName()] = voxels
    if not arrays:
        raise VolumeError(
            _("'{segmentation}' has no segment with voxels on '{reference}'; draw one").format(
                segmentation=segmentation.GetName(), reference=reference.GetName()
            )
        )
    parts = {name: _partOf(name) for name in primary(arrays)}
    title = segmentation.GetName()
    _checkKnown([name for name, part in parts.items() if part is None], title)
    label = np.zeros(next(iter(arrays.values())).shape, np.uint8)
    for name, part in parts.items():
        _checkApart(name, {other: arrays[other] for other in parts}, title)
        label[arrays[name]] = VALUES[part or ""]
    # A part that has a name and no voxel is known: an empty segment of oedema says that there is none.
    empty = [partOf(segment.GetName()) for segment in segmentsOf(segmentation).values()]
    used = sorted({VALUES[part]: part for part in (*parts.values(), *empty) if part}.items())
    return LabelledParts(
        OrientedImage(label, ijkToRasOf(reference)), ",".join(f"{value}={part}" for value, part in used)
    )


def partOf(name: str) -> str:
    """The part of a tumour that a segment of this name is; empty where it is a whole one, or nothing that is known."""
    part = _partOf(name)
    return part if part is not None and part != _UNDIVIDED else ""


def arraysOf(segmentation: Any, reference: Any) -> dict[str, np.ndarray]:
    """The voxels of every segment by its name, on the grid of ``reference``; none where two share a name."""
    segments = segmentsOf(segmentation)
    arrays = {segment.GetName(): segmentArray(segmentation, key, reference) for key, segment in segments.items()}
    return arrays if len(arrays) == len(segments) else {}


def _checkKnown(unknown: list[str], title: str) -> None:
    if unknown:
        text = _(
            "{names} of '{segmentation}' are no parts of a tumour that are known; name the parts enhancing, necrosis, "
            "non-enhancing core, oedema, resection cavity or tumour, or delete what is none"
        )
        if len(unknown) == 1:
            text = _(
                "{names} of '{segmentation}' is no part of a tumour that is known; name the parts enhancing, necrosis, "
                "non-enhancing core, oedema, resection cavity or tumour, or delete what is none"
            )
        raise VolumeError(text.format(names=inWords([f"'{name}'" for name in unknown]), segmentation=title))


def _checkApart(name: str, arrays: dict[str, np.ndarray], title: str) -> None:
    for other, voxels in arrays.items():
        shared = int(np.count_nonzero(arrays[name] & voxels)) if other != name else 0
        if shared:
            raise VolumeError(
                _(
                    "'{other}' and '{name}' of '{title}' share {shared} voxels, and a voxel is of one part of "
                    "the tumour only; erase it from one of them"
                ).format(other=other, name=name, title=title, shared=shared)
            )


def _partOf(name: str) -> str | None:
    """What a server calls the part of this name; None where it is not certain.

    A core is certain only where its name says that it does not enhance: a *tumour core* has the enhancing part in it.
    """
    if re.search(r"\bcavity\b", name, re.IGNORECASE):
        return CAVITY
    meaning = meaningOf(name)
    if meaning is CORE:
        return "core-without-enhancement" if _WITHOUT_ENHANCEMENT.search(name) else None
    return {
        ENHANCING.terminology: "enhancing",
        NECROSIS.terminology: "core-without-enhancement",
        EDEMA.terminology: "oedema",
        TUMOUR.terminology: _UNDIVIDED,
    }.get(meaning.terminology if meaning is not None else "")
