"""Two readings side by side: before and after a correction of the mask, or at two time points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gliomics.errors import InputError
from gliomics.reading.numbers import number
from gliomics.reading.record import EstimateReading, Reading
from gliomics.records import Record


@dataclass(frozen=True)
class Change(Record):
    """One row of a comparison: ``before`` and ``after`` as the readings have them, and the change between the two.

    ``absolute`` and ``relative`` are numbers where both are (``relative`` as a fraction, and only of sizes, whose zero
    means nothing there), with their texts; ``text`` is empty where nothing changed that is shown. ``feature`` is the
    name of a key feature, empty for facts and probabilities.
    """

    name: str
    before: str
    after: str
    absolute: float | None = None
    relative: float | None = None
    text: str = ""
    feature: str = ""


def changes(before: Reading, after: Reading) -> list[Change]:
    """The rows of a comparison: headline, the probability of every class, key features.

    What only one of the two has stands beside an empty text. Probabilities are compared of one version of a model
    only. Raises :class:`InputError` where the two are of different regions, or sizes in mm of one and in voxels of the
    other.
    """
    if before.region != after.region:
        raise InputError(
            f"the readings are of different regions, '{before.region}' of '{before.study_id}' and '{after.region}' of "
            f"'{after.study_id}'; compare the same region"
        )
    units = [{fact.unit for fact in reading.headline if fact.name == "Diameters"} for reading in (before, after)]
    if units[0] != units[1]:
        in_mm, in_voxels = (before, after) if "mm" in units[0] else (after, before)
        raise InputError(
            f"sizes of '{in_mm.study_id}' are in mm and those of '{in_voxels.study_id}' in voxels of unknown size; "
            "import that study with its voxel size to compare them"
        )
    return [*_facts(before, after), *_estimates(before, after), *_features(before, after)]


def _facts(before: Reading, after: Reading) -> list[Change]:
    first, second = (
        {fact.name: _Measured(fact.name, fact.text, fact.value, fact.unit) for fact in reading.headline}
        for reading in (before, after)
    )
    return _compared(first, second)


def _features(before: Reading, after: Reading) -> list[Change]:
    first, second = (
        {key.feature: _Measured(key.name, key.text, key.value, key.unit) for key in reading.key_features}
        for reading in (before, after)
    )
    return [
        replace(row, feature=feature)
        for feature, row in zip(dict.fromkeys([*first, *second]), _compared(first, second), strict=True)
    ]


@dataclass(frozen=True)
class _Measured:
    name: str
    text: str = ""
    value: float | None = None
    unit: str = ""


def _compared(before: Mapping[str, _Measured], after: Mapping[str, _Measured]) -> list[Change]:
    rows = []
    for key in dict.fromkeys([*before, *after]):
        first, second = before.get(key), after.get(key)
        if first is None or second is None:
            name = (first or second or _Measured(key)).name
            rows.append(Change(name, first.text if first else "", second.text if second else ""))
        elif first.value is None or second.value is None:
            rows.append(Change(first.name, first.text, second.text))
        else:
            difference = second.value - first.value
            relative = difference / first.value if first.unit and first.value else None
            text = _text(difference, first.unit, relative)
            rows.append(Change(first.name, first.text, second.text, difference, relative, text))
    return rows


def _estimates(before: Reading, after: Reading) -> list[Change]:
    earlier = {(estimate.model, estimate.version): estimate for estimate in before.estimates}
    rows: list[Change] = []
    for estimate in after.estimates:
        other = earlier.get((estimate.model, estimate.version))
        rows += _bars(other, estimate) if other is not None else []
    return rows


def _bars(before: EstimateReading, after: EstimateReading) -> list[Change]:
    """Each class; of an answer that was joined to another one the most probable alone, as it is shown."""
    earlier = {bar.name: bar for bar in before.bars}
    rows = [Change(after.title, before.headline, after.headline)]
    for bar in after.bars[:1] if after.part_of else after.bars:
        if bar.name in earlier:
            difference = bar.probability - earlier[bar.name].probability
            name = f"{after.title}: {bar.title.partition(' (')[0]}"
            first, second = (each.text.replace(" to ", "\N{EN DASH}") for each in (earlier[bar.name], bar))
            rows.append(Change(name, first, second, difference, None, _signed(difference, 2)))
    return rows


def _text(difference: float, unit: str, relative: float | None) -> str:
    if difference == 0:
        return ""
    sign = "+" if difference > 0 else "−"
    share = f" ({'+' if relative > 0 else '−'}{abs(relative):.0%})" if relative is not None else ""
    return f"{sign}{number(abs(difference))} {unit}".strip() + share


def _signed(difference: float, digits: int) -> str:
    text = f"{abs(difference):.{digits}f}"
    return "" if float(text) == 0 else f"{'+' if difference > 0 else '−'}{text}"
