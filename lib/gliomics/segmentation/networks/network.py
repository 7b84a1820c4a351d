"""What all networks share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from gliomics.errors import InputError


class NetworkShape(BaseModel):
    """Shape of a network; ``kind`` says which, the rest is the kind's own."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    task: ClassVar[Literal["segmentation", "slice_classification"]] = "segmentation"
    """What a model with this network is for."""
    in_space: ClassVar[bool] = False
    """Whether the network convolves across slices too, and answers for every slice that it is given."""

    @property
    def segments_in_plane(self) -> bool:
        """Whether it answers for one slice at a time with a mask, and so can for several regions of it."""
        return self.task == "segmentation" and not self.in_space

    @property
    def depth_step(self) -> int:
        """A network in space takes a multiple of this many slices, because it halves their number."""
        return 1


class SegmentationNetwork(nn.Module, ABC):
    """Maps neighbouring axial slices (N, sequences * slices, H, W) to lesion logits.

    A network in the plane answers for the middle slice, (N, regions, H, W); one in space for all, (N, slices, H, W). H
    and W are multiples of 32. One that classifies slices says whether the middle one shows no lesion or one, (N, 2).
    Sigmoid or softmax is left to the caller, because losses on logits are numerically stable. Every network is made
    from the number of ``sequences``, of ``slices`` of each, and its ``settings``; one in the plane also from the number
    of ``regions`` that it answers for.
    """

    @abstractmethod
    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps of the middle slice (N, channels, h, w), from the finest to the deepest."""

    def for_inference(self, dtype: torch.dtype) -> SegmentationNetwork:
        """This network, in evaluation mode, as it answers fastest: its answers are the same to within rounding.

        ``dtype`` is the precision in which the device will multiply.
        """
        return self

    def load_encoder(self, path: Path) -> None:
        """Take the encoder's weights from the file of a network that was trained on other images."""
        raise InputError(f"{type(self).__name__} has no pretrained encoder; {path} cannot be used")
