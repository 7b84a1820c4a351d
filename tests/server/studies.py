"""Small studies and tiny models, real files in the real formats, that the server tests work on."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import torch

from gliomics.features.config import load_config
from gliomics.features.extract import StudyImages, extract_features
from gliomics.interactive.fit_correction import CorrectionTraining, with_masks
from gliomics.interactive.guidance import REACH
from gliomics.models import ModelCard, ModelStore, SequenceNeeds, TrainingRecord
from gliomics.records import FeatureRow
from gliomics.segmentation.inputs import prepare_case
from gliomics.segmentation.labelled import LabelledStudy, prepare_labelled
from gliomics.segmentation.networks import GbmUNetSettings, build_network
from gliomics.segmentation.settings import InputSettings, SegmentationSettings, TrainSettings
from gliomics.segmentation.weights import WEIGHTS, State, save_weights
from gliomics.study import Mask, Study, Volume, label_path, write_mask, write_study_json, write_volume
from gliomics.subtype.fit import Cohort, FitOptions, fit_model
from gliomics.training.loop import NetworkTraining, train
from gliomics.tumour_network.fit_model import NetworkOptions
from gliomics.tumour_network.fit_model import fit_model as fit_network
from gliomics.tumour_network.settings import FittingSettings
from tests.once import made_once, trained_once
from tests.unit.tumour_network.planted import a_cohort, a_tiny_source

torch.set_num_threads(1)  # tiny networks lose more to threads than they gain

SHAPE = (40, 44, 6)
AFFINE = np.diag([-2.0, 2.0, 5.0, 1.0])

TINY = SegmentationSettings(
    network=GbmUNetSettings(base=8, levels=3, dropout=0.1), input=InputSettings(size=32, context=0)
)
SLOW = SegmentationSettings(network=GbmUNetSettings(base=24, levels=5), input=InputSettings(size=256, context=0))
"""A network that takes seconds for one of the small studies."""

CORRECTING = SegmentationSettings(network=TINY.network, input=InputSettings(size=32, context=REACH))
"""A network that corrects masks."""

ENOUGH = TrainSettings(epochs=30, batch=8, learning_rate=1e-2, empty_slices=1.0, ema=0.9)


def a_lesion_case(seed: int, shape: tuple[int, int, int] = SHAPE) -> tuple[dict[str, Volume], Mask]:
    """A round head with one bright round lesion, as t1 and flair, and the lesion's mask."""
    rng = np.random.default_rng(seed)
    i, j, k = np.indices(shape)
    head = ((i - 20) / 16) ** 2 + ((j - 22) / 18) ** 2 < 1
    centre = rng.uniform(14, 26, 2)
    lesion = ((i - centre[0]) ** 2 + (j - centre[1]) ** 2 < rng.uniform(16, 36)) & (k > 0) & (k < shape[2] - 1)
    flair = np.where(head, 90, 2) + 60 * lesion + rng.normal(0, 4, shape)
    t1 = np.where(head, 90, 2) - 20 * lesion + rng.normal(0, 4, shape)
    volumes = {"flair": Volume(flair.astype(np.float32), AFFINE), "t1": Volume(t1.astype(np.float32), AFFINE)}
    return volumes, Volume(lesion.astype(np.uint8), AFFINE)


def add_study(root: Path, study_id: str, seed: int, *, sequences: tuple[str, ...] = ("flair", "t1")) -> Study:
    """Write the case of ``seed`` as a study folder, without a label."""
    volumes, _ = a_lesion_case(seed)
    paths = {name: root / study_id / f"{name}.nii.gz" for name in sequences}
    for name in sequences:
        write_volume(volumes[name], paths[name])
    study = Study(id=study_id, patient_id=f"patient-{seed}", folder=root / study_id, sequences=paths)
    write_study_json(root / study_id, [study])
    return study


def add_label(root: Path, study: Study, seed: int) -> LabelledStudy:
    """Write the true mask of ``seed`` as the study's final label."""
    path = label_path(root, study.id)
    write_mask(a_lesion_case(seed)[1], path)
    return LabelledStudy(study, path)


