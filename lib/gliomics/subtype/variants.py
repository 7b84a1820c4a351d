"""The inputs from which a subtype model can estimate: which sequences and whether the age are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gliomics.subtype.blocks import AGE, sequence_of


@dataclass(frozen=True)
class Variant:
    """One kind of input; ``blocks`` are the features of each regression.

    ``name`` as it is read: "images", "images and age", "FLAIR", "FLAIR and age", or "age", which is there to be
    compared with. ``sequences`` are those that it needs.
    """

    name: str
    sequences: tuple[str, ...]
    blocks: Mapping[str, Sequence[str]]

    @property
    def features(self) -> list[str]:
        """The columns that any block uses."""
        return list(dict.fromkeys(name for features in self.blocks.values() for name in features))

    @property
    def needs_age(self) -> bool:
        """Whether the age is one of them."""
        return any(AGE in features for features in self.blocks.values())

    @property
    def needs_images(self) -> bool:
        """Whether anything else is."""
        return any(name != AGE for name in self.features)


IMAGES, ONLY_AGE = "images", "age"


def with_age(name: str) -> str:
    """The name of a variant that has the age besides."""
    return f"{name} and age"


def variants_of(blocks: Mapping[str, Sequence[str]], *, age: bool) -> list[Variant]:
    """What can be estimated from, the fullest images first.

    ``blocks`` are those of the images. Where they hold other sequences than FLAIR, there is a variant of FLAIR alone,
    too; where patients have an age, each has one with it, and age alone comes last.
    """
    sequences = tuple(
        dict.fromkeys(
            sequence for features in blocks.values() for sequence in map(sequence_of, features) if sequence is not None
        )
    )
    of_images = [Variant(IMAGES, sequences, blocks)]
    if "flair" in sequences and len(sequences) > 1:
        of_images.append(Variant("FLAIR", ("flair",), _of_sequences(blocks, (None, "flair"))))
    if not age:
        return of_images
    aged = [
        Variant(with_age(v.name), v.sequences, {name: [*features, AGE] for name, features in v.blocks.items()})
        for v in of_images
    ]
    pairs = [variant for pair in zip(of_images, aged, strict=True) for variant in pair]
    return [*pairs, Variant(ONLY_AGE, (), {ONLY_AGE: [AGE]})]


def _of_sequences(blocks: Mapping[str, Sequence[str]], sequences: tuple[str | None, ...]) -> dict[str, list[str]]:
    """The blocks with the features of some sequences; those that become equal once."""
    reduced: dict[str, list[str]] = {}
    for block, features in blocks.items():
        remaining = [name for name in features if sequence_of(name) in sequences]
        if remaining and remaining not in reduced.values():
            reduced[block] = remaining
    return reduced
