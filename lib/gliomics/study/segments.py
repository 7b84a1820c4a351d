"""Segments as 3D Slicer writes them into ``.seg.nrrd`` files, and the one label map that they make."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from gliomics.errors import InputError

_FIELD = re.compile(r"Segment(\d{1,4})_(Name|ID|LabelValue|Layer)")
_REPRESENTATIONS = ("Segmentation_MasterRepresentation", "Segmentation_SourceRepresentation")


NAMED = ".seg.nrrd"
"""Type of the files that hold the names of a mask's values."""


@dataclass(frozen=True)
class Segment:
    """One segment: voxels of a layer that have its value."""

    name: str
    layer: int
    value: int


def segments_of(fields: Mapping[str, str], layers: int, name: str) -> list[Segment]:
    """The segments that a header names, in its order; none where it is no segmentation's.

    ``fields`` are the header's keys and values, ``layers`` how many values each voxel has. Files of before 3D Slicer
    4.11 give neither layer nor value: there, every segment has a layer of its own and the value 1. Raises
    :class:`InputError` naming the file ``name`` for fractional segments and fields that are no numbers.
    """
    if any("fractional" in fields.get(key, "").lower() for key in _REPRESENTATIONS):
        raise InputError(
            f"{name} holds fractional segments; convert them to a binary labelmap in 3D Slicer and save them again"
        )
    described: dict[int, dict[str, str]] = {}
    for key, text in fields.items():
        if field := _FIELD.fullmatch(key):
            described.setdefault(int(field[1]), {})[field[2]] = text.strip()
    segments = []
    for number, attributes in sorted(described.items()):
        try:
            layer = int(attributes.get("Layer", number if layers > 1 else 0))
            value = int(attributes.get("LabelValue", 1))
        except ValueError as error:
            raise InputError(f"{name} is damaged: segment {number} has a layer or value that is no number") from error
        segment = Segment(attributes.get("Name") or attributes.get("ID") or f"Segment_{number + 1}", layer, value)
        if not 0 <= layer < layers or value < 1:
            raise InputError(
                f"{name} is damaged: segment '{segment.name}' has layer {layer} and value {value}; expected a layer of "
                f"0 to {layers - 1} and a value above 0"
            )
        segments.append(segment)
    return segments


def mask_suffix(labels: Mapping[str, int]) -> str:
    """The type of file for a mask with these labels; one of several tells which is which only by their names."""
    return NAMED if len(labels) > 1 else ".nii.gz"


def header_of(names: Mapping[str, int]) -> dict[str, str]:
    """The header of a label map whose values have names, as 3D Slicer writes it: the inverse of :func:`segments_of`.

    Names of a tumour and of its parts come with their colour and their SNOMED CT code.
    """
    from gliomics.reading.terminology import meaning_of  # what measures reads masks, and needs no words

    header = dict.fromkeys(_REPRESENTATIONS, "Binary labelmap")
    for number, (name, value) in enumerate(names.items()):
        fields = {"ID": f"Segment_{number + 1}", "Name": name, "LabelValue": str(value), "Layer": "0"}
        if (meaning := meaning_of(name)) is not None:
            fields["Color"] = " ".join(f"{value / 255:.6g}" for value in meaning.colour)
            fields["Tags"] = f"TerminologyEntry:{meaning.serialised()}|"
        header |= {f"Segment{number}_{field}": text for field, text in fields.items()}
    return header


def label_names(segments: Sequence[Segment]) -> dict[int, str]:
    """The name of each value in the label map of :func:`label_map`: the file's own values where they are unique.

    Segments of several layers often have the same value; they are numbered from 1 then, in their order.
    """
    values = [segment.value for segment in segments]
    if len(set(values)) < len(values):
        values = list(range(1, len(segments) + 1))
    return {value: segment.name for value, segment in zip(values, segments, strict=True)}


def label_map(layers: npt.NDArray[np.generic], segments: Sequence[Segment], name: str) -> npt.NDArray[np.int64]:
    """One label map (i, j, k) of ``layers`` (i, j, k, layer), with the values of :func:`label_names`.

    Raises :class:`InputError` when segments overlap, because a voxel of a label map has one value, and for voxels that
    belong to no segment.
    """
    inside = {
        value: layers[..., segment.layer] == segment.value
        for value, segment in zip(label_names(segments), segments, strict=True)
    }
    strays = int(np.count_nonzero(layers)) - sum(int(np.count_nonzero(voxels)) for voxels in inside.values())
    if strays:
        raise InputError(f"{name} has {strays} labelled voxels that belong to none of its segments; save it again")
    names = label_names(segments)
    for first, second in combinations(inside, 2):
        shared = int(np.count_nonzero(inside[first] & inside[second]))
        if shared:
            raise InputError(
                f"{name} has segments that overlap ('{names[first]}' and '{names[second]}' share {shared} voxels), and "
                "a label map has one value per voxel; in 3D Slicer, subtract one from the other (Segment Editor, "
                "Logical operators), or keep one, and save it again"
            )
    labels = np.zeros(layers.shape[:3], np.int64)
    for value, voxels in inside.items():
        labels[voxels] = value
    return labels
