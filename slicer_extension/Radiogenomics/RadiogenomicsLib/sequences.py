"""Which MR sequence a volume is, read from its name and always shown to the user."""

from __future__ import annotations

import re
from itertools import pairwise

SEQUENCES = ("flair", "t1", "t1c", "t2")
"""The panel's order; FLAIR first because it is what the automatic segmentation needs."""

TITLES = {"flair": "FLAIR", "t1": "T1", "t1c": "T1 contrast", "t2": "T2"}

_WORDS = {
    "flair": {"flair", "fla", "t2flair", "t2f"},
    "t1": {"t1", "t1w", "t1n", "t1pre"},
    "t1c": {"t1c", "t1ce", "t1gd", "t1post", "t1contrast", "t1wce", "t1km"},
    "t2": {"t2", "t2w"},
}
_CONTRAST = {"c", "ce", "gd", "gad", "gadolinium", "post", "postcontrast", "contrast"}


def sequenceFromName(name: str) -> str | None:
    """The only sequence that a volume's name speaks of; None when it speaks of none or of several.

    ``"case7_t1ce"`` and ``"AX T1 POST"`` are ``"t1c"``; ``"T2 FLAIR"`` is ``"flair"``; ``"t1_to_t2"`` is None.
    """
    words = re.findall(r"[a-z0-9]+", name.lower())
    found = {sequence for sequence, aliases in _WORDS.items() if aliases & set(words)}
    if "flair" in found:
        found.discard("t2")
    if "t1" in found and any(after in _CONTRAST for word, after in pairwise(words) if word in _WORDS["t1"]):
        found = found - {"t1"} | {"t1c"}
    return found.pop() if len(found) == 1 else None
