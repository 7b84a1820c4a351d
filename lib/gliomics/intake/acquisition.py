"""What the JSON files of images (BIDS, dcm2niix) say of their acquisition."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any

from gliomics.files import suffix_of
from gliomics.intake.folder_content import FolderContent
from gliomics.sequences import CONTRAST_DETAILS, Acquisition, TimeMarks, contrast_details
from gliomics.sequences.time_marks import CLOCK, DATE, clock
from gliomics.study.sessions import date_in

_AGENTS = ("ContrastBolusAgent", "ContrastBolusIngredient")
_MAX_BYTES = 1 << 20


class Sidecars:
    """The JSON files of a folder, and which of them speak of an image."""

    def __init__(self, files: FolderContent) -> None:
        self._root = files.root
        self._by_folder: dict[PurePosixPath, list[PurePosixPath]] = defaultdict(list)
        for name in files.other_files:
            path = PurePosixPath(name)
            if path.suffix == ".json":
                self._by_folder[path.parent].append(path)

    def of(self, image: str) -> Acquisition | None:
        """The acquisition by the JSON files of an image (a path from the folder), None where there are none.

        These are ``<image>.json`` and, as BIDS has it, the files in its folder and in those above it whose suffix is
        the image's and whose entities it has all; what is nearer counts. Times in them are in seconds. A file that is
        no JSON object says nothing.
        """
        content = self._content(image)
        return _acquisition(content) if content else None

    def time_marks(self, image: str) -> TimeMarks:
        """What the same files say of the examination that an image is of."""
        content = self._content(image)
        moment = str(content.get("AcquisitionDateTime") or "")
        time = str(content.get("AcquisitionTime") or moment.partition("T")[2])
        field, scanner = _number(content.get("MagneticFieldStrength")), content.get("DeviceSerialNumber")
        texts = {
            "examination": str(content.get("StudyInstanceUID") or ""),
            DATE: date_in(moment) or "",
            CLOCK: clock(time),
            "field": f"a field of {field:.1f} T" if field else "",
            "scanner": f"the scanner {scanner}" if scanner else "",
        }
        return {kind: frozenset({text}) for kind, text in texts.items() if text}

    def _content(self, image: str) -> dict[str, Any]:
        place = PurePosixPath(image)
        stem = place.name[: -len(suffix_of(Path(image)))]
        content: dict[str, Any] = {}
        for folder in reversed(place.parents):
            fitting = [path for path in self._by_folder.get(folder, ()) if _speaks_of(path.stem, stem)]
            for path in sorted(fitting, key=lambda path: path.stem.count("_")):
                content.update(_read(self._root / path))
        return content


def _speaks_of(description: str, image: str) -> bool:
    """Whether a description of this name is of the image of that name, by BIDS's inheritance."""
    *entities, suffix = description.split("_")
    *image_entities, image_suffix = image.split("_")
    fits = suffix == image_suffix and set(entities) <= set(image_entities) and "-" in "".join(image_entities)
    return description == image or fits


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _acquisition(content: dict[str, Any]) -> Acquisition:
    return Acquisition(
        repetition_time=_milliseconds(content.get("RepetitionTime")),
        echo_time=_milliseconds(content.get("EchoTime")),
        inversion_time=_milliseconds(content.get("InversionTime")),
        contrast_agent=next((str(content[name]) for name in _AGENTS if content.get(name)), ""),
        contrast_volume=_number(content.get("ContrastBolusVolume")),
        contrast_details=contrast_details(*(str(content.get(name) or "") for name in CONTRAST_DETAILS)),
        image_type=_texts(content.get("ImageType")),
        scanning_sequence=_texts(content.get("ScanningSequence")),
        protocol_name=str(content.get("ProtocolName") or ""),
        series_description=str(content.get("SeriesDescription") or ""),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _milliseconds(seconds: Any) -> float | None:
    number = _number(seconds)
    return number * 1000 if number is not None and number > 0 else None


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.upper().replace("_", "\\").split("\\"))
    return tuple(str(item).upper() for item in value) if isinstance(value, list) else ()
