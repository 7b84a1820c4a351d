"""Training of segmentation networks: one function for training from scratch and for fine-tuning."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from gliomics.errors import InputError
from gliomics.files import atomic_path
from gliomics.segmentation.augment import augment
from gliomics.segmentation.cases import Case
from gliomics.segmentation.networks import GbmUNet
from gliomics.segmentation.settings import SegmentationSettings, TrainSettings

State = dict[str, torch.Tensor]
OnEpoch = Callable[[int, int, float], None]
"""Called after each epoch with its number from 1, the number of epochs and the mean loss."""


def bfloat16_is_fast() -> bool:
    """Whether this processor has bfloat16 units (without them, float32 is faster)."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and bool(torch.cpu._is_avx512_bf16_supported())


def build_network(sequences: int, settings: SegmentationSettings) -> GbmUNet:
    """The network of a model card for a number of input sequences."""
    channels = sequences * (2 * settings.input.context + 1)
    network = GbmUNet(channels, settings.network)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def lesion_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy (the GBM system's loss) plus soft Dice over the batch (the LGG system's)."""
    target = target.float()
    probability = torch.sigmoid(logits)
    overlap = 2 * (probability * target).sum() + 1
    soft_dice = overlap / (probability.sum() + target.sum() + 1)
    return functional.binary_cross_entropy_with_logits(logits, target) + 1 - soft_dice


@dataclass
class _Run:
    """Everything that changes while training, so that it can be saved and restored as a whole."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    average: State
    generator: torch.Generator
    epoch: int = 0
    losses: list[float] = field(default_factory=list)

    def save(self, path: Path) -> None:
        with atomic_path(path) as temporary:
            torch.save(
                {
                    "network": self.network.state_dict(),
                    "optimiser": self.optimiser.state_dict(),
                    "average": self.average,
                    "generator": self.generator.get_state(),
                    "torch": torch.get_rng_state(),
                    "epoch": self.epoch,
                    "losses": self.losses,
                },
                temporary,
            )

    def restore(self, path: Path) -> None:
        saved: dict[str, Any] = torch.load(path, weights_only=True)
        self.network.load_state_dict(saved["network"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.average = saved["average"]
        self.generator.set_state(saved["generator"])
        torch.set_rng_state(saved["torch"])
        self.epoch, self.losses = saved["epoch"], saved["losses"]


def train(
    cases: Sequence[Case],
    model: SegmentationSettings,
    settings: TrainSettings,
    *,
    optional: Sequence[bool] = (),
    initial: State | None = None,
    checkpoint: Path | None = None,
    on_epoch: OnEpoch | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> State:
    """Train a network on prepared cases and return its averaged weights.

    ``optional`` says for each sequence whether it may be blanked (``sequence_dropout``).
    ``initial`` weights make it a fine-tuning. With a ``checkpoint`` file, an interrupted
    training continues from its last whole epoch. The weights returned are an exponential
    moving average (Polyak and Juditsky 1992), which does without a choice of the best epoch.
    Cancelling raises :class:`InterruptedError` at the next batch.
    """
    if not any(bool(case.target.any()) for case in cases):
        raise InputError(f"none of the {len(cases)} training studies has a lesion in its mask; label one first")
    torch.manual_seed(settings.seed)
    network = build_network(cases[0].inputs.images.shape[0], model)
    if initial is not None:
        network.load_state_dict(initial)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=1e-4)
    generator = torch.Generator().manual_seed(settings.seed)
    average = {name: value.clone() for name, value in network.state_dict().items()}
    run = _Run(network, optimiser, average, generator)
    if checkpoint is not None and checkpoint.exists():
        run.restore(checkpoint)
    while run.epoch < settings.epochs:
        loss = _one_epoch(run, cases, model, settings, optional, cancelled)
        run.epoch += 1
        run.losses.append(loss)
        if checkpoint is not None:
            run.save(checkpoint)
        if on_epoch is not None:
            on_epoch(run.epoch, settings.epochs, loss)
    return run.average


def _one_epoch(
    run: _Run,
    cases: Sequence[Case],
    model: SegmentationSettings,
    settings: TrainSettings,
    optional: Sequence[bool],
    cancelled: Callable[[], bool],
) -> float:
    run.network.train()
    batches = _draw_slices(cases, settings, run.generator)
    total = 0.0
    for number, batch in enumerate(batches):
        if cancelled():
            raise InterruptedError("training was cancelled")
        for group in run.optimiser.param_groups:
            group["lr"] = _learning_rate(settings, run.epoch + number / len(batches))
        images, target = _load(batch, cases, model.input.context)
        images, target = augment(images, target, run.generator)
        images = _blank(images, batch, cases, settings.sequence_dropout, optional, run.generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16_is_fast()):
            logits = run.network(images.contiguous(memory_format=torch.channels_last))
        loss = lesion_loss(logits.float(), target)
        run.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
        run.optimiser.step()
        _update_average(run, settings.ema)
        total += loss.item()
    return total / len(batches)


def _draw_slices(
    cases: Sequence[Case], settings: TrainSettings, generator: torch.Generator
) -> list[list[tuple[int, int]]]:
    """Batches of (case, slice): every slice with lesion once, and a random share of the others."""
    lesion: list[tuple[int, int]] = []
    empty: list[tuple[int, int]] = []
    for index, case in enumerate(cases):
        for number, inside in enumerate(case.target.flatten(1).any(dim=1).tolist()):
            (lesion if inside else empty).append((index, number))
    wanted = min(len(empty), math.ceil(settings.empty_slices * len(lesion)))
    drawn = lesion + [empty[i] for i in torch.randperm(len(empty), generator=generator)[:wanted].tolist()]
    order = torch.randperm(len(drawn), generator=generator).tolist()
    size = settings.batch
    groups = [[drawn[i] for i in order[start : start + size]] for start in range(0, len(order), size)]
    if len(groups) > 1 and len(groups[-1]) == 1:  # batch norm needs two
        groups.pop()
    return groups


def _load(batch: Sequence[tuple[int, int]], cases: Sequence[Case], context: int) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.cat([cases[case].inputs.slices([number], context) for case, number in batch])
    target = torch.stack([cases[case].target[number] for case, number in batch])[:, None]
    return images, target


def _blank(
    images: torch.Tensor,
    batch: Sequence[tuple[int, int]],
    cases: Sequence[Case],
    probability: float,
    optional: Sequence[bool],
    generator: torch.Generator,
) -> torch.Tensor:
    """Zero the sequences that a case lacks and, at random, optional ones."""
    kept = torch.tensor([cases[case].inputs.present for case, _ in batch])
    if probability and any(optional):
        dropped = (torch.rand(kept.shape, generator=generator) < probability) & torch.tensor(list(optional))
        kept &= ~dropped
    per_sequence = images.shape[1] // kept.shape[1]
    return images * kept.repeat_interleave(per_sequence, dim=1)[:, :, None, None]


def _learning_rate(settings: TrainSettings, epoch: float) -> float:
    """Linear warm-up over the first twentieth, then a cosine to zero (Loshchilov and Hutter 2017)."""
    done = epoch / settings.epochs
    if done < 0.05:
        return settings.learning_rate * (0.1 + 0.9 * done / 0.05)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (done - 0.05) / 0.95))


def _update_average(run: _Run, decay: float) -> None:
    with torch.no_grad():
        for name, value in run.network.state_dict().items():
            average = run.average[name]
            if average.dtype.is_floating_point:
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)
