"""What the cohort's first session says of 88 real patients: its commands on the public lower-grade glioma set."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sessions import NUMBER, SESSIONS, Shell, plain, steps

pytestmark = [pytest.mark.realdata, pytest.mark.timeout(3600)]


def test_figures_of_88_patients_are_those_of_the_page(real_data: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(real_data / "lgg" / "restore.py"), str(tmp_path)], check=True)
    first = next(step.name for step in steps("cohort.md") if step.section.startswith("6.") and step.what == "run")
    printed = Shell(tmp_path).run(first)
    with (tmp_path / "associations" / "associations.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["group"] == "all" and row["test"] == "fisher" and row["p"]]
    found = [len(rows), *(sum(float(row[name]) < 0.05 for row in rows) for name in ("p", "p_bonferroni"))]
    page = plain((SESSIONS / "cohort.md").read_text(encoding="utf-8"))
    said = re.search(r"(\d+) exact tests of all patients have (\d+) p-values below 0.05", page)
    assert said, page
    assert [*map(int, said.groups()), 4] == found, printed
    assert "Four survive Bonferroni" in page
    (ratio,) = (row for row in rows if "EllipsoidVolumeRatio" in row["feature"] and row["target"] == "RNASeqCluster")
    told = re.search(rf"V = ({NUMBER}) \(({NUMBER}) to ({NUMBER})\)", page)
    assert told
    effects = [f"{float(ratio[name]):.2f}" for name in ("effect", "effect_low", "effect_high")]
    assert list(told.groups()) == effects
