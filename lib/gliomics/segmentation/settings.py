"""Settings of a segmentation model, as they stand in its model card."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from gliomics.segmentation.networks import NetworkSettings


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InputSettings(_Settings):
    """What the network sees: square axial slices of ``size`` pixels with ``context`` neighbours on each side."""

    size: int = Field(default=256, ge=32, le=512, multiple_of=16)
    context: int = Field(default=0, ge=0, le=3)


class PostprocessSettings(_Settings):
    """From probabilities to a mask: components smaller than a fraction of the largest are dropped."""

    threshold: float = Field(default=0.5, gt=0, lt=1)
    smallest_component: float = Field(default=0.1, ge=0, le=1)


class SegmentationSettings(_Settings):
    """The ``settings`` of a segmentation model card."""

    network: NetworkSettings = NetworkSettings()
    input: InputSettings = InputSettings()
    postprocess: PostprocessSettings = PostprocessSettings()


class TrainSettings(_Settings):
    """How a network is trained."""

    epochs: int = Field(default=40, ge=1)
    batch: int = Field(default=16, ge=2)
    learning_rate: float = Field(default=2e-3, gt=0)
    empty_slices: float = Field(default=0.5, ge=0)
    """Slices without lesion drawn per epoch, for each slice with lesion."""
    sequence_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Probability that an optional sequence is blanked in a training slice."""
    ema: float = Field(default=0.99, ge=0, lt=1)
    seed: int = 0
