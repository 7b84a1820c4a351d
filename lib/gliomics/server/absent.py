"""A stand-in for what MONAI Label imports and nothing here calls, so that it need not be installed."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

from gliomics.errors import DependencyError


def stand_in(name: str) -> None:
    """Let ``import NAME`` succeed although no such package is installed; one that is installed is left alone.

    ``monailabel.datastore.utils.convert`` imports pydicom_seg 0.4.1, whose requirements hold pydicom below 3 and NumPy
    below 2. Its four calls (``template.from_dcmqi_metainfo``, ``MultiClassWriter`` and its ``write``,
    ``MultiClassReader``) turn masks into DICOM SEG and back, which ``gliomics.dicom.segmentation`` does here; only
    MONAI Label's store of an XNAT server makes them still.
    """
    if name not in sys.modules and importlib.util.find_spec(name) is None:
        sys.modules[name] = _Absent(name)


class _Absent(ModuleType):
    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # what the import system and inspections look for
            raise AttributeError(f"module '{self.__name__}' has no attribute '{attribute}'")
        raise DependencyError(
            f"MONAI Label asks for {self.__name__}.{attribute}, which does not come with Gliomics; serve a folder of "
            "studies or a DICOMweb archive"
        )
