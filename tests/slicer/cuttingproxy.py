"""A proxy between the panel and a real server that cuts answers off in the middle, as a bad line does."""

from __future__ import annotations

import http.client
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class CuttingProxy:
    """Passes requests on; while ``isCutting``, an answer has its full ``Content-Length`` and half of its body."""

    def __init__(self, url: str) -> None:
        self.isCutting = False
        self.cut: list[str] = []
        """The paths whose answers were cut off."""
        target = urlsplit(url)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def passOn(self) -> None:
                upstream = http.client.HTTPConnection(str(target.hostname), target.port, timeout=120)
                length = int(self.headers.get("content-length", 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                upstream.request(self.command, self.path, self.rfile.read(length) if length else None, headers)
                answer = upstream.getresponse()
                body = answer.read()
                upstream.close()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "server", "date"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                isCut = proxy.isCutting and answer.status < 400 and len(body) > 1
                self.wfile.write(body[: len(body) // 2] if isCut else body)
                if isCut:
                    proxy.cut.append(self.path)
                    self.close_connection = True

            do_GET = do_PUT = do_POST = do_DELETE = passOn

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server: socketserver.BaseServer = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"  # type: ignore[index]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
