"""Processes that do real work until they are killed, and say on standard output what they have safely done.

Run as ``python -m tests.benchmarks.faults WORK FOLDER FIRST``. Every line is a number that is acknowledged.
What only one work needs is imported by it, because a process is started for every kill.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from gliomics.models import ModelCard, ModelStore
from gliomics.server.store.labels import LabelStore
from gliomics.study import Study, Volume, write_study_json, write_volume

SHAPE = (40, 44, 6)
LABELS, IMAGES, MODELS, REVIEWS, TRAINING = "label save", "image upload", "publishing", "consensus", "training"
STUDY, MODEL, ANNOTATORS = "case-0", "tiny", ("a", "b", "c")


def a_mask(voxels: int) -> Volume:
    """A mask with so many voxels."""
    array = np.zeros(SHAPE, np.uint8)
    array.flat[:voxels] = 1
    return Volume(array, np.eye(4))


def an_image(number: int) -> Volume:
    """Noise that hardly compresses, all of it drawn from ``number``."""
    noise = np.random.default_rng(number).normal(0, 1, (64, 64, 16)).astype(np.float32)
    return Volume(noise, np.eye(4))


def save_labels(folder: Path, first: int) -> None:
    """Save masks of one voxel more each as versions of one label."""
    store = LabelStore(folder, folder / ".gliomics" / "history")
    for number in count(first):
        store.save(STUDY, "final", a_mask(number), {"number": number})
        acknowledge(number)


def add_images(folder: Path, first: int) -> None:
    """Add images as studies, and each once more in place of the one before."""
    from gliomics.server.store.datastore import StudyDatastore

    store, file = StudyDatastore(folder), folder.parent / "sent.nii.gz"
    for number in count(first):
        write_volume(an_image(number), file)
        store.add_image(f"sent-{number}", str(file), {"number": number})
        store.add_image("replaced", str(file), {"number": number})
        acknowledge(number)


def publish_models(folder: Path, first: int) -> None:
    """Add versions of a model and let each serve; every third is taken back."""
    store = ModelStore(folder / ".gliomics" / "models")
    card = ModelCard.model_validate_json((folder.parent / "card.json").read_text())
    for number in count(first):
        added = store.add(card, {"weights.bin": partial(write_weights, number)})
        store.publish(MODEL, added.card.version, f"number {number}")
        if is_taken_back(number):
            store.rollback(MODEL, reason=f"back from {number}")
        acknowledge(number)


def is_taken_back(number: int) -> bool:
    """Whether a version is rolled back as soon as it serves."""
    return number > 1 and number % 3 == 0


def write_weights(number: int, path: Path) -> None:
    """Write the content of a model's file."""
    path.write_bytes(np.random.default_rng(number).bytes(200_000))


def merge_and_review(folder: Path, first: int) -> None:
    """Save three annotators' masks, keep their consensus, and return it with a comment."""
    from gliomics.server.store.annotators import keep_consensus, review_label
    from gliomics.server.store.datastore import StudyDatastore

    store = StudyDatastore(folder)
    for number in count(first):
        if number == first:
            for tag in ANNOTATORS:
                store.labels.save(STUDY, tag, a_mask(400), {})
        keep_consensus(store, STUDY, ANNOTATORS, "final", {"number": number})
        returned = {"state": "returned", "comment": f"number {number}"}
        review_label(store, STUDY, "final", options=returned, user="reviewer")
        acknowledge(number)


def train_for_ever(folder: Path, first: int) -> None:
    """Train a tiny network, going on from its checkpoint; an epoch is acknowledged once its checkpoint is written."""
    import torch

    from gliomics.segmentation.inputs import prepare_case
    from gliomics.segmentation.settings import TrainSettings
    from gliomics.training.loop import NetworkTraining, train
    from tests.server.studies import TINY, a_lesion_case

    torch.set_num_threads(1)
    volumes, mask = a_lesion_case(0)
    case = prepare_case(STUDY, "patient-0", volumes, mask, sequences=["flair"], settings=TINY.input)
    settings = TrainSettings(epochs=5000, batch=8, learning_rate=1e-3)
    train(
        NetworkTraining([case], TINY, settings),
        checkpoint=folder / TRAINING / "checkpoint.pt",
        on_epoch=lambda records, total: acknowledge(records[-1].epoch),  # its checkpoint is written
    )


WORKS: dict[str, Callable[[Path, int], None]] = {
    LABELS: save_labels,
    IMAGES: add_images,
    MODELS: publish_models,
    REVIEWS: merge_and_review,
    TRAINING: train_for_ever,
}


def acknowledge(number: int) -> None:
    """Say that everything up to ``number`` is done."""
    print(number, flush=True)  # one write: the whole line or none


def prepare(work: str, folder: Path) -> None:
    """What a work needs in its folder before it begins."""
    path = folder / STUDY / "flair.nii.gz"
    array = np.random.default_rng(0).normal(0, 1, SHAPE).astype(np.float32)
    write_volume(Volume(array, np.eye(4)), path)
    write_study_json(path.parent, [Study(STUDY, STUDY, path.parent, {"flair": path})])
    if work == MODELS:
        from tests.server.studies import TINY, a_card

        (folder.parent / "card.json").write_text(a_card(MODEL, TINY, ["flair"], []).model_dump_json())


if __name__ == "__main__":
    WORKS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
