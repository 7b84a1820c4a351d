"""File names: the sequence at their end, what comes before it, and masks."""

from __future__ import annotations

import functools
import re

from gliomics.sequences.recognition import recognise
from gliomics.sequences.tokens import tokenise
from gliomics.sequences.words import ABSENT, AGENT, FLAIR, MASK, PRESENT, T1, T2, WITH, WITHOUT

_NAMING = {T1, T2, FLAIR, AGENT, PRESENT, ABSENT, WITH, WITHOUT}

_PATIENT = re.compile(r"(?i)(p|pat|patient|subject)\d+")
"""A patient's number where it stands before the sequence; behind it p2 and pat2 are of parallel imaging."""


@functools.lru_cache(maxsize=1024)
def canonical_sequence(name: str) -> str | None:
    """The sequence that ``name`` stands for, or None if it is no usual name of one.

    >>> canonical_sequence("T1ce")
    't1c'
    """
    tokens = tokenise(name)
    if any(token.role not in _NAMING and token.text not in ("+", "c") for token in tokens):
        return None
    return recognise(name).sequence if tokens else None


def is_mask_name(name: str) -> bool:
    """Whether a file or volume is named as a mask: ``_seg``, ``segmentation``, ``brainmask``, ``dseg``, ``roi`` ..."""
    return any(token.role == MASK for token in tokenise(name))


def split_sequence_suffix(stem: str) -> tuple[str, str | None]:
    """Split a file name without its type into what comes before the sequence's name, and the sequence.

    >>> split_sequence_suffix("BraTS_001_t1ce")
    ('BraTS_001', 't1c')
    >>> split_sequence_suffix("sub-01_ses-01_ce-gadolinium_T1w")
    ('sub-01_ses-01', 't1c')
    >>> split_sequence_suffix("case7")
    ('case7', None)
    """
    sequence = recognise(stem).sequence
    if sequence is None:
        return stem, None
    bids = re.match(r"sub-[A-Za-z0-9]+(_ses-[A-Za-z0-9]+)?(?=_)", stem)
    if bids:
        return bids[0], sequence
    words = list(re.finditer(r"[^-_. ]+", stem))
    position = next((k for k, word in enumerate(words) if _says_sequence(word[0])), 0)
    while position > 1 and _is_description(words[position - 1][0]):
        position -= 1
    prefix = stem[: words[position].start()].rstrip("-_. ")
    return (prefix or stem), sequence


def _says_sequence(word: str) -> bool:
    return any(token.role in (T1, T2, FLAIR) for token in tokenise(word))


def _is_description(word: str) -> bool:
    return not (word.isdigit() or _PATIENT.fullmatch(word)) and all(token.role is not None for token in tokenise(word))
