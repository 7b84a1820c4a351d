"""The VASARI features that the parts of a tumour and their place in the atlas tell; the others stay open, and why.

The features of place are about core and enhancing part where the mask tells these and has one, else about all of the
tumour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, find_objects, generate_binary_structure, label, maximum_filter

from gliomics.errors import InputError
from gliomics.radiology.atlas import CORTEX, DEEP_WHITE_MATTER, VENTRICLES, Array, Atlas
from gliomics.radiology.catalogue import CATALOGUE, proportion_category
from gliomics.radiology.location import Location, crosses_midline, locate
from gliomics.radiology.placement import Placement
from gliomics.study.numbering import CORE, ENHANCING, OEDEMA, UNDIVIDED, MaskNumbering
from gliomics.study.volumes import Mask

Bools = npt.NDArray[np.bool_]

NO_PARTS = "the mask does not tell the parts of the tumour apart"
WHOLE_UNKNOWN = "the mask does not say how far the tumour reaches beyond its core"
ONE_SLICE = "one slice does not tell what the whole tumour is like"
NO_SIZE = "the voxel size is unknown"
NOT_PLACED = "the study was not laid on the atlas"
_NO_ENHANCEMENT = "not applicable: nothing enhances"
_LEAST_FOCUS = 0.02
_LEAST_CONTACT = 0.01
_LEAST_CORTEX = 0.05
_SOLID = 0.05
_THICK_MM = 3.0
_FINE_MM = 2.0
_SATELLITE_MM3 = 65.0
_CONNECTED = generate_binary_structure(3, 3)


@dataclass(frozen=True)
class Finding:
    """The ``value`` of a feature in words, or None and why it is ``open``."""

    value: str | None = None
    open: str | None = None


@dataclass(frozen=True)
class VasariReport:
    """The findings of one study by VASARI's numbers, the figures behind them, and the location."""

    findings: Mapping[str, Finding]
    figures: Mapping[str, float] = field(default_factory=dict)
    location: Location | None = None

    def words(self) -> dict[str, str | None]:
        """What is told in words, by the columns of tables: each feature (None where it is open) and which are open."""
        row = {feature.column: self.findings[feature.code].value for feature in CATALOGUE}
        row["vasari_open"] = " ".join(code for code, finding in self.findings.items() if finding.open)
        return row | {"location_side": self.location.side if self.location else None}

    def numbers(self) -> dict[str, float]:
        """What is told in numbers, by the columns of tables; those that are not known are left out."""
        numbers = {f"vasari_{name}": float(self.figures[name]) for name in FIGURES if name in self.figures}
        if (place := self.location) is None:
            return numbers
        numbers |= {"location_left_share": place.left_share, "location_midline_atlas_mm": place.midline_mm}
        if place.crosses is not None:
            numbers["location_crosses_midline"] = float(place.crosses)
        return numbers | {f"location_share_{name.replace(' ', '_')}": place.shares[name] for name in STRUCTURES}

    def columns(self) -> dict[str, Any]:
        """A row of a table: all words and numbers, None where something is not known."""
        return self.words() | dict.fromkeys(NUMBERS) | self.numbers()

    def as_json(self) -> dict[str, Any]:
        """The record for a JSON file."""
        return {
            "findings": {code: asdict(finding) for code, finding in self.findings.items()},
            "figures": dict(self.figures),
            "location": None if self.location is None else {**asdict(self.location), "main": self.location.main},
        }


FIGURES = ("share_enhancing", "share_non_enhancing", "share_oedema", "foci", "enhancing_margin_mm", "satellites")
STRUCTURES = (
    "frontal lobe", "temporal lobe", "parietal lobe", "occipital lobe", "insula", "brainstem", "corpus callosum",
    "thalamus", "internal capsule", "cerebellum", "central white matter or basal ganglia", "cortex", "ventricles",
)  # fmt: skip
NUMBERS = (
    *(f"vasari_{name}" for name in FIGURES),
    *(f"location_{name}" for name in ("left_share", "midline_atlas_mm", "crosses_midline")),
    *(f"location_share_{name.replace(' ', '_')}" for name in STRUCTURES),
)
"""The columns of all numbers."""


