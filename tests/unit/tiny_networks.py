from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from gliomics.models import (
    ModelCard,
    ModelStore,
    SequenceNeeds,
    TrainingRecord,
    load_model_folder,
    patient_hash,
    write_model_folder,
)
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.segmentation.networks import GbmUNetSettings, build_network
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import InputSettings, SegmentationSettings, TrainSettings
from gliomics.segmentation.weights import WEIGHTS, save_weights
from gliomics.study import Mask, Study, Volume, write_mask, write_study_json, write_volume
from gliomics.training.finetune import fine_tune
from tests.once import made_once

torch.set_num_threads(1)  # tiny networks lose more to threads than they gain

TINY = SegmentationSettings(
    network=GbmUNetSettings(base=8, levels=3, dropout=0.1), input=InputSettings(size=32, context=0)
)

FAST = TrainSettings(epochs=60, batch=8, learning_rate=1e-2, empty_slices=1.0, ema=0.9, seed=1)


def a_lesion_case(seed: int) -> tuple[dict[str, Volume], Mask]:
    """A round head with one bright round lesion, as t1 and flair, and the lesion's mask."""
    rng = np.random.default_rng(seed)
    shape = (40, 44, 6)
    i, j, k = np.indices(shape)
    head = ((i - 20) / 16) ** 2 + ((j - 22) / 18) ** 2 < 1
    centre = rng.uniform(14, 26, 2)
    lesion = ((i - centre[0]) ** 2 + (j - centre[1]) ** 2 < rng.uniform(16, 36)) & (k > 0) & (k < 5)
    affine = np.diag([-2.0, 2.0, 5.0, 1.0])
    flair = np.where(head, 90, 2) + 60 * lesion + rng.normal(0, 4, shape)
    t1 = np.where(head, 90, 2) - 20 * lesion + rng.normal(0, 4, shape)
    volumes = {"flair": Volume(flair.astype(np.float32), affine), "t1": Volume(t1.astype(np.float32), affine)}
    return volumes, Volume(lesion.astype(np.uint8), affine)


def a_labelled_study(root: Path, seed: int) -> LabelledStudy:
    """The case of ``seed`` written as a study with its final label."""
    volumes, mask = a_lesion_case(seed)
    folder = root / f"case-{seed}"
    paths = {name: folder / f"{name}.nii.gz" for name in volumes}
    for name, volume in volumes.items():
        write_volume(volume, paths[name])
    study = Study(id=f"case-{seed}", patient_id=f"patient-{seed}", folder=folder, sequences=paths)
    write_study_json(folder, [study])
    label = root / "labels" / "final" / f"{study.id}.nii.gz"
    write_mask(mask, label)
    return LabelledStudy(study, label)


def write_tiny_config(path: Path, *, optional: tuple[str, ...] = (), **training: object) -> Path:
    """Write a configuration file of the tiny network, with :data:`FAST` training but for what ``training`` changes."""
    config = {
        "name": "tiny",
        "title": "A tiny test model",
        "description": "Trained in a test.",
        "sequences": {"required": ["flair"], "optional": list(optional)},
        "model": json.loads(TINY.model_dump_json()),
        "training": {**FAST.model_dump(), **training},
    }
    path.write_text(yaml.safe_dump(config))
    return path


def a_card(name: str, required: list[str], optional: list[str], learned_from: Iterable[str] = ()) -> ModelCard:
    return ModelCard(
        name=name,
        version="1",
        task="segmentation",
        title="A tiny test model",
        description="Not trained.",
        sequences=SequenceNeeds(required=required, optional=optional),
        labels={"tumour": 1},
        settings=TINY.model_dump(),
        training=TrainingRecord(
            population="none", n_patients=0, fingerprint="0" * 64, patients=[patient_hash(p) for p in learned_from]
        ),
    )


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledStudy]:
    """Six labelled studies on disk."""
    root = tmp_path_factory.mktemp("studies")
    return [a_labelled_study(root, seed) for seed in range(6)]


@pytest.fixture
def a_store(tmp_path: Path) -> ModelStore:
    """A store with an untrained one-sequence model 'tiny' and a two-sequence model 'tiny_multi' (t1 optional)."""
    return make_store(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, labelled: list[LabelledStudy]) -> Segmenter:
    """The tiny model after enough training on cases 0 to 3 to find the lesions of the others."""

    def make(folder: Path) -> None:
        store = make_store(tmp_path_factory.mktemp("models"))
        shutil.copytree(fine_tune(store, "tiny", labelled[:4], settings=FAST).model.path, folder / "model")

    return Segmenter(load_model_folder(made_once("tiny", make) / "model"))


def make_store(folder: Path, learned_from: Iterable[str] = ()) -> ModelStore:
    """Untrained models that say that they learned from some patients."""
    for name, optional in (("tiny", []), ("tiny_multi", ["t1"])):
        torch.manual_seed(0)
        state = build_network(TINY.network, 1 + len(optional), TINY.input.slices).state_dict()
        write_model_folder(
            folder / "shipped" / name,
            a_card(name, ["flair"], optional, learned_from),
            {WEIGHTS: lambda path, state=state: save_weights(state, path)},
        )
    return ModelStore(folder / "local", shipped=folder / "shipped")
