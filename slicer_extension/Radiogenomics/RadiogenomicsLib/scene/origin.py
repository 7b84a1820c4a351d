"""Whether a volume still is the image that came from the server: a copy keeps its attributes, and so does an edit."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer.util
from slicer.i18n import tr as _

from RadiogenomicsLib.scene.segments import ijkToRasOf
from RadiogenomicsLib.server.backends import hostOf, sameServer
from RadiogenomicsLib.server.volumes import OrientedImage, describeGrid, sameGrid

STUDY_ATTRIBUTE = "Gliomics.StudyId"
SEQUENCE_ATTRIBUTE = "Gliomics.Sequence"
MAP_ATTRIBUTE = "Gliomics.Map"
"""What a model's map over an image is of; a volume with it is no image of a sequence."""
STUDY_SEQUENCES_ATTRIBUTE = "Gliomics.StudySequences"
"""All the sequences of the study, as it came."""
GRID_ATTRIBUTE = "Gliomics.Grid"
"""Size along i, j, k and the matrix from voxels to RAS, as the image came."""
SERVER_ATTRIBUTE = "Gliomics.Server"
"""The address that it came from: another server may have another study of the same name."""
VOXELS_ATTRIBUTE = "Gliomics.Voxels"
"""A hash of the voxels as they came."""


@dataclass(frozen=True)
class Origin:
    """The study and the sequence that a volume came as, and what has been done to it since.

    ``otherServer`` is where it came from if that is not the server of the connection. ``moved`` says how its grid
    differs from the server's, ``edited`` that its voxels do. All are empty where it is the server's image still.
    """

    studyId: str
    sequence: str
    otherServer: str = ""
    moved: str = ""
    edited: str = ""

    @property
    def change(self) -> str:
        """What has been done to it; empty where the server has this very image."""
        return (
            (_("came from {server}").format(server=self.otherServer) if self.otherServer else "")
            or self.moved
            or self.edited
        )

    @property
    def isOnGrid(self) -> bool:
        """Whether it has the grid of the study's image on the server, so that a label drawn on it is the study's."""
        return not self.otherServer and not self.moved


class Origins:
    """Marks volumes that came from the server, and compares them with their marks."""

    def __init__(self) -> None:
        self.server = ""
        """The address of the connection, empty before there was one."""
        self._hashes: dict[str, tuple[int, str]] = {}
        """By node, with the time at which its voxels were changed last."""

    def mark(self, node: Any, studyId: str, sequence: str, studySequences: Iterable[str], *, digest: str) -> None:
        """Note on a volume where it came from, beside which others, and how it was then, by the hash of its voxels."""
        self._hashes[node.GetID()] = node.GetImageData().GetMTime(), digest
        node.SetAttribute(STUDY_ATTRIBUTE, studyId)
        node.SetAttribute(SEQUENCE_ATTRIBUTE, sequence)
        node.SetAttribute(STUDY_SEQUENCES_ATTRIBUTE, " ".join(studySequences))
        node.SetAttribute(SERVER_ATTRIBUTE, hostOf(self.server) if self.server else "")
        grid = _grid(node)
        size = list(grid.array.shape[::-1])
        node.SetAttribute(GRID_ATTRIBUTE, json.dumps({"size": size, "ijkToRas": grid.ijkToRas.tolist()}))
        node.SetAttribute(VOXELS_ATTRIBUTE, self._hash(node))

    def of(self, node: Any) -> Origin | None:
        """Where a volume came from; None where it is not from the server."""
        studyId = node.GetAttribute(STUDY_ATTRIBUTE)
        if not studyId:
            return None
        sequence, server = node.GetAttribute(SEQUENCE_ATTRIBUTE) or "", node.GetAttribute(SERVER_ATTRIBUTE) or ""
        if server and self.server and not sameServer(server, self.server):
            return Origin(studyId, sequence, otherServer=server)
        if node.GetImageData() is None:
            return Origin(studyId, sequence, moved=_("lost its voxels"))
        original, grid = _originalGrid(node), _grid(node)
        if original is None:
            return Origin(studyId, sequence, moved=_("has no note of how it came"))
        if not sameGrid(original, grid):
            descriptions = describeGrid(original), describeGrid(grid)
            moved = _("had {original} and has {grid}").format(original=descriptions[0], grid=descriptions[1])
            if descriptions[0] == descriptions[1]:
                moved = _("lies elsewhere than it came")
            return Origin(studyId, sequence, moved=moved)
        edited = "" if self._hash(node) == node.GetAttribute(VOXELS_ATTRIBUTE) else _("was edited")
        return Origin(studyId, sequence, edited=edited)

    def contents(self, node: Any) -> str:
        """A text that changes with a volume's voxels and with its place; empty where it has no voxels."""
        if node.GetImageData() is None:
            return ""
        return f"{self._hash(node)} {ijkToRasOf(node).tolist()} {node.GetTransformNodeID()}"

    def _hash(self, node: Any) -> str:
        changedAt = node.GetImageData().GetMTime()
        hashedAt, digest = self._hashes.get(node.GetID(), (None, ""))
        if hashedAt != changedAt:
            digest = _grid(node).digest
            self._hashes[node.GetID()] = changedAt, digest
        return digest


def _grid(node: Any) -> OrientedImage:
    return OrientedImage(slicer.util.arrayFromVolume(node), ijkToRasOf(node))


def _originalGrid(node: Any) -> OrientedImage | None:
    """The grid that a volume came with, without voxels of its own."""
    try:
        grid = json.loads(node.GetAttribute(GRID_ATTRIBUTE) or "")
        shape = tuple(int(length) for length in grid["size"][::-1])
        ijkToRas = np.array(grid["ijkToRas"], float).reshape(4, 4)
    except (ValueError, TypeError, KeyError):
        return None
    return OrientedImage(np.broadcast_to(np.zeros((), np.uint8), shape), ijkToRas)
