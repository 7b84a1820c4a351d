"""What is about to be trained, on whom, and the card that the model will have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gliomics.models import ModelCard, TrainingRecord, patient_hash
from gliomics.segmentation.labelled import LabelledStudy, fingerprint
from gliomics.segmentation.networks.pretrained import weights_hash
from gliomics.segmentation.postprocess import PART_VALUES
from gliomics.training.config import TrainingConfig
from gliomics.training.split import Split


@dataclass(frozen=True)
class TrainingPlan:
    """A configuration, who the patients are (a sentence for the card), and which of them are kept from training.

    ``encoder_weights`` is a file of weights that the network's encoder starts from.
    """

    config: TrainingConfig
    population: str
    split: Split = field(default_factory=Split)
    encoder_weights: Path | None = None


def draft_card(plan: TrainingPlan, training: Sequence[LabelledStudy]) -> ModelCard:
    """The card of a model that is about to be trained on the studies ``training``; it has no figures yet."""
    config, split, weights = plan.config, plan.split, plan.encoder_weights
    patients = sorted({item.study.patient_id for item in training})
    task = config.model.network.task
    labels = PART_VALUES if config.model.inner else {"tumour": 1}
    return ModelCard(
        name=config.name,
        version="1",
        task=task,
        title=config.title,
        description=config.description.strip(),
        sequences=config.sequences,
        labels=dict(labels) if task == "segmentation" else {},
        classes=[] if task == "segmentation" else ["no tumour", "tumour"],
        settings=config.model.model_dump(),
        training=TrainingRecord(
            population=plan.population,
            n_patients=len(patients),
            fingerprint=fingerprint(training),
            patients=sorted(patient_hash(patient) for patient in {*patients, *split.validation}),
            split={
                "training": [patient_hash(patient) for patient in patients],
                "validation": [patient_hash(patient) for patient in sorted(split.validation)],
                "test": [patient_hash(patient) for patient in sorted(split.test)],
            },
            pretrained_encoder=f"{weights.name}, SHA-256 {weights_hash(weights)}" if weights else None,
        ),
    )
