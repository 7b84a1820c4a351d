"""From patches and outcomes of training patients to a tumour network.

A frozen encoder leaves ridge regression on the channels' means over the tumour. One that is tuned starts from that
answer and then learns with it at a low rate, its batch statistics fixed (Kumar 2022: linear probing, then fine-tuning);
one from scratch begins with random weights.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional
from torch.optim.swa_utils import update_bn

from gliomics.errors import InputError
from gliomics.segmentation.device import best_device, seeded
from gliomics.segmentation.networks import SegmentationNetwork, build_network
from gliomics.segmentation.patches import TumourPatches, patch_channels
from gliomics.segmentation.segmenter import Segmenter
from gliomics.statistics.arrays import Array, Classes
from gliomics.training.augment import augment
from gliomics.tumour_network.network import Heads, TumourNetwork, Tumours
from gliomics.tumour_network.settings import FittingSettings

_ITERATIONS = 100
"""Of the ridge regression; it converges within some tens."""
_HEAD_RATE = 0.03
_ENCODER_RATE = {"tuned": 2e-4, "scratch": 2e-3}
_DECAY = 0.05
"""Of the weights, decoupled (Loshchilov and Hutter 2019), while the encoder learns."""
_PATIENTS = 8
"""Patients of a batch."""
_SLICES = 4
"""Patches of each of them, drawn anew every time."""


@dataclass(frozen=True)
class FittedNetwork:
    """A tumour network as an estimator of patients."""

    network: TumourNetwork

    def channels(self, patches: Sequence[TumourPatches]) -> torch.Tensor:
        """What the heads see of patients, (patients, channels)."""
        return channels_of(self.network.encoder, patches)

    def member_probabilities(self, channels: torch.Tensor) -> Array:
        """Of each member from :meth:`channels`, (patients, members, classes)."""
        with torch.no_grad():
            return np.asarray(self.network.heads.probabilities(channels).numpy(), dtype=np.float64)

    def probabilities(self, channels: torch.Tensor) -> Array:
        """Mean over the members, (patients, classes)."""
        return np.asarray(self.member_probabilities(channels).mean(axis=1))


def channels_of(encoder: SegmentationNetwork, patches: Sequence[TumourPatches]) -> torch.Tensor:
    """Means of an encoder's middle maps over each patient's tumour, (patients, channels)."""
    return torch.stack([patch_channels(encoder, one) for one in patches])


def fit_network(
    patches: Sequence[TumourPatches],
    outcome: Classes,
    n_classes: int,
    source: Segmenter,
    settings: FittingSettings,
    *,
    channels: torch.Tensor | None = None,
    step: Callable[[], None] = lambda: None,
) -> FittedNetwork:
    """Fit to patients, one study's patches each; ``outcome`` (patients,) is each one's class.

    The encoder is that of ``source``; ``channels`` are what it makes of the patches, where that is known. Equal input
    and settings give an equal network on the same machine. ``step`` is called before each epoch in which the encoder
    learns; what it raises ends the fitting. Raises :class:`InputError` where a class has no patient.
    """
    if missing := sorted(set(range(n_classes)) - set(outcome.tolist())):
        raise InputError(f"no training patient is of class {missing[0]}; a tumour network needs some of each")
    weights = _patient_weights(outcome, n_classes, settings.members, np.random.default_rng(settings.seed))
    classes = torch.from_numpy(outcome)
    if channels is None:
        channels = channels_of(source.network, patches)
    heads = Heads(channels.shape[1], n_classes, settings.members)
    heads.frequency.copy_(torch.bincount(classes, minlength=n_classes).div(len(outcome)).log())
    if settings.start == "scratch":
        encoder = _random_encoder(source, settings.seed)
    else:
        heads.standardise(channels)
        _fit_heads(heads, channels, classes, weights, settings.penalty)
        encoder = source.network if settings.start == "frozen" else copy.deepcopy(source.network)
    network = TumourNetwork(encoder, heads)
    if settings.start != "frozen":
        _Learning(network, patches, classes, weights, settings).run(step)
    return FittedNetwork(network.requires_grad_(False).eval())


def _random_encoder(source: Segmenter, seed: int) -> SegmentationNetwork:
    with seeded(seed, best_device()):
        return build_network(source.settings.network, len(source.sequences), source.settings.input.slices)


def _patient_weights(outcome: Classes, n_classes: int, members: int, rng: np.random.Generator) -> torch.Tensor:
    """How much each patient counts for each member, (patients, members): all classes together equally much.

    The patients of a member are a bootstrap sample drawn within each class.
    """
    weights = np.zeros((len(outcome), members))
    for k in range(n_classes):
        rows = np.flatnonzero(outcome == k)
        for member in range(members):
            drawn = rng.choice(rows, size=rows.size)
            np.add.at(weights[:, member], drawn, len(outcome) / (n_classes * rows.size))
    return torch.from_numpy(weights).float()


def _loss(log_odds: torch.Tensor, outcome: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted cross-entropy (patients, members) of log-odds (patients, members, classes)."""
    members = log_odds.shape[1]
    repeated = outcome[:, None].expand(-1, members)
    return (
        functional.cross_entropy(log_odds.flatten(0, 1), repeated.flatten(), reduction="none").view_as(weights)
        * weights
    )


