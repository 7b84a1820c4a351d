"""What a model on disk is: a folder with a card and hash-verified files, kept in versions."""

from gliomics.models.card import (
    LEAST_FOR_INTERVAL,
    Metric,
    ModelCard,
    Relation,
    SequenceNeeds,
    Task,
    TrainingRecord,
    patient_hash,
)
from gliomics.models.folder import ModelFolder, load_model_folder, write_model_folder
from gliomics.models.store import ModelStore

__all__ = [
    "LEAST_FOR_INTERVAL",
    "Metric",
    "ModelCard",
    "ModelFolder",
    "ModelStore",
    "Relation",
    "SequenceNeeds",
    "Task",
    "TrainingRecord",
    "load_model_folder",
    "patient_hash",
    "write_model_folder",
]
