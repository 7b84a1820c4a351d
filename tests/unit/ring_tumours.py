"""A tumour with parts: a ring that enhances around a core, in oedema."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gliomics.models import ModelCard, SequenceNeeds
from gliomics.segmentation.inputs import LabelledCase, prepare_case
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.segmentation.postprocess import PART_VALUES
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import InnerRegionSettings, SegmentationSettings, TrainSettings
from gliomics.segmentation.weights import State
from gliomics.study import Mask, Study, Volume, write_mask, write_study_json, write_volume
from gliomics.study.numbering import PARTS_OF_REGION
from gliomics.training.loop import NetworkTraining, train
from tests.once import trained_once
from tests.unit.tiny_networks import TINY, a_card

INNER = tuple(InnerRegionSettings(region=region) for region in ("tumour-core", "enhancing"))
PARTS = SegmentationSettings(**{**TINY.model_dump(), "inner": INNER})
NEEDS = SequenceNeeds(required=["t1c"], optional=["flair"])
ENOUGH = TrainSettings(epochs=80, batch=8, learning_rate=1e-2, empty_slices=1.0, sequence_dropout=0.5, ema=0.9, seed=1)
INNER_VALUES = [{PART_VALUES[part] for part in PARTS_OF_REGION[item.region]} for item in INNER]


def a_ring(seed: int) -> tuple[dict[str, Volume], Mask]:
    """A core in a ring that is bright in T1c, in oedema that is bright in FLAIR alone."""
    rng = np.random.default_rng(seed)
    shape = (40, 44, 6)
    i, j, k = np.indices(shape)
    head = ((i - 20) / 16) ** 2 + ((j - 22) / 18) ** 2 < 1
    centre = rng.uniform(15, 25, 2)
    distance = np.hypot(i - centre[0], j - centre[1]) + 20 * ((k == 0) | (k == 5))
    labels = np.select([distance < 3, distance < 5.5, distance < 9], [1, 3, 2], 0).astype(np.uint8)
    t1c = np.where(head, 90, 2) + 70 * (labels == 3) - 30 * (labels == 1) + rng.normal(0, 4, shape)
    flair = np.where(head, 90, 2) + 60 * (labels > 0) + rng.normal(0, 4, shape)
    affine = np.diag([-2.0, 2.0, 5.0, 1.0])
    volumes = {"t1c": Volume(t1c.astype(np.float32), affine), "flair": Volume(flair.astype(np.float32), affine)}
    return volumes, Volume(labels, affine)


def a_case(seed: int) -> LabelledCase:
    volumes, mask = a_ring(seed)
    names = [*NEEDS.required, *NEEDS.optional]
    name = f"ring-{seed}"
    return prepare_case(name, name, volumes, mask, sequences=names, settings=PARTS.input, inner=INNER_VALUES)


def a_labelled_ring(
    root: Path, seed: int = 0, values: tuple[int, ...] = (1, 2, 3), numbering: str | None = "brats-2023"
) -> LabelledStudy:
    """The ring as a study, with core, oedema and enhancing tumour numbered by ``values``."""
    name = f"ring-{seed}"
    volumes, mask = a_ring(seed)
    paths = {sequence: root / name / f"{sequence}.nii.gz" for sequence in volumes}
    for sequence, volume in volumes.items():
        write_volume(volume, paths[sequence])
    label = root / "labels" / "final" / f"{name}.nii.gz"
    write_mask(mask.with_array(np.array([0, *values], dtype=np.uint8)[mask.array]), label)
    study = Study(id=name, patient_id=name, folder=root / name, sequences=paths, numbering=numbering)
    write_study_json(study.folder, [study])
    return LabelledStudy(study, label)


def a_parts_card() -> ModelCard:
    card = a_card("parts", NEEDS.required, NEEDS.optional)
    return card.model_copy(update={"settings": PARTS.model_dump(), "labels": PART_VALUES})


def a_parts_segmenter() -> Segmenter:
    """Trained on four tumours."""

    def trained() -> State:
        return train(NetworkTraining([a_case(seed) for seed in range(4)], PARTS, ENOUGH, sequences=NEEDS))

    return Segmenter.from_state(a_parts_card(), trained_once("parts", trained))
