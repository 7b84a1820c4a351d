"""Studies turned into the tensors that networks train on and predict from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from gliomics.errors import InputError
from gliomics.models import SequenceNeeds
from gliomics.preprocess import Plane, SliceGrid, from_canonical, in_plane, standardise, to_canonical
from gliomics.segmentation.settings import SHOW_WHOLE, InputSettings
from gliomics.study.volumes import Mask, Volume


@dataclass(frozen=True)
class Inputs:
    """A study as a network sees it.

    ``images`` is (sequence, slice, size, size) in half precision, zero where the
    sequence is missing; ``present`` says which are there.
    """

    images: torch.Tensor
    present: tuple[bool, ...]
    grid: SliceGrid
    canonical: Volume
    """The reference sequence, standardised, in canonical orientation."""
    step: int = 1
    """Slices from one slice of the context to the next."""
    plane: Plane = "axial"
    views: tuple[Inputs, ...] = ()
    """The study's slices in the planes in which a network looks at it, if it does not look at these alone."""

    @property
    def looked_at(self) -> tuple[Inputs, ...]:
        """The slices that a network is given."""
        return self.views or (self,)

    def here(self, slices: npt.NDArray[np.float32], view: Inputs) -> npt.NDArray[np.float32]:
        """Values in the slices of one of the views (slice, size, size), brought to these slices."""
        if view.images is self.images:
            return slices
        lowest = slices.min()  # what lies outside the square that the view shows gets this
        volume = view.canonical.with_array(view.grid.restore(slices - lowest, view.canonical.shape))
        return np.asarray(self.grid.sample(from_canonical(volume, self.canonical).array) + lowest)

    def with_sequences(self, count: int) -> Inputs:
        """The study, in all its views, as if it had the first ``count`` sequences alone."""
        images = self.images.clone()
        images[count:] = 0
        present = tuple(number < count and is_present for number, is_present in enumerate(self.present))
        alone = replace(self, images=images, present=present, views=())
        views = (alone if view.images is self.images else view.with_sequences(count) for view in self.views)
        return replace(alone, views=tuple(views))

    def windows(self, first: Sequence[int], settings: InputSettings) -> torch.Tensor:
        """Network input (n, sequences * settings.slices, size, size) for the windows that answer from ``first`` on.

        Slices beyond the ends repeat the end.
        """
        before = -self.step * torch.arange(settings.context, 0, -1)
        after = settings.depth - 1 + self.step * torch.arange(1, settings.context + 1)
        offsets = torch.cat([before, torch.arange(settings.depth), after])
        return self.images[:, self.numbers(first, offsets)].transpose(0, 1).flatten(1, 2).float()

    def numbers(self, first: Sequence[int], offsets: torch.Tensor) -> torch.Tensor:
        """Slice numbers (n, offsets) of windows, kept inside the volume."""
        return (torch.as_tensor(first)[:, None] + offsets).clamp(0, self.images.shape[1] - 1)


def prepare(volumes: Mapping[str, Volume], sequences: Iterable[str], settings: InputSettings) -> Inputs:
    """Standardise and resample the ``sequences`` of a study that are in ``volumes``; all must lie on one grid."""
    names = list(sequences)
    reference = next((name for name in ("flair", *names) if name in volumes), None)
    if reference is None:
        raise InputError(f"none of the sequences {', '.join(names)} was given; found {', '.join(volumes) or 'nothing'}")
    available = [name for name in names if name in volumes]
    with ThreadPoolExecutor() as pool:  # numpy sorts and copies without holding the interpreter's lock
        canonical = dict(zip(available, pool.map(to_canonical, [volumes[name] for name in available]), strict=True))
        arrays = pool.map(standardise, [volume.array for volume in canonical.values()])
        standardised = {name: canonical[name].with_array(array) for name, array in zip(available, arrays, strict=True)}
        image = canonical[reference]

        def sampled(plane: Plane) -> Inputs:
            turned = {name: in_plane(volume, plane) for name, volume in standardised.items()}
            grid = SliceGrid.around_head(in_plane(image, plane), settings.size)
            slices = dict(zip(turned, pool.map(grid.sample, [volume.array for volume in turned.values()]), strict=True))
            return replace(_of_slices(slices, names, grid, turned[reference], settings), plane=plane)

        inputs = sampled("axial")
        planes = planes_of(image) if settings.planes == "fitting" else ("axial",)
        views = tuple(inputs if plane == "axial" else sampled(plane) for plane in planes)
    return inputs if planes == ("axial",) else replace(inputs, views=views)


