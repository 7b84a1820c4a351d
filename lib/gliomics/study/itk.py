"""SimpleITK with types: files that its reader of one format opens, and images with their geometry in LPS."""

# ruff: noqa: N802 - the names are those of SimpleITK

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import SimpleITK as sitk


class ItkImage(Protocol):
    """What is asked of an image of SimpleITK, whose methods have no types; positions are in LPS millimetres."""

    def GetDimension(self, /) -> int: ...
    def GetNumberOfComponentsPerPixel(self, /) -> int: ...
    def GetSpacing(self, /) -> tuple[float, ...]: ...
    def GetOrigin(self, /) -> tuple[float, ...]: ...
    def GetDirection(self, /) -> tuple[float, ...]: ...
    def SetSpacing(self, spacing: Sequence[float], /) -> None: ...
    def SetOrigin(self, origin: Sequence[float], /) -> None: ...
    def SetDirection(self, direction: Sequence[float], /) -> None: ...
    def SetMetaData(self, key: str, text: str, /) -> None: ...


def typed(image: sitk.Image) -> ItkImage:
    """The same image, with types."""
    return image


class _Reader(Protocol):
    def SetImageIO(self, name: str, /) -> None: ...
    def SetFileName(self, name: str, /) -> None: ...
    def ReadImageInformation(self, /) -> None: ...
    def GetSize(self, /) -> tuple[int, ...]: ...
    def GetNumberOfComponents(self, /) -> int: ...
    def GetPixelID(self, /) -> int: ...
    def GetMetaDataKeys(self, /) -> Iterable[str]: ...
    def GetMetaData(self, key: str, /) -> str: ...
    def SetExtractSize(self, size: Sequence[int], /) -> None: ...
    def Execute(self, /) -> sitk.Image: ...


_new_reader: Callable[[], _Reader] = sitk.ImageFileReader
pixel_type_name: Callable[[int], str] = sitk.GetPixelIDValueAsString
cast_to: Callable[[sitk.Image, int], sitk.Image] = sitk.Cast
component_of: Callable[[sitk.Image, int], sitk.Image] = sitk.VectorIndexSelectionCast


@dataclass(frozen=True)
class ItkHeader:
    """What an image file says of itself before a voxel is read: its size along each axis, values per voxel, type."""

    size: tuple[int, ...]
    components: int
    pixel_type: int
    fields: dict[str, str]


class ImageFile:
    """An image file, read by ITK's module for one format whatever the file is called.

    Reading raises :class:`RuntimeError`, ITK's own, for what is no such file; :func:`reason_of` puts it into words.
    """

    def __init__(self, path: Path, image_io: str) -> None:
        self._reader = _new_reader()
        self._reader.SetImageIO(image_io)
        self._reader.SetFileName(str(path))

    def header(self) -> ItkHeader:
        """The header, without reading voxels."""
        reader = self._reader
        reader.ReadImageInformation()
        fields = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
        return ItkHeader(tuple(reader.GetSize()), reader.GetNumberOfComponents(), reader.GetPixelID(), fields)

    def read(self, extent: Sequence[int] | None = None) -> sitk.Image:
        """The image; with ``extent`` as many voxels along each axis from the first, and no axis where that is 0."""
        if extent is not None:
            self._reader.SetExtractSize(extent)
        return self._reader.Execute()


def reason_of(error: RuntimeError) -> str:
    """The last line of what ITK says of an error, which tells the reason."""
    return str(error).strip().splitlines()[-1].strip()
