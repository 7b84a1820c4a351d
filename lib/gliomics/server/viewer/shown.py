"""A series as the viewer shows it: the study that holds it, masks on its voxels, and what the viewer saves of it.

The viewer knows series by their UIDs, where the server has studies of several sequences. What it asks for is answered
for the whole study, on the voxels of the series that it shows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.uid import SegmentationStorage

from gliomics.dicom.headers import READ_ERRORS, text_of
from gliomics.dicom.segmentation import MOST_SEGMENTS, read_segmentation, segment_names, segmentation_of
from gliomics.dicom.source import SourceImages, find_source
from gliomics.errors import InputError
from gliomics.interactive.parts import LABELS
from gliomics.server.dicomweb.client import is_uid
from gliomics.server.dicomweb.store import ArchiveDatastore
from gliomics.study.images import read_mask, read_volume, to_sitk, write_segments
from gliomics.study.numbering import UNDIVIDED, part_of_name
from gliomics.study.records import Study
from gliomics.study.volumes import Mask

_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,70})"?', re.IGNORECASE)
_UNNAMED = "segment"
_REVERSING = "OHIF-"
"""Programs whose Segmentations have the masks of their slices in the reverse order of the slices' positions."""


@dataclass(frozen=True)
class ShownSeries:
    """A series that the viewer shows: a sequence of a study."""

    study: Study
    sequence: str

    def source(self, mask: Mask) -> SourceImages:
        """The series' DICOM images, with a mask on their voxels.

        Raises :class:`GeometryError` for a mask that lies on another grid, and :class:`InputError` where the headers of
        the series are no longer there.
        """
        only = {self.sequence: self.study.sequences[self.sequence]}
        return find_source(replace(self.study, sequences=only), mask)


def shown_series(store: object, image: str) -> ShownSeries | None:
    """The series that a client names instead of a study; None for everything else.

    Its examination is fetched if need be. Raises :class:`UnknownNameError` for a series that is no sequence of a study
    of ours, and the errors of fetching.
    """
    if not isinstance(store, ArchiveDatastore) or "." not in image or not is_uid(image):
        return None
    if image in store.index.studies():
        return None
    return ShownSeries(*store.of_series(image))


def write_for_viewer(shown: ShownSeries, mask: Path, target: Path) -> None:
    """A mask as the viewer takes it: NRRD of bytes, not compressed, voxel by voxel in the order of its volume.

    Its volume has the columns of the series first, then the rows, then the slices along the normal of the image plane.
    Raises the errors of :meth:`ShownSeries.source`, and :class:`InputError` for label values that are no byte.
    """
    placed = shown.source(read_mask(mask)).mask
    highest = int(placed.array.max(initial=0))
    if highest > MOST_SEGMENTS:
        raise InputError(f"the mask has the label value {highest}; the viewer shows values up to {MOST_SEGMENTS}")
    image = to_sitk(placed.with_array(placed.array.astype(np.uint8)))
    sitk.WriteImage(image, str(target), useCompression=False)


def write_as_segmentation(shown: ShownSeries, mask: Path, names: Mapping[str, int], target: Path) -> None:
    """A mask that a model made as a DICOM Segmentation of the series; the errors of :func:`segmentation_of`, too."""
    source = shown.source(read_mask(mask))
    by_value = {value: name for name, value in names.items()}
    description = "Gliomics segmentation"
    made = segmentation_of(source.mask, source.instances, by_value, drawn="AUTOMATIC", description=description)
    made.save_as(target)


def write_label_of_voxels(shown: ShownSeries, voxels: Path, names: Mapping[int, str], target: Path) -> None:
    """The label that OHIF sends as voxels without a header, in the order of its volume, as a ``.seg.nrrd`` file.

    Raises :class:`InputError` unless there are as many bytes, or twice as many, as the series has voxels.
    """
    image = read_volume(shown.study.sequences[shown.sequence])
    grid = shown.source(Mask(np.zeros(image.shape, np.uint8), image.affine)).mask
    content, count = voxels.read_bytes(), math.prod(grid.shape)
    kind = {count: "u1", 2 * count: "<u2"}.get(len(content))
    if kind is None:
        raise InputError(
            f"the label has {len(content)} bytes, and series {shown.sequence} of study '{shown.study.id}' {count} "
            "voxels; expected one or two bytes for each"
        )
    array = np.frombuffer(content, kind).reshape(grid.shape, order="F")
    _write_label(grid.with_array(array), names, target)


def names_of(label_info: object) -> dict[int, str]:
    """The names of label values in what MONAI Label's clients send as ``label_info``: ``[{"idx": 1, "name": ...}]``."""
    items = label_info if isinstance(label_info, list) else []
    named = [item for item in items if isinstance(item, dict) and type(item.get("idx")) is int]
    return {item["idx"]: str(item.get("name") or "") for item in named}


