"""The standard's second part beside ours: response maps of digital phantoms, values of the filtered CT phantom.

In the user's folder ``filters``: the phantoms (``impulse.nii.gz`` and so on), ``response_<test>.nii.gz`` and
``reference_values.csv``, as the initiative publishes them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gliomics.errors import InputError
from gliomics.features.ibsi.comparison import ConsensusValue, existing, number_in, rows_of
from gliomics.features.ibsi.filters.apply import filtered
from gliomics.features.ibsi.intensities import statistics
from gliomics.features.ibsi.preparation import prepared_region
from gliomics.features.ibsi.settings import IbsiSettings
from gliomics.features.sequence import PreparedSequence
from gliomics.preprocess.orientation import to_lps
from gliomics.study.images import read_mask, read_volume

_LAWS = {"kind": "laws", "kernels": "E5L5S5", "boundary": "zero"}
_WAVES = {"kind": "laws", "kernels": "E3W5R5"}
_PLANE = {"kind": "laws", "kernels": "L5S5", "dimensions": "2D"}
_POOLED = {"pooling": "max"}
_AVERAGE = {"pooling": "average"}
_THIN = {"kind": "gabor", "sigma": 10, "wavelength": 4, "ratio": 0.5, "boundary": "zero"}
_WIDE = {"kind": "gabor", "sigma": 20, "wavelength": 8, "ratio": 2.5}
_DB2 = {"kind": "wavelet", "family": "db2", "band": "LHL", "boundary": "zero"}
_COIF1 = {"kind": "wavelet", "family": "coif1", "band": "HHL", "boundary": "periodic"}
_HAAR = {"kind": "wavelet", "family": "haar", "level": 2, **_AVERAGE}

RESPONSE_MAPS: dict[str, tuple[str, dict[str, Any]]] = {
    "1_a_1": ("checkerboard", {"kind": "mean", "size": 15, "boundary": "zero"}),
    "1_a_2": ("checkerboard", {"kind": "mean", "size": 15, "boundary": "nearest"}),
    "1_a_3": ("checkerboard", {"kind": "mean", "size": 15, "boundary": "periodic"}),
    "1_a_4": ("checkerboard", {"kind": "mean", "size": 15}),
    "1_b_1": ("impulse", {"kind": "mean", "size": 15, "dimensions": "2D", "boundary": "zero"}),
    "2_a": ("impulse", {"kind": "log", "sigma": 3, "boundary": "zero"}),
    "2_b": ("checkerboard", {"kind": "log", "sigma": 5}),
    "2_c": ("checkerboard", {"kind": "log", "sigma": 5, "dimensions": "2D"}),
    "3_a_1": ("impulse", _LAWS),
    "3_a_2": ("impulse", {**_LAWS, **_POOLED}),
    "3_a_3": ("impulse", {**_LAWS, **_POOLED, "energy": 7}),
    "3_b_1": ("checkerboard", _WAVES),
    "3_b_2": ("checkerboard", {**_WAVES, **_POOLED}),
    "3_b_3": ("checkerboard", {**_WAVES, **_POOLED, "energy": 7}),
    "3_c_1": ("checkerboard", _PLANE),
    "3_c_2": ("checkerboard", {**_PLANE, **_POOLED}),
    "3_c_3": ("checkerboard", {**_PLANE, **_POOLED, "energy": 7}),
    "4_a_1": ("impulse", {**_THIN, "angle": 60, "dimensions": "2D"}),
    "4_a_2": ("impulse", {**_THIN, "angleStep": 45}),
    "4_b_1": ("sphere", {**_WIDE, "angle": 225, "dimensions": "2D"}),
    "4_b_2": ("sphere", {**_WIDE, "angleStep": 22.5}),
    "5_a_1": ("impulse", _DB2),
    "5_a_2": ("impulse", {**_DB2, **_AVERAGE}),
    "6_a_1": ("sphere", _COIF1),
    "6_a_2": ("sphere", {**_COIF1, **_AVERAGE}),
    "7_a_1": ("checkerboard", {**_HAAR, "band": "LLL"}),
    "7_a_2": ("checkerboard", {**_HAAR, "band": "HHH"}),
    "8_a_1": ("checkerboard", {"kind": "simoncelli", "level": 1}),
    "8_a_2": ("checkerboard", {"kind": "simoncelli", "level": 2}),
    "8_a_3": ("checkerboard", {"kind": "simoncelli", "level": 3}),
    "9_a": ("impulse", {"kind": "log", "sigma": 3, "boundary": "zero", "riesz": [1, 0, 0]}),
    "9_b_1": ("sphere", {"kind": "log", "sigma": 3, "boundary": "zero", "riesz": [0, 2, 0]}),
    "10_b_1": ("pattern_1", {"kind": "simoncelli", "level": 1, "riesz": [0, 2, 0]}),
}
"""Phantom and filter of each response map that has a consensus."""
_GABOR = {"kind": "gabor", "sigma": 5, "wavelength": 2, "ratio": 1.5, "angleStep": 22.5}
_DB3 = {"kind": "wavelet", "family": "db3", **_AVERAGE}
FILTERS: dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None]] = {
    "1": (None, None),
    "2": ({"kind": "mean", "size": 5}, {"kind": "mean", "size": 5}),
    "3": ({"kind": "log", "sigma": 1.5}, {"kind": "log", "sigma": 1.5}),
    "4": (
        {"kind": "laws", "kernels": "L5E5", **_POOLED, "energy": 7},
        {"kind": "laws", "kernels": "L5E5E5", **_POOLED, "energy": 7},
    ),
    "5": (_GABOR, _GABOR),
    "6": ({**_DB3, "band": "LH"}, {**_DB3, "band": "LLH"}),
    "7": ({**_DB3, "band": "HH", "level": 2}, {**_DB3, "band": "HHH", "level": 2}),
    "8": ({"kind": "simoncelli", "level": 1}, {"kind": "simoncelli", "level": 1}),
    "9": ({"kind": "simoncelli", "level": 2}, {"kind": "simoncelli", "level": 2}),
}
"""The filters of the CT phantom by number: of A, slices as they are, and B, voxels of 1 mm."""
_RANGE = {"range": [-1000, 400], "bins": {"count": 32}}
_FINE = {"voxelSize": [1, 1, 1], "interpolation": "cubic", "rounding": True}
TOLERANCE = 0.01
"""Of a response map, as a share of its range."""


@dataclass(frozen=True)
class ResponseMap:
    """One response map: the largest deviation of ours from the consensus, as a share of the latter's range."""

    test: str
    phantom: str
    settings: dict[str, Any]
    deviation: float

    @property
    def matches(self) -> bool:
        """Whether every voxel is within the tolerance."""
        return self.deviation <= TOLERANCE


