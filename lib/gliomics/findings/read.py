"""What is read of one segment: from its mask, image, features and estimates to the record that is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gliomics.features.provenance import BINS, SHAPE_IN_VOXELS, bin_warnings, bins_of
from gliomics.features.regions import part_region
from gliomics.findings.estimates import read_estimate
from gliomics.findings.estimating import Estimates
from gliomics.findings.extent import extent_of
from gliomics.findings.headline import UNKNOWN_SIZE, headline_facts
from gliomics.findings.key_features import key_features, key_features_note
from gliomics.findings.place import Place, place_in_atlas, place_of
from gliomics.findings.segment import Segment, segment_of
from gliomics.findings.targets import target_of
from gliomics.findings.vasari import read_vasari
from gliomics.findings.who import read_who
from gliomics.preprocess.head import Head, find_head
from gliomics.radiology.study import AtlasPlace, StudyVasari
from gliomics.reading.feature_words import sequence_title, upper_first
from gliomics.reading.record import EstimateReading, Reading
from gliomics.records import RESEARCH_NOTICE, FeatureRow, SubtypeEstimate
from gliomics.sequences import DISPLAY_ORDER, in_order
from gliomics.study.volumes import Mask, Volume
from gliomics.subtype.predict import SubtypeModel
from gliomics.subtype.who import PARTS, WHO

WHOLE = "whole"
_TITLES = {
    WHOLE: "Whole tumour",
    "tumour-core": "Tumour core",
    "enhancing": "Enhancing tumour",
    "oedema": "Oedema",
    "cavity": "Resection cavity",
    "peritumoral": "Ring around the tumour",
    "tumour": "Tumour",
}


def head_of(volumes: Mapping[str, Volume], *, spacing_known: bool) -> Head | None:
    """The head in the images of a study, which share one grid; it is looked for in the image that is shown first."""
    if not volumes:
        return None
    return find_head(volumes[in_order(volumes, DISPLAY_ORDER)[0]], spacing_known=spacing_known)


def read_segment(
    features: FeatureRow,
    mask: Mask,
    head: Head | None,
    estimates: Estimates,
    *,
    place: AtlasPlace | None = None,
    vasari: StudyVasari | None = None,
) -> Reading:
    """The record of a segment: ``mask`` is above 0 where the features were measured, on the grid of ``head``.

    With ``place`` it says by the atlas where the segment lies, as far as the images could be laid on it; ``vasari`` is
    what the mask of a whole tumour tells.
    """
    spacing_known = bool(features.diagnostics.get("spacing_known", True))
    segment = segment_of(mask)
    ordered = sorted(estimates.of, key=lambda estimate: target_of(estimate.target).place)
    models = [estimates.models[estimate.model] for estimate in ordered if estimate.model != WHO]
    warnings = [upper_first(f"{UNKNOWN_SIZE}.")] if not spacing_known else []
    bins = bins_of(features.diagnostics)
    warnings += _signal_cautions(bins)
    elsewhere = bin_warnings(bins)
    warnings += [
        _sentence(text) for text in features.warnings if not text.startswith(SHAPE_IN_VOXELS) and text not in elsewhere
    ]
    warnings += _not_estimated(features.region, estimates)
    return Reading(
        study_id=features.study_id,
        region=features.region,
        title=region_title(features.region),
        headline=headline_facts(extent_of(segment), _place(segment, head, place), spacing_known=spacing_known),
        estimates=[_in_words(estimate, ordered, estimates.models) for estimate in ordered],
        key_features=key_features(features, models),
        key_features_note=key_features_note(features, models),
        cautions=warnings,
        notice=estimates.of[0].notice if estimates.of else RESEARCH_NOTICE,
        vasari=read_vasari(vasari) if vasari is not None else None,
    )


def _place(segment: Segment, head: Head | None, place: AtlasPlace | None) -> Place:
    if place is None or place.placement is None or place.atlas is None:
        return place_of(segment, head)
    return place_in_atlas(segment, place.placement, place.atlas)


def _in_words(
    estimate: SubtypeEstimate, others: Sequence[SubtypeEstimate], models: Mapping[str, SubtypeModel]
) -> EstimateReading:
    if estimate.model == WHO:
        return read_who(estimate, others, models)
    reading = read_estimate(estimate, models[estimate.model], others)
    joined = next((other for other in others if other.model == WHO and estimate.model in PARTS), None)
    return reading if joined is None else replace(reading, part_of=target_of(joined.target).title)


def _sentence(warning: str) -> str:
    """A warning of a row as a sentence, with the sequence that it may begin with as radiologists write it."""
    sequence, colon, rest = warning.partition(": ")
    titled = f"{sequence_title(sequence)}{colon}{rest}" if colon else warning
    return f"{upper_first(titled)}."


def _signal_cautions(bins: Mapping[str, Mapping[str, int]]) -> list[str]:
    """What too few or too many grey levels of a sequence's images mean to a reader."""
    sentences = []
    for sequence, counts in bins.items():
        which = (
            "its texture" if "original" in counts and not BINS[0] <= counts["original"] <= BINS[1] else "some texture"
        )
        start = f"{upper_first(sequence_title(sequence))}: the signal varies"
        if any(count < BINS[0] for count in counts.values()):
            sentences.append(f"{start} too little within the region for {which} measurements to be reliable.")
        if any(count > BINS[1] for count in counts.values()):
            sentences.append(f"{start} so much within the region that {which} measurements are mostly noise.")
    return sentences


def _not_estimated(region: str, estimates: Estimates) -> list[str]:
    if estimates.refused and not estimates.of and part_region(region) and region != WHOLE:
        return ["No subtype estimate: the models were fitted on whole tumours, and this is a part of one."]
    return [f"No estimate by {name}: {reason}." for name, reason in estimates.refused.items()]


def region_title(region: str) -> str:
    """A region's name as people read it; names of segments stay as they are."""
    return _TITLES.get(region, region)
