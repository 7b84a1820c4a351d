"""Training of networks: one function for training from scratch and for fine-tuning."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import PARAM_LIST, AveragedModel, get_ema_multi_avg_fn

from gliomics.errors import InputError
from gliomics.models import SequenceNeeds
from gliomics.segmentation.device import best_device, mixed_precision, seeded
from gliomics.segmentation.inputs import LabelledCase
from gliomics.segmentation.losses import LOSSES, slice_cross_entropy
from gliomics.segmentation.networks import build_network
from gliomics.segmentation.settings import SHOW_WHOLE, SegmentationSettings, TrainSettings
from gliomics.segmentation.weights import State
from gliomics.study.numbering import CORE, ENHANCING, OEDEMA
from gliomics.training.augment import augment
from gliomics.training.checkpoint import Checkpoint, EpochRecord
from gliomics.training.distributed import Workers
from gliomics.training.sampling import (
    Batch,
    SliceWindow,
    annotated_slices,
    draw_batches,
    load_images,
    load_targets,
    visible_sequences,
)

_Update = Callable[[PARAM_LIST, PARAM_LIST, torch.Tensor | int], None]
_exponential: Callable[[float], _Update] = get_ema_multi_avg_fn  # which is not typed

_FLAIR_ALONE = SequenceNeeds(required=["flair"])

OnEpoch = Callable[[Sequence[EpochRecord], int], None]
"""Called after each epoch with the records of all epochs until now and the number of epochs there will be."""


def train(
    training: NetworkTraining,
    *,
    checkpoint: Path | None = None,
    validate: Callable[[State], float] | None = None,
    on_epoch: OnEpoch | None = None,
    stop: Callable[[State], bool] = lambda state: False,
    cancelled: Callable[[], bool] = lambda: False,
) -> State:
    """Train a network on prepared cases and return its averaged weights.

    With a ``checkpoint`` file, an interrupted training continues from its last whole epoch and ends at the same
    weights, because every epoch draws its random numbers anew from the seed and the epoch. The weights returned are an
    exponential moving average (Polyak and Juditsky 1992), which does without a choice of the best epoch; ``validate``
    scores them five times on the way, for the curves alone. Under ``torchrun`` every process trains on a share of each
    batch, and all return the same weights. Cancelling raises :class:`InterruptedError` at the next batch. ``stop`` sees
    the averaged weights after each epoch (they change later), before ``on_epoch``; the training ends when it answers
    true.
    """
    epochs, reports = training.settings.epochs, training.workers.is_first
    if checkpoint is not None:
        training.resume(checkpoint)
    while len(training.records) < epochs:
        training.one_epoch(cancelled)
        every = math.ceil(epochs / 5)
        if validate is not None and (len(training.records) % every == 0 or len(training.records) == epochs):
            training.records[-1] = training.records[-1].with_validation(validate(training.averaged_weights()))
        if checkpoint is not None and reports:
            training.checkpoint().save(checkpoint)
        ends = stop(training.averaged_weights())
        if on_epoch is not None and reports:
            on_epoch(training.records, epochs)
        if ends:
            break
    return training.averaged_weights()


class NetworkTraining:
    """A training under way: the network and everything that changes with it.

    ``sequences`` are the model's; optional ones may be blanked (``sequence_dropout``). ``initial`` weights make it a
    fine-tuning; ``pretrained_encoder`` is a file of weights for the encoder alone. Raises :class:`InputError` where no
    case has a lesion.
    """

    extra_channels = 0
    """Channels that the network sees beside each sequence's slices."""

    def __init__(
        self,
        cases: Sequence[LabelledCase],
        model: SegmentationSettings,
        settings: TrainSettings,
        *,
        sequences: SequenceNeeds = _FLAIR_ALONE,
        initial: State | None = None,
        pretrained_encoder: Path | None = None,
    ) -> None:
        if not any(bool(case.lesion_slices.any()) for case in cases):
            raise InputError(f"none of the {len(cases)} training studies has a lesion in its mask; label one first")
        if model.inner and all(case.inner is None or bool(case.inner.isnan().any()) for case in cases):
            raise InputError(
                f"the labels of all {len(cases)} training studies are of the whole tumour alone, and the model is of "
                f"its parts; label {CORE}, {OEDEMA} and {ENHANCING} in one at least"
            )
        self.cases = [seen for case in cases for seen in case.in_views()]
        self.model, self.settings, self.sequences = model, settings, sequences
        self.workers = Workers.of_this_process()
        self.device = best_device()
        channels = cases[0].inputs.images.shape[0] + self.extra_channels
        with seeded(settings.seed, self.device):
            network = build_network(model.network, channels, model.input.slices, len(model.regions))
        if pretrained_encoder is not None:
            network.load_encoder(pretrained_encoder)
        if initial is not None:
            network.load_state_dict(initial)
        self.network = network.to(self.device)
        self.average = AveragedModel(self.network, multi_avg_fn=_moving_average(settings.ema), use_buffers=True)
        self.average.update_parameters(self.network)  # the first one is a copy: the average begins with the training
        self.parallel = self.workers.parallel(self.network)
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=1e-4)
        self.records: list[EpochRecord] = []
        segments = model.network.task == "segmentation"
        self.loss = LOSSES[settings.loss] if segments else slice_cross_entropy

    def averaged_weights(self) -> State:
        """The moving average of the weights until now, on the processor."""
        return {name: value.cpu() for name, value in self.average.module.state_dict().items()}

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint, which must be of the same training, if there is one."""
        checkpoint = Checkpoint.load(path, self._identity())
        if checkpoint is not None:
            self.network.load_state_dict(checkpoint.network)
            self.optimiser.load_state_dict(checkpoint.optimiser)
            self.average.module.load_state_dict(checkpoint.average)
            self.records = checkpoint.records

    def checkpoint(self) -> Checkpoint:
        """Everything that :meth:`resume` needs."""
        return Checkpoint(
            identity=self._identity(),
            network=self.network.state_dict(),
            optimiser=self.optimiser.state_dict(),
            average=self.average.module.state_dict(),
            records=self.records,
        )

    def one_epoch(self, cancelled: Callable[[], bool]) -> None:
        """Train on one epoch's batches and record it."""
        start, epoch = time.monotonic(), len(self.records)
        shared = _generator(self.settings.seed, epoch, "batches")
        blanking = _generator(self.settings.seed, epoch, f"blanking {self.workers.rank}")
        changes = _generator(self.settings.seed, epoch, f"changes {self.workers.rank}", self.device)
        self.network.train()
        batches = draw_batches(self.cases, self.model.input, self.settings, shared)
        total = 0.0
        with seeded(blanking.initial_seed(), self.device):  # for dropout
            for number, windows in enumerate(batches):
                if cancelled():
                    raise InterruptedError("training was cancelled")
                for group in self.optimiser.param_groups:
                    group["lr"] = learning_rate(self.settings, epoch + number / len(batches))
                total += self._step(self.examples(self.workers.share(windows), blanking, changes))
        mean = total / len(batches)
        if not math.isfinite(mean):
            raise InputError(f"the loss became {mean} in epoch {epoch + 1}; lower learning_rate")
        self.records.append(EpochRecord(epoch + 1, mean, time.monotonic() - start))

    def examples(self, windows: Sequence[SliceWindow], blanking: torch.Generator, changes: torch.Generator) -> Batch:
        """The windows' images and targets, changed at random."""
        images = load_images(windows, self.cases, self.model.input)
        targets = load_targets(windows, self.cases, self.model.input)
        images, targets = augment(images.to(self.device), targets.to(self.device), changes)
        visible = self.visible(windows, blanking)
        if self.model.inner:
            targets[~shows_whole(visible, self.sequences), 0] = torch.nan
        return Batch(self.blanked(images, visible), targets, self.annotated(windows))

    def annotated(self, windows: Sequence[SliceWindow]) -> torch.Tensor:
        """Which slices (n, depth) of windows were annotated; in the plane, others are not drawn."""
        return annotated_slices(windows, self.cases, self.model.input).to(self.device)

    def visible(self, windows: Sequence[SliceWindow], blanking: torch.Generator) -> torch.Tensor:
        """Which sequences (n, sequences) windows show: not those that a case lacks, nor optional ones at random."""
        optional, dropout = self.sequences.may_be_missing, self.settings.sequence_dropout
        return visible_sequences(windows, self.cases, optional, dropout=dropout, generator=blanking)

    def blanked(self, images: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
        """Images of windows without the sequences that are not visible."""
        return images * visible.repeat_interleave(self.model.input.slices, dim=1)[:, :, None, None].to(self.device)

    def _step(self, batch: Batch) -> float:
        with mixed_precision(self.device):
            logits = self.parallel(batch.images.contiguous(memory_format=torch.channels_last))
        loss = self._loss_of(logits.float(), batch)
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        return float(loss.item())

    def _loss_of(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """What is made small: the mean over regions of the loss where they are known, and that of emphasised pixels."""
        targets, annotated, emphasised = batch.targets, batch.annotated, batch.emphasised
        if self.model.inner:
            known = ~targets.isnan() & annotated[:, :, None, None]
            losses = [
                self.loss(logits[:, region][inside], targets[:, region][inside])
                for region in range(targets.shape[1])
                if (inside := known[:, region]).any()
            ]
            return torch.stack(losses).mean() if losses else logits.sum() * 0
        loss = self.loss(logits, targets) if annotated.all() else self.loss(logits[annotated], targets[annotated])
        if emphasised is None:
            return loss
        emphasised = emphasised & annotated[:, :, None, None]
        return loss + self.loss(logits[emphasised], targets[emphasised]) if emphasised.any() else loss

    def _identity(self) -> str:
        """A hash of what a training is: its settings and its cases."""
        cases = [(case.study_id, float(case.target.double().nansum())) for case in self.cases]
        annotated = [case.annotated.tolist() for case in self.cases if case.annotated is not None]
        optional = self.sequences.may_be_missing
        parts = [self.model.model_dump(), self.settings.model_dump(), optional, cases, *annotated]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def shows_whole(visible: torch.Tensor, sequences: SequenceNeeds) -> torch.Tensor:
    """Whether windows show the whole tumour, (n,), by which sequences (n, sequences) they show."""
    names = [*sequences.required, *sequences.optional]
    return visible[:, [name in SHOW_WHOLE for name in names]].any(dim=1)


def learning_rate(settings: TrainSettings, epoch: float) -> float:
    """Linear warm-up over the first twentieth, then a cosine to zero (Loshchilov and Hutter 2017).

    >>> settings = TrainSettings(epochs=20, learning_rate=0.01)
    >>> [round(learning_rate(settings, epoch), 4) for epoch in (0, 1, 10.5, 20)]
    [0.001, 0.01, 0.005, 0.0]
    """
    progress = epoch / settings.epochs
    if progress < 0.05:
        return settings.learning_rate * (0.1 + 0.9 * progress / 0.05)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (progress - 0.05) / 0.95))


def _moving_average(decay: float) -> _Update:
    """How an average follows a network: exponentially in weights and batch statistics, at once in counters."""
    follow = _exponential(decay)

    def update(averages: PARAM_LIST, values: PARAM_LIST, count: torch.Tensor | int) -> None:
        if averages[0].is_floating_point():
            follow(averages, values, count)
        else:
            for average, value in zip(averages, values, strict=True):
                average.copy_(value)

    return update


def _generator(seed: int, epoch: int, stream: str, device: torch.device | str = "cpu") -> torch.Generator:
    mixed = hashlib.sha256(f"{seed} {epoch} {stream}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(mixed[:4], "big"))
