"""From features and outcomes to a model folder whose card says how good it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gliomics.errors import InputError
from gliomics.files import safe_name
from gliomics.models import ModelCard, ModelFolder, SequenceNeeds, TrainingRecord, patient_hash, write_model_folder
from gliomics.records import FeatureRow
from gliomics.subtype import persist
from gliomics.subtype.contradictions import relations
from gliomics.subtype.ensemble import MEMBERS, fit_ensemble
from gliomics.subtype.novelty import Novelty, quantiles
from gliomics.subtype.signatures import sequence_of
from gliomics.subtype.table import TrainingTable, check_class_counts, join
from gliomics.subtype.validate import (
    FOLDS,
    chance_level,
    cross_validate,
    signature_columns,
    summarise,
    without_sequence,
)

LEAST_PER_CLASS = 10
"""Fewer patients than this in a class cannot show that a model works; fitting is refused."""

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class FitOptions:
    """What a fit needs besides the data.

    ``classes`` maps values of the outcome to class names, in order. ``repeats`` of the 5-fold cross-validation,
    ``permutations`` of the outcome for the AUC by chance, ``members`` of the ensemble for each signature.
    """

    name: str
    target: str
    title: str
    population: str
    classes: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    repeats: int = 20
    permutations: int = 100
    members: int = MEMBERS
    seed: int = 0


def fit_model(
    rows: Sequence[FeatureRow],
    outcomes: Mapping[str, str],
    out: Path,
    options: FitOptions,
    *,
    other_masks: Mapping[str, Sequence[FeatureRow]] | None = None,
    related: Mapping[str, Mapping[str, str]] | None = None,
    progress: Callable[[int, int], None] = lambda steps, total: None,
) -> ModelFolder:
    """Cross-validate, fit to all patients and write the model folder ``out``, which must not exist.

    ``outcomes`` gives each patient's class (see :func:`~gliomics.study.patients.read_patient_column`). ``other_masks``
    maps a name such as ``"with masks grown by one voxel"`` to features of the same studies from other masks, with
    which the cross-validated models are tried too. ``related`` maps the name of another subtype model to each patient's
    class by it, from which the card says what the classes go with. Equal input and seed give an equal model.
    Raises :class:`InputError` where a class has fewer than 10 patients.
    """
    if out.exists():
        raise InputError(f"{out} exists already; a model is never overwritten, choose another folder")
    safe_name(options.name, "model name")
    table = join(rows, outcomes, options.classes)
    check_class_counts(table, LEAST_PER_CLASS)
    rng = np.random.default_rng(options.seed)
    steps = _Steps(options.repeats * FOLDS + options.permutations, progress)

    columns, signatures = signature_columns(table, np.arange(len(table.patients)))
    features = [table.names[column] for column in columns]
    needs = _sequence_needs(table, features)
    variants = {name: table.aligned(rows) for name, rows in (other_masks or {}).items()}
    variants |= {f"without {name}": without_sequence(table, name) for name in needs.optional}
    members = options.members
    result = cross_validate(table, repeats=options.repeats, rng=rng, variants=variants, members=members, step=steps)
    chance = chance_level(table, permutations=options.permutations, rng=rng, members=members, step=steps)

    values = table.columns(features)
    # A generator of its own, so that the model does not depend on how thoroughly it was validated.
    fit_rng = np.random.default_rng(options.seed)
    ensemble = fit_ensemble(values, table.outcome, len(table.classes), signatures, fit_rng, members=members)
    novelty = Novelty.fit(ensemble.scaling.scores(values))
    hashes = [patient_hash(patient) for patient in table.patients]
    order = sorted(range(len(hashes)), key=hashes.__getitem__)
    card = ModelCard(
        name=options.name,
        version="1",
        task="subtype",
        title=options.title,
        description=options.description,
        sequences=needs,
        classes=table.classes,
        settings=_settings(table, features, signatures, options.target, novelty.threshold).model_dump(),
        training=TrainingRecord(
            population=options.population,
            n_patients=len(table.patients),
            fingerprint=table.fingerprint,
            patients=[hashes[row] for row in order],
        ),
        metrics=summarise(table, result, chance, rng),
        relations=relations(table, related or {}),
    )
    return write_model_folder(out, card, persist.writers(ensemble, novelty, result.probabilities[:, order]))


def _settings(
    table: TrainingTable, features: list[str], signatures: list[list[int]], target: str, novelty_threshold: float
) -> persist.SubtypeSettings:
    return persist.SubtypeSettings(
        target=target,
        region=table.region,
        config=_config_name(table.config_sha256),
        config_sha256=table.config_sha256,
        features=features,
        signatures=[[features[position] for position in signature] for signature in signatures],
        novelty_threshold=novelty_threshold,
        quantile_levels=list(LEVELS),
        quantiles=_quantiles(table, features, None),
        class_quantiles={name: _quantiles(table, features, k) for k, name in enumerate(table.classes)},
        class_counts={name: int(np.sum(table.outcome == k)) for k, name in enumerate(table.classes)},
    )


class _Steps:
    def __init__(self, total: int, progress: Callable[[int, int], None]) -> None:
        self._count, self._total, self._progress = 0, total, progress

    def __call__(self) -> None:
        self._count += 1
        self._progress(self._count, self._total)


def _sequence_needs(table: TrainingTable, features: Sequence[str]) -> SequenceNeeds:
    """A sequence that some training patients lack is one that the model can do without."""
    sequences = [name for name in dict.fromkeys(sequence_of(feature) for feature in features) if name is not None]
    lacking = {
        name: bool(np.isnan(table.columns([f for f in features if sequence_of(f) == name])).all(axis=1).any())
        for name in sequences
    }
    return SequenceNeeds(
        required=[name for name in sequences if not lacking[name]],
        optional=[name for name in sequences if lacking[name]],
    )


def _quantiles(table: TrainingTable, features: Sequence[str], k: int | None) -> dict[str, list[float]]:
    rows = table.columns(features) if k is None else table.columns(features)[table.outcome == k]
    return dict(zip(features, quantiles(rows, LEVELS), strict=True))


def _config_name(digest: str | None) -> str:
    """The preset that made the features, or a note that it was none."""
    from gliomics.features.config import load_config, preset_names

    return next((name for name in preset_names() if load_config(name).digest == digest), "YOUR.yaml")