def _penalty(heads: Heads, penalty: float, patients: int) -> torch.Tensor:
    """Ridge penalty of all members for one patient of ``patients``."""
    return penalty / 2 * heads.weight.square().sum() / patients


def _fit_heads(
    heads: Heads, pooled: torch.Tensor, outcome: torch.Tensor, weights: torch.Tensor, penalty: float
) -> None:
    """Minimise the members' penalised loss over all patients, which is convex."""
    optimiser = torch.optim.LBFGS(heads.parameters(), max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def objective() -> float:
        optimiser.zero_grad()
        loss = _loss(heads(pooled), outcome, weights).sum() / len(outcome) + _penalty(heads, penalty, len(outcome))
        torch.autograd.backward(loss)
        return loss.item()

    minimise: Callable[[Callable[[], float]], object] = optimiser.step  # which is not typed
    minimise(objective)


def _set_rate(group: dict[str, object], highest: float, progress: float) -> None:
    """Cosine from ``highest`` to 0 (Loshchilov and Hutter 2017)."""
    group["lr"] = highest * 0.5 * (1 + math.cos(math.pi * progress))


class _Learning:
    """The training of encoder and heads together, on patches that are changed at random."""

    def __init__(
        self,
        network: TumourNetwork,
        patches: Sequence[TumourPatches],
        outcome: torch.Tensor,
        weights: torch.Tensor,
        settings: FittingSettings,
    ) -> None:
        self.network, self.patches, self.outcome, self.weights = network, patches, outcome, weights
        self.settings = settings
        self.device = best_device()
        network.to(self.device)
        network.encoder.requires_grad_(True).train(settings.start == "scratch")
        rate = _ENCODER_RATE[settings.start]
        self.rates = [rate, _HEAD_RATE if settings.start == "scratch" else rate]
        groups = [{"params": part.parameters()} for part in (network.encoder, network.heads)]
        self.optimiser = torch.optim.AdamW(groups, lr=rate, weight_decay=_DECAY)
        # Where the channels are learned, too, a ridge on what is made of them would have no measure.
        self.penalty = settings.penalty if settings.start == "tuned" else 0.0

    def run(self, step: Callable[[], None]) -> None:
        """All epochs."""
        settings, patients = self.settings, len(self.patches)
        generator = torch.Generator().manual_seed(settings.seed)
        changes = torch.Generator(self.device).manual_seed(settings.seed)
        batches = math.ceil(patients / _PATIENTS)
        with seeded(settings.seed, self.device):  # for dropout
            for epoch in range(settings.epochs):
                step()
                order = torch.randperm(patients, generator=generator)
                for number, rows in enumerate(order.tensor_split(batches)):
                    progress = (epoch + number / batches) / settings.epochs
                    for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
                        _set_rate(group, rate, progress)
                    self._step(rows, generator, changes)
        if settings.start == "scratch":
            self._count_batch_statistics(generator)
        self.network.heads.cpu()

    def _count_batch_statistics(self, generator: torch.Generator) -> None:
        """Take those of the weights as they are now: the moving averages of so few batches lag behind."""
        images = torch.cat([one.images for one in self.patches])
        order = torch.randperm(len(images), generator=generator)
        batches = (images[rows].float() for rows in torch.split(order, _PATIENTS * _SLICES))
        update_bn(batches, self.network.encoder, self.device)

    def _step(self, rows: torch.Tensor, generator: torch.Generator, changes: torch.Generator) -> None:
        log_odds = self.network(self._examples(rows, generator, changes))
        losses = _loss(log_odds, self.outcome[rows].to(self.device), self.weights[rows].to(self.device))
        loss = losses.sum() / len(rows) + _penalty(self.network.heads, self.penalty, len(self.patches))
        if not math.isfinite(loss.item()):
            raise InputError("the loss of the tumour network is not finite; are the images what they should be?")
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()

    def _examples(self, rows: torch.Tensor, generator: torch.Generator, changes: torch.Generator) -> Tumours:
        """Some patches of each patient, changed at random."""
        images, cover = [], []
        for row in rows.tolist():
            one = self.patches[row]
            drawn = _draw(len(one.numbers), generator)
            images.append(one.images[drawn])
            cover.append(one.cover[drawn])
        shown, covered = (torch.cat(parts).float().to(self.device) for parts in (images, cover))
        shown, covered = augment(shown, covered[:, None], changes)
        shape = (len(rows), _SLICES)
        return Tumours(shown.reshape(*shape, *shown.shape[1:]), covered.reshape(*shape, *covered.shape[2:]))


def _draw(count: int, generator: torch.Generator) -> torch.Tensor:
    """Which patches of a patient are shown; where there are too few, some of them twice."""
    order = [torch.randperm(count, generator=generator) for _ in range(math.ceil(_SLICES / count))]
    return torch.cat(order)[:_SLICES]