def _of_slices(
    slices: Mapping[str, npt.NDArray[np.float32]],
    names: Sequence[str],
    grid: SliceGrid,
    reference: Volume,
    settings: InputSettings,
) -> Inputs:
    count = reference.shape[2]
    images = torch.zeros(len(names), count, settings.size, settings.size, dtype=torch.float16)
    for name, of_sequence in slices.items():
        images[names.index(name)] = torch.from_numpy(of_sequence)
    step = max(1, round(settings.reach / reference.spacing[2]))
    return Inputs(images, tuple(name in slices for name in names), grid, reference, step)


def planes_of(image: Volume) -> tuple[Plane, ...]:
    """The planes in which the slices of a canonical image show most.

    All three where the image is nearly as deep as it is wide, and so are its voxels; else the one in which it was
    acquired: across the longest side of its voxels, or if these are cubes, the shortest of the image.
    """
    sizes = [spacing * count for spacing, count in zip(image.spacing, image.shape, strict=True)]
    if max(image.spacing) < THICK * min(image.spacing) and max(sizes) < THICK * min(sizes):
        return ("axial", "coronal", "sagittal")
    across: tuple[Plane, ...] = ("sagittal", "coronal", "axial")
    return (across[max(range(3), key=lambda axis: (round(image.spacing[axis], 1), -sizes[axis], axis))],)


def shows_whole(inputs: Inputs, needs: SequenceNeeds) -> bool:
    """Whether the sequences that a study has, of a model's, show how far a tumour reaches."""
    names = [*needs.required, *needs.optional]
    return any(present and name in SHOW_WHOLE for name, present in zip(names, inputs.present, strict=True))


def may_lack_whole(needs: SequenceNeeds) -> bool:
    """Whether a study may have all the sequences that a model requires and not show how far a tumour reaches."""
    return bool(needs.optional) and not set(SHOW_WHOLE).intersection(needs.required)


