"""Readings of this session, to compare the one on display with. Pure Python: no Qt, no MRML."""

from __future__ import annotations

from dataclasses import dataclass

from gliomics.reading.record import Reading

MOST_READINGS = 30
"""Older ones are let go."""


@dataclass(frozen=True)
class KeptReading:
    """A reading and what it was made of: the node of the segmentation, the segment, and when (``"14:05"``)."""

    reading: Reading
    segmentationId: str
    segmentId: str
    time: str
    isLive: bool = False

    @property
    def title(self) -> str:
        """Which it is, among the others of the session."""
        study = f"{self.reading.study_id}, " if self.reading.study_id else ""
        return f"{study}{self.reading.title}, {self.time}"

    def isOfSameSegment(self, other: KeptReading) -> bool:
        """Whether both are of one segment, before and after something was done to it."""
        return (self.segmentationId, self.segmentId) == (other.segmentationId, other.segmentId)


class ReadingHistory:
    """The readings, the oldest first; the last is the one on display."""

    def __init__(self) -> None:
        self._kept: list[KeptReading] = []

    @property
    def others(self) -> list[KeptReading]:
        """All but the one on display, the newest first."""
        return self._kept[-2::-1]

    @property
    def before(self) -> KeptReading | None:
        """The reading of the segment on display before it was changed; None where there is none."""
        return next((kept for kept in self.others if kept.isOfSameSegment(self._kept[-1])), None)

    def add(self, kept: KeptReading) -> None:
        """Keep a reading that is displayed now; of several live ones of a segment in a row, the last."""
        last = self._kept[-1] if self._kept else None
        if last is not None and last.isLive and kept.isLive and last.isOfSameSegment(kept):
            self._kept.pop()
        self._kept = [*self._kept, kept][-MOST_READINGS:]
