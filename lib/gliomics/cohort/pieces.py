"""One study's work in pieces for several processes, and its rows put together again."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from gliomics.cohort.extraction import Extraction, Job, Measured
from gliomics.errors import InputError
from gliomics.features import provenance
from gliomics.features.config import MASK_CLASSES
from gliomics.records import FeatureRow


def split(job: Job, extraction: Extraction, parts: int) -> list[Extraction]:
    """The same work in about ``parts`` pieces, by sequences and then by filters; :func:`merge` puts them together."""
    config = extraction.config
    sequences = job.sequences(config)
    if parts == 1 or not config.image_classes:
        return [extraction]
    filters = -(-parts // len(sequences))
    pieces = [
        (some, kinds) for some in _in_groups(sequences, parts) for kinds in _in_groups(list(config.image_type), filters)
    ]
    without_mask = {name: found for name, found in config.feature_class.items() if name not in MASK_CLASSES}
    last = len(pieces) - 1
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
            deep_model=extraction.deep_model if number == last else None,
            ring_sequence=extraction.ring_sequence or sequences[0],
        )
        for number, (some, kinds) in enumerate(pieces)
    ]


def merge(parts: list[Measured], extraction: Extraction) -> Measured:
    """The rows of a study from the pieces of :func:`split`, in their order: those of :func:`measure`."""
    missing = {region: reason for part in reversed(parts) for region, reason in part.missing.items()}
    rows = [{table.region: table for table in part.tables} for part in parts]
    shared = [region for region in rows[0] if all(region in tables for tables in rows)]
    if not shared:
        raise InputError(next(iter(missing.values())))
    return Measured([_merged([tables[region] for tables in rows], extraction) for region in shared], missing)


def _in_groups(items: list[str], count: int) -> list[list[str]]:
    """``items`` in order, cut into at most ``count`` groups of nearly equal length."""
    count = min(count, len(items))
    edges = [round(number * len(items) / count) for number in range(count + 1)]
    return [items[start:stop] for start, stop in pairwise(edges)]


def _merged(tables: list[FeatureRow], extraction: Extraction) -> FeatureRow:
    values: dict[str, float] = {}
    diagnostics: dict[str, Any] = {}
    sequences: dict[str, None] = {}
    bins: dict[str, dict[str, int]] = {}
    for table in tables:
        values |= table.values
        diagnostics |= table.diagnostics
        sequences |= dict.fromkeys(table.diagnostics["sequences"])
        for name, counts in provenance.bins_of(table.diagnostics).items():
            bins[name] = bins.get(name, {}) | counts
    diagnostics |= {f"{name}_bins": counts for name, counts in bins.items()}
    diagnostics |= {"sequences": list(sequences), "config_sha256": extraction.config.digest}
    said: dict[str, None] = {}
    undefined: list[str] = []
    for table in tables:
        features, others = provenance.without_undefined(table.warnings)
        undefined += features
        own = provenance.warnings_of(table.diagnostics, extraction.config)
        said |= dict.fromkeys(warning for warning in others if warning not in own)
    warnings = [
        *said,
        *provenance.warnings_of(diagnostics, extraction.config),
        *provenance.undefined_warnings(undefined),
    ]
    return replace(tables[0], values=values, diagnostics=diagnostics, warnings=warnings)