def a_card(name: str, settings: SegmentationSettings, required: list[str], optional: list[str]) -> ModelCard:
    """A model card of version 1."""
    return ModelCard(
        name=name,
        version="1",
        task="segmentation",
        title="A tiny test model",
        description="For tests only.",
        sequences=SequenceNeeds(required=required, optional=optional),
        labels={"tumour": 1},
        settings=settings.model_dump(),
        training=TrainingRecord(population="synthetic test cases", n_patients=0, fingerprint="0" * 64),
    )


def a_trained_state(folder: Path) -> State:
    """Weights of the tiny network, trained for seconds so that it finds the lesions of other seeds."""

    def trained() -> State:
        labelled = [add_label(folder, add_study(folder, f"train-{seed}", seed), seed) for seed in range(100, 104)]
        torch.manual_seed(0)
        cases, _ = prepare_labelled(labelled, a_card("tiny", TINY, ["flair"], []))
        return train(NetworkTraining(cases, TINY, ENOUGH))

    return trained_once("segmenting", trained)


def a_trained_correction_state() -> State:
    """Weights of the tiny network that corrects masks, trained on masks that are shifted."""
    return trained_once("correcting", _trained_to_correct)


def _trained_to_correct() -> State:
    cases, masks = [], {}
    for seed in range(100, 106):
        volumes, mask = a_lesion_case(seed)
        cases.append(
            prepare_case(
                f"case-{seed}", f"patient-{seed}", volumes, mask, sequences=["flair"], settings=CORRECTING.input
            )
        )
        masks[f"case-{seed}"] = mask.with_array(np.roll(mask.array, 4, axis=seed % 2))
    settings = ENOUGH.model_copy(update={"epochs": 40})
    return train(CorrectionTraining(with_masks(cases, masks), CORRECTING, settings))


def add_model(root: Path, card: ModelCard, state: State) -> None:
    """Add a model to a studies folder's own models and let it serve."""
    store = ModelStore(root / ".gliomics" / "models")
    folder = store.add(card, {WEIGHTS: partial(save_weights, state)})
    store.publish(card.name, folder.card.version, "a test model")


def an_untrained_state(settings: SegmentationSettings, sequences: int) -> State:
    """Random weights."""
    torch.manual_seed(0)
    network = build_network(settings.network, sequences, settings.input.slices, len(settings.regions))
    state: State = network.state_dict()
    return state


def add_subtype_model(root: Path) -> None:
    """Add ``subtype_size``, which tells small lesions from large ones, fitted on variations of one study's features."""
    models = root / ".gliomics" / "models"
    shutil.copytree(made_once("subtype_size", _fit_to_size), models / "subtype_size")
    ModelStore(models).publish("subtype_size", "1", "a test model")


def _fit_to_size(folder: Path) -> None:
    volumes, mask = a_lesion_case(0)
    measured = extract_features(StudyImages("original", volumes), mask, load_config("panel"), region="whole")
    rng = np.random.default_rng(0)
    tables, outcomes = [], {}
    for number in range(24):
        scale = 0.5 if number % 2 else 2.0
        values = {name: value * scale * rng.normal(1, 0.05) for name, value in measured.values.items()}
        tables.append(FeatureRow(f"size-{number}", "whole", values, measured.diagnostics))
        outcomes[f"size-{number}"] = "small" if number % 2 else "large"
    options = FitOptions("subtype_size", "size", "A test model", "invented patients", repeats=1, permutations=1)
    fit_model(Cohort(tables, outcomes), folder / "1", options)


def add_tumour_network(root: Path) -> None:
    """Add ``network_spots``, fitted to FLAIR of 16 drawn patients, half of whom have a dark spot in their tumour."""
    models = root / ".gliomics" / "models"
    shutil.copytree(made_once("network_spots", _fit_to_spots), models / "network_spots")
    ModelStore(models).publish("network_spots", "1", "a test model")


def _fit_to_spots(folder: Path) -> None:
    source, fitting = a_tiny_source(), FittingSettings(members=2)
    options = NetworkOptions("network_spots", "spot", "Spots", "drawn tumours", repeats=1, fitting=fitting)
    fit_network(a_cohort(source, 16), source, folder / "1", options)
