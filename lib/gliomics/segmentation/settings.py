"""Settings of a segmentation model, as they stand in its model card."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gliomics.models import ModelCard
from gliomics.segmentation.losses import LossName
from gliomics.segmentation.networks import GbmUNetSettings, NetworkSettings
from gliomics.validated import validated


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


InnerRegion = Literal["tumour-core", "enhancing"]
INNER_REGIONS: tuple[InnerRegion, InnerRegion] = ("tumour-core", "enhancing")
Region = Literal["whole", "tumour-core", "enhancing"]
"""Regions of a glioma, each inside the one before (Menze 2015).

All of it; without the oedema; what takes up contrast agent.
"""

SHOW_WHOLE = ("flair", "t2")
"""Sequences of which one at least must be there to see where a tumour ends: oedema does not show in others."""


class InputSettings(_Settings):
    """What the network sees at once: ``depth`` square axial slices of ``size`` pixels, ``context`` more on each side.

    The network answers for ``depth`` slices: 1 for a network in the plane, more for one in space. The slices of the
    context lie ``reach`` mm apart, as nearly as the slices allow; 0 is the very next ones.

    ``planes`` says how a network looks at a study: at its ``axial`` slices, or ``fitting`` the study: at its slices as
    they were acquired, and where voxels are nearly as long as wide, in all three planes, whose answers are averaged.
    """

    size: int = Field(default=256, ge=32, le=512, multiple_of=16)
    context: int = Field(default=0, ge=0, le=3)
    depth: int = Field(default=1, ge=1, le=64)
    reach: float = Field(default=0.0, ge=0, le=20)
    planes: Literal["axial", "fitting"] = "axial"

    @property
    def slices(self) -> int:
        """Slices of each sequence that the network is given."""
        return self.depth + 2 * self.context


class CalibrationSettings(_Settings):
    """From the network's logit z to a probability that comes true: sigmoid(slope * z + intercept) (Platt 1999)."""

    slope: float = Field(default=1.0, gt=0)
    intercept: float = 0.0


class PostprocessSettings(_Settings):
    """From probabilities to a mask: components smaller than a fraction of the largest are dropped.

    1 keeps the largest component alone, 0 keeps all.
    """

    threshold: float = Field(default=0.5, gt=0, lt=1)
    smallest_component: float = Field(default=0.1, ge=0, le=1)


class RegionRule(_Settings):
    """What makes probabilities of a region's logits, and a mask of these, as :class:`PostprocessSettings` do."""

    calibration: CalibrationSettings = CalibrationSettings()
    threshold: float = Field(default=0.5, gt=0, lt=1)
    smallest_component: float = Field(default=0.0, ge=0, le=1)


class InnerRegionSettings(RegionRule):
    """A region inside the lesion that the network answers for, too."""

    region: InnerRegion
    without_whole: RegionRule | None = None
    """The rule for studies whose sequences do not show the whole, of which a network is less sure; the same if None."""

    def rule(self, *, whole_shown: bool) -> RegionRule:
        """The rule for a study whose sequences show the whole, or do not."""
        return self if whole_shown or self.without_whole is None else self.without_whole


class SegmentationSettings(_Settings):
    """The ``settings`` of a segmentation model card."""

    network: NetworkSettings = GbmUNetSettings()
    input: InputSettings = InputSettings()
    mirror: bool = False
    """Average the logits of each slice and of its left-right mirror image; sagittal slices have none."""
    calibration: CalibrationSettings = CalibrationSettings()
    postprocess: PostprocessSettings = PostprocessSettings()
    inner: tuple[InnerRegionSettings, ...] = ()
    """None for a model of the whole lesion; its core and the enhancing tumour for one of its parts."""

    @property
    def regions(self) -> tuple[Region, ...]:
        """What the network answers for, each inside the one before."""
        return ("whole", *(item.region for item in self.inner))

    def rules(self, *, whole_shown: bool) -> list[RegionRule]:
        """The rule of each of the :attr:`regions`, for a study whose sequences show the whole, or do not."""
        whole = RegionRule(calibration=self.calibration, **self.postprocess.model_dump())
        return [whole, *(item.rule(whole_shown=whole_shown) for item in self.inner)]

    @model_validator(mode="after")
    def _inner_regions_suit(self) -> SegmentationSettings:
        names = tuple(item.region for item in self.inner)
        if names not in ((), INNER_REGIONS):
            raise ValueError(f"inner must be {', then '.join(INNER_REGIONS)}, or nothing; found {', '.join(names)}")
        if self.inner and not self.network.segments_in_plane:
            raise ValueError(
                f"network '{self.network.kind}' answers for the whole lesion alone; leave inner out, or take a network "
                "that segments in the plane"
            )
        return self

    @model_validator(mode="after")
    def _depth_suits_network(self) -> SegmentationSettings:
        if self.network.in_space != (self.input.depth > 1):
            expected = "input.depth above 1" if self.network.in_space else "input.depth 1"
            raise ValueError(f"network '{self.network.kind}' needs {expected}; found {self.input.depth}")
        if self.network.in_space and self.input.context:
            raise ValueError(f"network '{self.network.kind}' sees neighbours by itself; set input.context to 0")
        if self.input.depth % self.network.depth_step:
            possible = f"a multiple of {self.network.depth_step}"
            raise ValueError(
                f"network '{self.network.kind}' needs an input.depth that is {possible}; found {self.input.depth}"
            )
        return self


def settings_of(card: ModelCard) -> SegmentationSettings:
    """The settings in a card; :class:`InputError` that names the model for those that are none of a network."""
    return validated(SegmentationSettings, card.settings, f"settings in the card of model '{card.name}'")


class TrainSettings(_Settings):
    """How a network is trained."""

    epochs: int = Field(default=40, ge=1, le=100_000)
    batch: int = Field(default=16, ge=2, le=1024)
    loss: LossName = "dice_bce"
    learning_rate: float = Field(default=2e-3, gt=0, le=10)
    empty_slices: float = Field(default=0.5, ge=0, le=1000)
    """Slices without lesion drawn per epoch, for each slice with lesion."""
    sequence_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Probability that an optional sequence is blanked in a training slice."""
    ema: float = Field(default=0.99, ge=0, lt=1)
    seed: int = Field(default=0, ge=0, lt=2**32)
