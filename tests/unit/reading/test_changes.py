"""What changed between two readings, and when they are not compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gliomics.errors import InputError
from gliomics.reading.changes import Change, changes
from gliomics.reading.record import ClassBar, EstimateReading, Fact, KeyFeature, Reading


def reading(volume: float, longest: float, p: float, unit: str = "mm") -> Reading:
    bars = [
        ClassBar("mutant", "mutant", p, p - 0.1, p + 0.1, f"{p:.2f} ({p - 0.1:.2f} to {p + 0.1:.2f})"),
        ClassBar("wildtype", "wild type", 1 - p, 0.9 - p, 1.1 - p, f"{1 - p:.2f} ({0.9 - p:.2f} to {1.1 - p:.2f})"),
    ]
    return Reading(
        study_id="x",
        region="whole",
        title="Whole tumour",
        headline=[
            Fact("Volume", f"{volume:.1f} cm³", volume, "cm³"),
            Fact("Diameters", f"{longest:.1f} × 20.0 {unit}", longest, unit),
            Fact("Side", "left"),
        ],
        estimates=[EstimateReading("IDH", "mutant more likely", "plain", bars, model="subtype_idh", version="1")],
        key_features=[KeyFeature("original_outline_Solidity", "Solidity of the outline", p, f"{p:.3f}")],
    )


def by_name(rows: list[Change]) -> dict[str, Change]:
    return {row.name: row for row in rows}


def test_sizes_change_absolutely_and_relatively() -> None:
    rows = by_name(changes(reading(20.0, 40.0, 0.8), reading(25.0, 38.0, 0.6)))
    volume = rows["Volume"]
    assert (volume.before, volume.after, volume.text) == ("20.0 cm³", "25.0 cm³", "+5.00 cm³ (+25%)")
    assert (volume.absolute, volume.relative) == (pytest.approx(5.0), pytest.approx(0.25))
    assert rows["Diameters"].text == "−2.00 mm (−5%)"


def test_probabilities_change_absolutely_and_the_answer_stands_beside() -> None:
    rows = by_name(changes(reading(20.0, 40.0, 0.8), reading(20.0, 40.0, 0.6)))
    assert (rows["IDH: mutant"].text, rows["IDH: mutant"].relative) == ("−0.20", None)
    assert rows["IDH: wild type"].text == "+0.20"
    assert (rows["IDH"].before, rows["IDH"].after, rows["IDH"].absolute) == ("mutant more likely",) * 2 + (None,)


def test_a_feature_without_a_unit_has_no_relative_change() -> None:
    row = by_name(changes(reading(20.0, 40.0, 0.8), reading(20.0, 40.0, 0.6)))["Solidity of the outline"]
    assert (row.before, row.after, row.text, row.relative) == ("0.800", "0.600", "−0.200", None)


def test_key_features_are_told_from_facts_of_the_same_name() -> None:
    rows = changes(reading(20.0, 40.0, 0.8), reading(25.0, 38.0, 0.6))
    assert {row.name: row.feature for row in rows if row.feature} == {
        "Solidity of the outline": "original_outline_Solidity"
    }
    assert not by_name(rows)["Volume"].feature


def test_what_is_no_number_is_shown_side_by_side() -> None:
    after = reading(20.0, 40.0, 0.8)
    after.headline[2] = Fact("Side", "across the midline, 80% left")
    row = by_name(changes(reading(20.0, 40.0, 0.8), after))["Side"]
    assert row == Change("Side", "left", "across the midline, 80% left")


def test_nothing_changed_says_nothing() -> None:
    assert {row.text for row in changes(reading(20.0, 40.0, 0.8), reading(20.0, 40.0, 0.8))} == {""}


def test_what_only_one_has_is_not_compared() -> None:
    before, after = reading(20.0, 40.0, 0.8), reading(20.0, 40.0, 0.8)
    after.headline.append(Fact("Parts", "2 separate; the largest has 90%", 2.0))
    rows = by_name(changes(before, replace(after, key_features=[])))
    assert rows["Parts"] == Change("Parts", "", "2 separate; the largest has 90%")
    assert rows["Solidity of the outline"] == Change(
        "Solidity of the outline", "0.800", "", feature="original_outline_Solidity"
    )


def test_another_version_of_a_model_is_not_compared() -> None:
    after = reading(20.0, 40.0, 0.6)
    after = replace(after, estimates=[replace(after.estimates[0], version="2")])
    assert not any(row.name.startswith("IDH") for row in changes(reading(20.0, 40.0, 0.8), after))


def test_of_what_was_joined_to_another_answer_one_class_is_compared() -> None:
    before, after = reading(20.0, 40.0, 0.8), reading(20.0, 40.0, 0.6)
    after = replace(after, estimates=[replace(after.estimates[0], part_of="WHO class")])
    names = [row.name for row in changes(before, after) if row.name.startswith("IDH")]
    assert names == ["IDH", "IDH: mutant"]


def test_different_regions_are_refused_in_a_sentence() -> None:
    with pytest.raises(InputError, match="of different regions, 'whole' of 'x' and 'oedema' of 'y'; compare the same"):
        changes(reading(20.0, 40.0, 0.8), replace(reading(20.0, 40.0, 0.8), region="oedema", study_id="y"))


def test_millimetres_and_voxels_are_refused_in_a_sentence() -> None:
    voxels = replace(reading(9000.0, 40.0, 0.8, unit="voxels"), study_id="y")
    for pair in ((reading(20.0, 40.0, 0.8), voxels), (voxels, reading(20.0, 40.0, 0.8))):
        with pytest.raises(InputError, match="sizes of 'x' are in mm and those of 'y' in voxels"):
            changes(*pair)


def test_a_change_travels_as_json() -> None:
    (row, *_) = changes(reading(20.0, 40.0, 0.8), reading(25.0, 38.0, 0.6))
    assert Change.from_json(row.to_json()) == row
