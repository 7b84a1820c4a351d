"""The committed sample studies under many ids, as the work of a server that is measured."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from gliomics.client import GliomicsClient
from gliomics.study import Study, label_path, list_studies, read_mask, write_mask, write_study_json

SAMPLES = Path(__file__).resolve().parents[2] / "sample_studies"
MODEL = "segmentation_flair"
"""The shipped model that is asked for masks and trained on."""

LABELLED = 3


def labelled_samples(root: Path, copies: int = 8) -> Path:
    """Studies ``open-0..`` without a label, for annotators, and ``labelled-0..2`` with one, to train on."""
    samples = list(list_studies(SAMPLES))
    for number in range(copies):
        _copy(samples[number % len(samples)], root, f"open-{number}")
    for number, sample in enumerate(samples[:LABELLED]):
        study = _copy(sample, root, f"labelled-{number}")
        mask = read_mask(SAMPLES / "truth" / f"{sample.id}.nii.gz")
        write_mask(mask.with_array(mask.array > 0), label_path(root, study.id))
    return root


def keep_training(client: GliomicsClient, stop: threading.Event) -> None:
    """Start a training, and another whenever one has ended, until told to stop."""
    while not stop.is_set():
        if client.train_status()["status"] not in ("SUBMITTED", "RUNNING"):
            client.train(MODEL, {"max_epochs": 2})
        stop.wait(0.5)


def _copy(sample: Study, root: Path, study_id: str) -> Study:
    folder = root / study_id
    folder.mkdir(parents=True)
    paths = {name: folder / path.name for name, path in sample.sequences.items()}
    for name, path in sample.sequences.items():
        shutil.copyfile(path, paths[name])
    study = Study(id=study_id, patient_id=f"patient-{study_id}", folder=folder, sequences=paths)
    write_study_json(folder, [study])
    return study
