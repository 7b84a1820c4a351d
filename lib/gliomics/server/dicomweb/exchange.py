"""Labels as DICOM Segmentations of the archive, and back; and which of them went which way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom

from gliomics.dicom.headers import text_of
from gliomics.errors import InputError
from gliomics.files import safe_name
from gliomics.preprocess import lesion_mask_of_study
from gliomics.server.store.kept_records import KeptRecords
from gliomics.server.store.labels import LabelVersion
from gliomics.server.store.origins import ORIGIN
from gliomics.study.numbering import labels_of_mask, numbering_of_mask
from gliomics.study.records import Study
from gliomics.study.volumes import Mask

if TYPE_CHECKING:
    from highdicom.seg import Segmentation

    from gliomics.dicom.segmentation import Drawn

# What writes DICOM takes seconds to import, so it is imported when something is sent.


@dataclass(frozen=True)
class Sent:
    """An object that the archive keeps: of which version of the final label, what it is, and its UID."""

    version: int
    kind: str
    instance: str
    time: str


@dataclass(frozen=True)
class Received:
    """A Segmentation of the archive that was looked at; without a ``version`` it is no label, for the ``reason``."""

    instance: str
    tag: str = ""
    version: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Exchanged:
    """What went between a study and the archive."""

    sent: list[Sent] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    def instances(self) -> set[str]:
        """The UIDs of all objects that are known here."""
        return {item.instance for item in self.sent} | {item.instance for item in self.received}

    def has_final(self, version: int) -> bool:
        """Whether the archive has a version of the final label: it was sent, or came from there."""
        return any(item.version == version for item in self.sent) or any(
            item.version == version and item.tag == "final" for item in self.received
        )


class Exchanges:
    """What went between studies and the archive: ``<folder>/<study id>.json``."""

    def __init__(self, folder: Path, records: KeptRecords) -> None:
        self._folder, self._records = folder, records

    def of(self, study_id: str) -> Exchanged:
        """Of one study."""
        return self._records.read(self._path(study_id), Exchanged) or Exchanged()

    def note_sent(self, study_id: str, version: int, kind: str, instance: str) -> None:
        """Note that the archive keeps an object."""
        before, now = self.of(study_id), datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._write(study_id, Exchanged([*before.sent, Sent(version, kind, instance, now)], before.received))

    def note_received(self, study_id: str, received: Received) -> None:
        """Note what became of a Segmentation of the archive."""
        before = self.of(study_id)
        self._write(study_id, Exchanged(before.sent, [*before.received, received]))

    def _write(self, study_id: str, exchanged: Exchanged) -> None:
        self._records.write(self._path(study_id), asdict(exchanged))

    def _path(self, study_id: str) -> Path:
        return self._folder / f"{safe_name(study_id, 'study id')}.json"


def drawn_of(info: Mapping[str, Any]) -> Drawn:
    """How a label came about, by what the store knows of its origin and what was sent with it."""
    origin = info.get(ORIGIN)
    kind = origin.get("kind") if isinstance(origin, dict) else None
    if kind == "unchanged":
        return "AUTOMATIC"
    return "SEMIAUTOMATIC" if kind == "edited" or info.get("model") or info.get("consensus_of") else "MANUAL"


def names_of_label(study: Study, mask: Mask, info: Mapping[str, Any]) -> dict[int, str]:
    """What each value of a label is: the names that were sent with it, else the parts by the study's numbering."""
    sent = info.get("segments")
    segments = {int(value): str(name) for name, value in sent.items()} if isinstance(sent, dict) else {}
    if segments:
        return segments
    labels = labels_of_mask(mask)
    if len(labels) == 1:
        return dict.fromkeys(labels, "tumour")
    numbering = numbering_of_mask(labels, "the label", study=study.numbering)
    parts = numbering.numberings[0].parts if len(numbering.numberings) == 1 else {}
    return {value: part.replace("-", " ") for value, part in parts.items()}


def segmentation_of_label(study: Study, mask: Mask, version: LabelVersion) -> Segmentation:
    """A label as a Segmentation of the series that it was drawn on, in the name of its annotator.

    Raises :class:`InputError` for an empty label, which a Segmentation cannot hold, and the errors of
    :func:`~gliomics.dicom.source.find_source`.
    """
    from gliomics.dicom.segmentation import segmentation_of
    from gliomics.dicom.source import find_source

    if not mask.array.any():
        raise InputError("an empty label says that there is no tumour, and no DICOM Segmentation can say that")
    source = find_source(study, mask)
    return segmentation_of(
        source.mask,
        source.instances,
        names_of_label(study, mask, version.info),
        drawn=drawn_of(version.info),
        description=f"Final label, version {version.version}",
        creator=version.user,
    )


def label_of_segmentation(path: Path, study: Study) -> tuple[Mask, dict[str, Any]]:
    """The label map of a Segmentation on the grid of its study, and what is to be noted of it.

    Raises :class:`InputError` for one that is no label map, and :class:`GeometryError` for one on another grid.
    """
    from gliomics.dicom.segmentation import read_segmentation, segment_names

    mask = lesion_mask_of_study(read_segmentation(path), study, "the Segmentation")
    header = pydicom.dcmread(path, stop_before_pixels=True)
    present = {int(value) for value in np.unique(mask.array) if value}
    names = {name: value for value, name in segment_names(path).items() if value in present}
    creator = str(header.get("ContentCreatorName") or "").replace("^", " ").strip()
    made_by = " ".join(filter(None, (text_of(header, "Manufacturer"), text_of(header, "ManufacturerModelName"))))
    info: dict[str, Any] = {"source": "archive", "sop_instance_uid": text_of(header, "SOPInstanceUID")}
    info |= {"user": creator} if creator else {}
    info |= {"program": made_by[:128]} if made_by else {}
    return mask, info | ({"segments": names} if names else {})


def is_automatic(header: pydicom.Dataset) -> bool:
    """Whether nobody has touched a Segmentation: each of its segments is a program's."""
    segments = header.get("SegmentSequence") or []
    kinds = {text_of(segment, "SegmentAlgorithmType") for segment in segments}
    return kinds == {"AUTOMATIC"}


def written_at(header: pydicom.Dataset) -> datetime:
    """When an object was made; by this machine's time zone where it names none, and long ago where it does not say."""
    date, time = text_of(header, "ContentDate"), text_of(header, "ContentTime").partition(".")[0]
    offset = text_of(header, "TimezoneOffsetFromUTC")
    try:
        moment = datetime.strptime(f"{date}{time:0<6}{offset}", "%Y%m%d%H%M%S%z" if offset else "%Y%m%d%H%M%S")
    except ValueError:
        return datetime.fromtimestamp(0, timezone.utc)
    return moment.astimezone(timezone.utc)
