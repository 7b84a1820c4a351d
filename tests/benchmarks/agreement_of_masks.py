"""How far features of automatic masks rank patients as those of manual masks do.

    python -m tests.benchmarks.agreement_of_masks MANUAL.csv AUTOMATIC.csv [--stability ICC.csv] [--class glioma]

Both tables come from `gliomics features` with one configuration, the second from masks of a network that did not see
the patients (`cv/masks` of a cross-validation). For each feature: Spearman's rank correlation over the patients that
have it in both tables with its 95 % percentile bootstrap interval, and, with a table of `gliomics stability`, its ICC.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from gliomics.cohort.feature_table import read_features_csv
from gliomics.cohort.stability import read_stability_csv
from gliomics.errors import GliomicsError, InputError
from gliomics.report.markdown import markdown_table
from gliomics.statistics.bootstrap import Interval

_RESAMPLES = 2000
_FEWEST = 4

Floats = npt.NDArray[np.float64]


def spearman(pairs: Floats, seed: int = 0) -> Interval:
    """Spearman's correlation of two columns (n, 2) and its 95 % percentile bootstrap interval over the rows."""
    drawn = np.random.default_rng(seed).integers(0, len(pairs), (_RESAMPLES, len(pairs)))
    replicates = [value for rows in drawn if np.isfinite(value := _correlation(pairs[rows]))]
    low, high = np.percentile(replicates, (2.5, 97.5)) if replicates else (np.nan, np.nan)
    return Interval(_correlation(pairs), float(low), float(high), len(pairs))


def agreement(manual: Path, automatic: Path, kind: str) -> dict[str, Interval]:
    """Spearman's correlation of each feature of a class between two tables, over the regions that both hold."""
    by_table = [{(row.study_id, row.region): row for row in read_features_csv(path)} for path in (manual, automatic)]
    first, second = by_table
    if len({row.diagnostics.get("config_sha256") for table in by_table for row in table.values()}) != 1:
        raise InputError(
            f"{manual.name} and {automatic.name} were not measured by one configuration; measure them anew"
        )
    names = dict.fromkeys(name for row in first.values() for name in row.values if f"_{kind}_" in f"_{name}")
    found = {}
    for name in names:
        both = [key for key in first if key in second and all(name in table[key].values for table in by_table)]
        if len(both) >= _FEWEST:
            found[name] = spearman(np.array([[table[key].values[name] for table in by_table] for key in both]))
    if not found:
        raise InputError(f"{manual.name} and {automatic.name} share no feature of class '{kind}' in {_FEWEST} patients")
    return found


def _correlation(pairs: Floats) -> float:
    ranks = rankdata(pairs, axis=0)
    centred = ranks - ranks.mean(axis=0)
    scale = float(np.sqrt((centred**2).sum(axis=0).prod()))
    return float(centred.prod(axis=1).sum() / scale) if scale > 0 else float("nan")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manual", type=Path)
    parser.add_argument("automatic", type=Path)
    parser.add_argument("--stability", type=Path, help="table of `gliomics stability`")
    parser.add_argument("--class", dest="kind", default="glioma", help="feature class")
    options = parser.parse_args(arguments)
    try:
        found = agreement(options.manual, options.automatic, options.kind)
        stable = {one.feature: one for one in read_stability_csv(options.stability)} if options.stability else {}
    except GliomicsError as error:
        print(error, file=sys.stderr)
        return 2
    rows = []
    for name, rank in found.items():
        cells = [f"`{name}`", f"{rank.value:.2f} ({rank.low:.2f} to {rank.high:.2f})", str(rank.n)]
        one = stable.get(name)
        if one is not None:
            cells += [f"{one.icc.value:.2f} ({one.icc.low:.2f} to {one.icc.high:.2f})", one.grade]
        rows.append(cells + [""] * (2 * bool(stable) + 3 - len(cells)))
    header = [
        "feature",
        "rank correlation, manual and automatic",
        "n",
        *(["ICC, changed masks", "grade"] if stable else []),
    ]
    print(markdown_table(header, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
