"""The facts that come first: how large a segment is, and where it lies."""

from __future__ import annotations

from collections.abc import Mapping

from gliomics.findings.extent import Extent
from gliomics.findings.place import ONE_SIDE, Place
from gliomics.reading.numbers import number
from gliomics.reading.record import CAUTION, Fact

UNKNOWN_SIZE = "the voxel size is unknown, so sizes are in voxels and not in mm"

_RANO = (
    "Longest diameter within an axial slice, and the longest one perpendicular to it in the same slice (slice {}), "
    "from edge to edge, as RANO measures (Wen 2010; RANO 2.0, Wen 2023){}."
)
_HEAD = (
    "The patient's side, by the middle of the head in the image: a position, not anatomy. A head that lies turned "
    "shifts it."
)
_ATLAS = (
    "The patient's side, by the midline of the atlas on which the images were laid; within 3 mm of it nothing is "
    "decided."
)
_STRUCTURES = (
    "Shares of it in lobes and deep structures of the atlas, the largest three; in a brain that the tumour displaces "
    "they are those of a usual one."
)
_LEAST_SHARE = 0.05
_THIRDS = "In which third of the head, as far as the image shows it, its centre lies: a position, not anatomy."
_NO_HEAD = "undecided: no head can be made out in the image"


def headline_facts(extent: Extent, place: Place, *, spacing_known: bool) -> list[Fact]:
    """Volume, diameters, their product, the largest diameter in 3-D, parts, side and position."""
    facts = _sizes(extent) if spacing_known else _sizes_in_voxels(extent)
    if extent.parts > 1:
        facts.append(
            Fact(
                "Parts",
                f"{extent.parts} separate; the largest has {_share(extent.largest_share)}",
                float(extent.parts),
                explanation="Voxels that touch, at corners too, are one part. Diameters are those of the largest.",
            )
        )
    return [*facts, _side(place), _position(place)]


def _sizes(extent: Extent) -> list[Fact]:
    across = extent.diameters
    product = across.longest * across.perpendicular
    return [
        _fact("Volume", extent.volume / 1000, "cm³", f"The number of voxels ({extent.voxels}) times their size."),
        Fact(
            "Diameters",
            f"{across.longest:.1f} × {across.perpendicular:.1f} mm",
            across.longest,
            "mm",
            _RANO.format(across.slice_number, _of_largest(extent)),
        ),
        _fact("Bidimensional product", product, "mm²", "The two diameters multiplied, before they were rounded."),
        _fact(
            "Largest diameter in 3-D",
            extent.largest_3d,
            "mm",
            f"The largest distance between two points of the surface{_of_largest(extent)}.",
        ),
    ]


def _sizes_in_voxels(extent: Extent) -> list[Fact]:
    across = extent.diameters
    why = f"Not in mm: {UNKNOWN_SIZE}."
    return [
        Fact("Size", f"{extent.voxels} voxels", float(extent.voxels), "voxels", why, CAUTION),
        Fact(
            "Diameters",
            f"{across.longest:.1f} × {across.perpendicular:.1f} voxels",
            across.longest,
            "voxels",
            f"{_RANO.format(across.slice_number, _of_largest(extent))} {why}",
            CAUTION,
        ),
    ]


def _fact(name: str, value: float, unit: str, explanation: str) -> Fact:
    digits = f"{value:.1f}" if 10 <= value < 1000 else f"{value:.0f}" if value >= 1000 else number(value)
    return Fact(name, f"{digits} {unit}", value, unit, explanation)


def _share(share: float) -> str:
    """A share that is not all, however near it is."""
    return f"{share:.0%}" if share < 0.995 else "over 99%"


def _of_largest(extent: Extent) -> str:
    return " of the largest part" if extent.parts > 1 else ""


def _side(place: Place) -> Fact:
    if place.side is None or place.left_share is None:
        return Fact("Side", _NO_HEAD, explanation=_HEAD, tone=CAUTION)
    share, side = max((place.left_share, "left"), (1 - place.left_share, "right"))
    at_midline = f"{side}, up to the midline" if share >= ONE_SIDE else f"across the midline, {share:.0%} {side}"
    words = {"midline": at_midline, "both": f"parts on both sides, {share:.0%} {side}"}
    explanation = _HEAD if place.structures is None else _ATLAS
    return Fact("Side", words.get(place.side, place.side), explanation=explanation)


def _position(place: Place) -> Fact:
    if place.structures is not None:
        return _location(place.structures)
    if place.depth is None:
        return Fact("Position", _NO_HEAD, explanation=_THIRDS, tone=CAUTION)
    words = [f"{place.depth} third (front to back)"]
    words += [f"{place.height} third (in height)"] if place.height is not None else []
    return Fact("Position", ", ".join(words), explanation=_THIRDS)


def _location(shares: Mapping[str, float]) -> Fact:
    largest = sorted(shares, key=lambda name: -shares[name])[:3]
    words = [f"{name} {shares[name]:.0%}" for name in largest if shares[name] >= _LEAST_SHARE]
    return Fact("Location", ", ".join(words) or "in none of the atlas's structures", explanation=_STRUCTURES)
