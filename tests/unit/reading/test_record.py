"""The record of what is read: it travels unharmed, also between versions."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from typing import Any

import pytest

from gliomics.reading.record import ClassBar, EstimateReading, Fact, KeyFeature, Population, Reading, VasariReading
from gliomics.records import Contribution, FeatureRow, Neighbour, SubtypeEstimate

READING = Reading(
    study_id="Fall-07_é",
    region="whole",
    title="Whole tumour",
    headline=[
        Fact("Volume", "23.4 cm³", 23.41, "cm³", "the number of voxels times their size"),
        Fact("Side", "undecided: no head can be made out", tone="caution"),
    ],
    estimates=[
        EstimateReading(
            title="IDH",
            headline="IDH mutant more likely",
            tone="plain",
            bars=[ClassBar("mutant", "IDH mutant", 0.86, 0.78, 0.93, "0.86 (0.78 to 0.93)", 0.82, None)],
            reasons=["Outline: solidity 0.91 speaks for IDH mutant"],
            model="subtype_idh",
            version="1",
        )
    ],
    key_features=[
        KeyFeature(
            "original_outline_Solidity",
            "Solidity",
            0.91,
            "0.91",
            percentile=62.5,
            population=Population("patients", 87, [0.05, 0.5, 0.95], [0.7, 0.88, 0.96], {"mutant": [0.7, 0.8, 0.9]}),
        )
    ],
    cautions=["the voxel size is unknown"],
)
ESTIMATE = SubtypeEstimate(
    study_id="x",
    model="subtype_idh",
    model_version="1",
    target="IDH status",
    predicted="mutant",
    probabilities={"mutant": 0.75, "wildtype": 0.25},
    intervals={"mutant": [0.6, 0.9], "wildtype": [0.1, 0.4]},
    inside_training_range=True,
    population="patients",
    n_training=87,
    performance="AUC 0.80",
    contributions=[Contribution("flair_original_firstorder_Mean", 0.31, "FLAIR mean", 143.0, 71.0, {"mutant": 130.0})],
    intercept=1.4,
    prediction_set=["mutant", "wildtype"],
    margin=[0.6, 0.8],
    covariates={"age": 54.0, "sex": "female"},
    groups={"FLAIR signal": 0.31},
    variant="images and age",
    by_input={"images": {"mutant": 0.7, "wildtype": 0.3}, "age": {"mutant": 0.8, "wildtype": 0.2}},
    given={"region": "frontal"},
    prevalence={"mutant": 0.6, "wildtype": 0.4},
    nearest=[Neighbour(12, "mutant", 0.4)],
)
LATER = {
    "contributions", "intercept", "prediction_set", "margin", "covariates", "groups", "variant", "by_input", "given",
    "prevalence", "nearest",
}  # fmt: skip
"""What estimates did not have at first."""


@pytest.mark.parametrize("record", [READING, ESTIMATE], ids=["reading", "estimate"])
def test_a_record_comes_back_from_json_as_it_was(record: Any) -> None:
    text = json.dumps(record.to_json(), allow_nan=False)
    assert type(record).from_json(json.loads(text)) == record


def test_what_a_newer_server_adds_is_ignored_at_every_depth() -> None:
    value = READING.to_json()
    value["added"] = 1
    value["headline"][0]["added"] = 1
    value["estimates"][0]["bars"][0]["added"] = {"x": []}
    value["key_features"][0]["population"]["added"] = None
    assert Reading.from_json(value) == READING


def test_an_estimate_of_an_older_server_or_file_says_that_nothing_more_is_known() -> None:
    old = {name: value for name, value in ESTIMATE.to_json().items() if name not in LATER}
    restored = SubtypeEstimate.from_json(old)
    assert {name: getattr(restored, name) for name in old} == {name: getattr(ESTIMATE, name) for name in old}
    assert not any(getattr(restored, name) for name in LATER)


def test_a_missing_value_that_every_record_has_is_an_error_and_not_made_up() -> None:
    with pytest.raises(TypeError, match="headline"):
        Reading.from_json({"study_id": "x", "region": "whole", "title": "Whole tumour"})


def test_every_field_that_holds_records_is_declared_as_one() -> None:
    for record in (Reading, EstimateReading, KeyFeature, VasariReading, SubtypeEstimate, FeatureRow):
        holding = {field.name for field in fields(record) for kind in KINDS if kind in str(field.type)}
        assert holding == set(record.parts), record


KINDS = (
    "Fact",
    "ClassBar",
    "EstimateReading",
    "KeyFeature",
    "Population",
    "Contribution",
    "Neighbour",
    "VasariReading",
)


def test_the_panel_can_import_the_record_with_nothing_but_the_standard_library() -> None:
    code = (
        "import json, sys, gliomics.reading.record; "
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))))"
    )
    run = subprocess.run([sys.executable, "-S", "-c", code], env={"PYTHONPATH": "lib"}, capture_output=True, text=True)
    assert run.stderr == ""
    assert set(json.loads(run.stdout)) <= {"gliomics", "__main__", "__mp_main__"}
