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
from gliomics.interactive.click_benchmark import TRIAL_CLICKS, Trial, run_trial, trial_metrics
from gliomics.interactive.guidance import CHANNELS
from gliomics.interactive.refine import Refiner
from gliomics.interactive.simulated_guidance import interactions
from gliomics.models import ModelFolder, write_model_folder
from gliomics.segmentation.inputs import LabelledCase
from gliomics.segmentation.labelled import LabelledStudy, load_volumes, prepare_labelled, read_label
from gliomics.segmentation.weights import WEIGHTS, save_weights
from gliomics.study import Mask, find_mask, on_grid_of, read_mask
from gliomics.training.augment import augment
from gliomics.training.card import TrainingPlan, draft_card
from gliomics.training.distributed import Workers
from gliomics.training.fit import CHECKPOINT, MODEL, OnSkipped, check_new
from gliomics.training.loop import NetworkTraining, OnEpoch, train
from gliomics.training.sampling import Batch, SliceWindow, load_images

CONFIG = Path(__file__).parent / "correction.yaml"
"""The configuration that comes with Gliomics."""

NEAR = 12
"""Pixels of the network around a click on which its loss looks twice."""

_HOW = (
    f"a simulated annotator who clicks near the largest error, at most {TRIAL_CLICKS} times, on the test patients, "
    "unseen in training, starting from masks of a network that never saw them; 95 % bootstrap over patients"
)


@dataclass(frozen=True)
class CorrectedCase(LabelledCase):
    """A labelled study with the mask of a network that never saw it: ``previous`` (slice, size, size)."""

    previous: torch.Tensor = field(kw_only=True)

    @classmethod
    def of(cls, case: LabelledCase, mask: Mask) -> CorrectedCase:
        """``case`` with a mask on the grid of its study's image."""
        canonical = on_grid_of(mask, case.inputs.canonical, f"the mask of study '{case.study_id}'")
        sampled = case.inputs.grid.sample((canonical.array > 0).astype(np.float32)).astype(np.float16)
        return cls(**vars(case), previous=torch.from_numpy(sampled))


def with_masks(cases: Sequence[LabelledCase], masks: Mapping[str, Mask]) -> list[LabelledCase]:
    """Cases with their masks, by study."""
    return [CorrectedCase.of(case, masks[case.study_id]) for case in cases]


class CorrectionTraining(NetworkTraining):
    """A training on simulated interactions, over cases of :func:`with_masks`."""

    extra_channels = CHANNELS

    def examples(self, windows: Sequence[SliceWindow], blanking: torch.Generator, changes: torch.Generator) -> Batch:
        """The windows' images with guidance, and targets; those near an interaction are emphasised.

        About most others the mask until now is right.
        """
        settings = self.model.input
        images = load_images(windows, self.cases, settings)
        masks = torch.cat([self._masks_of(window) for window in windows]).float()
        images, masks = augment(images.to(self.device), masks.to(self.device), changes)
        images = self.blanked(images, self.visible(windows, blanking))
        target, previous = masks.chunk(2, dim=1)
        guidance = interactions(target, previous, blanking)
        return Batch(
            images=torch.cat([images, guidance], dim=1),
            targets=target[:, settings.context : settings.context + 1],
            annotated=self.annotated(windows),
            emphasised=near_interactions(guidance),
        )

    def _masks_of(self, window: SliceWindow) -> torch.Tensor:
        """What is true and what a network made of it in all slices of a window, (1, 2 * slices, size, size)."""
        case, settings = self.cases[window.case], self.model.input
        assert isinstance(case, CorrectedCase)
        slices = case.inputs.numbers([window.first_slice - settings.context], torch.arange(settings.slices))
        return torch.cat([case.target[slices], case.previous[slices]], dim=1)


def near_interactions(guidance: torch.Tensor) -> torch.Tensor:
    """Pixels (n, 1, height, width) within :data:`NEAR` of what guidance (n, CHANNELS * slices, ...) says."""
    n, channels, height, width = guidance.shape
    said_by_user = guidance.reshape(n, CHANNELS, channels // CHANNELS, height, width)[:, 1:].flatten(1, 2)
    places = said_by_user.amax(dim=1, keepdim=True) > 0.1
    return functional.max_pool2d(places.float(), 2 * NEAR + 1, stride=1, padding=NEAR) > 0


def fit_correction(
    labelled: Sequence[LabelledStudy],
    masks: Path,
    plan: TrainingPlan,
    run: Path,
    *,
    on_epoch: OnEpoch | None = None,
    on_skipped: OnSkipped = lambda study, reason: None,
) -> ModelFolder | None:
    """Train a network that corrects masks and write the model to ``run/model``.

    ``masks`` holds ``<study id>.nii.gz`` of a network that never saw the study, as a cross-validation leaves them: the
    errors of masks that were learned by heart are not those that users meet. Figures are of a simulated annotator on
    the test patients of the plan's split; there are none without these. An interrupted training continues. Of several
    processes under ``torchrun`` the first alone judges and writes the model; the others return None.
    """
    check_new(run)
    parts = plan.split.apply(labelled)
    card = draft_card(plan, parts["training"]).model_copy(update={"task": "refinement"})
    cases, skipped = prepare_labelled(parts["training"], card)
    for study, reason in skipped.items():
        on_skipped(study, reason)
    config = plan.config
    training = CorrectionTraining(
        with_masks(cases, {case.study_id: _read(masks, case.study_id) for case in cases}),
        config.model,
        config.training,
        sequences=config.sequences,
        pretrained_encoder=plan.encoder_weights,
    )
    state = train(training, checkpoint=run / CHECKPOINT, on_epoch=on_epoch)
    if not Workers.of_this_process().is_first:
        return None
    trials = _trials(Refiner.from_state(card, state), parts["test"], masks)
    card = card.model_copy(update={"metrics": trial_metrics(trials, _HOW) if trials else []})
    return write_model_folder(run / MODEL, card, {WEIGHTS: partial(save_weights, state)})


def _trials(refiner: Refiner, labelled: Sequence[LabelledStudy], masks: Path) -> list[Trial]:
    """A simulated annotator's trial of each study."""
    trials = []
    for item in labelled:
        study = item.study
        volumes = load_volumes(study, refiner.card)
        image = next(iter(volumes.values()))
        mask = on_grid_of(_read(masks, study.id), image, f"the mask of study '{study.id}'")
        truth = read_label(item, image)
        trials.append(run_trial(refiner, volumes, mask, truth, study_id=study.id, patient_id=study.patient_id))
    return trials


def _read(masks: Path, study_id: str) -> Mask:
    path = find_mask(masks, study_id)
    if path is None:
        raise InputError(f"{masks} has no mask {study_id}.nii.gz; it needs one of every labelled study")
    return read_mask(path)
