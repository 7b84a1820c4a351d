"""From features and outcomes to a model folder whose card says how good it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gliomics.errors import InputError
from gliomics.features.config import preset_of
from gliomics.files import safe_name
from gliomics.models import ModelCard, ModelFolder, SequenceNeeds, TrainingRecord, patient_hash, write_model_folder
from gliomics.records import FeatureRow
from gliomics.statistics.arrays import Classes
from gliomics.subtype import persist
from gliomics.subtype.blocks import AGE
from gliomics.subtype.classifier import FOLDS
from gliomics.subtype.contradictions import relations
from gliomics.subtype.doubt.identity import SequenceIdentity, columns
from gliomics.subtype.doubt.novelty import Novelty, quantiles
from gliomics.subtype.ensemble import MEMBERS
from gliomics.subtype.explain import group_profile
from gliomics.subtype.table import TrainingTable, check_class_counts, join
from gliomics.subtype.validation.crossvalidate import (
    OutOfFold,
    chance_level,
    cross_validate,
    fit_variant,
    leave_one_group_out,
    predict_folds,
    table_variants,
)
from gliomics.subtype.validation.summary import summarise, warnings_of
from gliomics.subtype.variants import Variant

CALIBRATION_REPEATS = 5
"""Repeats of the cross-validation by which the final model is calibrated."""

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class FitOptions:
    """What a fit needs besides the data.

    ``classes`` maps values of the outcome to class names, in order. ``given`` says of whom the model tells something,
    for the card: the class that another outcome has in all patients. ``repeats`` of the 5-fold cross-validation,
    ``permutations`` of the outcome for the AUC by chance, ``members`` refitted to show the spread of the fit.
    """

    name: str
    target: str
    title: str
    population: str
    classes: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    repeats: int = 20
    permutations: int = 100
    members: int = MEMBERS
    seed: int = 0


@dataclass(frozen=True)
class Cohort:
    """What a model is fitted to: features, and by patient the outcome and, where they are known, age and site.

    ``ages`` are in years. ``sites`` are the hospitals: the model is tried on each by models of all others, too.
    ``other_masks`` maps a name such as ``"masks grown by one voxel"`` to features of the same studies from other masks,
    with which the cross-validated models are tried, too. ``related`` maps the name of another subtype model to each
    patient's class by it, from which the card says what the classes go with.
    """

    rows: Sequence[FeatureRow]
    outcomes: Mapping[str, str]
    ages: Mapping[str, float] | None = None
    sites: Mapping[str, str] | None = None
    other_masks: Mapping[str, Sequence[FeatureRow]] = field(default_factory=dict)
    related: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Fitted:
    """A model folder, and what its cross-validation says of each patient of ``table``."""

    folder: ModelFolder
    table: TrainingTable
    out_of_fold: OutOfFold


def fit_model(
    cohort: Cohort,
    out: Path,
    options: FitOptions,
    *,
    progress: Callable[[int, int], None] = lambda steps, total: None,
) -> Fitted:
    """Cross-validate, fit to all patients and write the model folder ``out``, which must not exist.

    Equal input and seed give an equal model. Raises :class:`InputError` where a class has fewer than 8 patients.
    """
    if out.exists():
        raise InputError(f"{out} exists already; a model is never overwritten, choose another folder")
    safe_name(options.name, "model name")
    table = join(cohort.rows, cohort.outcomes, options.classes, cohort.ages)
    check_class_counts(table.classes, table.outcome)
    rng = np.random.default_rng(options.seed)
    steps = _Steps(options.repeats * FOLDS + options.permutations, progress)
    variants = table_variants(table)
    other_values = {name: table.aligned(rows) for name, rows in cohort.other_masks.items()}
    result = cross_validate(table, repeats=options.repeats, rng=rng, other_values=other_values, step=steps)
    by_group = {} if cohort.sites is None else {"site": _by_site(table, cohort.sites, rng)}
    chance = chance_level(table, variants[0].name, permutations=options.permutations, rng=rng, step=steps)

    # A generator of its own, so that the model does not depend on how thoroughly it was validated.
    hashes = [patient_hash(patient) for patient in table.patients]
    order = np.array(sorted(range(len(hashes)), key=hashes.__getitem__), dtype=np.int64)
    fitted = [_fitted(table, variant, order, result, options) for variant in variants]
    values = table.columns(variants[0].features)
    novelty = Novelty.fit(fitted[0].classifier.ensemble.scaling.scores(values))
    identity = _identity(table, variants[0])
    metrics = summarise(table, result, chance, rng, by_group)
    card = ModelCard(
        name=options.name,
        version="1",
        task="subtype",
        title=options.title,
        description=options.description,
        sequences=_sequence_needs(variants),
        classes=table.classes,
        settings=_settings(
            table, variants, options, (novelty, identity), warnings_of(metrics, [v.name for v in variants])
        ).model_dump(),
        training=TrainingRecord(
            population=options.population,
            n_patients=len(table.patients),
            fingerprint=table.fingerprint,
            patients=[hashes[row] for row in order],
        ),
        metrics=metrics,
        relations=relations(table, cohort.related),
    )
    folder = write_model_folder(out, card, persist.writers(fitted, novelty, identity, table.outcome[order]))
    return Fitted(folder, table, result)


def _fitted(
    table: TrainingTable, variant: Variant, order: Classes, result: OutOfFold, options: FitOptions
) -> persist.FittedVariant:
    """A variant fitted to all patients, with what is kept of each in the card's order."""
    everyone = np.arange(len(table.patients))
    rng = np.random.default_rng(options.seed)
    classifier = fit_variant(table, variant, everyone, rng, members=options.members, repeats=CALIBRATION_REPEATS)
    profiles = group_profile(classifier, table.columns(variant.features), variant.features)
    return persist.FittedVariant(variant, classifier, result.probabilities[variant.name][:, order], profiles[order])


