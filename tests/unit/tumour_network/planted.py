"""Patients that were never there, half of whom have a dark spot in their tumour."""

from __future__ import annotations

import numpy as np

from gliomics.models import ModelStore
from gliomics.segmentation.networks import GbmUNetSettings, build_network
from gliomics.segmentation.patches import tumour_patches
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import InputSettings, SegmentationSettings
from gliomics.study import Mask, Volume
from gliomics.tumour_network.cohort import TumourCohort
from tests.unit.tiny_networks import a_card

SHAPE = (48, 52, 5)
AFFINE = np.diag([-2.0, 2.0, 5.0, 1.0])


def a_tumour(seed: int, *, spot: bool) -> tuple[Volume, Mask, Volume]:
    """FLAIR, the tumour's mask, and where the spot is or would be."""
    rng = np.random.default_rng(seed)
    i, j, k = np.indices(SHAPE)
    head = ((i - 24) / 21) ** 2 + ((j - 26) / 23) ** 2 < 1
    x, y = rng.uniform(19, 29, 2)
    a, b = rng.uniform(8, 12, 2)
    tumour = (((i - x) / a) ** 2 + ((j - y) / b) ** 2 < 1) & (k > 0) & (k < 4)
    angle = rng.uniform(0, 2 * np.pi)
    place = ((i - x - a / 2 * np.cos(angle)) ** 2 + (j - y - b / 2 * np.sin(angle)) ** 2 < 9) & tumour
    flair = np.where(head, 90.0, 2.0) + 60 * tumour - 70 * (place & spot) + rng.normal(0, 4, SHAPE)
    return (
        Volume(flair.astype(np.float32), AFFINE),
        Volume(tumour.astype(np.uint8), AFFINE),
        Volume(place.astype(np.uint8), AFFINE),
    )


def a_source() -> Segmenter:
    """The shipped segmentation network, whose encoder sees the tumours."""
    return Segmenter(ModelStore().current("segmentation_flair"))


def a_tiny_source() -> Segmenter:
    """An untrained segmentation network that learns in no time."""
    network = GbmUNetSettings(base=4, levels=4, dropout=0.0)
    settings = SegmentationSettings(network=network, input=InputSettings(size=64))
    card = a_card("tiny", ["flair"], []).model_copy(update={"settings": settings.model_dump()})
    return Segmenter.from_state(card, build_network(network, 1, 1).state_dict())


def a_cohort(source: Segmenter, patients: int) -> TumourCohort:
    """Every second patient has a spot; two are called as patients of whom the shipped encoder learned masks."""
    numbers = range(patients)
    names = ["TCGA-CS-4942", "TCGA-CS-4943", *(f"TCGA-XX-{number:04d}" for number in numbers)]
    tumours = [a_tumour(number, spot=number % 2 == 1) for number in numbers]
    return TumourCohort(
        patients=names[:patients],
        studies=[f"TCGA_XX_{number:04d}_20000101" for number in numbers],
        patches=[
            tumour_patches({"flair": flair}, mask, source.sequences, source.settings.input)
            for flair, mask, _ in tumours
        ],
        outcome=np.array([number % 2 for number in numbers], dtype=np.int64),
        classes=["plain", "spotted"],
    )
