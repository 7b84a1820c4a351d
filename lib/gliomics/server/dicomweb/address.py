"""Which archive is meant, who asks it, and where what is fetched from it is kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from gliomics.client.hosts import is_loopback
from gliomics.errors import InputError
from gliomics.files import check_file

USER, PASSWORD, TOKEN = "GLIOMICS_ARCHIVE_USER", "GLIOMICS_ARCHIVE_PASSWORD", "GLIOMICS_ARCHIVE_TOKEN"
"""Variables of the environment with what the archive asks for; with ``_FILE`` behind, each names a file with it."""

IN_THE_CLEAR = "GLIOMICS_ARCHIVE_IN_THE_CLEAR"
"""Set to ``yes``, secrets are sent to another machine without TLS, as inside a network of containers."""

_MOST_SECRET_BYTES = 64 * 2**10
_PLAIN = re.compile(r"[^A-Za-z0-9.-]+")


def is_address(studies: str) -> bool:
    """Whether it is an address instead of a folder; in any letters, and with one slash too few."""
    return re.match(r"https?:/", studies, re.IGNORECASE) is not None


def studies_and_archive(named: Sequence[str]) -> tuple[Path, str]:
    """The folder and the archive (empty for none) that ``--studies`` names, each once at most.

    Without a folder it is the archive's :meth:`ArchiveAddress.default_folder`, which is made, for its owner alone.
    """
    addresses = [name for name in named if is_address(name)]
    folders = [Path(name) for name in named if not is_address(name)]
    if len(addresses) > 1 or len(folders) > 1:
        raise InputError(
            f"--studies names {len(folders)} folders and {len(addresses)} archives; give one folder, one archive, or "
            "one of each"
        )
    if not addresses:
        return folders[0], ""
    address = ArchiveAddress.parse(addresses[0])
    if folders:
        return folders[0], addresses[0]
    folder = address.default_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made ({error.strerror}); name a folder for what is fetched with a second --studies DIR"
        ) from error
    return folder, addresses[0]


@dataclass(frozen=True)
class ArchiveAddress:
    """The address of a DICOMweb archive; ``filters`` (QIDO-RS) say which examinations are listed, if not all."""

    url: str
    filters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> ArchiveAddress:
        """From what a user writes: ``https://archive.example/dicom-web?StudyDescription=*BRAIN*``.

        Raises :class:`InputError` for what is no such address, and for one with a password in it, which everybody on
        the machine could read in the list of processes.
        """
        example = "expected the root of a DICOMweb service, e.g. https://archive.example/dicom-web"
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise InputError(f"the archive's address cannot be used ({error}); {example}") from error
        if parts.username is not None or parts.password is not None:
            raise InputError(
                f"the archive's address holds a user name or password, which everybody on this machine can read; put "
                f"them into the environment, {USER} and {PASSWORD}"
            )
        shown = f"{text[:200]!r}"
        if parts.scheme.lower() not in ("http", "https") or not parts.hostname or port == 0:
            raise InputError(f"{shown} is no address of an archive; {example}")
        if parts.fragment or not re.fullmatch(r"[A-Za-z0-9._~:/@%+,;=-]*", parts.path):
            raise InputError(f"{shown} is no address of an archive: leave out what is behind its path; {example}")
        try:
            filters = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        except ValueError as error:
            raise InputError(
                f"{shown}: what is behind '?' says which examinations are listed, as in ?StudyDate=20240101-"
            ) from error
        return cls(f"{parts.scheme.lower()}://{parts.netloc}{parts.path.rstrip('/')}", filters)

    @property
    def is_here(self) -> bool:
        """Whether nothing that is sent there leaves this machine."""
        return is_loopback(urlsplit(self.url).hostname or "")

    @property
    def is_encrypted(self) -> bool:
        """Whether what is sent there cannot be read on the way."""
        return self.url.startswith("https://")

    def default_folder(self) -> Path:
        """Where studies of this archive are kept unless a folder is named: among the user's data of programs."""
        parts = urlsplit(self.url)
        try:
            data = os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".local" / "share"
        except RuntimeError as error:
            raise InputError(
                "there is no home folder to keep the archive's studies in; name a folder with a second --studies DIR"
            ) from error
        name = _PLAIN.sub("-", f"{parts.netloc}{parts.path}").strip("-.")
        return Path(data) / "gliomics" / "archives" / name[:100]


@dataclass(frozen=True)
class _FromFile(AuthBase):
    """A bearer token, read again for each request where a file holds it: what renews it need not know the server."""

    environment: Mapping[str, str] = field(repr=False)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {_secret(self.environment, TOKEN)}"
        return request


def credentials_of(address: ArchiveAddress, environment: Mapping[str, str] | None = None) -> AuthBase | None:
    """Who asks, by the environment; None where it names nobody.

    Raises :class:`InputError` where it is not clear what is meant, for a file that cannot be read, and where a secret
    would travel in the clear.
    """
    environment = os.environ if environment is None else environment
    present = [name for name in (USER, PASSWORD, TOKEN) if _is_set(environment, name)]
    if not present:
        return None
    if TOKEN in present and len(present) > 1:
        raise InputError(f"{TOKEN} is set, and so is {present[0]}; give the archive a token or a user's password")
    if TOKEN not in present and len(present) == 1:
        missing = PASSWORD if present == [USER] else USER
        raise InputError(f"{present[0]} is set without {missing}; set both")
    if not address.is_encrypted and not address.is_here and environment.get(IN_THE_CLEAR, "").lower() != "yes":
        raise InputError(
            f"the {'token' if TOKEN in present else 'password'} would travel to {address.url} in the clear; use an "
            f"https:// address. Inside a closed network, as of containers, {IN_THE_CLEAR}=yes allows it"
        )
    if TOKEN in present:
        _secret(environment, TOKEN)
        return _FromFile(environment)
    user, password = (_secret(environment, name).encode() for name in (USER, PASSWORD))
    return HTTPBasicAuth(user, password)


def variables() -> Iterator[str]:
    """The names of all variables that may hold, or name, a secret."""
    for name in (USER, PASSWORD, TOKEN):
        yield from (name, f"{name}_FILE")


def _is_set(environment: Mapping[str, str], name: str) -> bool:
    return bool(environment.get(name) or environment.get(f"{name}_FILE"))


def _secret(environment: Mapping[str, str], name: str) -> str:
    """What a variable holds, or the file that it names; without the line's end."""
    given, file = environment.get(name), environment.get(f"{name}_FILE")
    if given and file:
        raise InputError(f"{name} and {name}_FILE are set; keep one")
    if file:
        try:
            given = check_file(Path(file), _MOST_SECRET_BYTES).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the file that {name}_FILE names cannot be read ({type(error).__name__})") from error
    secret = (given or "").strip()
    if not secret or not secret.isprintable():
        raise InputError(f"{name} holds nothing, or more than one line; expected one secret")
    return secret
