"""What clients may send to be kept or used: text that can be encoded, finite numbers, and no more than a note is."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from gliomics.errors import InputError

MOST_CHARACTERS = 100_000
"""Longest object, as JSON; what is noted about one study or label is no longer, however often something is added."""

LONGEST_TEXT = 10_000
"""Characters of one text, such as a reviewer's comment."""

LONGEST_NAME = 200
"""Characters of a name: of a user, a model, a region."""

DEEPEST = 16
"""Levels of objects and lists within each other."""

LARGEST = 2**63 - 1
"""Largest whole number that every reader of JSON files and every array takes."""

STUDY_KEYS = frozenset(
    {
        "strategy",
        "name",
        "path",
        "patient_id",
        "timepoint",
        "date",
        "sequences",
        "default_sequence",
        "spacing_known",
        "held",
    }
)
"""What the server itself tells of a study; clients cannot note anything under these keys."""

LABEL_KEYS = frozenset(
    {"origin", "name", "ts", "version", "saved", "voxels", "review", "images_changed", "consensus_of"}
)
"""What the server itself tells of a label; clients cannot note anything under these keys."""

AUTHOR_KEYS = frozenset({"user", "client_id"})
"""Who saved a label."""


def parse_object(text: str, name: str) -> dict[str, Any]:
    """The JSON object of a form field, :func:`checked`; an empty text is an empty object."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{name} is {text[:80]!r}; expected a JSON object such as {{}}")
    return checked(value, name)


def checked(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A client's object, if it can be kept and used; ``name`` says in errors what it is, e.g. ``"params"``.

    Raises :class:`InputError` for a number that is not finite or has no place in 64 bits, for text that cannot be
    encoded or holds control characters, for a known key with a value of another type, and for an object that is too
    long or too deep.
    """
    _check(value, name, 1)
    check_length(value, name)
    for key, (is_valid, expected) in _KNOWN.items():
        item = value.get(key)
        if item is not None and not is_valid(item):
            raise InputError(f"{key} in {name} is {_shown(item)}; expected {expected}")
    return dict(value)


def check_length(value: Mapping[str, Any], name: str) -> None:
    """Raise :class:`InputError` for an object of more than :data:`MOST_CHARACTERS`."""
    length = len(json.dumps(value))
    if length > MOST_CHARACTERS:
        raise InputError(f"{name} has {length} characters as JSON; expected at most {MOST_CHARACTERS}")


def refuse_keys(notes: Mapping[str, Any], reserved: frozenset[str], of: str) -> None:
    """Raise :class:`InputError` for notes under keys that are the server's own; ``of`` says of what they are."""
    refused = sorted(reserved & notes.keys())
    if refused:
        raise InputError(f"{', '.join(refused)} of {of} is what the server itself tells; note it under another name")


def without(notes: Mapping[str, Any], reserved: frozenset[str]) -> dict[str, Any]:
    """The notes but for those under keys that are the server's own."""
    return {key: value for key, value in notes.items() if key not in reserved}


def _check(value: Any, where: str, depth: int) -> None:
    if depth > DEEPEST:
        raise InputError(f"{where[:80]} is nested deeper than {DEEPEST} levels; send less deeply nested values")
    if isinstance(value, str):
        _check_text(value, where)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_text(key, f"a key of {where}")
            _check(item, f"{key[:40]} in {where}", depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, where, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{where[:80]} is {value}; expected a finite number")
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise InputError(f"{where[:80]} is a whole number of {value.bit_length()} bits; expected at most 63")


def _check_text(text: str, where: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise InputError(f"{where[:80]} has {len(text)} characters; expected at most {LONGEST_TEXT}")
    wrong = next((char for char in text if (char < " " and char not in "\t\n\r") or "\x7f" <= char <= "\x9f"), None)
    if wrong is not None:
        raise InputError(f"{where[:80]} holds the control character {wrong!r}; expected text")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise InputError(f"{where[:80]} is {_shown(text)}, half of a surrogate pair, which is no text")


def _shown(value: Any) -> str:
    """A value in an error: printable, and not long."""
    return ascii(value)[:80]


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_NAME and value.isprintable()


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_name, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def _is_duration(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, (int, float)) and value >= 0


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_slices(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_count, value))


def _is_segments(value: Any) -> bool:
    return isinstance(value, Mapping) and all(type(number) is int and number > 0 for number in value.values())


_NAME = (_is_name, f"text of at most {LONGEST_NAME} characters on one line")
_TEXT = (_is_text, "text")
_TRUTH = (_is_truth, "true or false")
_DURATION = (_is_duration, "a number of seconds, 0 or more")
_COUNT = (_is_count, "a whole number, 0 or more")
_SLICES = (_is_slices, "a list of the numbers of axial slices, from 0")

_KNOWN: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(
        (
            "user",
            "client_id",
            "model",
            "label_tag",
            "region",
            "study_id",
            "patient_id",
            "resample_to",
            "result",
            "result_extension",
            "config",
            "numbering",
            "part",
            "column",
            "gpus",
            "state",
        ),
        _NAME,
    ),
    **dict.fromkeys(("comment", "reason"), _TEXT),
    **dict.fromkeys(("save_label", "allow_empty"), _TRUTH),
    **dict.fromkeys(("seconds", "budget_seconds"), _DURATION),
    **dict.fromkeys(("max_batch_size", "slices", "max_epochs", "label_value"), _COUNT),
    **dict.fromkeys(("slices_done", "drawn_slices"), _SLICES),
    "seed": (_is_whole, "a whole number"),
    "models": (_is_names, "a list of names"),
    "of": (_is_names, "a list of label tags"),
    "segments": (_is_segments, "the value, 1 or more, of each segment by its name"),
}
"""What the values of known keys must be, and how errors say it; null is the same as no key."""
