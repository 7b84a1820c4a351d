"""A part of a tumour corrected by clicks, strokes and boxes: every voxel keeps one value, and far away nothing changes.

A network of tumour parts says how likely each part is. What the user says raises or lowers that around its place, just
so far that the place itself is right, and what follows from it is changed where it hangs together with the place. The
farther away, the surer the network must be to overrule the mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gliomics.errors import InputError
from gliomics.interactive.guidance import REACH, canonical_voxel, require_inside
from gliomics.interactive.refine import LEAST
from gliomics.preprocess import from_canonical, to_canonical
from gliomics.records import Box, Click, Stroke
from gliomics.segmentation.model import PreparedStudy
from gliomics.segmentation.postprocess import PART_VALUES
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import SHOW_WHOLE
from gliomics.study import Mask, check_same_grid
from gliomics.study.numbering import (
    CAVITY,
    CORE,
    ENHANCING,
    OEDEMA,
    PARTS_OF_REGION,
    UNDIVIDED,
    MaskNumbering,
    part_of_name,
)

WHOLE: Final = "whole"
LABELS = {**PART_VALUES, CAVITY: 4}
"""The values of the label maps that are given and returned: BraTS's since 2023, and of 2024 for a resection cavity."""

REGIONS: dict[str, tuple[int, ...]] = {
    WHOLE: tuple(PART_VALUES.values()),
    "tumour-core": tuple(PART_VALUES[part] for part in PARTS_OF_REGION["tumour-core"]),
    **{part: (PART_VALUES[part],) for part in (ENHANCING, CORE, OEDEMA)},
}
"""What can be corrected, and the values that it has in a label map."""

WIDTH = 5.0
"""Standard deviation, in mm within a slice, of what the user's word counts around its place."""

FADE = 1.5
"""The same across slices, in slices."""

MARGIN = 1.0
"""Log-odds by which the place itself is right once the user's word is counted."""

RELIANCE = 2.0
"""Log-odds by which the mask until now is believed against the network, as far as the user's word does not count."""

FARTHEST = 10.0
"""Distance in mm within a slice from the user's place at which nothing changes any more."""

_LEAST_PROBABILITY = 1e-4

_Labels = npt.NDArray[np.uint8]
_Inside = npt.NDArray[np.bool_]
_Place = tuple[int, int, int]


def region_of_name(name: str) -> str:
    """The region of :data:`REGIONS` that a name means, in the usual spellings of its part.

    >>> region_of_name("Peritumoral edema")
    'oedema'

    Raises :class:`InputError` for a name that is none, such as that of a cavity.
    """
    region = name.strip().lower()
    if region not in REGIONS:
        part = part_of_name(name)
        region = WHOLE if part == UNDIVIDED else part or ""
    if region not in REGIONS:
        raise InputError(f"'{name}' is no part of a tumour that can be corrected; give one of {', '.join(REGIONS)}")
    return region


def to_labels(mask: Mask, numbering: MaskNumbering, name: str) -> Mask:
    """A mask with the values of :data:`LABELS`; ``name`` says in errors whose it is.

    Raises :class:`InputError` where it is not known which part each of its values is.
    """
    if any(UNDIVIDED in {each.parts.get(value) for value in numbering.labels} for each in numbering.numberings[:1]):
        raise InputError(
            f"{name} has tumour whose parts are not told apart ({numbering.source}); correct it as a whole lesion, or "
            "begin with a mask of its parts"
        )
    labels = np.zeros(mask.shape, np.uint8)
    for part, value in LABELS.items():
        for number in numbering.labels_of([part], part, name):
            labels[mask.array == number] = value
    return mask.with_array(labels)


