"""What is joined, what is left out and why, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from gliomics.cohort.patient_table import patient_table
from gliomics.errors import InputError
from gliomics.records import FeatureRow
from gliomics.survival.outcomes import Outcome
from gliomics.survival.table import survival_table

ROWS = [FeatureRow(f"P-{k}", "whole", {"a": float(k), "b": 1.0, "c": 2.0 * k}) for k in range(30)]
OUTCOMES = {f"P-{k}": Outcome(k + 1.0, k % 2 == 0) for k in range(30)}
AGES = {f"P-{k}": {"age": 40.0 + k} for k in range(30)}


def test_who_and_what_is_left_out_has_a_reason() -> None:
    rows = [*ROWS, FeatureRow("P-98", "whole", {"a": 1.0}), FeatureRow("P-99", "whole", {"a": 1.0})]
    rows[0].values["d"] = 5.0
    outcomes = OUTCOMES | {"P-77": Outcome(1.0, True), "P-99": Outcome(3.0, False)}
    table = survival_table(patient_table(rows), outcomes, "days", missing={"P-98": "no time"}, clinical=AGES)
    assert table.left_out == {"P-77": "no features", "P-98": "no time", "P-99": "a clinical value is missing"}
    assert table.dropped == {"b": "one value for all patients", "d": "known of 1 of 30 patients"}
    assert (table.names, table.values.shape, table.clinical_names) == (["a", "c"], (30, 2), ["age"])
    del rows[0].values["d"]


def test_rows_stay_together() -> None:
    table = survival_table(
        patient_table(ROWS[::-1]), OUTCOMES, "days", clinical=AGES, groups={f"P-{k}": "xy"[k > 9] for k in range(29)}
    )
    for row, patient in enumerate(table.patients):
        k = int(patient[2:])
        assert (table.values[row, 0], table.clinical[row, 0], table.time[row]) == (k, 40 + k, k + 1)
        assert (table.event[row], table.group[row]) == (k % 2 == 0, -1 if k == 29 else int(k > 9))


CONSTANT = patient_table([FeatureRow(row.study_id, "whole", {"b": 1.0}) for row in ROWS])
CENSORED = {patient: Outcome(outcome.time, event=False) for patient, outcome in OUTCOMES.items()}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"outcomes": CENSORED}, "0 of 30 patients with features have the event; at least 10 are needed"),
        ({"outcomes": {"Q-1": Outcome(1.0, True)}}, "no patient has both features and"),
        ({"groups": dict.fromkeys(OUTCOMES, "G2")}, r"the patients are of 1 groups \(G2 30\); expected 2 to 6"),
        ({"groups": dict.fromkeys(OUTCOMES, "G2") | {"P-1": "G3"}}, r"fewer than 5 patients \(G2 29, G3 1\)"),
        ({"clinical": {p: {"age": 40.0} for p in OUTCOMES}}, "clinical 'age' has one value for all 30 patients"),
        (
            {"clinical": {p: {f"c{k}": float(hash((p, k))) for k in range(4)} for p in OUTCOMES}},
            r"4 clinical columns \(c0, c1, c2, c3\) are too many for 15 events",
        ),
        (
            {"features": CONSTANT},
            "none of the 1 features has values",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        survival_table(**({"features": patient_table(ROWS), "outcomes": OUTCOMES, "unit": "days"} | changed))
