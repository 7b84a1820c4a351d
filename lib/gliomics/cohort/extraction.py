"""One study of a cohort, from its files to its rows of features; what a worker process runs."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import gliomics
from gliomics.cohort.numbering import numbering_diagnostics, numbering_warnings
from gliomics.errors import InputError
from gliomics.features import engine
from gliomics.features.config import FeatureConfig
from gliomics.features.extract import extract_regions, sequences_to_measure
from gliomics.features.regions import is_ring, needs_parts, select_region, shift_boundary
from gliomics.files import sha256_of
from gliomics.models import ModelFolder, ModelStore, load_model_folder
from gliomics.models.folder import CARD
from gliomics.preprocess import foreground, lesion_mask
from gliomics.records import FeatureRow
from gliomics.study.geometry import load_sequences, on_grid_of
from gliomics.study.images import read_label_names, read_mask
from gliomics.study.numbering import MaskNumbering, labels_of_mask, numbering_of_mask, parse_numbering
from gliomics.study.records import UNNAMED_SEQUENCE, Mask, Study, Volume

if TYPE_CHECKING:
    from gliomics.segmentation.segmenter import Segmenter

_CODE = ("features", "preprocess", "study", "sequences", "cohort", "models", "segmentation")
"""Packages of ours that decide a value or how it is kept."""
_LIBRARIES = ("nibabel", "scikit-image")
"""Packages that decide a value besides those that every row names."""
_NO_BRAIN = (
    "region {} was kept inside the image's foreground, which is the brain only where the skull is stripped; "
    "give brain masks otherwise"
)


@dataclass(frozen=True)
class Extraction:
    """What to measure in every study of a cohort.

    ``regions`` are keys of :data:`~gliomics.features.regions.REGIONS` or of ``config.regions``, or label values (the
    configuration's default where there are none);
    ``resample_to`` brings the sequences to the grid of the one named, on which the mask must lie; ``boundary_shift``
    grows (or shrinks) each region by so many voxels within the slice, to see what depends on exactly where its edge was
    drawn; ``deep_model`` adds the deep features of a segmentation model, looked for in the folder ``models`` and among
    those shipped. Where there is no brain mask, rings keep inside the foreground of the sequence ``ring_sequence`` (the
    first that is measured when None). ``numbering`` says which value of the masks is which part of the tumour, as
    :func:`~gliomics.study.numbering.parse_numbering` reads it, where neither the studies nor the values do.
    """

    config: FeatureConfig
    regions: tuple[str, ...] = ()
    resample_to: str | None = None
    boundary_shift: int = 0
    deep_model: str | None = None
    models: Path | None = None
    ring_sequence: str | None = None
    numbering: str | None = None

    def __post_init__(self) -> None:
        if not self.regions:
            object.__setattr__(self, "regions", self.config.default_regions)
        if self.deep_model is not None and self.config.slices == "each":
            raise InputError("deep features describe a region; they cannot be measured with 'slices: each'")

    def check(self) -> None:
        """Raise what would be wrong with every study: a region, a numbering or a model that does not exist."""
        for region in self.regions:
            is_ring(region, self.config.regions)
        if self.numbering is not None:
            parse_numbering(self.numbering)
        if self.deep_model is not None and (card := _model(self).card).task != "segmentation":
            raise InputError(f"model '{card.name}' is a {card.task} model; deep features need a segmentation model")

    @property
    def needs_numbering(self) -> bool:
        """Whether it asks for parts of the tumour and nobody said which values they have."""
        return self.numbering is None and any(needs_parts(region, self.config.regions) for region in self.regions)

    def absolute(self) -> Extraction:
        """The same for a process in another folder."""
        return replace(self, models=self.models.absolute() if self.models is not None else None)


@dataclass(frozen=True)
class Job:
    """A study with the files of its masks, and the values of all masks that were made with its own."""

    study: Study
    mask: Path
    brain: Path | None = None
    cohort_labels: frozenset[int] = frozenset()

    def sequences(self, config: FeatureConfig) -> list[str]:
        """The sequences that ``config`` measures in this study, in the order of their columns."""
        return sequences_to_measure(list(self.study.sequences), config, self.study.id)

    def absolute(self) -> Job:
        """The same for a process in another folder."""
        sequences = {name: path.absolute() for name, path in self.study.sequences.items()}
        study = replace(self.study, folder=self.study.folder.absolute(), sequences=sequences)
        brain = self.brain.absolute() if self.brain is not None else None
        return replace(self, study=study, mask=self.mask.absolute(), brain=brain)


@dataclass(frozen=True)
class StudyFeatures:
    """The rows of a study, and the regions that it does not have or that cannot be measured, each with the reason."""

    rows: list[FeatureRow]
    missing: dict[str, str]


def measure(job: Job, extraction: Extraction) -> StudyFeatures:
    """Measure every region of one study; the rows' diagnostics name the patient.

    A region that the mask does not have, or that is too small to be measured, is left out, with the reason in
    :attr:`StudyFeatures.missing`; where none is left the first reason is raised.
    """
    study, config = job.study, extraction.config
    names = job.sequences(config)
    rings = [region for region in extraction.regions if is_ring(region, config.regions)]
    if rings and job.brain is None and extraction.ring_sequence is not None:
        names = list(dict.fromkeys([extraction.ring_sequence, *names]))
    volumes = load_sequences(study, names, resample_to=extraction.resample_to)
    mask = read_lesion(job.mask, volumes)
    brain = read_brain(job.brain, volumes) if job.brain is not None else None
    room = None
    if rings:
        room = brain.array > 0 if brain is not None else foreground(next(iter(volumes.values())).array)
    numbering = numbering_of_mask(
        labels_of_mask(mask),
        job.mask.name,
        told=extraction.numbering,
        study=study.numbering,
        segments=read_label_names(job.mask),
        cohort=job.cohort_labels,
    )
    regions, missing = _select(mask, numbering, room, extraction, job.mask.name)
    rows = _measured(volumes, regions, missing, brain, job, config)
    if extraction.deep_model is not None:
        rows = _with_deep_features(rows, regions, job, extraction)
    origin: dict[str, Any] = {
        "patient_id": study.patient_id,
        "timepoint": study.timepoint,
        "date": study.date,
        "boundary_shift": extraction.boundary_shift,
        "brain_mask": job.brain is not None,
    }
    return StudyFeatures(
        [
            replace(
                row,
                diagnostics=origin | numbering_diagnostics(row, numbering, config.regions) | row.diagnostics,
                warnings=[
                    *_ring_warnings(row, rings, job),
                    *numbering_warnings(row, numbering, config.regions),
                    *row.warnings,
                ],
            )
            for row in rows
        ],
        missing,
    )


def _ring_warnings(row: FeatureRow, rings: list[str], job: Job) -> list[str]:
    """What to beware of in the row of a ring, or of one slice of it."""
    region = row.region.split(" slice ")[0]
    if region not in rings:
        return []
    warnings = [_NO_BRAIN.format(region)] if job.brain is None else []
    if not job.study.spacing_known:
        warnings.append(f"the voxel size is unknown: the width of region {region} is in voxels")
    return warnings


def _measured(
    volumes: Mapping[str, Volume],
    regions: Mapping[str, Mask],
    missing: dict[str, str],
    brain: Mask | None,
    job: Job,
    config: FeatureConfig,
) -> list[FeatureRow]:
    """The regions' rows; a region that alone cannot be measured goes to ``missing`` with the reason."""
    study = job.study

    def rows_of(some: Mapping[str, Mask]) -> list[FeatureRow]:
        return extract_regions(volumes, some, config, study_id=study.id, spacing_known=study.spacing_known, brain=brain)

    try:
        return rows_of(regions)
    except InputError as error:
        if len(regions) == 1:
            raise
        first = error
    found = []
    for name, mask in regions.items():
        try:
            found += rows_of({name: mask})
        except InputError as error:
            missing[name] = str(error)
    if not found:
        raise first
    return found


def _with_deep_features(
    rows: list[FeatureRow], regions: Mapping[str, Mask], job: Job, extraction: Extraction
) -> list[FeatureRow]:
    from gliomics.segmentation.embedding import deep_diagnostics, deep_features

    folder = _model(extraction)
    segmenter = _segmenter(folder.path, sha256_of(folder.path / CARD))
    names = [name for name in job.study.sequences if name in (*segmenter.sequences, UNNAMED_SEQUENCE)]
    volumes = load_sequences(job.study, names, resample_to=extraction.resample_to)
    return [
        replace(
            row,
            values=row.values | deep_features(segmenter, volumes, regions[row.region]),
            diagnostics=row.diagnostics | deep_diagnostics(segmenter, volumes),
        )
        for row in rows
    ]


def _model(extraction: Extraction) -> ModelFolder:
    return ModelStore(extraction.models).current(extraction.deep_model or "")


@functools.lru_cache(maxsize=1)
def _segmenter(folder: Path, card_sha256: str) -> Segmenter:
    """The model of a folder; its card's hash is there so that another one is never taken for it."""
    from gliomics.segmentation.segmenter import Segmenter

    return Segmenter(load_model_folder(folder))


def cache_key(job: Job, extraction: Extraction) -> str:
    """Hex SHA-256 of everything that a study's rows depend on: files, configuration and the code that measures."""
    study, config = job.study, extraction.config
    deep = extraction.deep_model is not None
    names = {*job.sequences(config), *(study.sequences if deep else ())}
    if extraction.resample_to is not None:
        names.add(extraction.resample_to)
    content = {
        "files": {name: sha256_of(study.path(name)) for name in sorted(names)},
        "mask": sha256_of(job.mask),
        "brain": sha256_of(job.brain) if job.brain is not None else None,
        "study": [study.id, study.patient_id, study.timepoint, study.date, study.spacing_known],
        "numbering": [extraction.numbering, study.numbering, sorted(job.cohort_labels)],
        # In the order of the file, which is that of the columns.
        "config": config.model_dump(by_alias=True, exclude_defaults=True),
        "regions": extraction.regions,
        "resample_to": extraction.resample_to,
        "boundary_shift": extraction.boundary_shift,
        "ring_sequence": extraction.ring_sequence,
        "deep_model": sha256_of(_model(extraction).path / CARD) if deep else None,
        "environment": environment(deep),
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@functools.cache
def environment(deep: bool) -> str:
    """Hex SHA-256 of the code that decides a value, so that rows of other code are never taken for this code's.

    That is our sources (where they are not files, our version must do) and the versions of the libraries, of PyTorch
    only for ``deep`` features.
    """
    root = Path(gliomics.__file__).parent
    libraries = (*_LIBRARIES, "torch") if deep else _LIBRARIES
    content = {
        "gliomics": gliomics.__version__,
        "sources": {path.relative_to(root).as_posix(): sha256_of(path) for path in _sources(root)},
        "libraries": engine.versions() | {name: _version(name) for name in libraries},
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _sources(root: Path) -> list[Path]:
    return sorted([*root.glob("*.py"), *(path for package in _CODE for path in (root / package).rglob("*.py"))])


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def read_lesion(path: Path, volumes: Mapping[str, Volume]) -> Mask:
    """A lesion's mask from its file, on the grid of the sequences, which share one."""
    name, volume = next(iter(volumes.items()))
    return lesion_mask(read_mask(path), volume, f"mask {path.name}", f"sequence '{name}'")


def read_brain(path: Path, volumes: Mapping[str, Volume]) -> Mask:
    """A brain's mask from its file, on the grid of the sequences, which share one."""
    name, volume = next(iter(volumes.items()))
    return on_grid_of(read_mask(path), volume, f"brain mask {path.name}", f"sequence '{name}'")


def _select(
    mask: Mask, numbering: MaskNumbering, room: npt.NDArray[np.bool_] | None, extraction: Extraction, name: str
) -> tuple[dict[str, Mask], dict[str, str]]:
    """The regions that the mask has, and why it does not have the others; rings lie where ``room`` is true."""
    regions: dict[str, Mask] = {}
    missing: dict[str, str] = {}
    for region in extraction.regions:
        try:
            chosen = select_region(
                mask, region, name=name, numbering=numbering, brain=room, own=extraction.config.regions
            )
        except InputError as error:
            if len(extraction.regions) == 1:
                raise
            missing[region] = str(error)
            continue
        shift = extraction.boundary_shift
        regions[region] = shift_boundary(chosen, shift) if shift else chosen
    if not regions:
        raise InputError(next(iter(missing.values())))
    return regions, missing