class PartCorrector:
    """Corrects parts of a tumour with a network that tells them apart."""

    def __init__(self, segmenter: Segmenter) -> None:
        if not segmenter.settings.inner:
            raise InputError(
                f"model '{segmenter.card.name}' knows the whole lesion alone; a model that tells the parts of a tumour "
                "apart was expected"
            )
        self._segmenter = segmenter

    def click(self, study: PreparedStudy, labels: Mask, region: str, clicks: Sequence[Click]) -> Mask:
        """The label map (:data:`LABELS`) after the last of ``clicks`` on a region; earlier ones keep their voxels.

        A click on the region gives it voxels, each as the likeliest of the region's parts; one beside it takes some
        from it, each for the likeliest of the others. They are within
        :data:`~gliomics.interactive.guidance.REACH` slices and :data:`FARTHEST` mm and hang together with the click;
        at least a small disc around it changes. Raises :class:`InputError` for a region that the images do not show.
        """
        if not clicks:
            raise InputError("there is no click; give at least one")
        change = self._change(study, labels, region, clicks[-1:], "a click")
        seed = change.seeds[0]
        disc = np.zeros_like(change.inside)
        rows, columns = np.indices(disc.shape[:2])
        disc[:, :, seed[2]] = (rows - seed[0]) ** 2 + (columns - seed[1]) ** 2 <= LEAST**2
        return change.made(change.together(change.near() | disc), clicks[:-1])

    def stroke(
        self, study: PreparedStudy, labels: Mask, region: str, stroke: Stroke, kept: Sequence[Click] = ()
    ) -> Mask:
        """As :meth:`click`, for a stroke, all of whose voxels are what the user says; ``kept`` are clicks before it."""
        if not stroke.voxels:
            raise InputError("the stroke has no voxel; draw at least one")
        drawn = [Click(voxel, stroke.lesion) for voxel in stroke.voxels]
        change = self._change(study, labels, region, drawn, "a voxel of the stroke")
        return change.made(change.together(change.near()), kept)

    def box(self, study: PreparedStudy, labels: Mask, region: str, box: Box, kept: Sequence[Click] = ()) -> Mask:
        """The label map after a box: with what is in it of the region added, or without any in it. Outside it stays.

        What is in it is asked as if the middle of each of its slices had been clicked.
        """
        corners = [Click(corner, box.lesion) for corner in (box.first, box.second)]
        first, second = _places(corners, study, "a corner of the box")
        sides = [slice(min(pair), max(pair) + 1) for pair in zip(first, second, strict=True)]
        row, column = ((side.start + side.stop - 1) // 2 for side in sides[:2])
        slices = range(sides[2].start, sides[2].stop)
        middle = [(row, column, number) for number in slices]
        change = self._changes(study, labels, region, middle, slices=slices, added=box.lesion)
        inside = np.zeros_like(change.inside)
        inside[sides[0], sides[1]] = True
        return change.made(inside & change.raised() if box.lesion else inside, kept)

    def _change(self, study: PreparedStudy, labels: Mask, region: str, said: Sequence[Click], what: str) -> _Change:
        places = _places(said, study, what)
        numbers = [place[2] for place in places]
        slices = range(max(0, min(numbers) - REACH), min(study.inputs.canonical.shape[2], max(numbers) + REACH + 1))
        change = self._changes(study, labels, region, places, slices=slices, added=said[-1].lesion)
        if any(change.before[seed] == LABELS[CAVITY] for seed in change.seeds):
            raise InputError(f"{what} is on the resection cavity, which is no tumour; erase the cavity there first")
        return change

    def _changes(
        self,
        study: PreparedStudy,
        labels: Mask,
        region: str,
        places: Sequence[_Place],
        *,
        slices: Sequence[int],
        added: bool,
    ) -> _Change:
        check_same_grid(labels, study.image, "the mask", "the image")
        whole_shown = self._segmenter.shows_whole(study.inputs)
        if not whole_shown and region in (WHOLE, OEDEMA):
            raise InputError(
                f"'{region}' cannot be corrected: without {' or '.join(SHOW_WHOLE)} the study does not show how far "
                "the tumour reaches; add one of these sequences, or draw by hand"
            )
        regions = self._segmenter.probabilities_in(study.inputs, slices)
        for number, rule in enumerate(self._segmenter.settings.rules(whole_shown=whole_shown)):
            # At the threshold of the network's own masks, it is undecided.
            yes, no = regions[number] * (1 - rule.threshold), (1 - regions[number]) * rule.threshold
            regions[number] = yes / (yes + no)
        probabilities = _of_labels(regions, whole_shown)
        seeds = [(i, j, slices.index(k)) for i, j, k in places]
        canonical = to_canonical(labels).array
        return _Change(labels, study, canonical, slices, probabilities, REGIONS[region], seeds, added)


@dataclass(frozen=True)
class _Change:
    """What a user's word may change: some slices of a label map, ``canonical`` (i, j, k), and what the network says.

    ``probabilities`` are (value, i, j, slice), ``values`` those of the region, ``seeds`` the user's places in the
    slices, where the region is (``added``) or is not.
    """

    labels: Mask
    study: PreparedStudy
    canonical: _Labels
    slices: Sequence[int]
    probabilities: npt.NDArray[np.float32]
    values: tuple[int, ...]
    seeds: Sequence[_Place]
    added: bool

    @property
    def before(self) -> _Labels:
        """The label map in the slices."""
        return self.canonical[:, :, self.slices]

    @property
    def inside(self) -> _Inside:
        """The region in the slices."""
        return np.isin(self.before, self.values)

    @property
    def _others(self) -> list[int]:
        return [value for value in (0, *PART_VALUES.values()) if value not in self.values]

    def raised(self) -> _Inside:
        """Where the network says what the user says, once that counts around its place."""
        region, others = (self.probabilities[list(values)].sum(axis=0) for values in (self.values, self._others))
        evidence = np.log(region / others) * (1 if self.added else -1)
        needed = max(0.0, -float(np.median(evidence[self._index]))) + MARGIN
        weight = np.exp(-(self._distance(WIDTH, FADE) ** 2) / 2)
        return np.asarray(evidence + needed * weight - RELIANCE * (1 - weight) > 0)

    def near(self) -> _Inside:
        """The same, no farther than :data:`FARTHEST` from the place."""
        return self.raised() & (self._distance(1.0, np.inf) <= FARTHEST)

    def together(self, proposed: _Inside) -> _Inside:
        """Those of the voxels proposed that change and hang together with the user's places, and these."""
        change = proposed & (self.inside != self.added)
        change[self._index] = True
        components, _ = ndimage.label(change, structure=np.ones((3, 3, 3)))
        return np.isin(components, components[self._index])

    def made(self, change: _Inside, kept: Sequence[Click]) -> Mask:
        """The label map with the voxels that change as the user says; cavities stay, and what ``kept`` said before."""
        values = np.array(self.values if self.added else self._others)
        before, likeliest = self.before, values[self.probabilities[values].argmax(axis=0)]
        change = change & (self.inside != self.added) & (before != LABELS[CAVITY])
        after = self.canonical.copy()
        after[:, :, self.slices] = np.where(change, likeliest, before)
        said = {(i, j, self.slices[number]) for i, j, number in self.seeds}
        for place in set(_places(kept, self.study, "a click")) - said:
            after[place] = self.canonical[place]
        return from_canonical(self.study.inputs.canonical.with_array(after), self.labels)

    @property
    def _index(self) -> tuple[npt.NDArray[np.intp], ...]:
        return tuple(np.array(self.seeds).T)

    def _distance(self, in_plane: float, across: float) -> npt.NDArray[np.float64]:
        """How far each voxel is from the nearest seed, in units of ``in_plane`` mm and ``across`` slices."""
        away = np.ones(self.inside.shape, dtype=bool)
        away[self._index] = False
        i, j, _ = self.study.inputs.canonical.spacing
        distance = ndimage.distance_transform_edt(away, sampling=(i / in_plane, j / in_plane, max(1 / across, 1e-6)))
        return np.asarray(distance)


def _of_labels(probabilities: npt.NDArray[np.float32], whole_shown: bool) -> npt.NDArray[np.float32]:
    """The probability of each value of a label map, (value, i, j, slice), of those of nested regions."""
    core = np.minimum(probabilities[1], probabilities[0]) if whole_shown else probabilities[1]
    whole = probabilities[0] if whole_shown else core
    enhancing = np.minimum(probabilities[2], core)
    values = {
        0: 1 - whole,
        PART_VALUES[CORE]: core - enhancing,
        PART_VALUES[OEDEMA]: whole - core,
        PART_VALUES[ENHANCING]: enhancing,
    }
    return np.asarray(np.clip([values[value] for value in sorted(values)], _LEAST_PROBABILITY, 1.0))


def _places(clicks: Sequence[Click], study: PreparedStudy, what: str) -> list[_Place]:
    """Where clicks are on the canonical grid; :class:`InputError`, naming ``what`` it is, for one beside the image."""
    for click in clicks:
        require_inside(click, study.image, what)
    return [canonical_voxel(click, study.inputs.canonical, study.image) for click in clicks]
