"""The card of a model that is about to be trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gliomics.models import ModelCard, TrainingRecord, patient_hash
from gliomics.segmentation.labelled import LabelledStudy, fingerprint
from gliomics.segmentation.networks.pretrained import weights_hash
from gliomics.training.config import TrainingConfig
from gliomics.training.split import Split


def draft_card(
    config: TrainingConfig,
    training: Sequence[LabelledStudy],
    split: Split,
    population: str,
    encoder_weights: Path | None,
) -> ModelCard:
    """The card of a model that is about to be trained."""
    patients = sorted({item.study.patient_id for item in training})
    started = f"{encoder_weights.name}, SHA-256 {weights_hash(encoder_weights)}" if encoder_weights else None
    task = config.model.network.task
    return ModelCard(
        name=config.name,
        version="1",
        task=task,
        title=config.title,
        description=config.description.strip(),
        sequences=config.sequences,
        labels={"tumour": 1} if task == "segmentation" else {},
        classes=[] if task == "segmentation" else ["no tumour", "tumour"],
        settings=config.model.model_dump(),
        training=TrainingRecord(
            population=population,
            n_patients=len(patients),
            fingerprint=fingerprint(training),
            patients=sorted(patient_hash(patient) for patient in {*patients, *split.validation}),
            split={
                "training": [patient_hash(patient) for patient in patients],
                "validation": [patient_hash(patient) for patient in sorted(split.validation)],
                "test": [patient_hash(patient) for patient in sorted(split.test)],
            },
            pretrained_encoder=started,
        ),
    )
