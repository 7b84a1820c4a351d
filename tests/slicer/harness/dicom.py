"""Stand-in for ``slicer.dicomDatabase``, over real DICOM files.

Modelled on ``ctkDICOMDatabase::instanceValue`` (CTK, 2026): a tag is written "gggg,eeee", values are joined by a
backslash, and an instance or a tag that is not there gives an empty text.
"""

from __future__ import annotations

import re
from pathlib import Path

import pydicom


class DicomDatabase:
    """Instances by UID; a tag of a file that has gone cannot be read, and raises."""

    def __init__(self) -> None:
        self._files: dict[str, Path] = {}

    def insert(self, path: Path) -> str:
        """Index a file; returns its instance UID."""
        uid = str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)
        self._files[uid] = path
        return uid

    def instanceValue(self, sopInstanceUID: str, tag: str) -> str:
        if not re.fullmatch(r"[0-9A-Fa-f]{4},[0-9A-Fa-f]{4}", tag):
            raise ValueError(f"'{tag}' is not a tag as ctkDICOMDatabase takes it")
        path = self._files.get(sopInstanceUID)
        if path is None:
            return ""
        if not path.is_file():
            raise RuntimeError(f"{path} cannot be read")
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        element = dataset.get((int(tag[:4], 16), int(tag[5:], 16)))
        if element is None or element.value is None:
            return ""
        values = element.value if element.VM > 1 else [element.value]
        return "\\".join(str(value) for value in values)