@dataclass(frozen=True)
class TumourParts:
    """The parts of a tumour on one grid; ``whole`` has all of them, each is None where they are not told.

    ``affine`` is that of the grid, ``spacing`` the voxel size in mm, None where it is unknown. Where a core is
    told and no oedema, it is unknown how far the tumour reaches beyond ``whole``.
    """

    whole: Bools
    affine: Array
    core: Bools | None = None
    oedema: Bools | None = None
    enhancing: Bools | None = None
    spacing: tuple[float, float, float] | None = None
    one_slice: bool = False
    """Whether the grid has no more than one slice."""

    @property
    def whole_is_unknown(self) -> bool:
        """Whether core and enhancing part are told, and nothing of what lies beyond."""
        return self.core is not None and self.oedema is None

    @property
    def solid(self) -> Bools:
        """What the features of place are about: core and enhancing part, or the whole where there are none."""
        if self.core is None or self.enhancing is None:
            return self.whole
        matrix: Bools = self.core | self.enhancing
        return matrix if matrix.any() else self.whole


def parts_of(
    mask: Mask, numbering: MaskNumbering, *, name: str, spacing_known: bool, divided: bool = True
) -> TumourParts:
    """The parts of the tumour in a mask, cut to their box; ``name`` says in errors whose it is.

    A mask that may be of the whole tumour alone is taken as that; of one that does not say how far the tumour reaches,
    core and enhancing part are known. Raises :class:`InputError` for a mask without
    tumour and for values that may be one part or another, unless ``divided`` says that the parts are not wanted.
    """
    tumour = np.isin(mask.array, sorted(numbering.tumour))
    if not tumour.any():
        raise InputError(f"{name} holds no tumour: no voxel is labelled but a cavity; draw the tumour or leave it out")
    box = find_objects(tumour.astype(np.uint8))[0]
    affine = mask.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [side.start for side in box]
    spacing, one_slice = mask.spacing if spacing_known else None, min(mask.shape) == 1
    if not divided or any(
        numbered.parts[value] == UNDIVIDED for numbered in numbering.numberings for value in numbering.labels
    ):
        return TumourParts(tumour[box], affine, spacing=spacing, one_slice=one_slice)
    core, oedema, enhancing = (
        np.isin(mask.array[box], sorted(numbering.labels_of((part,), part, name))) for part in (CORE, OEDEMA, ENHANCING)
    )
    known = None if numbering.whole_is_unknown else oedema
    return TumourParts(tumour[box], affine, core, known, enhancing, spacing, one_slice)


def vasari(parts: TumourParts, placement: Placement | None, atlas: Atlas | None) -> VasariReport:
    """What the parts of a tumour tell; features of place stay open where ``placement`` or ``atlas`` is None."""
    figures: dict[str, float] = {}
    findings = {item.code: Finding(open=item.open_because) for item in CATALOGUE if item.open_because}
    findings |= dict(_proportions(parts, figures))
    findings["F9"] = _multifocality(parts, figures)
    findings["F11"] = _margin(parts, figures)
    findings["F24"] = _satellites(parts, figures)
    location = None
    if placement is not None and atlas is not None:
        location = locate(placement.places(parts.solid, parts.affine), atlas)
    findings |= dict(_of_place(location))
    for code, part in (("F15", parts.oedema), ("F22", parts.core), ("F23", parts.enhancing)):
        findings[code] = _crossing(part, parts, placement, atlas)
    if parts.one_slice:
        findings = {code: item if item.open else Finding(open=ONE_SLICE) for code, item in findings.items()}
        figures, location = {}, None
    return VasariReport({item.code: findings[item.code] for item in CATALOGUE}, figures, location)


def _proportions(parts: TumourParts, figures: dict[str, float]) -> Iterator[tuple[str, Finding]]:
    if parts.core is None or parts.enhancing is None:
        yield from ((code, Finding(open=NO_PARTS)) for code in ("F4", "F5", "F6", "F7", "F14"))
        return
    strength = Finding(open="not told by a mask of parts: how strong the enhancement is, is seen in images")
    necrosis = Finding(open="the parts do not tell necrosis from other core without enhancement")
    yield "F4", strength if parts.enhancing.any() else Finding("none")
    yield "F7", necrosis if parts.core.any() else Finding("none")
    if parts.oedema is None:
        yield from ((code, Finding(open=WHOLE_UNKNOWN)) for code in ("F5", "F6", "F14"))
        return
    total = np.count_nonzero(parts.whole)
    shares = {"enhancing": parts.enhancing, "non_enhancing": parts.core, "oedema": parts.oedema}
    for code, (name, part) in zip(("F5", "F6", "F14"), shares.items(), strict=True):
        figures[f"share_{name}"] = float(np.count_nonzero(part) / total)
        yield code, Finding(proportion_category(figures[f"share_{name}"]))


