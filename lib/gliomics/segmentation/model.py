"""A network loaded from a model folder, and a study made ready for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import torch
from safetensors import SafetensorError
from torch import nn

from gliomics.errors import GliomicsError, InputError
from gliomics.models import ModelCard, ModelFolder, Task
from gliomics.segmentation.device import best_device, precision
from gliomics.segmentation.inputs import Inputs, prepare
from gliomics.segmentation.networks import build_network
from gliomics.segmentation.settings import settings_of
from gliomics.segmentation.weights import State, load_weights
from gliomics.study.records import UNNAMED_SEQUENCE
from gliomics.study.volumes import Volume

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class PreparedStudy:
    """A study ready for a network: what can be done once for all that is asked of it."""

    inputs: Inputs
    image: Volume
    """The image on whose grid the sequences lie."""
    sequences_used: list[str]
    warnings: list[str]


class LoadedModel:
    """The network of a model folder, loaded once and usable from several threads."""

    task: ClassVar[Task]
    extra_channels: ClassVar[int] = 0
    """Channels that the network sees beside the sequences."""
    _verb: ClassVar[str]
    """What the model does to a study, in the past tense, for warnings."""

    def __init__(self, model: ModelFolder) -> None:
        try:
            self._build(model.card, load_weights(model))
        except (GliomicsError, torch.cuda.OutOfMemoryError):
            raise
        except (SafetensorError, FileNotFoundError, RuntimeError, ValueError, TypeError, KeyError) as error:
            reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise InputError(
                f"{model.path} is no network that can be loaded ({reason}); copy the whole folder again"
            ) from error

    @classmethod
    def from_state(cls, card: ModelCard, state: State) -> Self:
        """The same from weights in memory, for a network that is not on disk yet."""
        model = cls.__new__(cls)
        model._build(card, state)
        return model

    def _build(self, card: ModelCard, state: State) -> None:
        if card.task != self.task:
            raise InputError(f"model '{card.name}' is a {card.task} model; a {self.task} model was expected")
        self.card = card
        self.settings = settings_of(card)
        self.sequences = [*card.sequences.required, *card.sequences.optional]
        channels = len(self.sequences) + self.extra_channels
        settings = self.settings
        self.network = build_network(settings.network, channels, settings.input.slices, len(settings.regions))
        try:
            self.network.load_state_dict(state)
        except RuntimeError as error:
            raise InputError(f"the weights of model '{card.name}' are not of its network: {error}") from error
        self.network.to(best_device()).eval()

    @cached_property
    def answering(self) -> nn.Module:
        """The :attr:`network` made ready to answer, and to learn no more."""
        return self.network.for_inference(precision(best_device()))

    def __repr__(self) -> str:
        optional = f", {', '.join(self.card.sequences.optional)} if there" if self.card.sequences.optional else ""
        sequences = f"{', '.join(self.card.sequences.required)}{optional}"
        return f"{type(self).__name__}({self.card.name} version {self.card.version}: {sequences})"

    def choose(self, volumes: Mapping[str, Volume]) -> tuple[dict[str, Volume], list[str]]:
        """The sequences that the model will use, in its order, and warnings about those it does without."""
        return choose_sequences(self.card, volumes, self._verb)

    def prepare(self, volumes: Mapping[str, Volume]) -> PreparedStudy:
        """Choose, standardise and resample the sequences of a study, which must lie on one grid."""
        usable, warnings = self.choose(volumes)
        inputs = prepare(usable, self.sequences, self.settings.input)
        return PreparedStudy(inputs, next(iter(usable.values())), list(usable), warnings)


def choose_sequences(card: ModelCard, volumes: Mapping[str, Volume], verb: str) -> tuple[dict[str, Volume], list[str]]:
    """The sequences of a study that a model will use, in its order, and warnings about those it does without.

    ``verb`` is what the model does to a study, in the past tense. Raises :class:`InputError` for a study without one
    that the model must have; an only image that does not tell its sequence is taken for an only one.
    """
    required, optional = card.sequences.required, card.sequences.optional
    if list(volumes) == [UNNAMED_SEQUENCE] and len(required) == 1:
        warning = f"the image does not tell its sequence; it was taken as {required[0]}"
        return {required[0]: volumes[UNNAMED_SEQUENCE]}, [warning]
    missing = [name for name in required if name not in volumes]
    if missing:
        raise InputError(
            f"model '{card.name}' needs the sequence {', '.join(missing)}; "
            f"the study has {', '.join(sorted(volumes)) or 'none'}"
        )
    absent = [name for name in optional if name not in volumes]
    warnings = [f"{verb} without {', '.join(absent)}"] if absent else []
    return {name: volumes[name] for name in (*required, *optional) if name in volumes}, warnings
