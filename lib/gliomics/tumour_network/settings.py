"""Settings of a tumour network, as they stand in its model card."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gliomics.models import ModelCard
from gliomics.segmentation.networks import NetworkSettings
from gliomics.segmentation.settings import InputSettings
from gliomics.validated import validated

Start = Literal["frozen", "tuned", "scratch"]
"""The encoder: a segmentation network's as it is, the same trained on, or one of its shape that begins at random."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class FittingSettings(_Settings):
    """How a tumour network learns.

    ``members`` linear heads, each on a bootstrap sample of the patients, share one encoder. ``penalty`` is that of
    ridge regression: the weight of half the squared coefficients against the loss summed over the patients; from
    scratch there is none. ``epochs`` counts the passes over the patients where the encoder learns. Nothing of these is
    chosen by the outcome.
    """

    start: Start = "frozen"
    members: int = Field(default=20, ge=2, le=200)
    penalty: float = Field(default=40.0, ge=0, le=1e6)
    epochs: int = Field(default=20, ge=1, le=10_000)
    seed: int = Field(default=0, ge=0, lt=2**32)


class TumourNetworkSettings(_Settings):
    """The ``settings`` of a tumour network's card.

    ``encoder`` is the segmentation model, as ``name/version``, whose shape and input the network has and whose weights
    it began with, unless it began at random. ``class_counts`` are the training patients of each class,
    ``novelty_threshold`` bounds the distance of 99 % of them from the others.
    """

    target: str
    encoder: str
    network: NetworkSettings
    input: InputSettings
    fitting: FittingSettings
    class_counts: dict[str, int]
    novelty_threshold: float = Field(gt=0)


def settings_of(card: ModelCard) -> TumourNetworkSettings:
    """The settings in a card; :class:`InputError` that names the model for those that are of no tumour network."""
    return validated(TumourNetworkSettings, card.settings, f"settings in the card of model '{card.name}'")
