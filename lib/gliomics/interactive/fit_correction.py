"""Training of a network that corrects masks by what a user says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from gliomics.errors import InputError
from gliomics.interactive.click_benchmark import MOST_CLICKS, attempt, trial_metrics
from gliomics.interactive.guidance import CHANNELS
from gliomics.interactive.refine import Refiner
from gliomics.interactive.simulated_guidance import interactions
from gliomics.models import ModelFolder, write_model_folder
from gliomics.segmentation.inputs import Case
from gliomics.segmentation.labelled import LabelledStudy, load_volumes, prepare_labelled, read_label
from gliomics.segmentation.weights import WEIGHTS, save_weights
from gliomics.study import Mask, find_mask, on_grid_of, read_mask
from gliomics.training.augment import augment
from gliomics.training.card import draft_card
from gliomics.training.config import TrainingConfig
from gliomics.training.distributed import Workers
from gliomics.training.fit import CHECKPOINT, MODEL, ON_SKIPPED, check_new
from gliomics.training.loop import OnEpoch, Run, train
from gliomics.training.sampling import Batch
from gliomics.training.split import Split

CONFIG = Path(__file__).parent / "correction.yaml"
"""The configuration that comes with Gliomics."""

NEAR = 12
"""Pixels of the network around a click on which its loss looks twice."""

_HOW = (
    f"a simulated annotator who clicks near the largest error, at most {MOST_CLICKS} times, on the test patients, "
    "unseen in training, starting from masks of a network that never saw them; 95 % bootstrap over patients"
)


@dataclass(frozen=True)
class CorrectedCase(Case):
    """A labelled study with the mask of a network that never saw it: ``previous`` (slice, size, size)."""

    previous: torch.Tensor = field(kw_only=True)

    @classmethod
    def of(cls, case: Case, mask: Mask) -> CorrectedCase:
        """``case`` with a mask on the grid of its study's image."""
        canonical = on_grid_of(mask, case.inputs.canonical, f"the mask of study '{case.study_id}'")
        sampled = case.inputs.grid.sample((canonical.array > 0).astype(np.float32)).astype(np.float16)
        return cls(**vars(case), previous=torch.from_numpy(sampled))


def with_masks(cases: Sequence[Case], masks: Mapping[str, Mask]) -> list[Case]:
    """Cases with their masks, by study."""
    return [CorrectedCase.of(case, masks[case.study_id]) for case in cases]


class CorrectionRun(Run):
    """A training on simulated interactions, over cases of :func:`with_masks`."""

    extra_channels = CHANNELS

    def examples(
        self, batch: Batch, blanking: torch.Generator, changes: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A batch's images with guidance, and targets."""
        settings = self.model.input
        images = torch.cat([self.cases[case].inputs.windows([first], settings) for case, first in batch])
        both = []
        for number, first in batch:
            case = self.cases[number]
            assert isinstance(case, CorrectedCase)
            around = case.inputs.numbers([first - settings.context], torch.arange(settings.slices))
            both.append(torch.cat([case.target[around], case.previous[around]], dim=1))
        images, masks = augment(images.to(self.device), torch.cat(both).float().to(self.device), changes)
        images = self.without_some_sequences(images, batch, blanking)
        target, previous = masks.chunk(2, dim=1)
        told = interactions(target, previous, blanking)
        self._near = near_interactions(told)
        return torch.cat([images, told], dim=1), target[:, settings.context : settings.context + 1]

    def loss_of(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss of all pixels, and again of those near a click: the mask until now is right about most others."""
        whole = super().loss_of(logits, targets)
        return whole + self.loss(logits[self._near], targets[self._near]) if bool(self._near.any()) else whole


def near_interactions(told: torch.Tensor) -> torch.Tensor:
    """Pixels (n, 1, height, width) within :data:`NEAR` of what guidance (n, CHANNELS * slices, ...) says."""
    said = told.unflatten(1, (CHANNELS, -1))[:, 1:].flatten(1, 2).amax(dim=1, keepdim=True) > 0.1
    return functional.max_pool2d(said.float(), 2 * NEAR + 1, stride=1, padding=NEAR) > 0


def fit_correction(
    labelled: Sequence[LabelledStudy],
    masks: Path,
    config: TrainingConfig,
    split: Split,
    run: Path,
    *,
    population: str,
    encoder_weights: Path | None = None,
    on_epoch: OnEpoch | None = None,
    on_skipped: ON_SKIPPED = lambda study, reason: None,
) -> ModelFolder:
    """Train a network that corrects masks and write the model to ``run/model``.

    ``masks`` holds ``<study id>.nii.gz`` of a network that never saw the study, as a cross-validation leaves them: the
    errors of masks that were learned by heart are not those that users meet. Figures are of a simulated annotator on
    the test patients of ``split``; there are none without these. An interrupted training continues.
    """
    check_new(run)
    parts = split.apply(labelled)
    card = draft_card(config, parts["training"], split, population, encoder_weights)
    card = card.model_copy(update={"task": "refinement"})
    cases, skipped = prepare_labelled(parts["training"], card)
    for study, reason in skipped.items():
        on_skipped(study, reason)
    state = train(
        with_masks(cases, {case.study_id: _read(masks, case.study_id) for case in cases}),
        config.model,
        config.training,
        optional=config.sequences.may_be_missing,
        pretrained_encoder=encoder_weights,
        checkpoint=run / CHECKPOINT,
        on_epoch=on_epoch,
        kind=CorrectionRun,
    )
    Workers.of_this_process().leave_unless_first()
    refiner = Refiner.from_state(card, state)
    trials = []
    for item in parts["test"]:
        volumes = load_volumes(item.study, card)
        image = next(iter(volumes.values()))
        mask = on_grid_of(_read(masks, item.study.id), image, f"the mask of study '{item.study.id}'")
        truth = read_label(item, image)
        trials.append(attempt(refiner, volumes, mask, truth, study_id=item.study.id, patient_id=item.study.patient_id))
    card = card.model_copy(update={"metrics": trial_metrics(trials, _HOW) if trials else []})
    return write_model_folder(run / MODEL, card, {WEIGHTS: partial(save_weights, state)})


def _read(masks: Path, study_id: str) -> Mask:
    path = find_mask(masks, study_id)
    if path is None:
        raise InputError(f"{masks} has no mask {study_id}.nii.gz; it needs one of every labelled study")
    return read_mask(path)
