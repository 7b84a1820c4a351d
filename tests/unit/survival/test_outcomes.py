"""Outcomes are read as they are meant, or asked about."""

from __future__ import annotations

from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.survival.outcomes import Outcome, read_clinical, read_outcomes, unit_of


def a_file(folder: Path, *rows: str) -> Path:
    (folder / "outcomes.csv").write_text("\n".join(["patient_id,time,event,grade", *rows]) + "\n", encoding="utf-8")
    return folder / "outcomes.csv"


@pytest.mark.parametrize(
    ("seen", "not_seen"),
    [("1", "0"), ("1.0", "0.0"), ("Dead", "Alive"), ("DECEASED", "LIVING"), ("1:DECEASED", "0:LIVING"), ("yes", "no")],
)
def test_words_that_mean_one_thing_are_known(seen: str, not_seen: str, tmp_path: Path) -> None:
    outcomes, missing, meaning = read_outcomes(a_file(tmp_path, f"A,1,{seen}", f"B,2.5,{not_seen}"), "time", "event")
    assert outcomes == {"A": Outcome(1.0, True), "B": Outcome(2.5, False)}
    assert missing == {}
    assert meaning.in_words() == f"event: {seen}; censored: {not_seen}"


@pytest.mark.parametrize(("first", "second"), [("1", "2"), ("relapse", "0"), ("1:LIVING", "0:DECEASED"), ("-1", "0")])
def test_other_values_are_asked_about(first: str, second: str, tmp_path: Path) -> None:
    table = a_file(tmp_path, f"A,1,{first}", f"B,2,{second}")
    with pytest.raises(InputError, match=r"column 'event' of .* is an event is not known; name those .* --event-value"):
        read_outcomes(table, "time", "event")
    outcomes, _, _ = read_outcomes(table, "time", "event", [second])
    assert [outcome.event for outcome in outcomes.values()] == [False, True]


def test_event_value_that_does_not_occur_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--event-value 'dead' does not occur in column 'event' .*'1'"):
        read_outcomes(a_file(tmp_path, "A,1,1"), "time", "event", ["dead"])


@pytest.mark.parametrize("cell", ["[Unknown]", "[Not Applicable]", "[Discrepancy]", "<NA>", "null", "n/a"])
def test_words_for_what_is_not_known_are_no_values(cell: str, tmp_path: Path) -> None:
    table = a_file(tmp_path, f"A,1,1,{cell}", f"B,{cell},0,G2", f"C,2,{cell},G3")
    assert read_outcomes(table, "time", "event")[0] == {"A": Outcome(1.0, True)}
    assert read_clinical(table, ["grade"]) == {"B": {"grade=G3": 0.0}, "C": {"grade=G3": 1.0}}


@pytest.mark.parametrize("time", ["-1", "inf", "24 months", "1,5"])
def test_time_that_is_none_is_refused_with_its_patient(time: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'time' of patient 'B' is '.*'; expected a time of at least 0 in one unit"):
        read_outcomes(a_file(tmp_path, "A,1,1", f'B,"{time}",0'), "time", "event")


def test_patient_without_time_or_event_is_told(tmp_path: Path) -> None:
    outcomes, missing, _ = read_outcomes(a_file(tmp_path, "A,1,1", "B,,0", "C,3,NA", "D,#N/A,#N/A"), "time", "event")
    assert list(outcomes) == ["A"]
    assert missing == {"B": "no time in outcomes.csv", "C": "no event in outcomes.csv"}


def test_patient_with_two_times_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gives patient 'A' two values of 'time'"):
        read_outcomes(a_file(tmp_path, "A,1,1", "A,2,1"), "time", "event")


def test_unit_is_that_of_the_option_or_of_the_name() -> None:
    assert unit_of("OS.time", "days") == "days"
    assert unit_of("Overall Survival (Months)", None) == unit_of("OS_months", "months") == "months"
    with pytest.raises(InputError, match="unit of the times in column 'OS' is not known; give --unit"):
        unit_of("OS", None)
    with pytest.raises(InputError, match="--unit is days, and the column is called 'OS months'"):
        unit_of("OS months", "days")
    with pytest.raises(InputError, match="--unit is 'weeks'; expected days, months, years"):
        unit_of("OS", "weeks")


def test_words_become_a_column_for_each_but_the_commonest(tmp_path: Path) -> None:
    table = a_file(tmp_path, "A,1,1,G2", "B,2,0,G3", "C,3,0,G2", "D,4,0,")
    assert read_clinical(table, ["grade", "time"]) == {
        "A": {"grade=G3": 0.0, "time": 1.0},
        "B": {"grade=G3": 1.0, "time": 2.0},
        "C": {"grade=G3": 0.0, "time": 3.0},
    }


def test_column_of_numbers_and_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"column 'grade' of .* has numbers and the text 'high'"):
        read_clinical(a_file(tmp_path, "A,1,1,2", "B,2,0,high"), ["grade"])
    rows = [f"P{k},1,1,word{k}" for k in range(9)]
    with pytest.raises(InputError, match=r"column 'grade' of .* has 9 values; expected numbers, or 2 to 6 categories"):
        read_clinical(a_file(tmp_path, *rows), ["grade"])
