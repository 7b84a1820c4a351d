"""Names of MR sequences as people and data sets write them."""

from __future__ import annotations

import re

_ALIASES = {
    "t1": ("t1", "t1w", "t1n", "t1pre"),
    "t1c": ("t1c", "t1ce", "t1gd", "t1post", "t1contrast", "t1wce", "t1km"),
    "t2": ("t2", "t2w"),
    "flair": ("flair", "fla", "t2flair", "t2f"),
}
_CANONICAL = {alias: name for name, aliases in _ALIASES.items() for alias in aliases}


def canonical_sequence(name: str) -> str | None:
    """The sequence that ``name`` stands for (``"T1ce"`` is ``"t1c"``), or None if it is no usual name of one."""
    return _CANONICAL.get(re.sub(r"[-_. ]", "", name.lower()))


def split_sequence_suffix(stem: str) -> tuple[str, str | None]:
    """Split a file name without its type into what comes before the sequence's name, and the sequence.

    ``"BraTS_001_t1ce"`` gives ``("BraTS_001", "t1c")``; ``"case7"`` gives ``("case7", None)``.
    """
    parts = re.split(r"[-_.]", stem)
    for count in (2, 1):
        tail = "".join(parts[-count:])
        before = stem[: len(stem) - len(tail) - count]
        sequence = canonical_sequence(tail)
        if len(parts) > count and before and sequence is not None:
            return before, sequence
    return stem, canonical_sequence(stem)