def _write_label(mask: Mask, names: Mapping[int, str], target: Path) -> None:
    """A mask with the names of its values, which become the usual ones where the names say which."""
    present = {int(value) for value in np.unique(mask.array) if value}
    names = {value: names.get(value, "").strip() or f"{_UNNAMED} {value}" for value in sorted(present)}
    values = usual_values(names)
    array = np.zeros_like(mask.array)
    segments: dict[str, int] = {}
    for number, name in names.items():
        array[mask.array == number] = values[number]
        segments[name if name not in segments else f"{name} {number}"] = values[number]
    write_segments(mask.with_array(array), segments, target)


def usual_values(names: Mapping[int, str]) -> dict[int, int]:
    """The label values of segments by their numbers: those of the server's own masks, where each name says which.

    The viewer numbers its segments in the order of their names, so that a mask of ours would come back with other
    values. Where a name is none of a part of a tumour, or two segments would have one value, the numbers stay.

    >>> usual_values({1: "core-without-enhancement", 3: "oedema"})
    {1: 1, 3: 2}
    >>> usual_values({4: "tumour"})
    {4: 1}
    >>> usual_values({1: "oedema", 2: "vessel"})
    {1: 1, 2: 2}
    """
    parts = {number: part_of_name(name) for number, name in names.items()}
    values = {number: 1 if part == UNDIVIDED else LABELS.get(part or "") for number, part in parts.items()}
    usual = {number: value for number, value in values.items() if value is not None}
    return usual if len(set(usual.values())) == len(names) else {number: number for number in names}


@dataclass(frozen=True)
class SavedSegmentation:
    """A Segmentation that the viewer saves: of which series, in which file, and how it is called."""

    series: str
    file: Path
    instance: str
    examination: str

    def write_label(self, shown: ShownSeries, target: Path) -> None:
        """Its mask on the voxels of the series that it is of, with the names of its segments, as a ``.seg.nrrd`` file.

        Raises :class:`InputError` for what is no Segmentation, and the errors of :meth:`ShownSeries.source`.
        """
        _write_label(shown.source(read_segmentation(self.file)).mask, segment_names(self.file), target)


def saved_segmentations(body: bytes, content_type: str, folder: Path) -> list[SavedSegmentation]:
    """The Segmentations in the body of a request to store instances (PS3.18 10.5), written into ``folder``.

    Raises :class:`InputError` for a body that is none, and for instances of another kind: what is stored in the archive
    is written by this server.
    """
    saved = []
    for number, content in enumerate(_parts(body, content_type)):
        file = folder / f"{number}.dcm"
        file.write_bytes(content)
        try:
            header = pydicom.dcmread(file, stop_before_pixels=True)
            kind, references = text_of(header, "SOPClassUID"), header.get("ReferencedSeriesSequence") or []
            series = [text_of(item, "SeriesInstanceUID") for item in references]
        except READ_ERRORS as error:
            raise InputError(f"part {number + 1} of the request cannot be read as DICOM: {error}") from error
        if text_of(header.file_meta, "ImplementationVersionName").startswith(_REVERSING):
            raise InputError(
                "this Segmentation was written by OHIF's own export, which in the release that comes along stores the "
                "slices in reverse; save it with the button 'Save mask' of its MONAI Label mode"
            )
        if kind != SegmentationStorage or len(series) != 1:
            what = "of no one series" if kind == SegmentationStorage else f"but an object of the class {kind[:64]!r}"
            raise InputError(
                f"only DICOM Segmentations of one series are saved here, as labels; part {number + 1} is {what}"
            )
        examination = text_of(header, "StudyInstanceUID")
        saved.append(SavedSegmentation(series[0], file, text_of(header, "SOPInstanceUID"), examination))
    return saved


def stored_answer(saved: list[SavedSegmentation]) -> dict[str, object]:
    """What a client is told of instances that were taken (PS3.18 10.5.3), as DICOM JSON."""
    answer = pydicom.Dataset()
    answer.ReferencedSOPSequence = []
    for segmentation in saved:
        item = pydicom.Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = SegmentationStorage, segmentation.instance
        answer.ReferencedSOPSequence.append(item)
    answered: dict[str, object] = answer.to_json_dict()
    return answered


def _parts(body: bytes, content_type: str) -> list[bytes]:
    """The instances of a multipart/related body (RFC 2387)."""
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/related") or boundary is None:
        raise InputError(f"the request is of the type {content_type[:80]!r}; expected multipart/related; boundary=...")
    delimiter = b"\r\n--" + boundary[1].encode("latin-1")
    _, *pieces = (b"\r\n" + body).split(delimiter)
    parts: list[bytes] = []
    for piece in pieces:
        if piece.startswith(b"--"):
            if not parts:
                break
            return parts
        head, separator, content = piece.partition(b"\r\n\r\n")
        if not separator or len(head) > 4096:
            break
        parts.append(content)
    raise InputError("the request holds no instances, or breaks off: its last part has no end")
