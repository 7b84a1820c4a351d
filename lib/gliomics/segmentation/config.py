"""A training configuration: one YAML file that says which network learns from which sequences, and how."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from gliomics.errors import InputError
from gliomics.models import SequenceNeeds
from gliomics.segmentation.settings import SegmentationSettings, TrainSettings

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
        known = ", ".join(sorted(file.stem for file in _CONFIGS.glob("*.yaml")))
        raise InputError(f"there is no training configuration '{name_or_path}'; give a YAML file or one of {known}")
    try:
        return TrainingConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {where}: {first['msg']}") from error