@dataclass(frozen=True)
class LabelledCase:
    """A labelled study, prepared: ``target`` (slice, size, size) is the fraction of each pixel that is lesion.

    A network that learns fractions puts the edge between pixels: on 88 patients, a mask brought to 192 x 192 and back
    keeps a Dice of 0.999 as fractions and 0.985 as whole pixels. For a model of the lesion's parts, ``inner`` (region,
    slice, size, size) are the fractions of its inner regions. Both are NaN where it is not known.
    """

    study_id: str
    patient_id: str
    inputs: Inputs
    target: torch.Tensor
    lesion: np.ndarray
    """The lesion on the reference's canonical grid, for evaluation."""
    annotated: torch.Tensor | None = None
    """Whether each slice was annotated; None where all were."""
    inner: torch.Tensor | None = None
    inner_lesion: np.ndarray | None = None
    """The inner regions (region, i, j, k) on the reference's canonical grid, for evaluation."""

    @property
    def is_known(self) -> bool:
        """Whether it is known of every pixel if it is lesion."""
        return not bool(self.target.isnan().any())

    @property
    def is_bounded(self) -> bool:
        """Whether any pixel is known to be no lesion: where none is, nobody knows how far the lesion reaches."""
        return bool((self.target == 0).any())

    @property
    def lesion_slices(self) -> torch.Tensor:
        """Whether each slice is known to have a pixel that is mostly lesion."""
        regions = self.target[None] if self.inner is None else torch.cat([self.target[None], self.inner])
        inside = (regions > 0.5).any(dim=0).flatten(1).any(dim=1)
        return inside if self.annotated is None else inside & self.annotated

    def with_sequences(self, count: int) -> LabelledCase:
        """The case as if it had the first ``count`` sequences alone."""
        return replace(self, inputs=self.inputs.with_sequences(count))

    def in_views(self) -> list[LabelledCase]:
        """The case once for each plane in which a network looks at it; as it is where only some slices are labelled."""
        if not self.inputs.views:
            return [self]
        if self.annotated is not None:
            return [replace(self, inputs=replace(self.inputs, views=()))]
        return [self._in_view(view) for view in self.inputs.views]

    def _in_view(self, view: Inputs) -> LabelledCase:
        def turned(array: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
            return np.asarray(from_canonical(self.inputs.canonical.with_array(array), view.canonical).array)

        lesion = turned(self.lesion)
        case = replace(self, inputs=view, target=_fractions(view, lesion), lesion=lesion, inner=None, inner_lesion=None)
        if self.inner is None:
            return case
        if self.inner_lesion is None:
            return of_whole_alone(case, len(self.inner))
        regions = np.stack([turned(region) for region in self.inner_lesion])
        fractions = torch.stack([_fractions(view, region) for region in regions])
        return replace(case, inner=fractions, inner_lesion=regions)

    def of_region(self, number: int) -> LabelledCase:
        """The case with an inner region, by its number among these, in the place of the lesion."""
        if self.inner is None or self.inner_lesion is None:
            raise ValueError(f"case '{self.study_id}' has no inner regions")
        return replace(self, target=self.inner[number], lesion=self.inner_lesion[number], inner=None, inner_lesion=None)

    def answerable(self, first: Sequence[int], depth: int) -> torch.Tensor:
        """Whether what a network should answer for windows of ``depth`` slices is known, (n, depth)."""
        numbers = self.inputs.numbers(first, torch.arange(depth))
        return torch.ones(numbers.shape, dtype=torch.bool) if self.annotated is None else self.annotated[numbers]

    def targets(self, first: Sequence[int], depth: int) -> torch.Tensor:
        """What a network should answer for windows of ``depth`` slices, (n, depth, size, size).

        Of a case with inner regions, ``depth`` is 1, and these follow the lesion: (n, regions, size, size).
        """
        numbers = self.inputs.numbers(first, torch.arange(depth))
        target = self.target[numbers]
        if self.inner is None:
            return target
        return torch.cat([target, self.inner[:, numbers[:, 0]].transpose(0, 1)], dim=1)


def prepare_case(
    study_id: str,
    patient_id: str,
    volumes: Mapping[str, Volume],
    mask: Mask,
    *,
    sequences: Iterable[str],
    settings: InputSettings,
    inner: Sequence[Collection[int]] = (),
) -> LabelledCase:
    """Prepare a study and its mask (any label value above 0 is lesion), which lie on one grid, for networks.

    ``sequences`` are those of the network, in its order; ``inner`` the label values of each inner region that it
    answers for. Raises :class:`InputError` where the study has none of the sequences.
    """
    inputs = prepare(volumes, sequences, settings)
    labels = to_canonical(mask).array
    case = LabelledCase(study_id, patient_id, inputs, _fractions(inputs, labels > 0), labels > 0)
    if not inner:
        return case
    regions = np.stack([np.isin(labels, sorted(values)) for values in inner])
    fractions = torch.stack([_fractions(inputs, region) for region in regions])
    return replace(case, inner=fractions, inner_lesion=regions)


THICK = 2.0
"""How much longer than wide a voxel, or an image, is at least that is not looked at in all planes."""

EDGE_INSIDE, EDGE_OUTSIDE = 2, 6
"""Pixels on either side of the edge of a label of the whole alone of which a model of parts learns nothing."""


def of_whole_alone(case: LabelledCase, inner: int) -> LabelledCase:
    """A case for a model of parts from a label that does not tell them apart: what it says, and no more.

    Outside there is no part; inside, which it is is unknown. How far oedema is drawn differs between conventions
    (Buda's masks and BraTS's of the same patients agree at a Dice of 0.77 to 0.88), so that the edge is unknown too.
    """
    lesion = case.target > 0.5
    disc = np.hypot(*np.mgrid[-EDGE_OUTSIDE : EDGE_OUTSIDE + 1, -EDGE_OUTSIDE : EDGE_OUTSIDE + 1]) <= EDGE_OUTSIDE
    near = torch.from_numpy(ndimage.binary_dilation(lesion.numpy(), disc[None]))
    # Of thick slices, the lesion may begin in the one before or after.
    near[1:] |= lesion[:-1]
    near[:-1] |= lesion[1:]
    cross = ndimage.generate_binary_structure(2, 1)[None]
    core = torch.from_numpy(ndimage.binary_erosion(lesion.numpy(), cross, iterations=EDGE_INSIDE))
    unknown = torch.where(near, torch.nan, 0.0).to(case.target.dtype)
    return replace(case, target=torch.where(core, 1.0, unknown), inner=unknown[None].repeat(inner, 1, 1, 1))


def of_core_alone(case: LabelledCase) -> LabelledCase:
    """A case for a model of parts from a label that does not say how far the tumour reaches beyond its core."""
    return replace(case, target=torch.where(case.target > 0.5, 1.0, torch.nan).to(case.target.dtype))


def _fractions(inputs: Inputs, inside: npt.NDArray[np.bool_]) -> torch.Tensor:
    """The fraction of each pixel (slice, size, size) that lies in a region of the canonical grid."""
    return torch.from_numpy(inputs.grid.sample(inside.astype(np.float32)).astype(np.float16))
