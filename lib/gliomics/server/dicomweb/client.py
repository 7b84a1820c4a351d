"""What is asked of a DICOMweb archive, each with an end to waiting, and its failures in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient
from requests.adapters import HTTPAdapter

from gliomics.dicom.headers import READ_ERRORS, text_of
from gliomics.errors import GliomicsError
from gliomics.server.dicomweb.address import PASSWORD, TOKEN, USER, ArchiveAddress, credentials_of

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 120.0
"""How long the archive may be silent: until it answers, and between two pieces of an answer."""

MOST_EXAMINATIONS = 20_000
"""How many examinations are listed at most."""

_PAGE = 500
_UID = re.compile(r"[0-9.]{1,64}")
_ERRORS = (requests.RequestException, *READ_ERRORS, LookupError, AssertionError)


class ArchiveError(GliomicsError):
    """The archive did not do what it was asked for; ``may_pass`` unless it is certain that it never will."""

    status = 502

    def __init__(self, message: str, *, may_pass: bool = True, refused: bool = False, is_missing: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass
        self.is_missing = is_missing
        """Whether it says that it has no such thing."""
        self.refused = refused
        """Whether it answers, but does not let this server in, or is no archive."""


@dataclass(frozen=True)
class ListedExamination:
    """An examination as the archive lists it; ``date`` is YYYYMMDD, empty where it is not known."""

    uid: str
    patient_id: str
    date: str


class _Patient(HTTPAdapter):
    """Waits for every answer, but not for ever."""

    def send(self, request: requests.PreparedRequest, *how: Any, **named: Any) -> requests.Response:
        named["timeout"] = named.get("timeout") or (CONNECT_SECONDS, ANSWER_SECONDS)
        return super().send(request, *how, **named)


class Archive:
    """A DICOMweb archive: QIDO-RS to search, WADO-RS to retrieve, STOW-RS to store. Usable from several threads."""

    def __init__(self, address: ArchiveAddress, environment: Mapping[str, str] | None = None) -> None:
        self.address = address
        self.session = requests.Session()
        """With the archive's credentials, and an end to waiting, for whoever asks it something else."""
        self.session.auth = credentials_of(address, environment)
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, _Patient())
        self._client = DICOMwebClient(address.url, session=self.session, permissive_uid=True)
        self._client.set_http_retry_params(retry=False)

    def examinations(self) -> list[ListedExamination]:
        """The examinations with MR images that the address asks for; those whose UID is none are left out."""
        listed: dict[str, ListedExamination] = {}
        filters = {"ModalitiesInStudy": "MR", **self.address.filters}
        with self._asked("list its examinations"):
            for offset in range(0, MOST_EXAMINATIONS + _PAGE, _PAGE):
                page = self._client.search_for_studies(limit=_PAGE, offset=offset, search_filters=filters)
                new = [item for item in map(_examination, page) if item is not None and item.uid not in listed]
                listed |= {item.uid: item for item in new}
                if len(page) < _PAGE or not new:  # an archive that knows no offset sends the same again
                    return list(listed.values())
        raise ArchiveError(
            f"the archive has more than {MOST_EXAMINATIONS} examinations; say which ones are meant, behind its "
            "address, e.g. ?StudyDescription=*BRAIN* or ?StudyDate=20240101-",
            may_pass=False,
            refused=True,
        )

    def check(self) -> None:
        """Raise :class:`ArchiveError` unless the archive answers and lets this server in."""
        with self._asked("list its examinations"):
            self._client.search_for_studies(limit=1)

    def series(self, examination: str, modality: str) -> list[str]:
        """The UIDs of an examination's series of a modality."""
        with self._asked(f"list the series of examination {examination}"):
            entries = self._client.search_for_series(examination, search_filters={"Modality": modality})
            found = [pydicom.Dataset.from_json(entry) for entry in entries]
        of_modality = [item for item in found if text_of(item, "Modality") in ("", modality)]
        return _uids(of_modality, "SeriesInstanceUID")

    def examination_of(self, series: str) -> str | None:
        """The UID of the examination that a series belongs to; None where the archive has no such series."""
        if not is_uid(series):
            return None
        with self._asked(f"find series {series}"):
            entries = self._client.search_for_series(search_filters={"SeriesInstanceUID": series})
            found = [pydicom.Dataset.from_json(entry) for entry in entries]
        ours = [item for item in found if text_of(item, "SeriesInstanceUID") == series]
        return next(iter(_uids(ours, "StudyInstanceUID")), None)

    def headers(self, examination: str, series: str) -> list[pydicom.Dataset]:
        """The headers of a series' instances."""
        with self._asked(f"tell the headers of series {series}"):
            entries = self._client.retrieve_series_metadata(examination, series)
            return [pydicom.Dataset.from_json(entry, _no_bulk_data) for entry in entries]

    def instances(self, examination: str, series: str) -> Iterator[pydicom.Dataset]:
        """The instances of a series, one after the other as they arrive."""
        with self._asked(f"send series {series}"):
            yield from self._client.iter_series(examination, series)

    def has_instance(self, examination: str, series: str, instance: str) -> bool:
        """Whether the archive has an instance."""
        try:
            with self._asked(f"find instance {instance}"):
                found = self._client.search_for_instances(examination, series)
                return instance in _uids(map(pydicom.Dataset.from_json, found), "SOPInstanceUID")
        except ArchiveError as error:
            if error.is_missing:  # as some archives say of a series that they do not have
                return False
            raise

    def store(self, dataset: pydicom.Dataset) -> None:
        """Store an instance; :class:`ArchiveError` where the archive does not say that it keeps it."""
        uid = str(dataset.SOPInstanceUID)
        with self._asked(f"keep instance {uid}"):
            answer = self._client.store_instances([dataset], str(dataset.StudyInstanceUID))
            failures = answer.get("FailedSOPSequence") or []
            reason = next((text_of(item, "FailureReason") for item in failures), None)
        if reason is not None:
            raise ArchiveError(f"the archive refused instance {uid}, with the reason {reason} (PS3.18)", may_pass=False)

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        try:
            yield
        except GliomicsError:
            raise
        except _ERRORS as error:
            raise self._error(what, error) from error

    def _error(self, what: str, error: BaseException) -> ArchiveError:
        asked = f"the archive at {self.address.url} was asked to {what}"
        response = getattr(error, "response", None)
        if isinstance(error, requests.HTTPError) and response is not None:
            return _refusal(asked, response.status_code)
        if isinstance(error, requests.exceptions.SSLError):
            remedy = "if its certificate is your department's, name the file of your authority in REQUESTS_CA_BUNDLE"
            return ArchiveError(f"{asked}, and its certificate cannot be checked; {remedy}")
        if isinstance(error, requests.Timeout):
            return ArchiveError(f"{asked}, and did not answer in time; look whether it runs, and try again")
        if isinstance(error, requests.exceptions.JSONDecodeError):
            return ArchiveError(f"{asked}, and its answer is no DICOM JSON; is this the root of a DICOMweb service?")
        if isinstance(error, requests.ConnectionError):
            return ArchiveError(
                f"{asked}, and cannot be reached; look whether it runs, and whether the address is right"
            )
        if isinstance(error, requests.RequestException):
            return ArchiveError(f"{asked}, and its answer broke off ({type(error).__name__}); try again")
        return ArchiveError(f"{asked}, and its answer cannot be read ({type(error).__name__}: {str(error)[:200]})")


