"""Errors and lists in words."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from slicer.i18n import tr as _

from gliomics.client import ClientError
from gliomics.errors import GliomicsError


def inWords(names: Sequence[str]) -> str:
    """At least one name, as part of a sentence: ``a``, ``a and b``, ``a, b and c``."""
    *others, last = names
    return _("{names} and {last}").format(names=", ".join(others), last=last) if others else last


def errorInWords(error: Exception, *, withToken: bool = False) -> str:
    """What the panel says of an error; one that nobody foresaw goes to the application's log as well.

    ``withToken`` says whether a token was sent with the request that failed.
    """
    if isinstance(error, ClientError) and error.status == 401:
        if withToken:
            return _(
                "The server refuses this token: it is mistyped, or was taken back. Paste it again under Server, or ask "
                "whoever runs the server for a new one."
            )
        return _(
            "The server asks for a token: paste yours under Server. Whoever runs the server makes one with "
            "`gliomics tokens add`."
        )
    if isinstance(error, ClientError) and error.status == 403:
        return _("{reason}. Ask whoever runs the server for a token that allows it.").format(reason=error)
    if isinstance(error, GliomicsError):
        return str(error)
    logging.getLogger("gliomics").error("an unexpected error", exc_info=error)
    return _("Unexpected {kind}: {error}. The Python console and the application's log have the details.").format(
        kind=type(error).__name__, error=error
    )
