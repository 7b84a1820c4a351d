"""Response by measured change: RANO's thresholds, and what stays open."""

from __future__ import annotations

from typing import Any

import pytest

from gliomics.errors import InputError
from gliomics.records import FeatureRow
from gliomics.survival.response import VOLUME, responses

DATES = ["2024-01-01", "2024-03-01", "2024-03-15", "2024-06-01", "2024-09-01"]


def told(volumes: list[float], *, dated: bool = True, **diagnostics: Any) -> list[dict[str, Any]]:
    return responses(
        [
            FeatureRow(
                f"visit-{k}", "whole", {VOLUME: volume},
                {"patient_id": "P", "timepoint": f"t{k}", **({"date": DATES[k]} if dated else {}), **diagnostics},
            )
            for k, volume in enumerate(volumes)
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("volumes", "expected"),
    [
        ([10_000, 3_500], ["baseline", "PR"]),
        ([10_000, 3_501], ["baseline", "SD"]),
        ([10_000, 14_000], ["baseline", "PD"]),
        ([10_000, 13_999], ["baseline", "SD"]),
        ([10_000, 2_000, 2_700, 2_800], ["baseline", "PR", "PR", "PD"]),
        ([10_000, 0, 100], ["baseline", "CR", "PD"]),
        ([500, 100], ["baseline", "open"]),
    ],
)
def test_thresholds_are_of_the_first_and_of_the_smallest(volumes: list[float], expected: list[str]) -> None:
    assert [row["response"] for row in told(volumes)] == expected


def test_next_examination_confirms_after_four_weeks() -> None:
    rows = told([10_000, 3_000, 3_000, 3_100, 9_000])
    assert [row["confirmed"] for row in rows] == [None, None, True, False, None]
    assert [row["days"] for row in rows] == [0, 60, 74, 152, 244]
    assert rows[1]["change_from_first"] == pytest.approx(-0.7)
    assert {row["confirmed"] for row in told([10_000, 3_000, 3_000], dated=False)} == {None}


def test_volume_in_unknown_voxels_stays_open() -> None:
    rows = told([10_000, 3_000], spacing_known=False)
    assert rows[1]["response"] == "open"
    assert rows[1]["note"] == "the voxel size of 'visit-0' is not known"


def test_table_without_volumes_is_refused() -> None:
    with pytest.raises(InputError, match=f"no row has the feature {VOLUME}"):
        responses([FeatureRow("a", "whole", {"x": 1.0}, {"patient_id": "P"})])