def check_archive(text: str) -> str:
    """Why the archive of an address cannot be reached now, as it may be later; empty where it answers.

    Raises :class:`InputError` for what is no address, and :class:`ArchiveError` where it answers and refuses.
    """
    try:
        Archive(ArchiveAddress.parse(text)).check()
    except ArchiveError as error:
        if error.refused:
            raise
        return str(error)
    return ""


def is_uid(text: str) -> bool:
    """Whether a text from elsewhere can be a UID (PS3.5 9.1), and so holds nothing that leads anywhere."""
    return _UID.fullmatch(text) is not None


def _refusal(asked: str, status: int) -> ArchiveError:
    if status in (401, 403):
        return ArchiveError(
            f"{asked}, and does not let this server in ({status}); give it a user that may, in the environment: {USER} "
            f"and {PASSWORD}, or {TOKEN}",
            refused=True,
        )
    if status in (404, 405):
        reason = f"{asked}, and knows no such thing ({status})"
        return ArchiveError(reason, refused=True, is_missing=status == 404)
    if status == 409:
        return ArchiveError(f"{asked}, and refused ({status})", may_pass=False)
    return ArchiveError(f"{asked}, and failed ({status}); its log says why", may_pass=status >= 429)


def _examination(entry: dict[str, Any]) -> ListedExamination | None:
    item = pydicom.Dataset.from_json(entry)
    uid, modalities = text_of(item, "StudyInstanceUID"), item.get("ModalitiesInStudy")
    if not is_uid(uid) or (modalities and "MR" not in ([modalities] if isinstance(modalities, str) else modalities)):
        return None
    date = text_of(item, "StudyDate")
    return ListedExamination(uid, text_of(item, "PatientID"), date if re.fullmatch(r"\d{8}", date) else "")


def _uids(items: Any, name: str) -> list[str]:
    return [uid for uid in dict.fromkeys(text_of(item, name) for item in items) if is_uid(uid)]


def _no_bulk_data(*_: Any) -> None:
    """What headers only refer to is not fetched."""