def response_maps(folder: Path) -> Iterator[ResponseMap]:
    """Every response map that has a consensus, from the folder that holds ``filters``."""
    for test, (phantom, settings) in RESPONSE_MAPS.items():
        images = [
            to_lps(read_volume(existing(folder, f"filters/{name}.nii.gz"))) for name in (phantom, f"response_{test}")
        ]
        image, consensus = (volume.array.astype(np.float64) for volume in images)
        chosen = IbsiSettings.model_validate({"bins": {"count": 32}, "filter": settings}).filter
        assert chosen is not None
        response = filtered(image, chosen, images[0].spacing, f"the phantom {phantom}")
        deviation = float(np.abs(response - consensus).max() / np.ptp(consensus))
        yield ResponseMap(test, phantom, settings, deviation)


def filtered_values(folder: Path, tests: Collection[str] | None = None) -> Iterator[ConsensusValue]:
    """Every statistic of the filtered CT phantom that has a consensus, of all ``tests`` where none are named."""
    reference: dict[str, dict[str, tuple[float, float]]] = {}
    path = existing(folder, "filters/reference_values.csv")
    columns = ("filter_id", "feature", "feature_tag", "consensus_value", "tolerance")
    for line, (test, _, tag, value, allowed) in rows_of(path, columns):
        if value and (tests is None or test in tests):
            numbers = number_in(value, path, line), number_in(allowed or "0", path, line)
            reference.setdefault(test, {})[tag] = numbers
    image = to_lps(read_volume(existing(folder, "ct_phantom/ct_phantom_image.nii.gz")))
    mask = to_lps(read_mask(existing(folder, "ct_phantom/ct_phantom_mask.nii.gz")))
    mask = mask.with_array((mask.array > 0).astype(np.uint8))
    for test, expected in reference.items():
        settings = settings_of(test, path)
        found = statistics(prepared_region(PreparedSequence(image), mask, settings, f"the CT phantom, {test}").values)
        for tag, (consensus, tolerance) in expected.items():
            yield ConsensusValue(test, tag, consensus, tolerance, found[tag.removeprefix("stat_")])


def settings_of(test: str, path: Path) -> IbsiSettings:
    """The settings of a test such as ``4.B``; ``path`` is the table that names it."""
    number, _, letter = test.partition(".")
    if number not in FILTERS or letter not in ("A", "B"):
        raise InputError(f"{path} has values of '{test[:20]}', which is none of the tests 1.A to 9.B")
    settings = FILTERS[number][letter == "B"]
    if settings is not None:
        settings = {**settings, "dimensions": "2D" if letter == "A" else "3D"}
    return IbsiSettings.model_validate({**_RANGE, **(_FINE if letter == "B" else {}), "filter": settings})
