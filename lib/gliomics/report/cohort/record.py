"""How a folder of results was made, as ``record.json`` in it: what the report of a cohort is written from."""

from __future__ import annotations

import dataclasses
import platform
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gliomics.cohort.feature_table import rows_of_features_csv
from gliomics.errors import InputError
from gliomics.features.provenance import parameters_of
from gliomics.files import is_safe_name, sha256_of, write_json
from gliomics.records import FeatureRow
from gliomics.validated import read_as
from gliomics.version import __version__

RECORD = "record.json"
KINDS = ("associate", "expression", "survival")
"""The commands, after ``gliomics cohort``, whose folders have a record."""
_PACKAGES = ("numpy", "scipy", "scikit-learn", "matplotlib")
_VERSIONS = ("gliomics", "pyradiomics", "simpleitk", "pywavelets", "numpy", "scipy")
_FORMAT = 1


@dataclass(frozen=True)
class Source:
    """A table that was read: what it was read as, its name and its hex SHA-256."""

    role: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Extraction:
    """How the features were computed, by the ``diagnostics_*`` of their table; a dictionary counts studies by value.

    ``configuration`` is None where the table does not tell it.
    """

    features: int
    studies: int
    region: str
    configuration: dict[str, Any] | None
    versions: dict[str, str]
    sequences: dict[str, int]
    bias_field: dict[str, int]
    resampling: dict[str, int]
    brain_mask: dict[str, int]
    boundary_shift: dict[str, int]
    warnings: dict[str, int]
    harmonised: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """Patients that are left at a step of the analysis, in ``part`` of it; ``out`` says of others why not."""

    part: str
    name: str
    patients: int
    out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawing:
    """A figure of the folder: the name of its PNG, beside which lies the same as SVG, and what it shows."""

    png: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """How a command went about it, who was left out, and what it wrote.

    ``numbers`` are counts and figures that the methods or checklists tell; ``tables`` are names of CSV files, the most
    telling first.
    """

    kind: str
    settings: dict[str, Any]
    numbers: dict[str, Any]
    flow: list[Step]
    tables: list[str]
    drawings: list[Drawing]


@dataclass(frozen=True, kw_only=True)
class CohortRecord(Analysis):
    """An analysis, what it was made of and with, and the hex SHA-256 of the ``files`` that it wrote."""

    sources: list[Source]
    extraction: Extraction
    packages: dict[str, str]
    files: dict[str, str]
    gliomics: str = __version__
    format: int = _FORMAT


def sources_of(features: Path, **others: Path) -> tuple[list[Source], Extraction]:
    """What is to be said of the tables that are read; to be asked before the work, which takes a while."""
    paths = {"features": features, **others}
    sources = [Source(role, path.name, sha256_of(path)) for role, path in paths.items()]
    return sources, _extraction(rows_of_features_csv(features))


def _extraction(whole: Iterable[FeatureRow]) -> Extraction:
    names: set[str] = set()
    rows: list[FeatureRow] = []
    for row in whole:
        names.update(row.values)
        rows.append(replace(row, values={}))  # of a large table, only what is told of the values is kept
    first = rows[0].diagnostics
    return Extraction(
        features=len(names),
        studies=len(rows),
        region=rows[0].region,
        configuration=None if (parameters := parameters_of(first)) is None else dict(parameters),
        versions={name: str(first[f"{name}_version"]) for name in _VERSIONS if f"{name}_version" in first},
        sequences=_counts(", ".join(map(str, row.diagnostics.get("sequences") or [])) for row in rows),
        bias_field=_counts(row.diagnostics.get("bias_field") for row in rows),
        resampling=_counts(_resampling(row.diagnostics.get("resampling")) for row in rows),
        brain_mask=_counts(_yes(row.diagnostics.get("brain_mask")) for row in rows),
        boundary_shift=_counts(row.diagnostics.get("boundary_shift") for row in rows),
        harmonised=_counts(_over(row) for row in rows),
        warnings=_counts(warning for row in rows for warning in dict.fromkeys(row.warnings)),
    )


def _counts(values: Iterable[object]) -> dict[str, int]:
    """How often each value stands there, those that are not told left out."""
    return dict(sorted(Counter(str(value) for value in values if value not in (None, "")).items()))


