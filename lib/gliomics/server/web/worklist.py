"""The list of studies in parts: found, filtered and put in order here, so that a client gets only what it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gliomics.errors import InputError
from gliomics.server.store.leases import Lease
from gliomics.server.store.review_list import UNLABELLED
from gliomics.server.store.reviews import APPROVED, RETURNED, SUBMITTED

MOST_ROWS = 500
"""Rows of one answer."""

MOST_UNUSABLE = 20
"""Entries of the folder of studies that cannot be used, of one answer."""

STATES = (RETURNED, UNLABELLED, "partial", SUBMITTED, APPROVED)
"""In the order of work: what came back first."""

COLUMNS = ("id", "patient_id", "state", "user", "version", "saved", "lease")
"""What the list can be sorted by."""

_TEXTS = ("id", "patient_id", "user")


@dataclass(frozen=True)
class WorklistQuery:
    """Which studies, in which order, and which part of these; :class:`InputError` for what cannot be asked.

    ``search`` holds words that must all be found in a study's id, patient, annotator, or in what a reviewer said.
    """

    search: str = ""
    state: str = ""
    sort: str = "id"
    descending: bool = False
    offset: int = 0
    limit: int = 100

    def __post_init__(self) -> None:
        if self.state and self.state not in STATES:
            raise InputError(f"state is {self.state[:80]!r}; expected one of {', '.join(STATES)}, or none for all")
        if self.sort not in COLUMNS:
            raise InputError(f"sort is {self.sort[:80]!r}; expected one of {', '.join(COLUMNS)}")
        if self.offset < 0 or not 1 <= self.limit <= MOST_ROWS:
            raise InputError(
                f"offset is {self.offset} and limit {self.limit}; expected 0 or more, and 1 to {MOST_ROWS} rows"
            )


def worklist(
    rows: Iterable[Mapping[str, Any]],
    leases: Mapping[str, Lease],
    query: WorklistQuery,
    broken: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """One part of the list, with how many studies there are in all, by ``state``, and that match.

    Args:
        rows: the studies as :class:`~gliomics.server.store.review_list.ReviewList` lists them.
        leases: who has which study now.
        query: what is asked for.
        broken: what of the folder of studies cannot be used, with the reason; the answer has the first few.
    """
    words = query.search.casefold().split()
    found = [row for row in rows if all(word in _text(row) for word in words)]
    counts = Counter(str(row["state"]) for row in found)
    chosen = [row for row in found if query.state in ("", row["state"])]
    chosen.sort(key=lambda row: str(row["id"]))
    if query.sort != "id":  # a stable sort: what is alike stays in the order of its ids
        chosen.sort(key=lambda row: _key(row, leases, query.sort), reverse=query.descending)
    elif query.descending:
        chosen.reverse()
    part = chosen[query.offset : query.offset + query.limit]
    return {
        "matching": len(chosen),
        "counts": {state: counts.get(state, 0) for state in STATES},
        "offset": query.offset,
        "unusable": {
            "count": len(broken or {}),
            "first": [{"name": name, "reason": why} for name, why in sorted((broken or {}).items())[:MOST_UNUSABLE]],
        },
        "studies": [{**row, "lease": _lease(leases.get(str(row["id"])))} for row in part],
    }


def _text(row: Mapping[str, Any]) -> str:
    review = row.get("review") or {}
    texts = [*(row.get(name) for name in _TEXTS), review.get("user"), review.get("comment")]
    return "\n".join(str(text) for text in texts if text).casefold()


def _key(row: Mapping[str, Any], leases: Mapping[str, Lease], column: str) -> tuple[bool, Any]:
    """What is sorted by: what there is not comes after what there is."""
    if column == "state":
        return False, STATES.index(row["state"])
    if column == "lease":
        lease = leases.get(str(row["id"]))
        return lease is None, lease.user.casefold() if lease else ""
    item = row.get(column)
    return item is None, item.casefold() if isinstance(item, str) else item or 0


def _lease(lease: Lease | None) -> dict[str, Any] | None:
    return None if lease is None else lease.to_json()