def _multifocality(parts: TumourParts, figures: dict[str, float]) -> Finding:
    """Regions of the whole abnormality that are not connected and each hold a share of the tumour."""
    regions, count = label(parts.whole, _CONNECTED)
    tumour = np.bincount(regions[parts.solid], minlength=count + 1)[1:]
    foci = int(np.count_nonzero(tumour >= _LEAST_FOCUS * tumour.sum()))
    if foci > 1 and parts.whole_is_unknown:
        return Finding(open=WHOLE_UNKNOWN)
    figures["foci"] = foci
    return Finding("multifocal or multicentric" if foci > 1 else "focal")


def _margin(parts: TumourParts, figures: dict[str, float]) -> Finding:
    if parts.core is None or parts.enhancing is None:
        return Finding(open=NO_PARTS)
    if not parts.enhancing.any():
        return Finding(_NO_ENHANCEMENT)
    core = np.count_nonzero(parts.core)
    if core < _SOLID * (core + np.count_nonzero(parts.enhancing)):
        return Finding("solid")
    if parts.spacing is None:
        return Finding(open=NO_SIZE)
    if max(parts.spacing) > _FINE_MM:
        return Finding(open=f"voxels of {max(parts.spacing):g} mm are too large to tell a margin of 3 mm")
    thickness = margin_thickness(parts.enhancing, parts.spacing)
    figures["enhancing_margin_mm"] = thickness
    return Finding("thick" if thickness >= _THICK_MM else "thin")


def margin_thickness(part: Bools, spacing: tuple[float, float, float]) -> float:
    """The thickness of a part in mm: twice the distance from its middle to its edge, the median along its middle.

    The middle are the voxels that are as far from the edge as any of their neighbours. Of an odd number of voxels
    across, this gives half a voxel too much, of an even number half a voxel too little.
    """
    padded = np.pad(part, 1)
    distance = distance_transform_edt(padded, sampling=spacing)
    middle = padded & (distance >= maximum_filter(distance, footprint=_CONNECTED))
    return float(2 * np.median(distance[middle]) - 0.5 * np.mean(spacing))


def _satellites(parts: TumourParts, figures: dict[str, float]) -> Finding:
    if parts.core is None or parts.enhancing is None:
        return Finding(open=NO_PARTS)
    if not parts.enhancing.any():
        return Finding(_NO_ENHANCEMENT)
    if parts.spacing is None:
        return Finding(open=NO_SIZE)
    regions, count = label(parts.solid, _CONNECTED)
    main = 1 + int(np.bincount(regions.ravel())[1:].argmax())
    around, _ = label(parts.whole, _CONNECTED)
    same = around == around[regions == main][0]
    enhancing = np.bincount(regions[parts.enhancing & same], minlength=count + 1) * float(np.prod(parts.spacing))
    satellites = sum(1 for number in range(1, count + 1) if number != main and enhancing[number] >= _SATELLITE_MM3)
    elsewhere = np.bincount(regions[parts.enhancing], minlength=count + 1) * float(np.prod(parts.spacing))
    elsewhere[main] = 0
    if parts.whole_is_unknown and (elsewhere[1:] >= _SATELLITE_MM3).any():
        return Finding(open=WHOLE_UNKNOWN)
    figures["satellites"] = satellites
    return Finding("present" if satellites else "absent")


def _of_place(location: Location | None) -> Iterator[tuple[str, Finding]]:
    if location is None:
        yield from ((code, Finding(open=NOT_PLACED)) for code in ("F1", "F2", "F19", "F20", "F21"))
        return
    outside = "less than half of the tumour lies in the structures of the atlas"
    yield "F1", Finding(location.main) if location.main else Finding(open=outside)
    yield "F2", Finding(location.side)
    yield "F19", Finding("present" if location.shares[VENTRICLES] >= _LEAST_CONTACT else "absent")
    yield "F20", Finding("present" if location.shares[CORTEX] >= _LEAST_CORTEX else "absent")
    invaded = [name for name in DEEP_WHITE_MATTER if location.shares[name] >= _LEAST_CONTACT]
    yield "F21", Finding(", ".join(invaded) or "absent")


def _crossing(part: Bools | None, parts: TumourParts, placement: Placement | None, atlas: Atlas | None) -> Finding:
    """Whether a part lies on both sides of the midline."""
    if part is None:
        return Finding(open=WHOLE_UNKNOWN if parts.whole_is_unknown else NO_PARTS)
    if not part.any():
        return Finding("not applicable: there is none")
    if placement is None or atlas is None:
        return Finding(open=NOT_PLACED)
    crosses = crosses_midline(atlas.left_of_midline(placement.places(part, parts.affine)))
    return Finding(open="it ends within 3 mm of the midline") if crosses is None else Finding(_yes(crosses))


def _yes(value: bool) -> str:
    return "yes" if value else "no"
