"""Requests of the viewer, passed on to the archive that is served, and to nothing else.

What is asked for must be one of the resources of DICOMweb (PS3.18, 10.4 and 10.6), whose path holds nothing but fixed
words, UIDs and numbers; of a request's headers only what is accepted goes along, of an answer's only what it is.
Redirects are not followed: another address than the configured one is never asked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

import requests

from gliomics.errors import InputError, UnknownNameError
from gliomics.server.dicomweb.client import Archive, ArchiveError

MOST_BYTES = 2**30
"""Largest answer of the archive that is passed on."""

MOST_JSON_BYTES = 2**26
"""Largest answer in JSON, which is held in memory."""

TIMEOUT_SECONDS = (10.0, 60.0)
"""How long a connection, and then each piece of an answer, is waited for."""

_UID = r"[0-9]+(?:\.[0-9]+)*"
_RENDERED = "rendered|thumbnail"
_READABLE = re.compile(
    rf"studies|series|instances"
    rf"|studies/{_UID}(?:/(?:metadata|series|instances|{_RENDERED}))?"
    rf"|studies/{_UID}/series/{_UID}(?:/(?:metadata|instances|{_RENDERED}))?"
    rf"|studies/{_UID}/series/{_UID}/instances/{_UID}"
    rf"(?:/(?:metadata|{_RENDERED}|frames/[0-9]+(?:,[0-9]+)*(?:/(?:{_RENDERED}))?|bulk(?:data)?(?:/[0-9A-Fa-f]+)+))?"
)
_LONGEST_PATH = 1000
_JSON = ("application/dicom+json", "application/json")
_CONTENT = re.compile(
    r"(application/(dicom\+json|json|dicom|octet-stream)|multipart/related|image/[a-z0-9.+-]+|video/[a-z0-9.+-]+)\s*(;.*)?",
    re.IGNORECASE,
)
_PIECE = 2**18
_NO_CONTENT, _NOT_FOUND = 204, 404

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ArchiveAnswer:
    """What the archive answered; ``pieces`` raise :class:`ArchiveError` where it breaks off."""

    status: int
    media_type: str
    pieces: Iterator[bytes]


class ArchiveProxy:
    """The viewer's way to one archive.

    Args:
        archive: the archive, asked with the credentials that the server has for it.
        root: the address under which the viewer finds the archive, in place of its own in what it says.
    """

    def __init__(self, archive: Archive, root: str) -> None:
        self._url, self._session, self._root = archive.address.url, archive.session, root

    def get(self, path: str, query: str, accept: str) -> ArchiveAnswer:
        """What the archive has at a path below its root.

        Raises :class:`UnknownNameError` for what is no resource of DICOMweb or not in the archive, :class:`InputError`
        where the archive does not take the query, and :class:`ArchiveError` for everything else.
        """
        if len(path) > _LONGEST_PATH or _READABLE.fullmatch(path) is None:
            raise UnknownNameError(f"'{path[:80]}' is no resource of a DICOMweb archive")
        query = query.replace("%2F", "/").replace("%2f", "/")  # Orthanc finds no patient "A/1" as "A%2F1"
        address = f"{self._url}/{path}" + (f"?{query}" if query else "")
        try:
            response = self._session.get(
                address, headers={"Accept": accept}, stream=True, allow_redirects=False, timeout=TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            raise _unreachable(error) from error
        try:
            return self._answer(response)
        except BaseException:
            response.close()
            raise

    def _answer(self, response: requests.Response) -> ArchiveAnswer:
        if response.status_code == _NO_CONTENT:
            response.close()
            return ArchiveAnswer(200, _JSON[0], iter([b"[]"]))
        if response.status_code == _NOT_FOUND:
            raise UnknownNameError("the archive does not have what was asked for")
        if response.status_code in (400, 406, 413, 414, 415):
            raise InputError(f"the archive does not answer this: {response.status_code} {response.reason}")
        if response.status_code not in (200, 206):
            reason = {401: "it refuses the account", 403: "its account may not see this"}.get(response.status_code, "")
            raise ArchiveError(
                f"the archive answered {response.status_code} {response.reason}"
                + (f": {reason} of this server" if reason else "")
            )
        media_type = response.headers.get("Content-Type", "")
        if _CONTENT.fullmatch(media_type) is None:
            raise ArchiveError(f"the archive answered with {media_type[:80]!r}; expected DICOM, JSON or an image")
        if media_type.partition(";")[0].strip().lower() in _JSON:
            content = b"".join(_pieces(response, MOST_JSON_BYTES))
            return ArchiveAnswer(200, media_type, iter([self._with_own_addresses(content)]))
        return ArchiveAnswer(200, media_type, _pieces(response, MOST_BYTES))

    def _with_own_addresses(self, content: bytes) -> bytes:
        """JSON in which the archive's addresses, which only this server can reach, lead here."""
        for url, root in ((self._url, self._root), (self._url.replace("/", r"\/"), self._root)):
            content = content.replace(url.encode(), root.encode())
        return content


def _pieces(response: requests.Response, most: int) -> Iterator[bytes]:
    size = 0
    try:
        for piece in response.iter_content(_PIECE):
            size += len(piece)
            if size > most:
                raise ArchiveError(f"the archive answers with more than {most:,} bytes; this server passes on no more")
            yield piece
    except requests.RequestException as error:
        raise ArchiveError("the archive broke off in the middle of its answer; try again") from error
    finally:
        response.close()


def _unreachable(error: requests.RequestException) -> ArchiveError:
    _log.warning("the archive does not answer: %s", error)
    return ArchiveError("the archive does not answer; try again, and look whether it runs")
