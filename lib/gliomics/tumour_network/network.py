"""The classifier: an encoder's maps, their mean over the tumour of all slices, and a linear layer.

With channels x_i at the places i of the encoder's grid and c_i the fraction of each that is tumour, the log-odds of a
class are b + sum c_i (w x_i) / sum c_i. What a place says, b + w x_i, is therefore exact: its mean over the tumour is
the answer (class activation mapping, Zhou 2016), and needs no gradient to be shown.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from gliomics.segmentation.networks import SegmentationNetwork
from gliomics.segmentation.patches import covered_cells, mean_over_tumour, middle_maps


class Tumours(NamedTuple):
    """Equally many patches of several patients: ``images`` (patients, n, channels, size, size), ``cover`` without
    channels."""

    images: torch.Tensor
    cover: torch.Tensor


class Heads(nn.Module):
    """Linear layers of all members over standardised channels.

    ``mean`` and ``deviation`` (channels,) are over the training patients; ``frequency`` (classes,) is the logarithm of
    the share of each class among them. The layers are fitted as if all classes were equally frequent.
    """

    mean: torch.Tensor
    deviation: torch.Tensor
    frequency: torch.Tensor

    def __init__(self, channels: int, classes: int, members: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(members, channels, classes))
        self.bias = nn.Parameter(torch.zeros(members, classes))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.register_buffer("frequency", torch.zeros(classes))

    def standardise(self, pooled: torch.Tensor) -> None:
        """Learn mean and deviation from (patients, channels)."""
        self.mean.copy_(pooled.mean(dim=0))
        deviation = pooled.std(dim=0)
        self.deviation.copy_(torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation)))

    def scores(self, pooled: torch.Tensor) -> torch.Tensor:
        """Channels (..., channels) as z-scores."""
        return (pooled - self.mean) / self.deviation

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        """Log-odds at equal class frequencies, (patients, members, classes), from channels (patients, channels)."""
        return torch.einsum("pc,mck->pmk", self.scores(pooled), self.weight) + self.bias

    def probabilities(self, pooled: torch.Tensor) -> torch.Tensor:
        """Of each member, at the class frequencies of the training patients, (patients, members, classes)."""
        return torch.softmax(self.forward(pooled) + self.frequency, dim=-1)

    def distance(self, pooled: torch.Tensor) -> torch.Tensor:
        """How far patients (patients, channels) lie from the training patients: root mean square of the z-scores."""
        return self.scores(pooled).square().mean(dim=-1).sqrt()

    def evidence(self, maps: torch.Tensor) -> torch.Tensor:
        """What each place of maps (n, channels, g, g) says of each class, (n, classes, g, g): the members' mean.

        The mean over a tumour is that of the members' :meth:`forward`.
        """
        scores = self.scores(maps.movedim(1, -1))
        said = torch.einsum("nijc,ck->nkij", scores, self.weight.mean(dim=0))
        return said + self.bias.mean(dim=0)[:, None, None]


class TumourNetwork(nn.Module):
    """An encoder of a segmentation network and the heads over its middle maps."""

    def __init__(self, encoder: SegmentationNetwork, heads: Heads) -> None:
        super().__init__()
        self.encoder, self.heads = encoder, heads

    def pooled(self, tumours: Tumours) -> torch.Tensor:
        """Mean of the maps over each patient's tumour, (patients, channels)."""
        maps = middle_maps(self.encoder, tumours.images.flatten(0, 1))
        cover = covered_cells(tumours.cover.flatten(0, 1), maps.shape[-1])
        shape = tumours.cover.shape[:2]
        return mean_over_tumour(maps.reshape(*shape, *maps.shape[1:]), cover.reshape(*shape, *cover.shape[1:]))

    def forward(self, tumours: Tumours) -> torch.Tensor:
        """Log-odds at equal class frequencies, (patients, members, classes)."""
        logits: torch.Tensor = self.heads(self.pooled(tumours))
        return logits
