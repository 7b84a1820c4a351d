"""HTTP to one server: requests with timeouts that can be interrupted, errors in its words, multipart answers."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable
from email import policy
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gliomics.client.hosts import LOOPBACK_HOST, is_loopback
from gliomics.client.waiting import MOST_TRIES, Tell, retry_after, wait_to_retry
from gliomics.errors import GliomicsError, InputError
from gliomics.files import atomic_path

if TYPE_CHECKING:
    import requests

    from gliomics.client.interruptible import InterruptibleAdapter

Progress = Callable[[int, int | None], None]
"""Called with the bytes received so far and their total, None where the server does not tell it."""

_CHUNK = 1 << 18


class ClientError(GliomicsError):
    """The server refused a request or did not answer; :attr:`status` is its HTTP status, 0 without an answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Transport:
    """Sends requests to one server. Every call has its own connection, so threads may share a transport."""

    def __init__(
        self, url: str, *, timeout: float, connect_timeout: float, verify: bool | Path, token: str | None = None
    ) -> None:
        try:
            parts = urlsplit(url)
        except ValueError:  # a bracket that is not closed, a port that is no number
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"server address {url!r} is not usable; expected one like http://{LOOPBACK_HOST}:8000")
        self.url = url.rstrip("/")
        self._timeout = (connect_timeout, timeout)
        self._verify = str(verify) if isinstance(verify, Path) else verify
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._use_proxies = not is_loopback(parts.hostname)
        self.tell: Tell | None = None
        """Told what a request waits for."""
        self._under_way: weakref.WeakSet[InterruptibleAdapter] = weakref.WeakSet()

    def json(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of an answer."""
        return _json(self.request(method, path, **options))

    def interrupt(self) -> None:
        """End the requests that are under way in other threads; they raise :class:`ClientError`. Later ones go on."""
        for adapter in list(self._under_way):
            adapter.interrupt()

    def request(self, method: str, path: str, *, interruptible: bool = True, **options: Any) -> requests.Response:
        """An answer with status below 400; :class:`ClientError` with the server's message for others.

        A server that is busy and says when to come again is asked again then, up to :data:`MOST_TRIES` times in all.
        """
        import requests  # with the first request: a panel that opens waits for nothing that it may not need

        from gliomics.client.interruptible import InterruptibleAdapter

        session = requests.Session()
        session.trust_env = self._use_proxies
        adapter = InterruptibleAdapter()
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        if interruptible:
            self._under_way.add(adapter)
        timeout, stream = options.pop("timeout", self._timeout), options.pop("stream", False)
        options["headers"] = {**self._headers, **options.get("headers", {})}
        request = session.prepare_request(requests.Request(method, self.url + path, **options))
        for tries in range(1, MOST_TRIES + 1):
            response = self._sent(session, request, adapter, timeout=timeout, stream=stream)
            seconds = retry_after(response.status_code, response.headers.get("retry-after"))
            if seconds is None or tries == MOST_TRIES:
                break
            wait_to_retry(seconds, self.tell or _tell_nobody, lambda: adapter.interrupted)
        if response.status_code >= 400:
            raise ClientError(_server_message(response), response.status_code)
        return response

    def _sent(
        self,
        session: requests.Session,
        request: requests.PreparedRequest,
        adapter: InterruptibleAdapter,
        *,
        timeout: tuple[float, float],
        stream: bool,
    ) -> requests.Response:
        """Whatever the server answers; :class:`ClientError` where it does not."""
        import requests

        if adapter.interrupted:
            raise ClientError(f"the request to {self.url} was interrupted")
        settings = session.merge_environment_settings(request.url or "", {}, stream, self._verify, None)
        try:
            response = session.send(request, timeout=timeout, **settings)
        except requests.exceptions.SSLError as error:
            raise ClientError(
                f"{self.url} has no certificate that is trusted here ({error}); give its certificate file as 'verify'"
            ) from error
        except requests.exceptions.ReadTimeout as error:
            raise ClientError(f"{self.url} did not answer within {timeout[1]:g} s") from error
        except requests.exceptions.RequestException as error:
            if adapter.interrupted:
                raise ClientError(f"the request to {self.url} was interrupted") from error
            if isinstance(error, requests.exceptions.ChunkedEncodingError):
                raise ClientError(_broken_off(self.url)) from error
            raise ClientError(
                f"no server answers at {self.url} ({_reason(error)}); check the address, and that a server runs there"
            ) from error
        if not stream and len(response.content) < _length(response):  # not every urllib3 sees to it
            raise ClientError(_broken_off(self.url))
        return response

    def download(self, path: str, dest: Path, *, params: dict[str, Any], progress: Progress | None) -> Path:
        """Write an answer's body to ``dest``, which appears whole or not at all."""
        import requests

        with self.request("GET", path, params=params, stream=True) as response, atomic_path(dest) as temporary:
            total, received = _length(response), 0
            try:
                with temporary.open("wb") as file:
                    for chunk in response.iter_content(_CHUNK):
                        file.write(chunk)
                        received += len(chunk)
                        if progress is not None:
                            progress(received, total or None)
            except requests.exceptions.RequestException as error:
                raise ClientError(
                    f"the download from {self.url} broke off after {received} bytes; try again"
                ) from error
            if received < total:
                raise ClientError(f"the download from {self.url} broke off after {received} bytes; try again")
        return dest


def _length(response: requests.Response) -> int:
    """How many bytes the body of an answer has as it is read, 0 where that is not said."""
    encoded = response.headers.get("content-encoding", "identity") != "identity"
    length = response.headers.get("content-length", "")
    return int(length) if length.isdigit() and not encoded else 0


def _broken_off(url: str) -> str:
    return f"the answer of {url} broke off in the middle; try again"


def parse_parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """The parts of a multipart answer (RFC 7578) by name; :class:`ClientError` where it is none, or is cut off.

    ``email`` would go through a mask line by line and let no other thread run meanwhile.
    """
    boundary = _headers(f"Content-Type: {content_type}".encode()).get_boundary()
    delimiter = f"--{boundary}".encode()
    parts: dict[str, bytes] = {}
    start = body.find(delimiter) if boundary else -1
    while start >= 0:
        start += len(delimiter)
        if body[start : start + 2] == b"--":
            if parts:
                return parts
            break
        content = body.find(b"\r\n\r\n", start) + 4
        end = body.find(b"\r\n" + delimiter, content - 2) if content >= 4 else -1
        if end < 0:
            raise ClientError("the server's answer ends in the middle; try again")
        name = _headers(body[start:content]).get_param("name", header="content-disposition")
        if isinstance(name, str):
            parts[name] = body[content:end]
        start = end + 2
    raise ClientError("the server's answer is not a readable multipart message; is it a MONAI Label server?")


def _headers(lines: bytes) -> Message:
    return BytesParser(policy=policy.HTTP).parsebytes(lines.lstrip(), headersonly=True)


def _tell_nobody(text: str) -> None:
    """Where nobody listens."""


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise ClientError(
            f"{response.url} answered with something that is not JSON; is it a MONAI Label server?",
            response.status_code,
        ) from error


def _server_message(response: requests.Response) -> str:
    """The ``detail`` of a refusal; a list of validation errors becomes one sentence."""
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        text = response.text.strip()[:200]
        return f"the server answered {response.status_code} {response.reason}" + (f": {text}" if text else "")
    if isinstance(detail, list):
        return "; ".join(f"{'.'.join(map(str, item.get('loc', [])))}: {item.get('msg')}" for item in detail)
    return detail if isinstance(detail, str) else json.dumps(detail)


def _reason(error: requests.exceptions.RequestException) -> str:
    import requests

    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no answer"
    return "connection refused" if "refused" in str(error) else type(error).__name__
