"""What the JSON file beside an image (BIDS, dcm2niix) says of its acquisition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gliomics.files import suffix_of
from gliomics.sequences import Acquisition

_AGENTS = ("ContrastBolusAgent", "ContrastBolusIngredient")
_MAX_BYTES = 1 << 20


def sidecar(image: Path) -> Acquisition | None:
    """The acquisition by ``<image>.json``, whose times are in seconds; None where there is no such file.

    A file that is no JSON object says nothing.
    """
    path = image.with_name(image.name[: -len(suffix_of(image))] + ".json")
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    return Acquisition(
        repetition_time=_milliseconds(content.get("RepetitionTime")),
        echo_time=_milliseconds(content.get("EchoTime")),
        inversion_time=_milliseconds(content.get("InversionTime")),
        contrast_agent=next((str(content[name]) for name in _AGENTS if content.get(name)), ""),
        image_type=_texts(content.get("ImageType")),
        scanning_sequence=_texts(content.get("ScanningSequence")),
        protocol_name=str(content.get("ProtocolName") or ""),
    )


def _milliseconds(seconds: Any) -> float | None:
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds > 0
    return float(seconds) * 1000 if number else None


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.upper().replace("_", "\\").split("\\"))
    return tuple(str(item).upper() for item in value) if isinstance(value, list) else ()