def _identity(table: TrainingTable, variant: Variant) -> SequenceIdentity | None:
    """What tells the sequences of a model's images apart; nothing where there are not two that were measured so."""
    sequences = [name for name in variant.sequences if set(columns(name)) <= set(table.names)]
    if "flair" not in sequences or len(sequences) < 2:
        return None
    return SequenceIdentity.fit(sequences, {name: table.columns(columns(name)) for name in sequences})


def _by_site(table: TrainingTable, sites: Mapping[str, str], rng: np.random.Generator) -> OutOfFold:
    """What models say of each patient that saw nobody of the same site."""
    unknown = [patient for patient in table.patients if patient not in sites]
    if unknown:
        raise InputError(
            f"the site of {len(unknown)} patients is not known, e.g. of '{unknown[0]}'; complete the table"
        )
    groups = np.array([sites[patient] for patient in table.patients])
    if len(set(groups)) < 2:
        raise InputError(f"all patients are of site '{groups[0]}'; leave the sites out")
    return predict_folds(table, [leave_one_group_out(groups)], rng)


def _settings(
    table: TrainingTable,
    variants: Sequence[Variant],
    options: FitOptions,
    doubts: tuple[Novelty, SequenceIdentity | None],
    warnings: dict[str, list[str]],
) -> persist.SubtypeSettings:
    novelty, identity = doubts
    features = variants[0].features + [AGE] * (AGE in table.names)
    return persist.SubtypeSettings(
        target=options.target,
        given=dict(options.given),
        region=table.region,
        config=_config_name(table.config_sha256),
        config_sha256=table.config_sha256,
        config_parameters=dict(table.config_parameters) if table.config_parameters else None,
        brain_mask=table.brain_mask,
        variants=[
            persist.VariantSettings(
                name=variant.name,
                sequences=list(variant.sequences),
                blocks={block: list(names) for block, names in variant.blocks.items()},
            )
            for variant in variants
        ],
        novelty_threshold=novelty.threshold,
        identity_thresholds=dict(identity.thresholds) if identity is not None else {},
        quantile_levels=list(LEVELS),
        quantiles=_quantiles(table, features, None),
        class_quantiles={name: _quantiles(table, features, k) for k, name in enumerate(table.classes)},
        warnings=warnings,
        class_counts={name: int(np.sum(table.outcome == k)) for k, name in enumerate(table.classes)},
    )


def _sequence_needs(variants: Sequence[Variant]) -> SequenceNeeds:
    """Those of the variant that needs fewest are required, the others are not."""
    of_images = [set(variant.sequences) for variant in variants if variant.needs_images]
    required = set.intersection(*of_images)
    return SequenceNeeds(
        required=[name for name in variants[0].sequences if name in required],
        optional=[name for name in variants[0].sequences if name not in required],
    )


class _Steps:
    def __init__(self, total: int, progress: Callable[[int, int], None]) -> None:
        self._count, self._total, self._progress = 0, total, progress

    def __call__(self) -> None:
        self._count += 1
        self._progress(self._count, self._total)


def _quantiles(table: TrainingTable, features: Sequence[str], k: int | None) -> dict[str, list[float]]:
    rows = table.columns(features) if k is None else table.columns(features)[table.outcome == k]
    return dict(zip(features, quantiles(rows, LEVELS), strict=True))


def _config_name(digest: str | None) -> str:
    """The preset that made the features, or a note that it was none."""
    return preset_of(digest) or "YOUR.yaml"
