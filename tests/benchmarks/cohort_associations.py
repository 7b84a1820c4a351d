"""Published associations of lower-grade glioma's shape with its genomic clusters, on manual and automatic masks.

    python -m tests.benchmarks.cohort_associations MANUAL.csv AUTOMATIC.csv GENOMICS.csv

The first two are tables of `gliomics features --config lgg-shape` of the same patients under two sets of masks,
GENOMICS the table of the clusters that `gliomics import` writes (or the set's data.csv). Prints, for every published
association, what is found under either, and how many tests of each family (98 of the exact test) are below 0.05.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from gliomics.association.associate import ALL, EFFECTS, FISHER, Association, Plan, associate, questions
from gliomics.cohort.feature_table import read_features_csv
from gliomics.cohort.patient_table import patient_table
from gliomics.report.markdown import markdown_table
from gliomics.study.patients import read_patient_column

CLUSTERINGS = ("RNASeq", "Methylation", "miRNA", "CN", "RPPA", "Oncosign", "COC")
PUBLISHED = [
    ("BoundingEllipsoidVolumeRatio", "RNASeq", "Buda 2019 < 0.0002"),
    ("MarginFluctuation", "RNASeq", "Buda 2019 < 0.005"),
    ("AngularStandardDeviation", "RNASeq", "Buda 2019 < 0.02, Mazurowski 2017 < 0.0002"),
    ("AngularStandardDeviation", "COC", "Mazurowski 2017 < 0.0002"),
    ("AngularStandardDeviation", "CN", "Mazurowski 2017 < 0.001"),
]
TYPES = {"1": "astrocytoma", "2": "oligoastrocytoma", "3": "oligodendroglioma"}


def associations(features: Path, genomics: Path, plan: Plan) -> list[Association]:
    """All 14 features by all seven clusterings, of all patients and by histological type."""
    targets = {name: read_patient_column(genomics, f"{name}Cluster") for name in CLUSTERINGS}
    types = {p: TYPES[value] for p, value in read_patient_column(genomics, "histological_type").items()}
    table = patient_table(read_features_csv(features))
    return associate(table, questions(table, targets, types), plan)


def of(rows: list[Association], feature: str, target: str, group: str = ALL) -> Association:
    """The exact test of a feature, by the end of its name."""
    return next(
        row
        for row in rows
        if (row.test, row.target, row.group) == (FISHER, target, group) and row.feature.endswith(f"_{feature}")
    )


def published_table(manual: list[Association], automatic: list[Association]) -> str:
    header = ["feature, clusters", "published", "manual masks: n, p (Bonferroni)", "V", "automatic masks", "V"]
    lines = []
    for feature, target, published in PUBLISHED:
        cells = []
        for rows in (manual, automatic):
            row = of(rows, feature, target)
            cells += [
                f"{row.n}, {row.p:.2g} ({row.p_bonferroni:.2g})",
                f"{row.effect:.2f} ({row.effect_low:.2f} to {row.effect_high:.2f})",
            ]
        lines.append([f"{feature}, {target}", published, *cells])
    return markdown_table(header, lines)


def family_table(rows: list[Association]) -> str:
    lines = []
    for group in dict.fromkeys(row.group for row in rows):
        for test in EFFECTS:
            family = [row for row in rows if (row.group, row.test) == (group, test)]
            tested = [row for row in family if not math.isnan(row.p)]
            found = [
                str(sum(getattr(row, name) < 0.05 for row in tested))
                for name in ("p", "p_bonferroni", "p_holm", "p_fdr")
            ]
            n = f"{min(row.n for row in tested)} to {max(row.n for row in tested)}" if tested else ""
            lines.append([group, test, n, str(len(tested)), str(len(family) - len(tested)), *found])
    header = ["group", "test", "n", "tests", "refused", "p < 0.05", "Bonferroni", "Holm", "FDR"]
    return markdown_table(header, lines)


def strongest(rows: list[Association], group: str, count: int = 6) -> str:
    tested = sorted(
        (row for row in rows if (row.group, row.test) == (group, FISHER) and row.p < 1), key=lambda row: row.p
    )
    return "\n".join(
        f"{group}: {row.feature}, {row.target}: n {row.n}, p {row.p:.2g}, Bonferroni {row.p_bonferroni:.2g}, FDR "
        f"{row.p_fdr:.2g}, V {row.effect:.2f} ({row.effect_low:.2f} to {row.effect_high:.2f})"
        for row in tested[:count]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Published associations on manual and automatic masks.")
    for name in ("manual", "automatic", "genomics"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    masks = {name: getattr(arguments, name) for name in ("manual", "automatic")}
    rows = {name: associations(path, arguments.genomics, Plan()) for name, path in masks.items()}
    print(published_table(rows["manual"], rows["automatic"]))
    for name, found in rows.items():
        print(f"{name}\n\n{family_table(found)}")
        for group in (ALL, *TYPES.values()):
            print(strongest(found, group), flush=True)


if __name__ == "__main__":
    main()
