"""Studies as networks need them, kept for the next request about the same study."""

from __future__ import annotations

from gliomics.answers.images import RecentlyUsed, stamps
from gliomics.segmentation.labelled import load_volumes
from gliomics.segmentation.model import LoadedModel, PreparedStudy
from gliomics.study.records import Study

_MOST_PREPARED = 4
"""Studies prepared, each for one model. One takes about 15 bytes for each voxel of the study."""


class PreparedStudies:
    """The last few studies that networks saw, until a file of theirs changes. Usable from several threads."""

    def __init__(self) -> None:
        self._recent: RecentlyUsed[PreparedStudy] = RecentlyUsed(_MOST_PREPARED)

    def get(self, model: LoadedModel, study: Study, resample_to: str | None = None) -> PreparedStudy:
        """The study, ready for a model; the errors of :func:`load_volumes` when it cannot be."""
        key = (model.card.name, model.card.version, study.id, stamps(study), resample_to)
        return self._recent.get(key, lambda: model.prepare(load_volumes(study, model.card, resample_to=resample_to)))
