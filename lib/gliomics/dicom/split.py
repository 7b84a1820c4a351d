"""Series that are no single volume: several images at a position, several orientations, a series for each image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gliomics.dicom.records import Frame, Series
from gliomics.dicom.volume import sorted_frames
from gliomics.errors import GliomicsError

_ALMOST_ALL = 0.9


def split_series(series: Series) -> list[Series]:
    """The parts of a series that have one image at each position; a series that is no volume gets its problem."""
    if series.problem or not series.frames:
        return [series]
    if series.recognition.is_other:
        return [series]
    orientations = _by_orientation(series.frames)
    if len(orientations) > 1:
        share = max(map(len, orientations)) / len(series.frames)
        planes = f"its images lie in planes of {len(orientations)} orientations"
        if share < _ALMOST_ALL:
            return [replace(series, problem=f"{planes} (a localizer)", is_none=True)]
        odd = min(orientations, key=len)[0]
        return [replace(series, problem=f"{planes}: {odd} differs from the others")]
    if len(series.frames) == 1:
        return [replace(series, problem="one image; a volume needs at least two slices", is_none=True)]
    if max(_counts(series.frames).values()) == 1:
        return [series]
    return _parts(series)


def _by_orientation(frames: Sequence[Frame]) -> list[list[Frame]]:
    groups: list[list[Frame]] = []
    for frame in frames:
        group = next((g for g in groups if np.allclose(g[0].orientation, frame.orientation, atol=1e-3)), None)
        if group is None:
            groups.append([frame])
        else:
            group.append(frame)
    return groups


def _counts(frames: Sequence[Frame]) -> dict[tuple[float, ...], int]:
    counts: dict[tuple[float, ...], int] = defaultdict(int)
    for frame in frames:
        counts[_place(frame)] += 1
    return counts


def _place(frame: Frame) -> tuple[float, ...]:
    return tuple(np.round(frame.position, 2) + 0.0)


def _parts(series: Series) -> list[Series]:
    """The images of each position told apart by echo, time point, kind of image, or by the order they were taken in."""
    names = [name for name, _ in series.frames[0].marks]
    varying = [name for name in names if len({dict(frame.marks)[name] for frame in series.frames}) > 1]
    groups: dict[tuple[str, ...], list[Frame]] = defaultdict(list)
    for frame in series.frames:
        groups[tuple(dict(frame.marks)[name] for name in varying)].append(frame)
    if all(max(_counts(group).values()) == 1 for group in groups.values()):
        labels = [", ".join(f"{n} {v or 'none'}" for n, v in zip(varying, key, strict=True)) for key in groups]
        return _numbered(series, list(groups.values()), labels, varying)
    counts = set(_counts(series.frames).values())
    if len(counts) > 1:
        listed = " or ".join(map(str, sorted(counts)))
        return [replace(series, problem=f"{listed} images at one position, which nothing tells apart")]
    by_place: dict[tuple[float, ...], list[Frame]] = defaultdict(list)
    for frame in sorted(series.frames, key=lambda frame: frame.order):
        by_place[_place(frame)].append(frame)
    phases = [list(phase) for phase in zip(*by_place.values(), strict=True)]
    return _numbered(series, phases, [f"the {k + 1}. taken" for k in range(len(phases))], [])


def _numbered(series: Series, groups: list[list[Frame]], labels: list[str], varying: list[str]) -> list[Series]:
    """The parts as series ``4.1``, ``4.2``; where only the kind of image differs each is recognised for itself."""
    if "time point" in varying:
        points = {dict(frame.marks)["time point"] for frame in series.frames}
        series = replace(series, acquisition=replace(series.acquisition, temporal_positions=len(points)))
    parts = []
    for number, (frames, label) in enumerate(zip(groups, labels, strict=True), start=1):
        marks = dict(frames[0].marks)
        acquisition = replace(
            series.acquisition,
            image_type=frames[0].image_type,
            echo_time=float(marks["echo time"]) if marks.get("echo time") else series.acquisition.echo_time,
            b_value=float(marks["b-value"]) if marks.get("b-value") else series.acquisition.b_value,
        )
        part = replace(
            series,
            uid=f"{series.uid} ({label})",
            number=f"{series.number}.{number}",
            description=series.description,
            acquisition=acquisition,
            frames=tuple(frames),
        )
        if len(frames) == 1:
            part = replace(part, problem="one image; a volume needs at least two slices", is_none=True)
        elif varying != ["image type"]:
            part = replace(part, problem=f"one of {len(groups)} images at each position ({label})")
        parts.append(part)
    return parts


def join_single_images(series: list[Series]) -> list[Series]:
    """Put together the series of one image each that are one regular stack: some archives give each slice its own."""
    groups: dict[tuple[object, ...], list[Series]] = defaultdict(list)
    for item in series:
        if len(item.frames) == 1 and not item.problem:
            groups[_likeness(item)].append(item)
    joined: list[Series] = []
    members: set[int] = set()
    for items in groups.values():
        frames = tuple(item.frames[0] for item in items)
        first = min(items, key=lambda item: (len(item.number), item.number))
        joined_series = replace(first, frames=frames)
        if len(items) < 3 or not _is_stack(joined_series):
            continue
        joined.append(joined_series)
        members |= {id(item) for item in items}
    return [item for item in series if id(item) not in members] + joined


def _likeness(series: Series) -> tuple[object, ...]:
    """What the slices of one volume have in common."""
    frame, acquisition = series.frames[0], series.acquisition
    return (
        series.description,
        series.frame_of_reference,
        tuple(np.round(frame.orientation, 3) + 0.0),
        tuple(np.round(frame.spacing, 4)),
        frame.size,
        acquisition.repetition_time,
        frame.marks,
    )


def _is_stack(series: Series) -> bool:
    try:
        sorted_frames(series)
    except GliomicsError:
        return False
    return True
