"""A training configuration: one YAML file that says which network learns from which sequences, and how."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from gliomics.errors import InputError
from gliomics.models import SequenceNeeds
from gliomics.segmentation.settings import SegmentationSettings, TrainSettings
from gliomics.validated import validated
from gliomics.yaml_files import read_yaml

_CONFIGS = Path(__file__).parent / "configs"


class TrainingConfig(BaseModel):
    """What a model is called, what it sees, its network and how that is trained."""

    model_config = ConfigDict(extra="forbid")

    name: str
    title: str
    description: str
    sequences: SequenceNeeds
    model: SegmentationSettings
    training: TrainSettings


def load_training_config(name_or_path: str) -> TrainingConfig:
    """A configuration that comes with Gliomics, by name, or one's own YAML file."""
    path = Path(name_or_path)
    if not path.suffix:
        path = _CONFIGS / f"{path.name}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in _CONFIGS.glob("*.yaml")))
        raise InputError(f"there is no training configuration '{name_or_path}'; give a YAML file or one of {names}")
    return validated(TrainingConfig, read_yaml(path), f"training configuration {path}")
