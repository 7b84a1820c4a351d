"""Addresses of servers, told apart and refused in words."""

from __future__ import annotations

import pytest
from RadiogenomicsLib.server.backends import addressError, hostOf, isLoopback


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost:1", "https://[::1]:8000", "http://127.9.9.9"]
)
def test_this_computer_is_loopback(url: str) -> None:
    assert isLoopback(url)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1:8000", "http://localhost.example.org", "http://hospital", "http://0.0.0.0"]
)
def test_another_computer_is_not_loopback(url: str) -> None:
    assert not isLoopback(url)


def test_consent_is_for_scheme_host_and_port_without_a_password() -> None:
    assert hostOf("https://me:secret@Hospital.org:8443/path") == "https://hospital.org:8443"


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://host", "http://", "http://host:port"])
def test_what_is_no_address_is_named(url: str) -> None:
    assert url in addressError(url)
    assert addressError(url)
