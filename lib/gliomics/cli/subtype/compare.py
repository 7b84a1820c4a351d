"""``gliomics subtype compare``: estimators of the field on one's own features and outcome."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gliomics.cli.subtype.cohort import AGE, CLASS, CLINICAL, FEATURES, OUTCOMES, TARGET, WHERE, pairs, read_outcomes
from gliomics.cli.terminal.console import check_apart, check_table, console, progress_bar

if TYPE_CHECKING:
    from gliomics.subtype.classifier import Fold
    from gliomics.subtype.estimators.config import EstimatorConfig
    from gliomics.subtype.table import TrainingTable


def compare(
    features: Annotated[Path, FEATURES],
    outcomes: Annotated[Path, OUTCOMES],
    target: Annotated[str, TARGET],
    out: Annotated[Path, typer.Option(help="The table to write (CSV): one row per estimator.")],
    class_: Annotated[list[str] | None, CLASS] = None,
    where: Annotated[list[str] | None, WHERE] = None,
    estimator: Annotated[
        list[str] | None,
        typer.Option(help="Name of an estimator, or a YAML file of one's own; repeat. By default all that ship."),
    ] = None,
    clinical: Annotated[Path | None, CLINICAL] = None,
    age: Annotated[str, AGE] = "age",
    site: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of the outcomes' table with the hospital; TCGA's ids say it."),
    ] = None,
    leave_site_out: Annotated[
        bool, typer.Option("--leave-site-out", help="Test the patients of each hospital by models of the others.")
    ] = False,
    repeats: Annotated[int, typer.Option(min=1, max=100, help="Repeats of the 5-fold cross-validation.")] = 3,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Equal seeds give equal tables.")] = 0,
) -> None:
    """Compare estimators on patients that they were not fitted on, and choose among them inside the folds.

    The best of a table flatters itself, because it was looked for; the row "nested choice" does not.
    """
    from gliomics.cohort.feature_table import read_features_csv
    from gliomics.csv_files import write_csv
    from gliomics.subtype.circumstances import read_ages
    from gliomics.subtype.estimators.cohort import comparison_table
    from gliomics.subtype.estimators.comparison import compare as compare_estimators
    from gliomics.subtype.estimators.comparison import steps
    from gliomics.subtype.estimators.figures import figures

    check_table(out)
    check_apart([out], [features, outcomes, clinical])
    candidates = _candidates(estimator)
    table = comparison_table(
        read_features_csv(features),
        read_outcomes(outcomes, target, pairs(where, "--where", "COLUMN=VALUE")),
        pairs(class_, "--class", "VALUE=NAME"),
        read_ages(clinical, age) if clinical is not None else None,
    )
    table = _with_sites(table, outcomes, site)
    candidates = _without_harmonisation(candidates, table) if not estimator else candidates
    counts = ", ".join(f"{name} {int((table.outcome == k).sum())}" for k, name in enumerate(table.classes))
    console.print(f"{len(table.patients)} patients: {counts}; {len(candidates)} estimators", markup=False)
    folds = _folds(table, leave_site_out=leave_site_out, repeats=repeats, seed=seed)
    with progress_bar() as bar:
        task = bar.add_task("comparing", total=steps(len(candidates), folds))
        comparison = compare_estimators(table, candidates, folds, seed=seed, step=lambda: bar.advance(task))
        bar.update(task, description="drawing intervals", total=None)
        rows = figures(comparison, table, candidates, seed=seed)
    write_csv(out, rows)
    for row in rows:
        console.print(_line(row), markup=False)
    console.print(f"table in {out}", markup=False)


def _candidates(names: list[str] | None) -> dict[str, EstimatorConfig]:
    from gliomics.subtype.estimators.config import load_estimators, presets

    return load_estimators(names or list(presets()))


def _without_harmonisation(candidates: dict[str, EstimatorConfig], table: TrainingTable) -> dict[str, EstimatorConfig]:
    """All that ship, of which those that harmonise are left out where no site is known."""
    from gliomics.subtype.estimators.estimator import SITE

    if SITE in table.names:
        return candidates
    console.print("no site is known, so no estimator harmonises; name its column by --site", style="yellow")
    return {name: config for name, config in candidates.items() if config.harmonisation is None}


def _with_sites(table: TrainingTable, outcomes: Path, site: str | None) -> TrainingTable:
    """The table with the patients' sites, where they are known."""
    from gliomics.study.patients import read_patient_column
    from gliomics.subtype.estimators.cohort import has_tcga_sites, with_sites

    if site is None and not has_tcga_sites(table):
        return table
    return with_sites(table, None if site is None else read_patient_column(outcomes, site))


def _folds(table: TrainingTable, *, leave_site_out: bool, repeats: int, seed: int) -> list[list[Fold]]:
    import numpy as np

    from gliomics.errors import InputError
    from gliomics.subtype.classifier import FOLDS, stratified_folds
    from gliomics.subtype.estimators.cohort import of_sites
    from gliomics.subtype.estimators.estimator import SITE
    from gliomics.subtype.estimators.folds import by_site

    if not leave_site_out:
        rng = np.random.default_rng(seed)
        return [stratified_folds(table.outcome, FOLDS, rng) for _ in range(repeats)]
    if SITE not in table.names:
        raise InputError("--leave-site-out needs the patients' sites; name their column by --site")
    return [by_site(of_sites(table), table.outcome)]


def _line(row: dict[str, Any]) -> str:
    figures = f"AUC {row['auc']:.3f} ({row['auc_low']:.3f} to {row['auc_high']:.3f}), Brier {row['brier']:.3f}"
    best = f", best in {row['times_best']} folds" if row.get("times_best") else ""
    return f"{row['estimator']}: {figures}{best}"
