"""Response by measured change of volume: the thresholds of RANO 2.0, and nothing else that it asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gliomics.cohort.delta import check_comparable, examination_date, lesions_in_time
from gliomics.errors import InputError
from gliomics.records import FeatureRow

VOLUME = "original_shape_MeshVolume"
SMALLEST = math.pi / 6 * 10**3
"""Volume in mm3 of a sphere of 10 mm: RANO measures lesions of at least 10 x 10 mm."""
PARTIAL, PROGRESSION = -0.65, 0.40
"""Change of volume from the first examination, and from the smallest so far (Wen 2023, J Clin Oncol 41:5187)."""
_ROUNDING = 1e-9
CONFIRMED_AFTER = 28
"""Days after which another examination confirms a response or a progression."""
COLUMNS = (
    "patient_id", "region", "study_id", "timepoint", "date", "days", "volume_mm3", "change_from_first",
    "change_from_smallest", "response", "confirmed", "note",
)  # fmt: skip


def responses(rows: Sequence[FeatureRow]) -> list[dict[str, Any]]:
    """A row (:data:`COLUMNS`) for each examination of each patient's region, in order of time.

    ``response`` is ``baseline``, ``CR``, ``PR``, ``SD``, ``PD``, or ``open`` where the volume cannot be compared, with
    the reason in ``note``. ``confirmed`` says whether the next examination, at least :data:`CONFIRMED_AFTER` days
    later, says the same of a response or a progression; None where that is not known. Raises :class:`InputError` where
    no row has a volume.

    >>> def a_row(time: str, volume: float) -> FeatureRow:
    ...     return FeatureRow(time, "whole", {VOLUME: volume}, {"patient_id": "P", "timepoint": time})
    >>> [row["response"] for row in responses([a_row("before", 9e3), a_row("after", 3e3), a_row("later", 5e3)])]
    ['baseline', 'PR', 'PD']
    """
    if not any(VOLUME in row.values for row in rows):
        raise InputError(f"no row has the feature {VOLUME}; compute it: gliomics features ... --config panel")
    table: list[dict[str, Any]] = []
    for (patient, region), by_time in lesions_in_time(rows).items():
        examinations = list(by_time.items())
        lines = [_line(patient, region, examinations[: k + 1]) for k in range(len(examinations))]
        for line, following in zip(lines, [*lines[1:], None], strict=True):
            line["confirmed"] = _confirmed(line, following)
        table += lines
    return table


def _line(patient: str, region: str, until: Sequence[tuple[str, FeatureRow]]) -> dict[str, Any]:
    """The last of some examinations, beside those before."""
    (_, first), (timepoint, row) = until[0], until[-1]
    date, first_date = examination_date(row), examination_date(first)
    line: dict[str, Any] = dict.fromkeys(COLUMNS)
    line |= {
        "patient_id": patient, "region": region, "study_id": row.study_id, "timepoint": timepoint, "date": date,
        "days": (date - first_date).days if date and first_date else None, "volume_mm3": row.values.get(VOLUME),
    }  # fmt: skip
    if row is first:
        return line | {"response": "baseline"}
    reason = next((reason for _, other in (until[0], until[-1]) if (reason := _unusable(first, other))), None)
    if reason is not None:
        return line | {"response": "open", "note": reason}
    earlier = [other.values[VOLUME] for _, other in until[:-1] if _unusable(first, other) is None]
    volume, baseline, smallest = row.values[VOLUME], first.values[VOLUME], min(earlier)
    from_first = volume / baseline - 1
    from_smallest = volume / smallest - 1 if smallest > 0 else math.inf if volume > 0 else 0.0
    response = "SD"
    if volume == 0:
        response = "CR"
    elif from_smallest >= PROGRESSION - _ROUNDING:
        response = "PD"
    elif from_first <= PARTIAL + _ROUNDING:
        response = "PR"
    return line | {"response": response, "change_from_first": from_first, "change_from_smallest": from_smallest}


def _unusable(first: FeatureRow, row: FeatureRow) -> str | None:
    """Why a volume cannot be compared with that of the first examination."""
    if VOLUME not in row.values:
        return f"'{row.study_id}' has no {VOLUME}"
    if not row.diagnostics.get("spacing_known", True):
        return f"the voxel size of '{row.study_id}' is not known"
    if first.values.get(VOLUME, 0.0) < SMALLEST:
        return "the first examination's lesion is smaller than a sphere of 10 mm"
    try:
        check_comparable(first, row)
    except InputError as error:
        return str(error)
    return None


def _confirmed(line: dict[str, Any], following: dict[str, Any] | None) -> bool | None:
    if line["response"] not in ("CR", "PR", "PD") or following is None or following["response"] == "open":
        return None
    if line["date"] is None or following["date"] is None:
        return None
    if (following["date"] - line["date"]).days < CONFIRMED_AFTER:
        return None
    return bool(following["response"] == line["response"])
