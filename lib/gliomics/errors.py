"""The errors that Gliomics shows to people.

Every message is one sentence or two that name the thing, what was found, what
was expected and the remedy. The command line prints it as one line; the server
answers it as JSON with :attr:`GliomicsError.status`.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """``text`` with what no encoding can write, as in names of files that are not UTF-8, written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class GliomicsError(Exception):
    """Something the caller can mend; the message says how, and can be printed whatever file it names."""

    status = 400
    """HTTP status that the server answers with."""

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class InputError(GliomicsError, ValueError):
    """A file, a value or an option is not usable as it is."""


class GeometryError(InputError):
    """Two images that must lie on one grid do not."""


class UnknownNameError(GliomicsError, LookupError):
    """A study, model, sequence or label that does not exist was asked for."""

    status = 404


class ConflictError(GliomicsError):
    """What a request was about has changed since whoever asks looked at it."""

    status = 409


class DependencyError(GliomicsError):
    """A part of Gliomics that is not installed was asked for."""

    status = 501


class ForbiddenError(GliomicsError):
    """The user's role does not allow it."""

    status = 403


class StorageError(GliomicsError):
    """What was to be kept cannot be written: the disk is full, or the folder is not writable."""

    status = 507


class BusyError(GliomicsError):
    """The server has more to do than it can take on; ``retry_after`` is in how many seconds to ask again."""

    status = 503

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AbandonedError(GliomicsError):
    """Whoever asked has gone; nobody reads the answer."""

    status = 499
