"""Readings of this session, to compare the one on display with. Pure Python: no Qt, no MRML."""

from __future__ import annotations

from dataclasses import dataclass, replace

from slicer.i18n import tr as _

from gliomics.reading.record import Reading

MOST_READINGS = 60
"""Older ones are let go."""


@dataclass(frozen=True)
class KeptReading:
    """A reading and what it was made of: the node of the segmentation, the segment, and when (``"14:05"``).

    ``segmentId`` is empty where several segments together are the region. ``key`` is its own among those of the
    session.
    """

    reading: Reading
    segmentationId: str
    segmentId: str
    time: str
    isLive: bool = False
    key: str = ""

    @property
    def title(self) -> str:
        """Which it is, among the others of the session."""
        study = f"{self.reading.study_id}, " if self.reading.study_id else ""
        return _("{what}, read {time}").format(what=study + self.reading.title, time=self.time)

    def isOfSameSegment(self, other: KeptReading) -> bool:
        """Whether both are of one segment, before and after something was done to it."""
        return (self.segmentationId, self.segmentId) == (other.segmentationId, other.segmentId)


class ReadingHistory:
    """The readings, the oldest first, one of which is on display.

    It is compared with the reading before its segment was changed, unless the user chose another one.
    """

    def __init__(self) -> None:
        self._kept: list[KeptReading] = []
        self._count = 0
        self._shownKey = self._comparedKey = ""

    @property
    def others(self) -> list[KeptReading]:
        """Those of the same region as the one on display, without it, the newest first."""
        shown, newestFirst = self.shown, reversed(self._kept)
        return [
            kept
            for kept in newestFirst
            if shown is not None and kept is not shown and kept.reading.region == shown.reading.region
        ]

    @property
    def shown(self) -> KeptReading | None:
        """The one on display."""
        return next((kept for kept in self._kept if kept.key == self._shownKey), None)

    @property
    def compared(self) -> KeptReading | None:
        """The one that the reading on display is compared with."""
        return next((kept for kept in self.others if kept.key == self._comparedKey), None)

    def add(self, kept: KeptReading) -> None:
        """Keep a reading that is displayed now; of several live ones of a segment in a row, the last."""
        last = self.shown
        if last is not None and last.isLive and kept.isLive and last.isOfSameSegment(kept):
            self._kept.remove(last)
        added = self._append(kept)
        self._shownKey = added.key
        before = next((each for each in self.others if each.isOfSameSegment(added)), None)
        if before is not None:
            self._comparedKey = before.key

    def keep(self, kept: KeptReading) -> None:
        """Keep a reading to compare with that is not displayed itself, as those of all parts are."""
        self._append(kept)

    def _append(self, kept: KeptReading) -> KeptReading:
        self._count += 1
        added = replace(kept, key=str(self._count))
        self._kept.append(added)
        while len(self._kept) > MOST_READINGS:
            self._kept.remove(next(each for each in self._kept if each.key not in (self._shownKey, added.key)))
        return added

    def compare(self, key: str) -> None:
        """The user chose what to compare with; an empty key for nothing."""
        self._comparedKey = key
