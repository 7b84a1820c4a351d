"""What a server says of each study's label to whoever reviews it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SUBMITTED, APPROVED, RETURNED = "submitted", "approved", "returned"
PARTIAL, UNLABELLED = "partial", "unlabelled"
STATES = (SUBMITTED, RETURNED, PARTIAL, UNLABELLED, APPROVED)
"""What the label of a study can be; what needs a decision comes first."""


@dataclass(frozen=True)
class Agreement:
    """How far two annotators' labels agree; ``dice`` is None where that is not known, and ``reason`` may say why."""

    first: str
    second: str
    dice: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class ReviewedStudy:
    """A study with the state of its label, whose that is, and what a reviewer said last.

    ``version`` is None where there is no label, or one that was put into the server's folder by hand. ``isOwn`` says
    that the reviewer is who saved the label.
    """

    studyId: str
    patientId: str = ""
    state: str = UNLABELLED
    tag: str = ""
    version: int | None = None
    user: str = ""
    saved: str = ""
    comment: str = ""
    reviewer: str = ""
    isOwn: bool = False
    agreements: tuple[Agreement, ...] = ()

    @classmethod
    def fromJson(cls, row: Mapping[str, Any]) -> ReviewedStudy:
        """A row of the server's list; a state that this panel does not know counts as not reviewed."""
        review, state = row.get("review") or {}, str(row.get("state"))
        pairs = row.get("agreements") or ()
        return cls(
            studyId=str(row["id"]),
            patientId=str(row.get("patient_id") or ""),
            state=state if state in STATES else SUBMITTED,
            tag=str(row.get("tag") or ""),
            version=int(row["version"]) if row.get("version") else None,
            user=str(row.get("user") or ""),
            saved=str(row.get("saved") or ""),
            comment=str(review.get("comment") or ""),
            reviewer=str(review.get("user") or ""),
            isOwn=row.get("own_label") is True,
            agreements=tuple(_agreement(pair) for pair in pairs),
        )

    @property
    def leastAgreement(self) -> float | None:
        """The lowest Dice of two of its labels, as far as they were compared."""
        known = [pair.dice for pair in self.agreements if pair.dice is not None]
        return min(known) if known else None


def inOrder(studies: Sequence[ReviewedStudy]) -> list[ReviewedStudy]:
    """What needs a decision first, and of that the oldest."""
    return sorted(studies, key=lambda study: (STATES.index(study.state), study.saved, study.studyId))


def nextToReview(studies: Sequence[ReviewedStudy], after: str) -> ReviewedStudy | None:
    """The first study with a label that nobody reviewed, but not this one."""
    return next((study for study in studies if study.state == SUBMITTED and study.studyId != after), None)


def _agreement(pair: Mapping[str, Any]) -> Agreement:
    dice = pair.get("dice")
    reason = str(pair.get("refused") or "")
    return Agreement(str(pair["first"]), str(pair["second"]), None if dice is None else float(dice), reason)
