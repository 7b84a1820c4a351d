"""Which studies are labelled and which are to be, worked out again only when studies, labels or reviews change."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gliomics.server.index.label_files import LabelFiles
from gliomics.server.index.study_index import StudyIndex
from gliomics.server.store.reviews import ReviewStore

Value = TypeVar("Value")


class Derived(Generic[Value]):
    """Values by key, each kept as long as the objects that it was made of are the same ones."""

    def __init__(self) -> None:
        self._values: dict[Hashable, tuple[tuple[object, ...], Value]] = {}

    def of(self, key: Hashable, *basis: object, make: Callable[[], Value]) -> Value:
        """The value of a key; made anew if an object of ``basis`` is another than then."""
        entry = self._values.get(key)
        if entry is None or any(new is not old for new, old in zip(basis, entry[0], strict=True)):
            entry = self._values[key] = basis, make()
        return entry[1]


@dataclass(frozen=True)
class ByLabel:
    """The studies of one tag at one time."""

    labelled: frozenset[str]
    """Ids of the studies that have a label which was not returned."""
    in_order: tuple[str, ...]
    """The same in the order of the index."""
    unlabelled: tuple[str, ...]
    """Ids of all others."""
    returned: int
    """How many of these have a label that was returned."""


class StudiesByLabel:
    """The studies of a store by whether they have a label. Usable from several threads."""

    def __init__(self, index: StudyIndex, files: LabelFiles, reviews: ReviewStore) -> None:
        self._index, self._files, self._reviews = index, files, reviews
        self._derived: Derived[ByLabel] = Derived()

    def of(self, tag: str) -> ByLabel:
        """The studies as they are now; as long as nothing changes, the same object."""
        studies, labels, returned = self._index.studies(), self._files.of(tag).labelled, self._reviews.returned(tag)

        def make() -> ByLabel:
            labelled = frozenset((labels & studies.keys()) - returned.keys())
            return ByLabel(
                labelled,
                tuple(study_id for study_id in studies if study_id in labelled),
                tuple(study_id for study_id in studies if study_id not in labelled),
                len(studies.keys() & returned.keys()),
            )

        return self._derived.of(tag, studies, labels, returned, make=make)
