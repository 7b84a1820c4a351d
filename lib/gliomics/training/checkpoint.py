"""What a training writes after each epoch, so that it can go on after a kill at any moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from gliomics.errors import InputError
from gliomics.files import atomic_path
from gliomics.segmentation.weights import State


@dataclass(frozen=True)
class EpochRecord:
    """An epoch, numbered from 1: mean loss, duration in seconds, and the mean Dice on validation patients if scored."""

    epoch: int
    loss: float
    seconds: float
    validation_dice: float | None = None

    def with_validation(self, dice: float) -> EpochRecord:
        """The record with the Dice of the validation patients after this epoch."""
        return replace(self, validation_dice=dice)


@dataclass(frozen=True)
class Checkpoint:
    """A training after a whole epoch. ``identity`` is a hash of its settings and data."""

    identity: str
    network: State
    optimiser: dict[str, Any]
    average: State
    records: list[EpochRecord]

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        content = {name: getattr(self, name) for name in ("identity", "network", "optimiser", "average")}
        with atomic_path(path) as temporary:
            torch.save(content | {"records": [asdict(record) for record in self.records]}, temporary)

    @classmethod
    def load(cls, path: Path, identity: str) -> Checkpoint | None:
        """The checkpoint in a file, or None where there is none; another training's is refused."""
        if not path.exists():
            return None
        try:
            content: Mapping[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
            checkpoint = cls(**{**content, "records": [EpochRecord(**record) for record in content["records"]]})
        except Exception as error:  # torch raises whatever the bytes lead it to
            raise InputError(f"{path} is not a checkpoint of a training: {error}; delete it to start anew") from error
        if checkpoint.identity != identity:
            raise InputError(
                f"{path} belongs to a training with other settings or other studies; "
                "give another output folder, or delete it to start anew"
            )
        return checkpoint
