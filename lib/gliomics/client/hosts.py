"""Which hosts are this computer."""

from __future__ import annotations

import ipaddress

LOOPBACK_HOST = "127.0.0.1"
"""Where a server listens unless told otherwise: only this computer reaches it."""


def host_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that ``host`` is; None where it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether only this computer can connect to ``host``.

    >>> [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "192.168.1.4")]
    [True, True, True, False]
    """
    address = host_address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback
