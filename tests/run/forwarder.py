"""A small HTTP forwarder between the gate and a healthy service, which lets a test change an answer or say something else altogether."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass
class Answer:
    """What the service said; a test may change it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Asked:
    """What the gate sent; a test may change it before it is passed on."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    number: int


# A change returns the answer to give, bytes to write as they are before closing, or a function that does what it likes with the socket.
Change = Callable[[Asked, Answer], "Answer | bytes | Callable[[socket.socket], None]"]


class Forwarder:
    """Runs on a free port of 127.0.0.1 while it is open."""

    def __init__(self, base_url: str, change: Change, before: Callable[[Asked], None] = lambda _: None, context: Any = None) -> None:
        upstream = urlsplit(base_url)
        self._count = 0
        self._lock = threading.Lock()
        forwarder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                if len(set(self.headers.get_all("Content-Length") or [])) > 1:
                    self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    self.close_connection = True
                    return
                forwarder.forward(self, upstream.hostname or "", upstream.port or 80, change, before)

            def log_message(self, *_: Any) -> None:
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        scheme = "http"
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.base_url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def forward(self, handler: Any, host: str, port: int, change: Change, before: Callable[[Asked], None]) -> None:
        """One request there and its answer back."""
        with self._lock:
            self._count += 1
            number = self._count
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        asked = Asked(handler.command, handler.path, dict(handler.headers.items()), body, number)
        before(asked)
        given = change(asked, _ask(host, port, asked))
        if isinstance(given, Answer):
            _give(handler, given)
            return
        handler.close_connection = True
        if isinstance(given, bytes):
            handler.wfile.write(given)
        else:
            given(handler.connection)


def _ask(host: str, port: int, asked: Asked) -> Answer:
    connection = http.client.HTTPConnection(host, port, timeout=30)
    try:
        connection.putrequest(asked.method, asked.target, skip_host=True, skip_accept_encoding=True)
        for name, value in asked.headers.items():
            if name.lower() != "connection":
                connection.putheader(name, value.encode("latin-1"))
        connection.endheaders(asked.body or None)
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheaders(), answer.read())
    except OSError:
        return Answer(502, [("Content-Type", "application/json")], b"{}")
    finally:
        connection.close()


def _give(handler: Any, answer: Answer) -> None:
    dropped = ("content-length", "transfer-encoding", "connection", "date", "server")
    handler.send_response_only(answer.status)
    for name, value in answer.headers:
        if name.lower() not in dropped:
            handler.send_header(name, value)
    handler.send_header("Date", handler.date_time_string())
    handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    handler.wfile.write(answer.body if handler.command != "HEAD" else b"")


def same(_asked: Asked, answer: Answer) -> Answer:
    """Change nothing."""
    return answer
