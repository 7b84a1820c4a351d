"""The images of a study as segments are measured in them, kept for the next request about the same study."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from gliomics.errors import InputError
from gliomics.files import FileStamp
from gliomics.study.geometry import load_sequences
from gliomics.study.images import read_mask
from gliomics.study.records import Study
from gliomics.study.volumes import Mask

if TYPE_CHECKING:
    from gliomics.features.extract import StudyImages
    from gliomics.preprocess.head import Head
    from gliomics.radiology.study import AtlasPlace

_MOST_PLACED = 100
"""Studies whose place in the atlas is kept: a few numbers each, that took seconds to find."""
_MOST_MEASURED = 2
"""Studies whose images are kept as they are measured: two to four bytes for each voxel of each sequence."""

Value = TypeVar("Value")


class RecentlyUsed(Generic[Value]):
    """The last few values that were made, by what they were made from. Usable from several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made where it is not held."""
        with self._lock:
            held = self._held.pop(key, None)
        value = make() if held is None else held
        with self._lock:
            self._held[key] = value
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return value


@dataclass(frozen=True)
class MeasuredImages:
    """The images of a study as regions are measured in them, and the head that they show."""

    images: StudyImages
    head: Head | None


class MeasuredStudies:
    """The last few studies that were measured, until a file of theirs changes. Usable from several threads.

    What depends on the images alone is done once: reading, scaling and hashing them takes most of the time of
    measuring a segment, which is measured again after every correction.
    """

    def __init__(self) -> None:
        self._recent: RecentlyUsed[MeasuredImages] = RecentlyUsed(_MOST_MEASURED)
        self._places: RecentlyUsed[AtlasPlace] = RecentlyUsed(_MOST_PLACED)

    def get(self, study: Study, resample_to: str | None = None) -> MeasuredImages:
        """The images of a study; the errors of :func:`~gliomics.study.geometry.load_sequences`."""
        key = (study.id, stamps(study), study.spacing_known, resample_to)
        return self._recent.get(key, lambda: _measured_images(study, resample_to))

    def place(self, study: Study, resample_to: str | None = None) -> AtlasPlace:
        """Where the images of a study lie in the atlas, or why that is not known; found once."""
        from gliomics.radiology.study import place_images

        key = (study.id, stamps(study), study.spacing_known, resample_to)
        volumes = self.get(study, resample_to).images.volumes
        return self._places.get(key, lambda: place_images(volumes, study.id, spacing_known=study.spacing_known))


def _measured_images(study: Study, resample_to: str | None) -> MeasuredImages:
    from gliomics.features.extract import StudyImages
    from gliomics.findings.read import head_of

    volumes = load_sequences(study, study.sequences, grid_of=resample_to)
    images = StudyImages(study.id, volumes, spacing_known=study.spacing_known)
    return MeasuredImages(images, head_of(volumes, spacing_known=study.spacing_known))


def stamps(study: Study) -> tuple[tuple[str, FileStamp], ...]:
    """What changes with any image of a study."""
    return tuple((str(path), FileStamp.of(path)) for path in study.sequences.values() if path.is_file())


def read_sent_mask(path: Path, name: str) -> Mask:
    """A mask that came with a request; errors are about its ``name``, not the path."""
    try:
        return read_mask(path)
    except InputError as error:
        raise InputError(f"{name} was refused: {str(error).replace(str(path), 'the file')}") from error
