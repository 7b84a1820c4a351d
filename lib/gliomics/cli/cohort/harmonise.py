"""``gliomics cohort harmonise``: the features of several sites or scanners brought to a common level and spread."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.cohort.tables import FEATURES, OUT, OUTCOMES, check_folder
from gliomics.cli.terminal.console import console

_MOST_LISTED = 10


def harmonise(
    features: Annotated[Path, FEATURES],
    outcomes: Annotated[Path, OUTCOMES],
    batch: Annotated[str, typer.Option(metavar="COLUMN", help="Column of OUTCOMES with the site or the scanner.")],
    out: Annotated[Path, OUT],
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column of OUTCOMES, e.g. the age, whose effect stays; repeat."),
    ] = None,
    least: Annotated[
        int, typer.Option(min=3, max=1000, help="Patients of batches with fewer are left out and said.")
    ] = 5,
) -> None:
    """Harmonise features over sites or scanners by ComBat, with pictures of before and after.

    For description and tests of association. All patients are harmonised at once, so that no model may learn from the
    result: `gliomics subtype compare` harmonises inside the training folds.
    """
    from gliomics.association.harmonise import CAUTION, harmonised_rows
    from gliomics.association.harmonise import harmonise as harmonisation_of
    from gliomics.cohort.feature_table import read_features_csv, write_features_csv
    from gliomics.cohort.patient_table import patient_table
    from gliomics.report.cohort.harmonisation import FILES, TABLE, summary, write_harmonisation
    from gliomics.study.patients import read_patient_column
    from gliomics.survival.outcomes import read_clinical

    check_folder(out, FILES, [features, outcomes])
    rows = read_features_csv(features)
    batches = read_patient_column(outcomes, batch)
    kept = read_clinical(outcomes, keep) if keep else None
    result = harmonisation_of(patient_table(rows), batch, batches, kept, least=least)
    for why in dict.fromkeys(result.left_out.values()):
        console.print(f"left out, {why}: {_listed(result.left_out, why)}", style="yellow", markup=False)
    for sentence in result.warnings:
        console.print(sentence, style="yellow", markup=False)
    write_features_csv(harmonised_rows(rows, result), out / TABLE)
    write_harmonisation(out, result, {"Features": features.name, "Batches": f"{outcomes.name}: {batch}"})
    for line in summary(result):
        console.print(line, markup=False)
    console.print(f"{out / TABLE}: {CAUTION}", markup=False)


def _listed(left_out: Mapping[str, str], why: str) -> str:
    patients = [patient for patient, reason in left_out.items() if reason == why]
    more = len(patients) - _MOST_LISTED
    return ", ".join(patients[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
