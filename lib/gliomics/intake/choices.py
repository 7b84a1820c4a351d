"""What a user says of files and series whose sequence is not clear: ``NAME=SELECTOR``."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gliomics.errors import InputError
from gliomics.sequences import SEQUENCES, canonical_sequence

LABEL, NONE = "label", "none"
"""Names of a choice that is no sequence: the mask to take, and what is to be left out."""

_NAMES = (*SEQUENCES, LABEL, NONE)


@dataclass(frozen=True)
class SequenceChoice:
    """``name`` (a sequence, ``label`` or ``none``) for what ``selector`` selects."""

    name: str
    selector: str

    def selects(self, names: Iterable[str]) -> bool:
        """Whether one of the names of a file or series is the selector, or fits it as a pattern (``*``, ``?``)."""
        pattern = self.selector.lower()
        lowered = [name.lower() for name in names if name]
        return pattern in lowered or any(fnmatch.fnmatchcase(name, pattern) for name in lowered)

    def __str__(self) -> str:
        return f"{self.name}={self.selector}"


@dataclass
class Choices:
    """All that the user said; remembers which were of use, so that a misspelt one is not passed over."""

    choices: list[SequenceChoice] = field(default_factory=list)
    channels: tuple[str, ...] = ()
    """What each volume of a 4-D file is, or each of the files ``_0000``, ``_0001``, ...: a sequence or ``none``."""
    skipped: set[str] = field(default_factory=set)
    """Names that the user was asked about and does not want to decide."""
    _choices_used: set[SequenceChoice] = field(default_factory=set)
    _channels_used: bool = False

    @classmethod
    def parse(cls, sequences: Sequence[str], channels: str | None = None) -> Choices:
        """From the options ``--sequence`` and ``--channels``; :class:`InputError` for what cannot be understood."""
        choices = []
        for text in sequences:
            written, equals, selector = text.partition("=")
            if not (equals and written.strip() and selector.strip()):
                raise InputError(
                    f"--sequence {text!r} is not usable; write NAME=SELECTOR, e.g. t1c=7 (the number of a series) or "
                    "t1c='*_gd*' (file names)"
                )
            choices.append(SequenceChoice(_name(written, f"--sequence {text}"), selector.strip()))
        volumes = tuple(_name(written, f"--channels {channels}") for written in channels.split(",")) if channels else ()
        named = [volume for volume in volumes if volume != NONE]
        if LABEL in named or len(set(named)) < len(named):
            raise InputError(f"--channels {channels} is not usable; give each sequence once, and none for the others")
        return cls(choices, volumes)

    def of(self, names: Sequence[str]) -> SequenceChoice | None:
        """The choice that selects something by its names; :class:`InputError` when two say different things."""
        selecting = [choice for choice in self.choices if choice.selects(names)]
        self._choices_used.update(selecting)
        if len({choice.name for choice in selecting}) > 1:
            raise InputError(
                f"{names[0]} is selected by --sequence {' and --sequence '.join(map(str, selecting))}; keep one"
            )
        return selecting[0] if selecting else None

    def channels_of_file(self) -> tuple[str, ...]:
        """The channels, for a file that has some."""
        self._channels_used = True
        return self.channels

    def check_used(self, selectable: Iterable[str]) -> None:
        """Refuse a choice that selected nothing, and channels without files that have some.

        ``selectable`` are the names that could be selected.
        """
        if self.channels and not self._channels_used:
            raise InputError(
                f"--channels {','.join(self.channels)} is of no use: there are neither 4-D files nor channels _0000, "
                "_0001, ...; leave it out"
            )
        for choice in self.choices:
            if choice not in self._choices_used:
                names = sorted(set(selectable))
                remainder = f" and {len(names) - 12} more" if len(names) > 12 else ""
                raise InputError(
                    f"--sequence {choice} selects nothing; there are: {', '.join(names[:12]) or 'no images'}{remainder}"
                )


def _name(written: str, where: str) -> str:
    lowered = written.strip().lower()
    name = lowered if lowered in (LABEL, NONE) else canonical_sequence(written.strip())
    if name is None:
        raise InputError(f"{where}: {written.strip()!r} is none of {', '.join(_NAMES)}")
    return name
