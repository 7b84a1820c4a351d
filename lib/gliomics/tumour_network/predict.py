"""What a tumour network says of one study: the estimate, and a map of what each place of the tumour adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch.nn import functional

from gliomics.errors import GliomicsError, InputError
from gliomics.models import ModelFolder
from gliomics.records import SubtypeEstimate
from gliomics.segmentation.model import choose_sequences
from gliomics.segmentation.networks import build_network
from gliomics.segmentation.patches import SIZE, TumourPatches, middle_maps, tumour_patches
from gliomics.segmentation.weights import load_weights
from gliomics.study import Mask, Study, Volume
from gliomics.tumour_network.cohort import read_tumour
from gliomics.tumour_network.fit_model import HEADS
from gliomics.tumour_network.fitting import FittedNetwork
from gliomics.tumour_network.network import Heads, TumourNetwork
from gliomics.tumour_network.settings import settings_of


@dataclass(frozen=True)
class TumourReading:
    """An estimate and its ``heat_map``, on the grid of the study's image and 0 outside of the tumour.

    The map is in log-odds of the predicted class (against the other one, of more the mean of those against each) at
    equal class frequencies: above 0, the place speaks for it. Its mean over the tumour's cells is the estimate's
    log-odds, in the mean of the members: nothing is shown that does not count, and nothing counts that is not shown. A
    place is as fine as the encoder's grid, an eighth of the square around the tumour, and what the encoder sees of it
    reaches a little beyond.
    """

    estimate: SubtypeEstimate
    heat_map: Volume


class TumourNetworkModel:
    """A tumour network loaded from its verified folder."""

    def __init__(self, folder: ModelFolder) -> None:
        card = folder.card
        if card.task != "tumour_network":
            raise InputError(f"model '{card.name}' is a {card.task} model; a tumour network was expected")
        self.card, self.settings = card, settings_of(card)
        self.sequences = [*card.sequences.required, *card.sequences.optional]
        try:
            self.fitted = FittedNetwork(self._network(folder))
        except GliomicsError:
            raise
        except (SafetensorError, RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise InputError(
                f"{folder.path} is no tumour network that can be loaded ({reason}); copy the whole folder again"
            ) from error

    def __repr__(self) -> str:
        return f"TumourNetworkModel({self.card.name} version {self.card.version}: {', '.join(self.card.classes)})"

    def read(self, volumes: Mapping[str, Volume], mask: Mask, *, study_id: str, patient_id: str) -> TumourReading:
        """Estimate a study from its sequences, on one grid with the mask; every voxel above 0 is tumour.

        Raises :class:`InputError` for a study without a sequence that the network needs and for an empty mask, and
        :class:`GeometryError` for a mask on another grid.
        """
        usable, warnings = choose_sequences(self.card, volumes, "estimated")
        patches = tumour_patches(usable, mask, self.sequences, self.settings.input)
        channels = self.fitted.channels([patches])
        members = self.fitted.member_probabilities(channels)[0]
        k = int(members.mean(axis=0).argmax())
        inside = float(self.fitted.network.heads.distance(channels)[0]) <= self.settings.novelty_threshold
        if not inside:
            warnings.append("the tumour looks unlike those of 99 % of the training patients")
        return TumourReading(self._estimate(members, inside, warnings, study_id, patient_id), self._map(patches, k))

    def read_volumes(self, volumes: Mapping[str, Volume], mask: Mask, study: Study) -> TumourReading:
        """:meth:`read` of images of a study, among which others than the network's may be."""
        return self.read(volumes, mask, study_id=study.id, patient_id=study.patient_id)

    def read_study(self, study: Study, masks: Path) -> TumourReading:
        """:meth:`read` of a study on disk with its mask in a folder."""
        volumes, mask = read_tumour(study, masks, self.card)
        return self.read(volumes, mask, study_id=study.id, patient_id=study.patient_id)

    def _estimate(
        self, members: np.ndarray, inside: bool, reasons: list[str], study_id: str, patient_id: str
    ) -> SubtypeEstimate:
        card, mean = self.card, members.mean(axis=0)
        low, high = np.percentile(members, (5, 95), axis=0)
        figure = card.metrics[0] if card.metrics else None
        return SubtypeEstimate(
            study_id=study_id,
            model=card.name,
            model_version=card.version,
            target=self.settings.target,
            predicted=card.classes[int(mean.argmax())],
            probabilities={name: float(mean[k]) for k, name in enumerate(card.classes)},
            intervals={name: [float(low[k]), float(high[k])] for k, name in enumerate(card.classes)},
            inside_training_range=inside,
            population=card.training.population,
            n_training=card.training.n_patients,
            performance=f"{figure.name}: {figure.value:.2f}, cross-validated on {figure.n} patients" if figure else "",
            reasons=reasons,
            in_sample=card.training.learned_from(patient_id),
        )

    def _map(self, patches: TumourPatches, k: int) -> Volume:
        with torch.no_grad():
            maps = middle_maps(self.fitted.network.encoder, patches.images.float())
            evidence = self.fitted.network.heads.evidence(maps)
            others = [other for other in range(evidence.shape[1]) if other != k]
            cells = evidence[:, k] - evidence[:, others].mean(dim=1)
            spread = functional.interpolate(cells[:, None], size=(SIZE, SIZE), mode="bilinear", align_corners=False)
        return patches.volume(spread[:, 0].numpy().astype(np.float32))

    def _network(self, folder: ModelFolder) -> TumourNetwork:
        settings, classes = self.settings, len(self.card.classes)
        encoder = build_network(settings.network, len(self.sequences), settings.input.slices)
        encoder.load_state_dict(load_weights(folder))
        stored = safetensors.torch.load_file(folder.file(HEADS))
        heads = Heads(len(stored["mean"]), classes, settings.fitting.members)
        heads.load_state_dict(stored)
        if not all(torch.isfinite(value).all() for value in (*stored.values(), *encoder.state_dict().values())):
            raise InputError(f"{folder.path} holds weights that are NaN or infinite; copy the whole folder again")
        return TumourNetwork(encoder, heads).requires_grad_(False).eval()
