"""Which archive is meant, and who asks it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.server.dicomweb.address import (
    IN_THE_CLEAR,
    PASSWORD,
    TOKEN,
    USER,
    ArchiveAddress,
    credentials_of,
    studies_and_archive,
)

FAR = ArchiveAddress("http://archive.example/dicom-web")
TLS = ArchiveAddress("https://archive.example/dicom-web")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://user:sesame@archive.example/dicom-web", "everybody on this machine can read"),
        ("https://user@archive.example/dicom-web", "everybody on this machine can read"),
        ("http:/archive.example/dicom-web", "is no address of an archive"),
        ("https://archive.example:99999/dicom-web", "cannot be used"),
        ("https://archive.example:0/dicom-web", "is no address of an archive"),
        ("https://[::1/dicom-web", "cannot be used"),
        ("https://archive.example/dicom web", "leave out what is behind its path"),
        ("https://archive.example/dicom-web#part", "leave out what is behind its path"),
        ("https://archive.example/dicom-web?StudyDate", "which examinations are listed"),
    ],
)
def test_bad_address_is_refused_with_its_reason_and_without_its_secret(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as refusal:
        studies_and_archive([text])
    assert "sesame" not in str(refusal.value)


def test_query_says_which_examinations_are_listed() -> None:
    address = ArchiveAddress.parse("HTTPS://Archive.example/dicom-web/?StudyDate=20240101-&PatientID=A*")
    assert address.url == "https://Archive.example/dicom-web"
    assert address.filters == {"StudyDate": "20240101-", "PatientID": "A*"}


def test_folder_and_archive_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    url = "https://archive.example:8042/dicom-web"
    assert studies_and_archive([str(tmp_path), url]) == (tmp_path, url)
    assert studies_and_archive([str(tmp_path)]) == (tmp_path, "")
    folder, archive = studies_and_archive([url])
    assert (folder, archive) == (tmp_path / "gliomics" / "archives" / "archive.example-8042-dicom-web", url)
    assert os.name == "nt" or folder.stat().st_mode & 0o077 == 0
    for twice in ([url, url], [str(tmp_path), str(tmp_path)]):
        with pytest.raises(InputError, match="one folder, one archive"):
            studies_and_archive(twice)


@pytest.mark.parametrize(
    ("address", "environment", "reason"),
    [
        (FAR, {USER: "a", PASSWORD: "sesame"}, "the password would travel .* in the clear"),
        (FAR, {TOKEN: "sesame"}, "the token would travel .* in the clear"),
        (TLS, {USER: "a"}, f"without {PASSWORD}"),
        (TLS, {PASSWORD: "sesame"}, f"without {USER}"),
        (TLS, {TOKEN: "sesame", USER: "a"}, "a token or a user's password"),
        (TLS, {TOKEN: "sesame\nsesame"}, "more than one line"),
        (TLS, {f"{TOKEN}_FILE": "/nowhere/token"}, "does not exist"),
        (TLS, {f"{TOKEN}_FILE": "/nowhere/token", TOKEN: "sesame"}, "keep one"),
    ],
)
def test_secrets_that_are_not_clear_or_not_safe_are_refused(
    address: ArchiveAddress, environment: dict[str, str], reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as refusal:
        credentials_of(address, environment)
    assert "sesame" not in str(refusal.value)


def test_password_is_sent_to_this_machine_over_tls_and_where_it_is_allowed() -> None:
    secret = {USER: "a", PASSWORD: "sesame"}
    for address in (TLS, ArchiveAddress("http://127.0.0.1:8042/dicom-web")):
        assert credentials_of(address, secret) is not None
    assert credentials_of(FAR, {**secret, IN_THE_CLEAR: "yes"}) is not None
    assert credentials_of(FAR, {}) is None


def test_token_is_read_again_from_its_file(tmp_path: Path) -> None:
    from requests import Request

    file = tmp_path / "token"
    file.write_text("first\n")
    sign = credentials_of(TLS, {f"{TOKEN}_FILE": str(file)})
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        request = Request("GET", TLS.url, auth=sign).prepare()
        assert request.headers["Authorization"] == f"Bearer {token}"
    assert "second" not in repr(sign)
