"""One study's work in pieces for several processes, and its rows put together again."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from gliomics.cohort.extraction import Extraction, Job, StudyFeatures
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


def merge(parts: list[StudyFeatures], extraction: Extraction) -> StudyFeatures:
    """The rows of a study from the pieces of :func:`split`, in their order: those of :func:`measure`."""
    missing = {region: reason for part in reversed(parts) for region, reason in part.missing.items()}
    by_region = [{row.region: row for row in part.rows} for part in parts]
    shared = [region for region in by_region[0] if all(region in rows for rows in by_region)]
    if not shared:
        raise InputError(next(iter(missing.values())))
    return StudyFeatures([_merged([rows[region] for rows in by_region], extraction) for region in shared], missing)


def _in_groups(items: list[str], count: int) -> list[list[str]]:
    """``items`` in order, cut into at most ``count`` groups of nearly equal length."""
    count = min(count, len(items))
    edges = [round(number * len(items) / count) for number in range(count + 1)]
    return [items[start:stop] for start, stop in pairwise(edges)]


def _merged(rows: list[FeatureRow], extraction: Extraction) -> FeatureRow:
    values: dict[str, float] = {}
    diagnostics: dict[str, Any] = {}
    sequences: dict[str, None] = {}
    bins: dict[str, dict[str, int]] = {}
    for row in rows:
        values |= row.values
        diagnostics |= row.diagnostics
        sequences |= dict.fromkeys(row.diagnostics["sequences"])
        for name, counts in provenance.bins_of(row.diagnostics).items():
            bins[name] = bins.get(name, {}) | counts
    diagnostics |= {f"{name}_bins": counts for name, counts in bins.items()}
    diagnostics |= {"sequences": list(sequences), "config_sha256": extraction.config.digest}
    said: dict[str, None] = {}
    undefined: list[str] = []
    for row in rows:
        features, others = provenance.without_undefined(row.warnings)
        undefined += features
        own = provenance.warnings_of(row.diagnostics, extraction.config)
        said |= dict.fromkeys(warning for warning in others if warning not in own)
    warnings = [
        *said,
        *provenance.warnings_of(diagnostics, extraction.config),
        *provenance.undefined_warnings(undefined),
    ]
    return replace(rows[0], values=values, diagnostics=diagnostics, warnings=warnings)
