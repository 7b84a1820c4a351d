"""Names as scanners, languages and data sets write them, with the answer that a radiologist would give.

The answer ``none`` is for whatever must not be taken for one of the four: another image, or a name that leaves it open.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gliomics.sequences import SEQUENCES, Acquisition, recognise

TABLE = Path(__file__).parents[1] / "data" / "sequence_spellings.tsv"


@dataclass(frozen=True)
class Spelling:
    answer: str | None
    name: str
    acquisition: Acquisition | None


def headers(text: str) -> Acquisition | None:
    values: dict[str, Any] = dict(item.split("=", 1) for item in text.split(";") if item)
    for name in values:
        if name in ("repetition_time", "echo_time", "inversion_time", "contrast_volume", "b_value"):
            values[name] = float(values[name])
        elif name == "temporal_positions":
            values[name] = int(values[name])
        elif name in ("image_type", "scanning_sequence"):
            values[name] = tuple(values[name].split("/"))
    return Acquisition(**values) if values else None


def spellings() -> list[Spelling]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Spelling(row["answer"] if row["answer"] != "none" else None, row["name"], headers(row["headers"] or ""))
        for row in rows
    ]


SPELLINGS = spellings()


def test_the_table_is_large_and_has_every_answer() -> None:
    assert len(SPELLINGS) >= 250
    assert {spelling.answer for spelling in SPELLINGS} == {*SEQUENCES, None}
    assert len({(spelling.name, spelling.acquisition) for spelling in SPELLINGS}) == len(SPELLINGS)


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda spelling: spelling.name)
def test_a_spelling_is_never_taken_for_another_sequence(spelling: Spelling) -> None:
    recognition = recognise(spelling.name, spelling.acquisition)
    assert recognition.sequence in (None, spelling.answer)
    assert recognition.reason


def test_at_least_nine_of_ten_spellings_of_the_four_sequences_are_recognised() -> None:
    of_the_four = [spelling for spelling in SPELLINGS if spelling.answer]
    missed = [s.name for s in of_the_four if recognise(s.name, s.acquisition).sequence is None]
    assert 1 - len(missed) / len(of_the_four) >= 0.9, missed
