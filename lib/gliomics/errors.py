"""The errors that Gliomics shows to people.

Every message is one sentence or two that name the thing, what was found, what
was expected and the remedy. The command line prints it as one line; the server
answers it as JSON with :attr:`GliomicsError.status`.
"""

from __future__ import annotations


class GliomicsError(Exception):
    """Something the caller can mend; the message says how."""

    status = 400
    """HTTP status that the server answers with."""


class InputError(GliomicsError, ValueError):
    """A file, a value or an option is not usable as it is."""


class GeometryError(InputError):
    """Two images that must lie on one grid do not."""


class UnknownNameError(GliomicsError, LookupError):
    """A study, model, sequence or label that does not exist was asked for."""

    status = 404


class DependencyError(GliomicsError):
    """A part of Gliomics that is not installed was asked for."""

    status = 501


class ForbiddenError(GliomicsError):
    """The user's role does not allow it."""

    status = 403
