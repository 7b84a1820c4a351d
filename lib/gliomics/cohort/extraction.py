"""One study of a cohort, from its files to its rows of features; what a worker process runs."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gliomics
from gliomics.errors import InputError
from gliomics.files import sha256_of
from gliomics.models import ModelStore
from gliomics.preprocess.intensity import foreground
from gliomics.radiomics import engine
from gliomics.radiomics.config import MASK_CLASSES, FeatureConfig
from gliomics.radiomics.extract import extract_regions, sequences_to_measure
from gliomics.radiomics.regions import is_ring, select_region, shift_boundary
from gliomics.records import FeatureTable
from gliomics.study.geometry import load_sequences
from gliomics.study.images import IMAGE_SUFFIXES, read_mask
from gliomics.study.labels import check_mask
from gliomics.study.records import Mask, Study, Volume

if TYPE_CHECKING:
    from gliomics.segmentation.predict import Segmenter

_CODE = ("radiomics", "preprocess", "study", "cohort", "segmentation")


@dataclass(frozen=True)
class Extraction:
    """What to measure in every study of a cohort.

    ``regions`` are keys of :data:`~gliomics.radiomics.regions.REGIONS` or of ``config.regions``, or label values;
    ``resample_to`` brings the sequences to the grid of the one named, on which the mask must lie; ``boundary_shift``
    grows (or shrinks) each region by so many voxels within the slice, to see what depends on exactly where its edge was
    drawn; ``deep_model`` adds the deep features of a segmentation model, looked for in the folder ``models`` and among
    those shipped.
    """

    config: FeatureConfig
    regions: tuple[str, ...] = ("whole",)
    resample_to: str | None = None
    boundary_shift: int = 0
    deep_model: str | None = None
    models: Path | None = None


@dataclass(frozen=True)
class Job:
    """A study with the files of its masks."""

    study: Study
    mask: Path
    brain: Path | None = None

    def sequences(self, config: FeatureConfig) -> list[str]:
        """The sequences that ``config`` measures in this study, in the order of their columns."""
        return sequences_to_measure(list(self.study.sequences), config, self.study.id)


@dataclass(frozen=True)
class Measured:
    """The rows of a study, and the regions that it does not have, each with the reason."""

    tables: list[FeatureTable]
    missing: dict[str, str]


def find_mask(folder: Path, study_id: str) -> Path | None:
    """``folder/<study id>.nii.gz`` (or ``.nii``, ``.nrrd``); None if there is none, InputError if there are several."""
    found = [path for suffix in IMAGE_SUFFIXES if (path := folder / f"{study_id}{suffix}").is_file()]
    if len(found) > 1:
        raise InputError(f"study '{study_id}' has several masks: {', '.join(path.name for path in found)}; keep one")
    return found[0] if found else None


def measure(job: Job, extraction: Extraction) -> Measured:
    """Measure every region of one study; the rows' diagnostics name the patient.

    A region that the mask does not have is left out, with the reason in :attr:`Measured.missing`; where none is left
    the first reason is raised.
    """
    study, config = job.study, extraction.config
    volumes = load_sequences(study, job.sequences(config), resample_to=extraction.resample_to)
    mask = _read_checked(job.mask, volumes)
    brain = _read_checked(job.brain, volumes) if job.brain is not None else None
    regions, missing, warnings = _select(mask, brain, volumes, extraction, job.mask.name)
    tables = extract_regions(
        volumes, regions, config, study_id=study.id, spacing_known=study.spacing_known, brain=brain
    )
    if extraction.deep_model is not None:
        tables = _with_deep_features(tables, regions, job, extraction)
    origin: dict[str, Any] = {
        "patient_id": study.patient_id,
        "timepoint": study.timepoint,
        "date": study.date,
        "boundary_shift": extraction.boundary_shift,
        "brain_mask": job.brain is not None,
    }
    return Measured(
        [
            replace(table, diagnostics=origin | table.diagnostics, warnings=[*table.warnings, *warnings])
            for table in tables
        ],
        missing,
    )


def _with_deep_features(
    tables: list[FeatureTable], regions: Mapping[str, Mask], job: Job, extraction: Extraction
) -> list[FeatureTable]:
    from gliomics.segmentation.embedding import deep_diagnostics, deep_features

    if extraction.config.slices == "each":
        raise InputError("deep features describe a region; they cannot be measured with 'slices: each'")
    segmenter = _segmenter(extraction.deep_model or "", extraction.models)
    names = [name for name in job.study.sequences if name in segmenter.sequences]
    volumes = load_sequences(job.study, names, resample_to=extraction.resample_to)
    return [
        replace(
            table,
            values=table.values | deep_features(segmenter, volumes, regions[table.region]),
            diagnostics=table.diagnostics | deep_diagnostics(segmenter, volumes),
        )
        for table in tables
    ]


@functools.lru_cache(maxsize=1)
def _segmenter(model: str, models: Path | None) -> Segmenter:
    from gliomics.segmentation.predict import Segmenter

    return Segmenter(ModelStore(models).current(model))


def split(job: Job, extraction: Extraction, parts: int) -> list[Extraction]:
    """The same work in at most ``parts`` pieces, by sequences and then by filters; :func:`merge` puts them together."""
    config = extraction.config
    sequences = job.sequences(config)
    if parts == 1 or not config.image_classes or not sequences:
        return [extraction]
    filters = -(-parts // len(sequences))
    pieces = [
        (some, kinds) for some in _in_groups(sequences, parts) for kinds in _in_groups(list(config.image_type), filters)
    ]
    without_mask = {name: found for name, found in config.feature_class.items() if name not in MASK_CLASSES}
    return [
        replace(
            extraction,
            config=config.model_copy(
                update={
                    "sequences": some,
                    "image_type": {kind: config.image_type[kind] for kind in kinds},
                    "feature_class": config.feature_class if number == 0 else without_mask,
                }
            ),
            deep_model=extraction.deep_model if number == 0 else None,
        )
        for number, (some, kinds) in enumerate(pieces)
    ]


def merge(parts: list[Measured], extraction: Extraction) -> Measured:
    """The rows of a study from the pieces of :func:`split`, in their order."""
    tables = [_merged([part.tables[row] for part in parts], extraction) for row in range(len(parts[0].tables))]
    return Measured(tables, parts[0].missing)


def cache_key(job: Job, extraction: Extraction) -> str:
    """Hex SHA-256 of everything that a study's rows depend on: files, configuration and the code that measures."""
    study = job.study
    files = {name: sha256_of(study.path(name)) for name in job.sequences(extraction.config)}
    if extraction.resample_to is not None:
        files["grid"] = sha256_of(study.path(extraction.resample_to))
    content = {
        "files": files,
        "mask": sha256_of(job.mask),
        "brain": sha256_of(job.brain) if job.brain is not None else None,
        "study": [study.id, study.patient_id, study.timepoint, study.date, study.spacing_known],
        "config": extraction.config.digest,
        "regions": extraction.regions,
        "resample_to": extraction.resample_to,
        "boundary_shift": extraction.boundary_shift,
        "deep_model": _weights(extraction),
        "code": _code_sha256(),
        "versions": engine.versions(),
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _read_checked(path: Path, volumes: Mapping[str, Volume]) -> Mask:
    mask = read_mask(path)
    for name, volume in volumes.items():
        check_mask(mask, volume, f"mask {path.name} (image: sequence '{name}')")
    return mask


def _select(
    mask: Mask, brain: Mask | None, volumes: Mapping[str, Volume], extraction: Extraction, name: str
) -> tuple[dict[str, Mask], dict[str, str], list[str]]:
    """The regions that the mask has, why it does not have the others, and warnings about all."""
    own = extraction.config.regions
    rings = [region for region in extraction.regions if is_ring(region, own)]
    warnings = []
    room = brain.array > 0 if brain is not None else None
    if rings and room is None:
        room = foreground(next(iter(volumes.values())).array)
        warnings.append(
            f"region {', '.join(rings)} was kept inside the image's foreground, which is the brain only where "
            "the skull is stripped; give brain masks otherwise"
        )
    regions: dict[str, Mask] = {}
    missing: dict[str, str] = {}
    for region in extraction.regions:
        try:
            chosen = select_region(mask, region, name=name, brain=room, own=own)
        except InputError as error:
            if len(extraction.regions) == 1:
                raise
            missing[region] = str(error)
            continue
        shift = extraction.boundary_shift
        regions[region] = shift_boundary(chosen, shift) if shift else chosen
    if not regions:
        raise InputError(next(iter(missing.values())))
    return regions, missing, warnings


def _in_groups(items: list[str], count: int) -> list[list[str]]:
    """``items`` in order, cut into at most ``count`` groups of nearly equal length."""
    count = min(count, len(items))
    edges = [round(number * len(items) / count) for number in range(count + 1)]
    return [items[start:stop] for start, stop in pairwise(edges)]


def _merged(tables: list[FeatureTable], extraction: Extraction) -> FeatureTable:
    values: dict[str, float] = {}
    diagnostics: dict[str, Any] = {}
    sequences: dict[str, None] = {}
    warnings: dict[str, None] = {}
    for table in tables:
        values |= table.values
        sequences |= dict.fromkeys(table.diagnostics["sequences"])
        warnings |= dict.fromkeys(table.warnings)
        bins = {
            name: {**diagnostics.get(name, {}), **counts}
            for name, counts in table.diagnostics.items()
            if name.endswith("_bins")
        }
        diagnostics |= table.diagnostics | bins
    diagnostics |= {"sequences": list(sequences), "config_sha256": extraction.config.digest}
    return replace(tables[0], values=values, diagnostics=diagnostics, warnings=list(warnings))


def _weights(extraction: Extraction) -> dict[str, str] | None:
    """Hashes of the deep model's files."""
    if extraction.deep_model is None:
        return None
    return dict(ModelStore(extraction.models).current(extraction.deep_model).card.sha256)


@functools.cache
def _code_sha256() -> str:
    """Of the sources that decide a value, so that rows measured by other code are never taken for this code's."""
    digest = hashlib.sha256(gliomics.__version__.encode())
    root = Path(gliomics.__file__).parent
    for path in sorted(path for package in _CODE for path in (root / package).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
