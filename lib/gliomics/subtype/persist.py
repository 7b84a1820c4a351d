"""A subtype model as files: plain arrays in safetensors and a JSON card, so that loading one runs no code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from gliomics.errors import InputError
from gliomics.models import ModelFolder
from gliomics.statistics.arrays import Array, Classes
from gliomics.subtype.classifier import Classifier
from gliomics.subtype.doubt.calibration import Calibration
from gliomics.subtype.doubt.conformal import ClassScores
from gliomics.subtype.doubt.identity import SequenceIdentity, columns
from gliomics.subtype.doubt.novelty import Novelty
from gliomics.subtype.ensemble import Ensemble, Scaling
from gliomics.subtype.variants import Variant
from gliomics.validated import validated

ARRAYS = "ensemble.safetensors"
OUT_OF_FOLD = "out_of_fold.safetensors"
"""Of each training patient the class, and probabilities by models that were fitted without it."""

NOVELTY = "novelty_covariance"
OUTCOME = "outcome"
PROFILES = "profiles"


class VariantSettings(BaseModel):
    """One kind of input and the features of each of its regressions (:class:`~gliomics.subtype.variants.Variant`)."""

    model_config = ConfigDict(extra="forbid")

    name: str
    sequences: list[str]
    blocks: dict[str, list[str]] = Field(min_length=1)

    @property
    def variant(self) -> Variant:
        """The variant that is described."""
        return Variant(self.name, tuple(self.sequences), self.blocks)


class SubtypeSettings(BaseModel):
    """``settings`` of a subtype model's card.

    ``given`` says of whom the model tells something: the value that other columns of the outcomes have in all of its
    patients. ``config_parameters`` describe the configuration of the features, where their rows did
    (:attr:`~gliomics.features.config.FeatureConfig.parameters`), ``brain_mask`` whether these were measured with masks
    of the brain. ``warnings`` are said beside every estimate from a variant. ``quantiles`` maps each feature to its
    training patients' values at ``quantile_levels``, over all of them and by class.
    """

    model_config = ConfigDict(extra="forbid")

    target: str
    given: dict[str, str] = {}
    region: str
    config: str
    config_sha256: str | None
    config_parameters: dict[str, Any] | None = None
    brain_mask: bool = False
    variants: list[VariantSettings] = Field(min_length=1)
    novelty_threshold: float = Field(gt=0)
    identity_thresholds: dict[str, float] = {}
    quantile_levels: list[float]
    quantiles: dict[str, list[float]]
    class_quantiles: dict[str, dict[str, list[float]]]
    class_counts: dict[str, int]
    warnings: dict[str, list[str]] = {}


@dataclass(frozen=True)
class FittedVariant:
    """A variant with its classifier.

    ``out_of_fold`` is (repeats, patients, classes): probabilities of each training patient by models that were fitted
    without it; ``profiles`` is (patients, groups * classes) of :func:`~gliomics.subtype.explain.group_profile`. Both
    are in the order of the card's ``training.patients``.
    """

    variant: Variant
    classifier: Classifier
    out_of_fold: Array
    profiles: Array


@dataclass(frozen=True)
class StoredModel:
    """What a model folder holds. The first variant uses all images and nothing else; its features are the novelty's.

    ``identity`` is None where there is one sequence only. ``outcome`` is each training patient's class, (patients,).
    """

    settings: SubtypeSettings
    variants: Sequence[FittedVariant]
    novelty: Novelty
    identity: SequenceIdentity | None
    outcome: Classes


def writers(
    variants: Sequence[FittedVariant], novelty: Novelty, identity: SequenceIdentity | None, outcome: Classes
) -> dict[str, Callable[[Path], None]]:
    """What writes the files of a model, by name."""
    arrays: dict[str, Array] = {NOVELTY: novelty.covariance}
    if identity is not None:
        arrays |= {f"identity_{name}": array for name, array in _ensemble_arrays(identity.regression).items()}
    patients: dict[str, Array] = {OUTCOME: outcome.astype(np.float64)}
    for number, fitted in enumerate(variants):
        ensemble, calibration = fitted.classifier.ensemble, fitted.classifier.calibration
        of_variant = {
            **{f"ensemble_{name}": array for name, array in _ensemble_arrays(ensemble).items()},
            "slope": np.array([calibration.slope]),
            "offsets": calibration.offsets,
        }
        arrays |= {_key(number, name): array for name, array in of_variant.items()}
        arrays |= {_key(number, f"class_scores_{k}"): own for k, own in enumerate(fitted.classifier.class_scores.own)}
        patients |= {_key(number, "probabilities"): fitted.out_of_fold, _key(number, PROFILES): fitted.profiles}
    return {ARRAYS: partial(_save, arrays), OUT_OF_FOLD: partial(_save, patients)}


def _ensemble_arrays(ensemble: Ensemble) -> dict[str, Array]:
    return {
        "median": ensemble.scaling.median,
        "mean": ensemble.scaling.mean,
        "deviation": ensemble.scaling.deviation,
        "coefficients": ensemble.coefficients,
        "intercepts": ensemble.intercepts,
    }


def _key(number: int, name: str) -> str:
    return f"variant_{number}_{name}"


def _save(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    save_file({name: np.ascontiguousarray(array, dtype=np.float32) for name, array in arrays.items()}, path)


def read(folder: ModelFolder) -> StoredModel:
    """The model of a verified folder; :class:`InputError` when card and arrays do not make a model."""
    card = folder.card
    if card.task != "subtype":
        raise InputError(f"model '{card.name}' is for {card.task}, not for subtypes; choose a subtype model")
    settings = validated(SubtypeSettings, card.settings, f"{folder.path}: settings of the model card")
    try:
        stored = load_file(folder.file(ARRAYS)) | load_file(folder.file(OUT_OF_FOLD))
    except SafetensorError as error:
        raise InputError(f"{folder.path / ARRAYS} is not a safetensors file: {error}; copy the folder again") from error
    arrays = _Arrays({name: np.asarray(array, dtype=np.float64) for name, array in stored.items()}, folder.path)
    classes, patients = len(card.classes), len(card.training.patients)
    outcome = arrays.of(OUTCOME, patients).astype(np.int64)
    if not np.isin(outcome, np.arange(classes)).all():
        raise InputError(f"{folder.path / OUT_OF_FOLD}: array '{OUTCOME}' names classes that the card does not have")
    variants = [
        _read_variant(arrays, number, described.variant, classes, patients)
        for number, described in enumerate(settings.variants)
    ]
    features = variants[0].variant.features
    covariance = arrays.of(NOVELTY, len(features), len(features))
    novelty = Novelty(covariance, settings.novelty_threshold)
    return StoredModel(settings, variants, novelty, _read_identity(arrays, settings.identity_thresholds), outcome)


def _read_identity(arrays: _Arrays, thresholds: Mapping[str, float]) -> SequenceIdentity | None:
    sequences = list(thresholds)
    if not sequences:
        return None
    regression = _read_ensemble(arrays, "identity", len(sequences), len(columns(sequences[0])))
    return SequenceIdentity(sequences, regression, thresholds)


def _read_ensemble(arrays: _Arrays, key: str, classes: int, features: int) -> Ensemble:
    def of(name: str, *shape: int | None) -> Array:
        return arrays.of(f"{key}_{name}", *shape)

    scaling = Scaling(of("median", features), of("mean", features), of("deviation", features))
    return Ensemble(scaling, of("coefficients", None, classes, features), of("intercepts", None, classes))


def _read_variant(arrays: _Arrays, number: int, variant: Variant, classes: int, patients: int) -> FittedVariant:
    def of(name: str, *shape: int | None) -> Array:
        return arrays.of(_key(number, name), *shape)

    ensemble = _read_ensemble(arrays, _key(number, "ensemble"), classes, len(variant.features))
    calibration = Calibration(float(of("slope", 1)[0]), of("offsets", classes))
    class_scores = ClassScores([np.sort(of(f"class_scores_{k}", None)) for k in range(classes)])
    out_of_fold = of("probabilities", None, patients, classes)
    return FittedVariant(
        variant, Classifier(ensemble, calibration, class_scores), out_of_fold, of(PROFILES, patients, None)
    )


@dataclass(frozen=True)
class _Arrays:
    by_name: Mapping[str, Array]
    path: Path

    def of(self, name: str, *shape: int | None) -> Array:
        """An array of a shape, in which None stands for any size above 0, that is finite."""
        array = self.by_name.get(name)
        fits = array is not None and len(array.shape) == len(shape)
        if (
            array is None
            or not fits
            or not all(
                size == wanted if wanted is not None else size > 0
                for size, wanted in zip(array.shape, shape, strict=True)
            )
        ):
            expected = " x ".join("n" if size is None else str(size) for size in shape)
            stored = None if array is None else array.shape
            raise InputError(f"{self.path / ARRAYS}: array '{name}' has shape {stored}; the card asks for {expected}")
        if not np.isfinite(array).all():
            raise InputError(f"{self.path / ARRAYS}: array '{name}' holds NaN or infinite values")
        return array
