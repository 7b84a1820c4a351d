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

from gliomics.errors import InputError
from gliomics.segmentation.device import best_device, mixed_precision
from gliomics.segmentation.inputs import Case
from gliomics.segmentation.losses import LOSSES, slice_cross_entropy
from gliomics.segmentation.networks import build_network
from gliomics.segmentation.settings import SegmentationSettings, TrainSettings
from gliomics.segmentation.weights import State
from gliomics.training.augment import augment
from gliomics.training.checkpoint import Checkpoint, EpochRecord
from gliomics.training.distributed import Workers
from gliomics.training.sampling import Batch, answerable, draw_batches, kept_sequences, load_batch

OnEpoch = Callable[[Sequence[EpochRecord], int], None]
"""Called after each epoch with the records of all epochs until now and the number of epochs there will be."""


def train(
    cases: Sequence[Case],
    model: SegmentationSettings,
    settings: TrainSettings,
    *,
    optional: Sequence[bool] = (),
    initial: State | None = None,
    pretrained_encoder: Path | None = None,
    checkpoint: Path | None = None,
    validate: Callable[[State], float] | None = None,
    on_epoch: OnEpoch | None = None,
    stop: Callable[[State], bool] = lambda state: False,
    cancelled: Callable[[], bool] = lambda: False,
    kind: type[Run] | None = None,
) -> State:
    """Train a network on prepared cases and return its averaged weights.

    ``optional`` says for each sequence whether it may be blanked (``sequence_dropout``). ``initial`` weights make it a
    fine-tuning. With a ``checkpoint`` file, an interrupted training continues from its last whole epoch and ends at the
    same weights, because every epoch draws its random numbers anew from the seed and the epoch. The weights returned
    are an exponential moving average (Polyak and Juditsky 1992), which does without a choice of the best epoch;
    ``validate`` scores them five times on the way, for the curves alone. Under ``torchrun`` every process trains on a
    share of each batch, and all return the same weights. Cancelling raises :class:`InterruptedError` at the next batch.
    ``stop`` sees the averaged weights after each epoch (they change later); the training ends when it answers true.
    ``kind`` is another kind of run than one from images to masks.
    """
    if not any(bool(case.lesion_slices.any()) for case in cases):
        raise InputError(f"none of the {len(cases)} training studies has a lesion in its mask; label one first")
    run = (kind or Run)(cases, model, settings, optional, initial, pretrained_encoder)
    if checkpoint is not None:
        run.resume(checkpoint)
    while len(run.records) < settings.epochs:
        run.one_epoch(cancelled)
        every = math.ceil(settings.epochs / 5)
        if validate is not None and (len(run.records) % every == 0 or len(run.records) == settings.epochs):
            run.records[-1] = run.records[-1].with_validation(validate(run.average))
        if checkpoint is not None and run.workers.first:
            run.checkpoint().save(checkpoint)
        if on_epoch is not None and run.workers.first:
            on_epoch(run.records, settings.epochs)
        if stop(run.average):
            break
    return run.average


