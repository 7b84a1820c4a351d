"""The consensus values of the standard's first part beside ours: the digital phantom, and the CT phantom by A to E.

Phantoms and tables are what the initiative publishes, in a folder of the user: ``digital_phantom_image.nii.gz``, its
``..._mask.nii.gz`` and ``..._reference.csv``, and in its folder ``ct_phantom``, ``ct_phantom_image.nii.gz``,
``ct_phantom_mask.nii.gz`` and ``config_a.csv`` to ``config_e.csv``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gliomics.csv_files import read_csv
from gliomics.errors import InputError
from gliomics.features.config import load_config
from gliomics.features.extract import StudyImages, extract_regions
from gliomics.features.ibsi.catalogue import IbsiFeature, catalogue, split_tag
from gliomics.study.images import read_mask, read_volume


@dataclass(frozen=True)
class Phantom:
    """Files of one configuration, and the preset that measures it."""

    name: str
    preset: str
    image: str
    mask: str
    reference: str


PHANTOMS = [
    Phantom(
        "digital", "ibsi", "digital_phantom_image.nii.gz", "digital_phantom_mask.nii.gz",
        "digital_phantom_reference.csv",
    ),
    *(
        Phantom(
            letter, f"ibsi-{letter.lower()}", "ct_phantom/ct_phantom_image.nii.gz",
            "ct_phantom/ct_phantom_mask.nii.gz", f"ct_phantom/config_{letter.lower()}.csv",
        )
        for letter in "ABCDE"
    ),
]  # fmt: skip


@dataclass(frozen=True)
class ConsensusValue:
    """A value on which the standard's groups agree, with its tolerance, and ours."""

    test: str
    tag: str
    consensus: float
    tolerance: float
    ours: float

    @property
    def of(self) -> IbsiFeature:
        """The feature, whatever the way of joining slices and directions."""
        return catalogue()[split_tag(self.tag)[0]]

    @property
    def matches(self) -> bool:
        """Whether ours is the consensus value; NaN is not."""
        return within(self.ours, self.consensus, self.tolerance)


def within(value: float, consensus: float, tolerance: float) -> bool:
    """Whether a value is within the tolerance of a consensus value, which is given with three digits."""
    return abs(value - consensus) <= max(tolerance, half_a_digit(consensus))


def half_a_digit(consensus: float) -> float:
    """Half a unit in the third significant digit, to which consensus values are rounded (and a rounding error).

    >>> half_a_digit(556.0) > 0.5, half_a_digit(-0.0121) < 0.000051
    (True, True)
    """
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(consensus))) - 2) + 1e-9 if consensus else 1e-9


def consensus_values(folder: Path) -> Iterator[ConsensusValue]:
    """Every value of the tables that has a consensus, phantom by phantom and in the order of the tables.

    The tables of the CT phantom also describe its images; only features are compared. Raises :class:`InputError` where
    a file is missing.
    """
    for phantom in PHANTOMS:
        reference = read_reference(existing(folder, phantom.reference))
        image, mask = (existing(folder, name) for name in (phantom.image, phantom.mask))
        images = StudyImages(f"the phantom {phantom.name}", {"phantom": read_volume(image)})
        (row,) = extract_regions(images, {"region": read_mask(mask)}, load_config(phantom.preset))
        for tag, (consensus, tolerance) in reference.items():
            if split_tag(tag)[0] in catalogue():
                ours = row.values.get(f"phantom_original_ibsi_{tag}", row.values.get(f"original_ibsi_{tag}", math.nan))
                yield ConsensusValue(phantom.name, tag, consensus, tolerance, ours)


def read_reference(path: Path) -> dict[str, tuple[float, float]]:
    """Consensus value and tolerance by tag, without the lines that have none."""
    rows = rows_of(path, ("reference value", "tolerance", "tag"))
    return {
        tag: (number_in(value, path, line), number_in(tolerance or "0", path, line))
        for line, (value, tolerance, tag) in rows
        if value
    }


def rows_of(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table of the initiative, without its header, which must be ``columns``."""
    for line, cells in read_csv(path, delimiter=";"):
        if line == 1 and tuple(cells) != columns:
            raise InputError(
                f"{path} has the columns {', '.join(cells)[:80]}; the initiative's tables have {', '.join(columns)}"
            )
        if len(cells) != len(columns):
            raise InputError(f"{path}, line {line} has {len(cells)} cells instead of {len(columns)}")
        if line > 1:
            yield line, cells


def existing(folder: Path, name: str) -> Path:
    """The file of that name. Raises :class:`InputError` where it is missing."""
    path = folder / name
    if not path.is_file():
        raise InputError(
            f"{path} is missing; the folder must hold the phantoms and tables of the Image Biomarker Standardisation "
            "Initiative, named as docs/reference/ibsi.md says"
        )
    return path


def number_in(cell: str, path: Path, line: int) -> float:
    """A cell as a number. Raises :class:`InputError` for another."""
    try:
        return float(cell)
    except ValueError:
        raise InputError(
            f"{path}, line {line}: '{cell[:40]}' is no number; take the table as it is published"
        ) from None
