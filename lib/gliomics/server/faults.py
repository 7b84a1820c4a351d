"""What is wrong with a request's parameters, in sentences for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_PLACES = {
    "query": "parameter '{}' of the address",
    "path": "'{}' in the path",
    "header": "header '{}'",
    "body": "field '{}' of the body",
}
_EXPECTED = (("Input should be ", "expected "), ("Value error, ", ""))


def faults_in_words(faults: Sequence[Mapping[str, Any]]) -> str:
    """FastAPI's validation errors as one sentence each: which field, what was found, what was expected."""
    return "; ".join(map(_sentence, faults))


def _sentence(fault: Mapping[str, Any]) -> str:
    place, *names = map(str, fault["loc"])
    if fault["type"] == "json_invalid":
        reason = fault.get("ctx", {}).get("error", fault["msg"])
        return f"the body is no JSON (at character {' '.join(names)}: {reason}); expected a JSON object"
    where = _PLACES.get(place, place + " '{}'").format(".".join(names)) if names else f"the {place}"
    if fault["type"] == "missing":
        return f"{where} is missing; send it"
    wrong = str(fault["msg"])
    for theirs, ours in _EXPECTED:
        wrong = wrong.replace(theirs, ours)
    return f"{where} is {_shown(fault.get('input'))}; {wrong[:1].lower()}{wrong[1:]}"


def _shown(value: Any) -> str:
    """A value in a sentence: printable, and not long."""
    if value is None:
        return "empty"
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