class Run:
    """A training under way: the network and everything that changes with it."""

    extra_channels = 0
    """Channels that the network sees beside each sequence's slices."""

    def __init__(
        self,
        cases: Sequence[Case],
        model: SegmentationSettings,
        settings: TrainSettings,
        optional: Sequence[bool],
        initial: State | None,
        pretrained_encoder: Path | None,
    ) -> None:
        self.cases, self.model, self.settings, self.optional = cases, model, settings, optional
        self.workers = Workers.of_this_process()
        self.device = best_device()
        torch.manual_seed(settings.seed)
        channels = cases[0].inputs.images.shape[0] + self.extra_channels
        network = build_network(model.network, channels, model.input.slices)
        if pretrained_encoder is not None:
            network.load_encoder(pretrained_encoder)
        if initial is not None:
            network.load_state_dict(initial)
        self.network = network.to(self.device)
        self.parallel = self.workers.parallel(self.network)
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=1e-4)
        self.average = {name: value.cpu().clone() for name, value in network.state_dict().items()}
        self.records: list[EpochRecord] = []
        segments = model.network.task == "segmentation"
        self.loss = LOSSES[settings.loss] if segments else slice_cross_entropy

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint, which must be of the same training, if there is one."""
        saved = Checkpoint.load(path, self._identity())
        if saved is not None:
            self.network.load_state_dict(saved.network)
            self.optimiser.load_state_dict(saved.optimiser)
            self.average, self.records = saved.average, saved.records

    def checkpoint(self) -> Checkpoint:
        """Everything that :meth:`resume` needs."""
        return Checkpoint(
            self._identity(), self.network.state_dict(), self.optimiser.state_dict(), self.average, self.records
        )

    def one_epoch(self, cancelled: Callable[[], bool]) -> None:
        """Train on one epoch's batches and record it."""
        started, epoch = time.monotonic(), len(self.records)
        shared = _generator(self.settings.seed, epoch, "batches")
        blanking = _generator(self.settings.seed, epoch, f"blanking {self.workers.rank}")
        changes = _generator(self.settings.seed, epoch, f"changes {self.workers.rank}", self.device)
        torch.manual_seed(blanking.initial_seed())  # for dropout
        self.network.train()
        batches = draw_batches(self.cases, self.model.input, self.settings, shared)
        total = 0.0
        for number, batch in enumerate(batches):
            if cancelled():
                raise InterruptedError("training was cancelled")
            for group in self.optimiser.param_groups:
                group["lr"] = learning_rate(self.settings, epoch + number / len(batches))
            total += self._step(self.workers.share(batch), blanking, changes)
        mean = total / len(batches)
        if not math.isfinite(mean):
            raise InputError(f"the loss became {mean} in epoch {epoch + 1}; lower learning_rate")
        self.records.append(EpochRecord(epoch + 1, mean, time.monotonic() - started))

    def examples(
        self, batch: Batch, blanking: torch.Generator, changes: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A batch's images and targets, changed at random."""
        images, targets = load_batch(batch, self.cases, self.model.input)
        images, targets = augment(images.to(self.device), targets.to(self.device), changes)
        return self.without_some_sequences(images, batch, blanking), targets

    def without_some_sequences(self, images: torch.Tensor, batch: Batch, blanking: torch.Generator) -> torch.Tensor:
        """Images of a batch without the sequences that a case lacks, and without optional ones at random."""
        kept = kept_sequences(batch, self.cases, self.optional, self.settings.sequence_dropout, blanking)
        return images * kept.repeat_interleave(self.model.input.slices, dim=1)[:, :, None, None].to(self.device)

    def _step(self, batch: Batch, blanking: torch.Generator, changes: torch.Generator) -> float:
        images, targets = self.examples(batch, blanking, changes)
        with mixed_precision(self.device):
            logits = self.parallel(images.contiguous(memory_format=torch.channels_last))
        loss = self.loss_of(*self._answerable(batch, logits.float(), targets))
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self._update_average()
        return float(loss.item())

    def loss_of(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """What is made small: the loss of a batch's answers (n, depth, size, size)."""
        return self.loss(logits, targets)

    def _answerable(
        self, batch: Batch, logits: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The slices that were annotated; in the plane, others are not drawn."""
        known = answerable(batch, self.cases, self.model.input).to(logits.device)
        return (logits, targets) if known.all() else (logits[known], targets[known])

    def _update_average(self) -> None:
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                average = self.average[name]
                if average.dtype.is_floating_point:
                    average.lerp_(value.to(average.device), 1 - self.settings.ema)
                else:
                    average.copy_(value)

    def _identity(self) -> str:
        """A hash of what a training is: its settings and its cases."""
        cases = [(case.study_id, float(case.target.double().sum())) for case in self.cases]
        known = [case.known.tolist() for case in self.cases if case.known is not None]
        parts = [self.model.model_dump(), self.settings.model_dump(), list(self.optional), cases, *known]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def learning_rate(settings: TrainSettings, epoch: float) -> float:
    """Linear warm-up over the first twentieth, then a cosine to zero (Loshchilov and Hutter 2017)."""
    done = epoch / settings.epochs
    if done < 0.05:
        return settings.learning_rate * (0.1 + 0.9 * done / 0.05)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (done - 0.05) / 0.95))


def _generator(seed: int, epoch: int, stream: str, device: torch.device | str = "cpu") -> torch.Generator:
    mixed = hashlib.sha256(f"{seed} {epoch} {stream}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(mixed[:4], "big"))
