"""A study's lesion mask from a segmentation model folder, and what every model with a network has."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from gliomics.notebook import card, slice_picture, spoken_spacing
from gliomics.preprocess import from_canonical
from gliomics.segmentation.device import best_device, seeded
from gliomics.segmentation.forward import batches_of, forward, in_parallel
from gliomics.segmentation.inputs import Inputs, shows_whole
from gliomics.segmentation.model import LoadedModel, PreparedStudy
from gliomics.segmentation.postprocess import calibrate, entropy, labels_of
from gliomics.segmentation.settings import SHOW_WHOLE, InputSettings, RegionRule
from gliomics.study.images import write_mask, write_segments
from gliomics.study.numbering import CORE, ENHANCING, OEDEMA
from gliomics.study.segments import NAMED, mask_suffix
from gliomics.study.volumes import Mask, Volume

_drawing = threading.Lock()
"""Held while a network draws: one generator serves all threads."""


@dataclass(frozen=True)
class Segmentation:
    """A mask and the calibrated probabilities behind it, on the grid of the study's own image.

    ``labels`` names the values of the mask; where a model of parts leaves out oedema, the whole is unknown.
    ``probability`` is of the tumour; where a model tells its parts apart, ``parts`` has that of each, and they add up
    to the tumour's.
    """

    mask: Mask
    probability: Volume
    sequences_used: list[str]
    warnings: list[str]
    study_id: str | None = None
    """The study that it is of, where that is known."""
    labels: Mapping[str, int] = field(default_factory=lambda: {"tumour": 1})
    parts: Mapping[str, Volume] = field(default_factory=dict)

    def __repr__(self) -> str:
        of = f"of '{self.study_id}': " if self.study_id is not None else ""
        warnings = f", {len(self.warnings)} warning{'s' * (len(self.warnings) != 1)}" if self.warnings else ""
        return f"Segmentation({of}{self._lesion} from {', '.join(self.sequences_used)}{warnings})"

    def _repr_html_(self) -> str:
        array, affine, inside = self.probability.array, self.probability.affine, self.mask.array > 0
        picture = slice_picture(array, affine, outlined=inside, alternative=repr(self))
        facts = [("lesion", self._lesion), ("sequences", ", ".join(self.sequences_used))]
        facts += [("warning", warning) for warning in self.warnings]
        title = f"Segmentation of {self.study_id}" if self.study_id is not None else "Segmentation"
        return card(title, facts, picture=picture, notice="Grey is the probability of lesion, the outline the mask.")

    @property
    def _lesion(self) -> str:
        return f"{np.count_nonzero(self.mask.array)} voxels of {spoken_spacing(self.mask.spacing)}"

    @property
    def suffix(self) -> str:
        """The type of file that holds all of the mask: one with the names of its values, where it has several."""
        return mask_suffix(self.labels)

    def write_mask(self, path: Path) -> None:
        """Write the mask, atomically; into a ``.seg.nrrd`` file with the names of its values."""
        if path.name.endswith(NAMED):
            write_segments(self.mask, self.labels, path)
        else:
            write_mask(self.mask, path)

    @property
    def uncertainty(self) -> Volume:
        """Entropy of the probability in bits: 0 where the model is sure, 1 where it is undecided."""
        return self.probability.with_array(entropy(self.probability.array) / math.log(2))


class Segmenter(LoadedModel):
    """A segmentation model."""

    task = "segmentation"
    _verb = "segmented"

    def segment(
        self,
        volumes: Mapping[str, Volume],
        *,
        progress: Callable[[float], None] = lambda fraction: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Segmentation:
        """Segment a study from its sequences, which must lie on one grid.

        ``progress`` is called with the fraction done; when ``cancelled`` returns true,
        :class:`InterruptedError` is raised at the next batch of slices.
        """
        return self.segment_prepared(self.prepare(volumes), progress, cancelled)

    def segment_prepared(
        self,
        study: PreparedStudy,
        progress: Callable[[float], None] = lambda fraction: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Segmentation:
        """As :meth:`segment`, for a study that :meth:`prepare` made ready."""
        probabilities = self.probabilities(study.inputs, progress, cancelled)
        whole_shown = self.shows_whole(study.inputs)
        mask = labels_of(probabilities, self.settings, whole_shown=whole_shown)
        warnings = list(study.warnings)
        if not mask.any():
            warnings.append("no lesion was found; check that the image shows one and that the sequence is right")
        if not whole_shown:
            warnings.append(
                f"without {' or '.join(SHOW_WHOLE)} it does not show how far the tumour reaches: the mask has its core "
                "and what enhances; oedema and the whole are unknown"
            )

        def restored(array: npt.NDArray[Any]) -> Volume:
            return from_canonical(study.inputs.canonical.with_array(array), study.image)

        return Segmentation(
            restored(mask),
            restored(probabilities[0 if whole_shown else 1]),
            study.sequences_used,
            warnings,
            labels={part: value for part, value in self.card.labels.items() if whole_shown or part != OEDEMA},
            parts={part: restored(array) for part, array in self._of_parts(probabilities, whole_shown).items()},
        )

    def probability(self, inputs: Inputs) -> Volume:
        """Calibrated lesion probabilities of a prepared study on its canonical grid (i, j, k)."""
        return inputs.canonical.with_array(self.probabilities(inputs)[0])

    def probabilities(
        self,
        inputs: Inputs,
        progress: Callable[[float], None] = lambda fraction: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> npt.NDArray[np.float32]:
        """Calibrated probabilities (region, i, j, k) of each region of the settings, on the canonical grid."""
        return self._calibrated(self._in_all_planes(inputs, progress, cancelled), inputs)

    def probabilities_in(self, inputs: Inputs, slices: Sequence[int]) -> npt.NDArray[np.float32]:
        """The same of some axial slices, (region, i, j, slice), for a network in the plane.

        Of a study that is looked at in several planes, from the axial one alone, which takes a moment.
        """
        view = next((view for view in inputs.looked_at if view.plane == "axial"), None)
        if view is None:
            return self.probabilities(inputs)[..., list(slices)]
        answers = in_parallel(lambda first: self._answer(self.answering, view, first), batches_of(slices))
        return self._calibrated(torch.cat(list(answers)).transpose(0, 1).numpy(), view)

    def _calibrated(self, logits: npt.NDArray[np.float32], inputs: Inputs) -> npt.NDArray[np.float32]:
        """Probabilities (region, i, j, slice) on the canonical grid of logits (region, slice, size, size)."""
        rules = self.settings.rules(whole_shown=self.shows_whole(inputs))
        i, j, _ = inputs.canonical.shape
        regions = [
            inputs.grid.restore(calibrate(slices, rule.calibration), (i, j, len(slices)))
            for slices, rule in zip(logits, rules, strict=True)
        ]
        return np.stack(regions)

    def logits(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """What the network says of the lesion in a prepared study, (slice, size, size), before calibration.

        Of its core, where the whole does not show.
        """
        return np.asarray(self.region_logits(inputs)[self._outermost(inputs)])

    def region_logits(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The same of each region of the settings, (region, slice, size, size); the mean over the planes looked at."""
        return self._in_all_planes(inputs)

    def draws(self, inputs: Inputs, *, samples: int, seed: int) -> npt.NDArray[np.float32]:
        """Calibrated probabilities of the lesion under Monte Carlo dropout, (sample, slice, size, size).

        Of its core, where the whole does not show.
        """
        network, region = _with_dropout(self.answering), self._outermost(inputs)
        with _drawing, seeded(seed, best_device()):
            logits = np.stack([self._logits(network, inputs, drawing=True)[region] for _ in range(samples)])
        return calibrate(logits, self.rule(inputs).calibration)

    def mask_of(self, inputs: Inputs) -> npt.NDArray[np.uint8]:
        """The mask of a prepared study on its canonical grid (i, j, k)."""
        return labels_of(self.probabilities(inputs), self.settings, whole_shown=self.shows_whole(inputs))

    def rule(self, inputs: Inputs) -> RegionRule:
        """What makes a mask of :meth:`logits`: the rule of the lesion, or of its core where the whole does not show."""
        return self.settings.rules(whole_shown=self.shows_whole(inputs))[self._outermost(inputs)]

    def shows_whole(self, inputs: Inputs) -> bool:
        """Whether the sequences that are there show how far a tumour reaches; models of the whole have those."""
        return not self.settings.inner or shows_whole(inputs, self.card.sequences)

    def _outermost(self, inputs: Inputs) -> int:
        """The number of the largest region that shows."""
        return 0 if self.shows_whole(inputs) else 1

    def _of_parts(self, probabilities: npt.NDArray[np.float32], whole_shown: bool) -> dict[str, npt.NDArray[Any]]:
        """The probability of each part, from those of nested regions; none of the oedema where the whole is unknown."""
        if not self.settings.inner:
            return {}
        whole = probabilities[0] if whole_shown else np.ones_like(probabilities[0])
        core = np.minimum(probabilities[1], whole)
        enhancing = np.minimum(probabilities[2], core)
        parts = {CORE: core - enhancing, ENHANCING: enhancing}
        return {OEDEMA: whole - core, **parts} if whole_shown else parts

    def uncertainty(self, volumes: Mapping[str, Volume], *, samples: int = 5, seed: int = 0) -> float:
        """Epistemic uncertainty of a study: the mean mutual information of Monte Carlo dropout, in nats.

        The mean is over the voxels that any sample calls lesion or nearly so, so that the size
        of the head does not enter (Gal and Ghahramani 2016; Houlsby 2011).
        """
        draws = self.draws(self.prepare(volumes).inputs, samples=samples, seed=seed)
        disputed = (draws > 0.1).any(axis=0)
        if not disputed.any():
            return 0.0
        draws = draws[:, disputed]
        information = entropy(draws.mean(axis=0)) - entropy(draws).mean(axis=0)
        return float(information.mean())

    def _in_all_planes(
        self,
        inputs: Inputs,
        progress: Callable[[float], None] = lambda fraction: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> npt.NDArray[np.float32]:
        """Logits (region, slice, size, size) in the slices of ``inputs``, averaged over the planes looked at."""
        slices = [view.images.shape[1] for view in inputs.looked_at]
        total, before = np.zeros((len(self.settings.regions), *inputs.images.shape[1:]), np.float32), 0
        for view, count in zip(inputs.looked_at, slices, strict=True):

            def of_all(fraction: float, before: int = before, count: int = count) -> None:
                progress((before + fraction * count) / sum(slices))

            logits = self._logits(self.answering, view, of_all, cancelled)
            total += np.stack([inputs.here(region, view) for region in logits])
            before += count
        return np.asarray(total / len(slices))

    def _logits(
        self,
        network: nn.Module,
        inputs: Inputs,
        progress: Callable[[float], None] = lambda fraction: None,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        drawing: bool = False,
    ) -> npt.NDArray[np.float32]:
        """Logits (region, slice, size, size), averaged where windows overlap and over the mirror image.

        A network that is ``drawing`` random numbers draws them in order.
        """
        settings = self.settings.input
        count = inputs.images.shape[1]
        total = torch.zeros(len(self.settings.regions), count, settings.size, settings.size)
        times = torch.zeros(count)
        windows = first_slices(count, settings)
        batches, answered = batches_of(windows), 0

        def answer(first: Sequence[int]) -> torch.Tensor:
            return self._answer(network, inputs, first)

        answers = map(answer, batches) if drawing else in_parallel(answer, batches)
        for first in batches:
            if cancelled():
                raise InterruptedError("segmentation was cancelled")
            for number, logits in zip(first, next(answers), strict=True):
                inside = min(settings.depth, count - number)
                # A network in space answers for several slices of one region, one in the plane for one of several.
                answered_regions = logits[:inside][None] if settings.depth > 1 else logits[:, None]
                total[:, number : number + inside] += answered_regions
                times[number : number + inside] += 1
            answered += len(first)
            progress(answered / len(windows))
        return np.asarray((total / times[:, None, None]).numpy())

    def _answer(self, network: nn.Module, inputs: Inputs, first: Sequence[int]) -> torch.Tensor:
        """Logits of the windows that answer from ``first`` on, averaged over the mirror image."""
        images = inputs.windows(first, self.settings.input)
        logits = forward(network, images)
        if self.settings.mirror and inputs.plane != "sagittal":  # axis 2 runs from left to right
            logits = (logits + forward(network, images.flip(2)).flip(2)) / 2
        return logits


def first_slices(count: int, settings: InputSettings) -> list[int]:
    """Windows that cover ``count`` slices by the first slice each answers for; those in space overlap by half.

    >>> first_slices(10, InputSettings(depth=4))
    [0, 2, 4, 6]
    """
    if settings.depth == 1:
        return list(range(count))
    last = max(0, count - settings.depth)
    return sorted({*range(0, last, settings.depth // 2), last})


def _with_dropout(network: nn.Module) -> nn.Module:
    """A copy of the network whose dropout layers draw while its batch statistics stay fixed."""
    drawing = copy.deepcopy(network)
    for module in drawing.modules():
        if isinstance(module, nn.Dropout | nn.Dropout2d | nn.Dropout3d):
            module.train()
    return drawing
