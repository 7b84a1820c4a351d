"""``gliomics cohort response``: how the volume of each patient's lesion changed, by the thresholds of RANO."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.cohort.tables import FEATURES
from gliomics.cli.terminal.console import check_apart, check_table, console, counted


def response(
    features: Annotated[Path, FEATURES],
    out: Annotated[Path, typer.Option(help="The table to write (CSV): one row per examination.")],
) -> None:
    """Write for each examination by how much the volume changed, and what RANO 2.0's thresholds of volume make of it.

    Measured change alone: no symptoms, steroids, new lesions or time since radiotherapy, which RANO asks for, too.
    """
    from gliomics.cohort.feature_table import read_features_csv
    from gliomics.csv_files import write_csv
    from gliomics.records import RESEARCH_NOTICE
    from gliomics.survival.response import COLUMNS, responses

    check_table(out)
    check_apart([out], [features])
    rows = responses(read_features_csv(features))
    write_csv(out, rows, COLUMNS)
    counts = ", ".join(f"{name} {count}" for name, count in Counter(row["response"] for row in rows).items())
    console.print(f"{counted(len(rows), 'row')} in {out}: {counts}\n{RESEARCH_NOTICE}", markup=False)
