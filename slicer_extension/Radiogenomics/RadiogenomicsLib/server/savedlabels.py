"""Labels that a server keeps of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slicer.i18n import tr as _


@dataclass(frozen=True)
class SavedLabel:
    """A version of a label: under which tag, which, when, by whom, and what a reviewer said of it last.

    ``version`` is None for a label that was put into the server's folder by hand. ``segments`` are names and values of
    its segments, ``slices`` the numbers of those that are done where the label is of some slices only.
    """

    tag: str
    version: int | None = None
    saved: str = ""
    user: str = ""
    isCurrent: bool = True
    review: str = ""
    sentBack: str = ""
    """Who sent it back and why, where its last review did."""
    segments: dict[str, int] = field(default_factory=dict)
    slices: tuple[int, ...] = ()

    @classmethod
    def fromJson(cls, row: Mapping[str, Any]) -> SavedLabel:
        """A row of the server's list; what it does not say in the expected form is left out."""
        info, review = row.get("info") or {}, row.get("review") or {}
        segments, slices = info.get("segments"), info.get("slices_done")
        comment = f": {review['comment']}" if review.get("comment") else ""
        return cls(
            tag=str(row["tag"]),
            version=int(row["version"]) if row.get("version") else None,
            saved=str(row.get("saved") or ""),
            user=str(row.get("user") or ""),
            isCurrent=bool(row.get("is_current")),
            review=f"{review['state']}{comment}" if review.get("state") else "",
            sentBack=_sentBack(review),
            segments={str(name): int(value) for name, value in segments.items()} if isinstance(segments, dict) else {},
            slices=tuple(int(number) for number in slices) if isinstance(slices, list) else (),
        )

    @property
    def name(self) -> str:
        """Tag and version: ``final, version 2``."""
        return (
            self.tag
            if self.version is None
            else _("{tag}, version {version}").format(tag=self.tag, version=self.version)
        )

    @property
    def title(self) -> str:
        """All of it in a line, for a list."""
        details = [self.user, self.saved[:10], "" if self.isCurrent else "earlier", self.review]
        return ", ".join([self.name, *(detail for detail in details if detail)])


def _sentBack(review: Mapping[str, Any]) -> str:
    if review.get("state") != "returned":
        return ""
    by, comment = review.get("user"), review.get("comment") or ""
    said = _("Sent back by {reviewer}: {comment}") if by else _("Sent back: {comment}")
    return said.format(reviewer=by, comment=comment)
