"""The key of a study's measured rows: a hash of everything that they depend on."""

from __future__ import annotations

import functools
import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import gliomics.cohort
import gliomics.features
import gliomics.models
import gliomics.preprocess
import gliomics.radiology
import gliomics.segmentation
import gliomics.sequences
import gliomics.statistics
import gliomics.study
from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.features.engines.interface import engine_of
from gliomics.files import sha256_of
from gliomics.models.folder import CARD
from gliomics.radiology.atlas import atlas_version
from gliomics.radiology.placement import sequence_to_place
from gliomics.version import __version__

_CODE = (
    gliomics.features,
    gliomics.preprocess,
    gliomics.radiology,
    gliomics.study,
    gliomics.sequences,
    gliomics.statistics,
    gliomics.cohort,
    gliomics.models,
    gliomics.segmentation,
)
"""Packages of ours that decide a value or how it is kept; imported, so that one under another name is not left out."""
_LIBRARIES = ("nibabel", "scikit-image")
"""Packages that decide a value besides those that every row names."""


def cache_key(files: StudyFiles, extraction: Extraction) -> str:
    """Hex SHA-256 of everything that a study's rows depend on: files, configuration and the code that measures."""
    study, config = files.study, extraction.config
    deep = extraction.deep_model is not None
    names = {*files.sequences(config), *(study.sequences if deep else ())}
    if extraction.vasari:
        names.add(sequence_to_place(study.sequences))
    if extraction.resample_to is not None:
        names.add(extraction.resample_to)
    content = {
        "files": {name: sha256_of(study.path(name)) for name in sorted(names)},
        "mask": sha256_of(files.mask),
        "brain": sha256_of(files.brain) if files.brain is not None else None,
        "study": [study.id, study.patient_id, study.timepoint, study.date, study.spacing_known],
        "numbering": [extraction.numbering, study.numbering, sorted(files.cohort_labels)],
        # In the order of the file, which is that of the columns.
        "config": config.model_dump(by_alias=True, exclude_defaults=True),
        "regions": extraction.regions,
        "resample_to": extraction.resample_to,
        "boundary_shift": extraction.boundary_shift,
        "ring_sequence": extraction.ring_sequence,
        "deep_model": sha256_of(extraction.deep_model_folder().path / CARD) if deep else None,
        "vasari": atlas_version() if extraction.vasari else None,
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
        "gliomics": __version__,
        "sources": {path.relative_to(root).as_posix(): sha256_of(path) for path in _sources(root)},
        "libraries": engine_of(None).versions() | {name: _version(name) for name in libraries},
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _sources(root: Path) -> list[Path]:
    folders = [root.joinpath(*package.__name__.split(".")[1:]) for package in _CODE]
    return sorted([*root.glob("*.py"), *(path for folder in folders for path in folder.rglob("*.py"))])


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