def _resampling(value: object) -> str | None:
    return " x ".join(f"{edge:g}" for edge in value) + " mm" if isinstance(value, list) else value  # type: ignore[return-value]


def _over(row: FeatureRow) -> str | None:
    """The column over whose values a row was harmonised."""
    harmonised = row.diagnostics.get("harmonised")
    return None if not harmonised else str(harmonised)


def _yes(value: object) -> str | None:
    return None if value is None else "yes" if value else "no"


def write_record(out: Path, read: tuple[list[Source], Extraction], analysis: Analysis) -> None:
    """Write :data:`RECORD` into a folder with the files of an analysis; ``read`` is what :func:`sources_of` said."""
    written = [*analysis.tables, *(name for drawing in analysis.drawings for name in (drawing.png, svg_of(drawing)))]
    sources, extraction = read
    record = CohortRecord(
        **vars(analysis),
        sources=sources,
        extraction=extraction,
        packages={"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
        files={name: sha256_of(out / name) for name in written},
    )
    write_json(out / RECORD, dataclasses.asdict(record))


def svg_of(drawing: Drawing) -> str:
    """The name of the figure as SVG."""
    return f"{drawing.png.removesuffix('.png')}.svg"


def read_record(folder: Path) -> CohortRecord:
    """The record of a folder, all of whose files are as they were written.

    Raises :class:`InputError` for a folder without one, a record of another kind or a later format, and files that are
    not there or were changed.
    """
    made_by = f"give a folder that `gliomics cohort {'`, `'.join(KINDS)}` wrote"
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; {made_by}")
    path = folder / RECORD
    if not path.exists():
        raise InputError(f"{folder} has no {RECORD}, from which a report is written; {made_by} with this version")
    record = read_as(path, CohortRecord)
    if record.kind not in KINDS or record.format > _FORMAT:
        raise InputError(
            f"{path} is of '{record.kind[:80]}', format {record.format}; expected one of {', '.join(KINDS)}, format "
            f"{_FORMAT}: {made_by} with this version"
        )
    _check_told(path, record)
    named = {*record.tables, *(name for drawing in record.drawings for name in (drawing.png, svg_of(drawing)))}
    for name in sorted(named | record.files.keys()):
        if not is_safe_name(name) or name not in record.files:
            raise InputError(
                f"{path} names the file '{name[:80]}', which is none of its folder; write the folder again"
            )
        if not (folder / name).is_file():
            raise InputError(f"{folder} lacks '{name}', which its {RECORD} names; write the folder again")
        if sha256_of(folder / name) != record.files[name]:
            raise InputError(
                f"{folder / name} is not what was written (its SHA-256 is not that in {RECORD}); write the folder "
                "again, and change copies only"
            )
    return record


_TOLD = {
    "associate": ({"targets", "by", "cut", "least", "seed"}, {"tests", "refused", "resamples"}),
    "expression": ({"permutations", "seed"}, {"features", "genes", "fewest", "most", "left_out"}),
    "survival": (
        {"time", "event", "events", "repeats", "seed"},
        {
            "patients", "events", "unit", "features", "features_left_out", "clinical_columns", "folds", "horizons",
            "penalties", "l1_shares", "training_fits", "training_fits_without_features", "models",
        },
    ),
}  # fmt: skip
"""Settings and numbers that the methods of each kind are written from."""
_TOLD_OF_MASKS = {"patients_under_all_masks", "features_under_all_masks"}


def _check_told(path: Path, record: CohortRecord) -> None:
    settings, numbers = _TOLD[record.kind]
    masks = record.settings.get("masks", [])
    if not isinstance(masks, list) or not all(isinstance(name, str) for name in masks):
        raise InputError(f"{path}: 'masks' of the settings is no list of names; write the folder again")
    numbers = numbers | (_TOLD_OF_MASKS if masks else set())
    lacking = sorted((settings - record.settings.keys()) | (numbers - record.numbers.keys()))
    if lacking:
        raise InputError(f"{path} lacks '{lacking[0]}', which the methods are written from; write the folder again")
    if not record.flow:
        raise InputError(f"{path} tells no patients; write the folder again")
