"""How results were made, in sentences written from the records of their folders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gliomics.features.config import FeatureConfig
from gliomics.report.cohort.record import CohortRecord, Extraction
from gliomics.report.cohort_report.references import References
from gliomics.validated import validated

UNTOLD = "not told by the table of features"


def configuration(extraction: Extraction) -> FeatureConfig | None:
    """The configuration of the features; None where their table does not tell it."""
    if extraction.configuration is None:
        return None
    return validated(FeatureConfig, extraction.configuration, "the configuration of the features in the record")


def counted(counts: Mapping[str, int]) -> str:
    """How many studies have which value, in words.

    >>> counted({"t1, flair": 3, "flair": 1})
    't1, flair (3 studies); flair (1 study)'
    """
    words = (f"{name} ({count} {'study' if count == 1 else 'studies'})" for name, count in counts.items())
    return "; ".join(words) or UNTOLD


def in_words(config: FeatureConfig) -> str:
    """Image types, grey levels and classes of a configuration."""
    setting = config.setting
    if setting.binCount is not None:
        levels = f"{setting.binCount} grey levels"
    elif setting.binWidth is not None:
        levels = f"grey levels of width {setting.binWidth:g}"
    else:
        levels = "grey levels of PyRadiomics' default width"
    types, classes = ", ".join(config.image_type), ", ".join(config.feature_class)
    measured = "in three dimensions" if config.slices == "volume" else f"in slices ({config.slices})"
    return f"image types: {types}; {levels}; feature classes: {classes}; measured {measured}"


def processing(extraction: Extraction) -> str:
    """What was done to the images before features were measured."""
    config = configuration(extraction)
    if config is None:
        scale = UNTOLD
    elif config.normalisation.method == "zscore":
        scale = (
            "mean and standard deviation of the brain mask where there is one, else of the foreground, times "
            f"{config.normalisation.scale:g}"
        )
    else:
        scale = "PyRadiomics' own" if config.setting.normalize else "none"
    return (
        f"bias field: {counted(extraction.bias_field)}. Voxels: {counted(extraction.resampling)}. Intensities brought "
        f"to one scale: {scale}. Brain mask: {counted(extraction.brain_mask)}"
    )


def of_features(extraction: Extraction, references: References) -> list[str]:
    """How the features were computed."""
    by = extraction.versions
    config = configuration(extraction)
    software = f"PyRadiomics {by.get('pyradiomics', '')}".strip() + f" {references.cite('pyradiomics')}"
    lines = [
        f"{extraction.features} features of the region '{extraction.region}' in {extraction.studies} studies, computed "
        f"with {software} and Gliomics {by.get('gliomics', '')}".rstrip()
        + (f" ({in_words(config)})." if config is not None else f". Their configuration is {UNTOLD}."),
        f"Sequences: {counted(extraction.sequences)}.",
        f"Images: {processing(extraction)}.",
    ]
    if any(name.startswith("N4") for name in extraction.bias_field):
        lines[-1] += f" N4: {references.cite('n4')}."
    moved = {name: count for name, count in extraction.boundary_shift.items() if name != "0"}
    if moved:
        lines.append(f"The outline of the regions was moved, in voxels: {counted(moved)}.")
    if extraction.harmonised:
        lines.append(f"The features were harmonised (ComBat), all patients at once: {counted(extraction.harmonised)}.")
    lines.append("Who or what drew the regions is not told by the table of features: the author must say it.")
    return lines


def of_analysis(record: CohortRecord, references: References) -> list[str]:
    """How an analysis was done."""
    return {"associate": _associations, "expression": _expression, "survival": _survival}[record.kind](
        record, references
    )


def _corrections(references: References) -> str:
    return f"Bonferroni, Holm {references.cite('holm')} and Benjamini and Hochberg {references.cite('fdr')}"


def _associations(record: CohortRecord, references: References) -> list[str]:
    settings, numbers, cite = record.settings, record.numbers, references.cite
    within = f", and within each value of '{settings['by']}'" if settings["by"] else ""
    return [
        f"Classes: {', '.join(settings['targets'])}; of all patients{within}. Each feature, cut at its "
        f"{settings['cut']}, was tested against the classes by the exact test of r x c tables {cite('fisher')} "
        f"(of many possible tables 99,999 were drawn, seed {settings['seed']}), by Kruskal and Wallis' test "
        f"{cite('kruskal')}, and one class against all others by Mann and Whitney's {cite('mann')}. Classes of fewer "
        f"than {settings['least']} patients were left out.",
        f"{numbers['tests']} p-values, corrected within each test and group by {_corrections(references)}; "
        f"{numbers['refused']} more were refused. Effects: Cramer's V, epsilon squared and AUC with 95 % bootstrap "
        f"intervals {cite('bootstrap')} of {numbers['resamples']} resamples of the patients within each class.",
        *(_masks(record) if settings.get("masks") else []),
    ]


def _masks(record: CohortRecord) -> list[str]:
    names, numbers = record.settings["masks"], record.numbers
    return [
        f"The same was tested under the masks {', '.join(names)} of the {numbers['patients_under_all_masks']} patients "
        f"and {numbers['features_under_all_masks']} features that all tables have, p-values corrected within each; how "
        "far a feature agrees over them is told by ICC(2,1)."
    ]


def _expression(record: CohortRecord, references: References) -> list[str]:
    settings, numbers, cite = record.settings, record.numbers, references.cite
    return [
        f"Mutual information of {numbers['features']} features and {numbers['genes']} genes of {_from_to(numbers)} "
        "patients, in nats: by a histogram of 5 x 5 cells of equal width, with p-values from "
        f"{settings['permutations']} tables of permuted patients and from the strongest pair of each "
        f"{cite('permuted')}; and by nearest neighbours {cite('kraskov')} on normal scores. Seed {settings['seed']}.",
        f"p-values were corrected over all pairs by {_corrections(references)}.",
        *(f"Left out: {sentence}." for sentence in numbers["left_out"]),
    ]


def _from_to(numbers: Mapping[str, Any]) -> str:
    fewest, most = numbers["fewest"], numbers["most"]
    return f"{fewest}" if fewest == most else f"{fewest} to {most}"


def _survival(record: CohortRecord, references: References) -> list[str]:
    settings, numbers, cite = record.settings, record.numbers, references.cite
    clinical = ", ".join(numbers["clinical_columns"])
    lines = [
        f"Time: '{settings['time']}' in {numbers['unit']}; event: '{settings['event']}' ({settings['events']}). "
        f"{numbers['events']} of {numbers['patients']} patients had the event. Curves: Kaplan and Meier "
        f"{cite('kaplan')}.",
        f"Radiomics: a Cox model {cite('cox')} of {numbers['features']} features with an elastic-net "
        f"penalty {cite('net')}; of {numbers['penalties']} strengths and the L1 shares {_listed(numbers['l1_shares'])} "
        f"the best by the cross-validated partial likelihood {cite('likelihood')}, chosen inside the training "
        f"patients. In {numbers['training_fits_without_features']} of {numbers['training_fits']} training folds "
        "it took no feature.",
        f"{scaling(record)}. {partition(record)}.",
        f"Harrell's C-index {cite('harrell')}; AUC {cite('uno')} and Brier score {cite('graf')} at "
        f"{_listed(numbers['horizons'])} {numbers['unit']}, weighted for censoring; 95 % bootstrap intervals "
        f"{cite('bootstrap')} over patients. Proportional hazards: {cite('schoenfeld')}.",
    ]
    if clinical:
        lines.insert(2, f"Clinical: a Cox model of {clinical}; 'both' keeps it below the features {cite('added')}.")
    return lines


def _listed(numbers: list[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers) or "no time"


def partition(record: CohortRecord) -> str:
    """How patients were divided for a model of survival."""
    folds, repeats = record.numbers["folds"], record.settings["repeats"]
    often = "once" if repeats == 1 else f"{repeats} times"
    return (
        f"{folds} folds by patient, stratified by event, {often} (seed {record.settings['seed']}): every "
        "patient was estimated by models of others"
    )


def scaling(record: CohortRecord) -> str:
    """How predictors entered a model of survival."""
    return (
        "Features enter linearly, per standard deviation; scales and values for missing features come from the "
        f"training patients of each fold; {record.numbers['features_left_out']} features were not used"
    )
