"""One study's work in pieces for several processes, and the rows made of what these measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.errors import InputError
from gliomics.features import provenance
from gliomics.features.extract import RegionFeatures
from gliomics.records import FeatureRow


@dataclass(frozen=True)
class PieceFeatures:
    """What was measured in one piece of a study's work; ``missing`` regions each with the reason."""

    regions: list[RegionFeatures]
    missing: dict[str, str]


@dataclass(frozen=True)
class StudyFeatures:
    """The rows of a study, and the regions that it does not have or that cannot be measured, each with the reason."""

    rows: list[FeatureRow]
    missing: dict[str, str]


def split(files: StudyFiles, extraction: Extraction, parts: int) -> list[Extraction]:
    """The same work in about ``parts`` pieces, by sequences and then by filters; :func:`merge` makes the rows.

    Feature classes that need all sequences at once are a piece of their own, the last.
    """
    config = extraction.config
    sequences = files.sequences(config)
    if parts == 1 or not config.image_classes:
        return [extraction]
    filters = -(-parts // len(sequences))
    pieces = [
        config.model_copy(
            update={
                "sequences": names,
                "image_type": {kind: config.image_type[kind] for kind in kinds},
                "feature_class": config.image_classes,
            }
        )
        for names in _in_groups(sequences, parts)
        for kinds in _in_groups(list(config.image_type), filters)
    ]
    pieces[0] = pieces[0].model_copy(update={"feature_class": config.mask_classes | config.image_classes})
    if config.study_classes:
        pieces.append(config.model_copy(update={"feature_class": config.study_classes}))
    last = len(pieces) - 1
    return [
        replace(
            extraction,
            config=piece,
            deep_model=extraction.deep_model if number == last else None,
            vasari=extraction.vasari and number == last,
            ring_sequence=extraction.ring_sequence or sequences[0],
        )
        for number, piece in enumerate(pieces)
    ]


def merge(pieces: Sequence[PieceFeatures], extraction: Extraction) -> StudyFeatures:
    """The rows of a study from the pieces of :func:`split`, in their order.

    Raises :class:`InputError` with the first reason where no region was measured in all of them.
    """
    missing = {region: reason for piece in reversed(pieces) for region, reason in piece.missing.items()}
    by_region = [{measured.region: measured for measured in piece.regions} for piece in pieces]
    shared = [region for region in by_region[0] if all(region in measured for measured in by_region)]
    if not shared:
        raise InputError(next(iter(missing.values())))
    whole = [_merged([measured[region] for measured in by_region], extraction) for region in shared]
    return StudyFeatures([measured.row(extraction.config) for measured in whole], missing)


def _in_groups(items: list[str], count: int) -> list[list[str]]:
    """``items`` in order, cut into at most ``count`` groups of nearly equal length."""
    count = min(count, len(items))
    edges = [round(number * len(items) / count) for number in range(count + 1)]
    return [items[start:stop] for start, stop in pairwise(edges)]


def _merged(pieces: list[RegionFeatures], extraction: Extraction) -> RegionFeatures:
    values: dict[str, float] = {}
    diagnostics: dict[str, Any] = {}
    sequences: dict[str, None] = {}
    bins: dict[str, dict[str, int]] = {}
    for piece in pieces:
        values |= piece.values
        diagnostics |= piece.diagnostics
        sequences |= dict.fromkeys(piece.diagnostics["sequences"])
        for name, counts in provenance.bins_of(piece.diagnostics).items():
            bins[name] = bins.get(name, {}) | counts
    diagnostics |= {f"{name}_bins": counts for name, counts in bins.items()}
    config = extraction.config
    diagnostics |= {"sequences": list(sequences), "config_sha256": config.digest, "config": config.parameters}
    return replace(
        pieces[0],
        values=values,
        undefined=[name for piece in pieces for name in piece.undefined],
        diagnostics=diagnostics,
        warnings=list(dict.fromkeys(warning for piece in pieces for warning in piece.warnings)),
    )
