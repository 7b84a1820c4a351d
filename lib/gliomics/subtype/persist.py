"""A subtype model as files: plain arrays in safetensors and a JSON card, so that loading one runs no code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from gliomics.errors import InputError
from gliomics.models import ModelFolder
from gliomics.statistics.arrays import Array
from gliomics.subtype.ensemble import Ensemble, Scaling
from gliomics.subtype.novelty import Novelty
from gliomics.validated import validated

ARRAYS = "ensemble.safetensors"
OUT_OF_FOLD = "out_of_fold.safetensors"


class SubtypeSettings(BaseModel):
    """``settings`` of a subtype model's card.

    ``features`` are the columns in the order of the arrays, ``signatures`` the subsets that the members use in
    turn. ``quantiles`` maps each feature to its training patients' values at ``quantile_levels``, over all of them
    and by class.
    """

    model_config = ConfigDict(extra="forbid")

    target: str
    region: str
    config: str
    config_sha256: str | None
    features: list[str] = Field(min_length=1)
    signatures: list[list[str]]
    novelty_threshold: float = Field(gt=0)
    quantile_levels: list[float]
    quantiles: dict[str, list[float]]
    class_quantiles: dict[str, dict[str, list[float]]]
    class_counts: dict[str, int]


def writers(ensemble: Ensemble, novelty: Novelty, out_of_fold: Array) -> dict[str, Callable[[Path], None]]:
    """What writes the files of a model, by name.

    ``out_of_fold`` is (repeats, patients, classes): probabilities of each training patient by models that were fitted
    without it, in the order of the card's ``training.patients``.
    """
    arrays = {
        "median": ensemble.scaling.median,
        "mean": ensemble.scaling.mean,
        "deviation": ensemble.scaling.deviation,
        "coefficients": ensemble.coefficients,
        "intercepts": ensemble.intercepts,
        "novelty_covariance": novelty.covariance,
    }
    probabilities = {"probabilities": out_of_fold.astype(np.float32)}
    return {ARRAYS: partial(_save, arrays), OUT_OF_FOLD: partial(_save, probabilities)}


def _save(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


def read(folder: ModelFolder) -> tuple[SubtypeSettings, Ensemble, Novelty, Array]:
    """The model of a verified folder and its out-of-fold probabilities (see :func:`writers`).

    :class:`InputError` when card and arrays do not make a model.
    """
    card = folder.card
    if card.task != "subtype":
        raise InputError(f"model '{card.name}' is for {card.task}, not for subtypes; choose a subtype model")
    settings = validated(SubtypeSettings, card.settings, f"{folder.path}: settings of the model card")
    try:
        stored = load_file(folder.file(ARRAYS)) | load_file(folder.file(OUT_OF_FOLD))
        arrays = {name: np.asarray(array, dtype=np.float64) for name, array in stored.items()}
    except SafetensorError as error:
        raise InputError(f"{folder.path / ARRAYS} is not a safetensors file: {error}; copy the folder again") from error
    shape = (len(settings.features), len(card.classes), len(card.training.patients))
    _check_shapes(arrays, *shape, folder.path)
    probabilities = arrays.pop("probabilities")
    scaling = Scaling(arrays["median"], arrays["mean"], arrays["deviation"])
    ensemble = Ensemble(scaling, arrays["coefficients"], arrays["intercepts"])
    novelty = Novelty(arrays["novelty_covariance"], settings.novelty_threshold)
    return settings, ensemble, novelty, probabilities


def _check_shapes(arrays: dict[str, Array], features: int, classes: int, patients: int, path: Path) -> None:
    members = max(1, len(arrays.get("coefficients", ())))
    repeats = max(1, len(arrays.get("probabilities", ())))
    expected: dict[str, tuple[int, ...]] = {
        "median": (features,),
        "mean": (features,),
        "deviation": (features,),
        "coefficients": (members, classes, features),
        "intercepts": (members, classes),
        "novelty_covariance": (features, features),
        "probabilities": (repeats, patients, classes),
    }
    for name, shape in expected.items():
        stored_shape = arrays[name].shape if name in arrays else None
        if stored_shape != shape:
            raise InputError(f"{path / ARRAYS}: array '{name}' has shape {stored_shape}; the card asks for {shape}")
        if not np.isfinite(arrays[name]).all():
            raise InputError(f"{path / ARRAYS}: array '{name}' holds NaN or infinite values")
