"""The list of studies is found, filtered, put in order and cut as it is asked for."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gliomics.errors import InputError, UnknownNameError
from gliomics.server.store.leases import Lease
from gliomics.server.web.opened_reports import MOST_REPORTS, OpenedReports
from gliomics.server.web.worklist import MOST_UNUSABLE, WorklistQuery, worklist


def row(number: int, state: str, user: str | None = None, comment: str = "") -> dict[str, Any]:
    review = {"user": "T", "comment": comment} if comment else None
    saved = f"2026-01-{number + 1:02d}T00:00:00+00:00" if user else None
    known = {"id": f"case-{number}", "patient_id": f"P{9 - number}", "state": state, "user": user}
    return {**known, "version": number if user else None, "saved": saved, "review": review}


ROWS = [
    row(2, "submitted", "anna"),
    row(0, "unlabelled"),
    row(1, "returned", "Bo", "more oedema"),
    row(3, "approved", "Carl"),
]
LEASES = {"case-0": Lease("anna", time.time() + 100)}


def ids(**asked: Any) -> list[str]:
    return [study["id"] for study in worklist(ROWS, LEASES, WorklistQuery(**asked))["studies"]]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["case-0", "case-1", "case-2", "case-3"]),
        ({"descending": True}, ["case-3", "case-2", "case-1", "case-0"]),
        ({"sort": "state"}, ["case-1", "case-0", "case-2", "case-3"]),
        ({"sort": "user"}, ["case-2", "case-1", "case-3", "case-0"]),
        ({"sort": "patient_id"}, ["case-3", "case-2", "case-1", "case-0"]),
        ({"sort": "lease"}, ["case-0", "case-1", "case-2", "case-3"]),
        ({"state": "returned"}, ["case-1"]),
        ({"search": "OEDEMA case"}, ["case-1"]),
        ({"search": "anna"}, ["case-2"]),
        ({"search": "nobody"}, []),
        ({"offset": 1, "limit": 2}, ["case-1", "case-2"]),
        ({"offset": 9}, []),
    ],
)
def test_list_has_what_is_asked_for(asked: dict[str, Any], found: list[str]) -> None:
    assert ids(**asked) == found


def test_counts_are_of_all_that_is_found_and_not_of_the_part_that_is_sent() -> None:
    answer = worklist(ROWS, LEASES, WorklistQuery(search="case", state="approved", limit=1))
    assert answer["matching"] == 1
    assert answer["counts"] == {"returned": 1, "unlabelled": 1, "partial": 0, "submitted": 1, "approved": 1}


def test_entries_that_cannot_be_used_are_counted_and_the_first_are_named() -> None:
    assert worklist(ROWS, LEASES, WorklistQuery())["unusable"] == {"count": 0, "first": []}
    broken = {f"folder-{number:02d}": "has no sequence" for number in range(MOST_UNUSABLE + 5)}
    unusable = worklist(ROWS, LEASES, WorklistQuery(search="nobody"), broken)["unusable"]
    assert (unusable["count"], len(unusable["first"])) == (MOST_UNUSABLE + 5, MOST_UNUSABLE)
    assert unusable["first"][0] == {"name": "folder-00", "reason": "has no sequence"}


def test_lease_says_who_has_a_study() -> None:
    first = worklist(ROWS, LEASES, WorklistQuery(limit=1))["studies"][0]
    assert first["lease"]["user"] == "anna"


@pytest.mark.parametrize("asked", [{"state": "new"}, {"sort": "age"}, {"offset": -1}, {"limit": 0}, {"limit": 501}])
def test_what_cannot_be_asked_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="expected"):
        WorklistQuery(**asked)


def test_reports_are_kept_for_a_while_under_names_that_differ() -> None:
    reports = OpenedReports()
    names = [reports.keep(f"report {number}".encode()) for number in range(MOST_REPORTS + 1)]
    assert len({*names}) == len(names)
    assert reports.content(names[-1]) == f"report {MOST_REPORTS}".encode()
    with pytest.raises(UnknownNameError, match="no longer kept"):
        reports.content(names[0])
    brief = OpenedReports(seconds=0)
    with pytest.raises(UnknownNameError):
        brief.content(brief.keep(b"gone"))
