"""A server in a process of its own, whose answers are large or never come: ``python slowserver.py`` prints its port.

In a thread of the tests' process it would be starved with the threads that are tested.
"""

from __future__ import annotations

import contextlib
import http.server
import sys
import time

_BLOCK = bytes(1 << 16)


class Handler(http.server.BaseHTTPRequestHandler):
    """``/bytes/N`` answers with N bytes, ``/drip`` with one byte a second, ``/stall`` never."""

    def do_GET(self) -> None:
        kind, _, size = self.path.strip("/").partition("/")
        if kind == "stall":
            time.sleep(60)
            return
        length = int(size or 60)
        with contextlib.suppress(ConnectionError):  # the client is interrupted
            self._answer(kind, length)

    def _answer(self, kind: str, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if kind == "drip":
            for _ in range(length):
                self.wfile.write(b"x")
                time.sleep(1)
        for start in range(0, length if kind == "bytes" else 0, len(_BLOCK)):
            self.wfile.write(_BLOCK[: length - start])

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
