"""The options of a request, as clients send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gliomics.errors import InputError

if TYPE_CHECKING:
    from gliomics.subtype.circumstances import Circumstances


def text_option(request: Mapping[str, Any], name: str) -> str | None:
    """An option of the client that must be text, or None."""
    value = request.get(name)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{name} is {value!r}; expected text")
    return value


def flag(request: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """An option that must be true or false."""
    value = request.get(name, default)
    if not isinstance(value, bool):
        raise InputError(f"{name} is {value!r}; expected true or false")
    return value


def circumstances_of(request: Mapping[str, Any]) -> Circumstances:
    """What a request says of the patient besides the images; :class:`InputError` for anything else than numbers."""
    from gliomics.subtype.circumstances import Circumstances

    age, prevalence = request.get("age"), request.get("prevalence")
    if age is not None and (isinstance(age, bool) or not isinstance(age, int | float)):
        raise InputError(f"age is {age!r}; expected a number of years, or nothing where it is not known")
    shares = prevalence.values() if isinstance(prevalence, dict) else ()
    if prevalence is not None and not (
        isinstance(prevalence, dict)
        and all(isinstance(share, int | float) and not isinstance(share, bool) for share in shares)
    ):
        raise InputError(
            f'prevalence is {str(prevalence)[:80]}; expected {{"class": share}} with shares between 0 and 1, or '
            "nothing for those of the training patients"
        )
    return Circumstances(age, prevalence or None)
