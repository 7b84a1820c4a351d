"""Which model made the masks of a folder, and whether it had learned from the patient: ``masks.json`` beside them."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from gliomics.files import sha256_of, write_json
from gliomics.validated import read_as

RECORD = "masks.json"


@dataclass(frozen=True)
class _Mask:
    model: str
    version: str
    in_sample: bool
    sha256: str


@dataclass(frozen=True)
class _Record:
    masks: dict[str, _Mask]


class MaskRecord:
    """The record of a folder of masks; masks that it does not know, or that were changed since, have none."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / RECORD
        self._masks = read_as(self._path, _Record).masks if os.path.lexists(self._path) else {}

    def add(self, mask: Path, *, model: str, version: str, in_sample: bool) -> None:
        """Note which model made a mask, a file of the folder that is complete."""
        self._masks[mask.name] = _Mask(model, version, in_sample, sha256_of(mask))
        write_json(self._path, {"format": 1, **asdict(_Record(self._masks))})

    def made_by(self, mask: Path) -> str | None:
        """The model that made a mask, with its version; None where that is not known, or the mask was changed since."""
        made = self._masks.get(mask.name)
        if made is None or made.sha256 != sha256_of(mask):
            return None
        return f"{made.model} version {made.version}"

    def in_sample(self, mask: Path) -> str | None:
        """As :meth:`made_by`, only of a patient that the model had learned from."""
        made = self._masks.get(mask.name)
        return self.made_by(mask) if made is not None and made.in_sample else None
