"""Servers that misbehave on purpose: plain threads on 127.0.0.1, one function a server, every byte written by hand."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

# How long (seconds) a test waits for something that must happen, before it gives up. Never a measure of how long it may take.
PATIENCE = 30.0


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


OK = answer()


class Peer:
    """One accepted connection, seen from the server. `number` counts connections from 0."""

    def __init__(self, server: Server, sock: socket.socket, number: int) -> None:
        self.server, self.sock, self.number = server, sock, number
        self._buffer = b""

    def request(self) -> bytes:
        """The next request, head and body by Content-Length, remembered by the server; empty when the client has gone."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return b""
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        while len(rest) < length:
            if not self._more():
                break
            rest = self._buffer.partition(b"\r\n\r\n")[2]
        self._buffer = rest[length:]
        self.server.remember(head + b"\r\n\r\n" + rest[:length])
        return head + b"\r\n\r\n" + rest[:length]

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def gone(self) -> bool:
        """Wait until the client has closed the connection."""
        while self._more():
            pass
        return True

    def reset(self) -> None:
        """End the connection with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _more(self) -> bool:
        data = self.sock.recv(65536)
        self._buffer += data
        return bool(data)


class Server:
    """Runs `handler(peer)` for each connection in a thread of its own and closes the connection when it returns.

    Args:
        handler: what the server does.
        context: for TLS; handshakes that fail are forgotten.
        host: the address to listen on.
    """

    def __init__(self, handler: Callable[[Peer], None], context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._handler, self._context = handler, context
        self._listener = socket.create_server((host, 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.closing = Event()
        self.connections = 0
        self.requests: list[bytes] = []
        self._changed = Condition()
        self._sockets: list[socket.socket] = []
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    def remember(self, request: bytes) -> None:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds; it is looked at whenever a connection or a request comes in."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), "what the test waits for did not happen"

    def close(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(sock)
            with self._changed:
                number, self.connections = self.connections, self.connections + 1
                self._changed.notify_all()
            thread = Thread(target=self._serve, args=(sock, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
                self._sockets.append(sock)
            self._handler(Peer(self, sock, number))
        except OSError:
            pass  # the client hung up, as the tests make it do
        finally:
            sock.close()


def always(data: bytes) -> Callable[[Peer], None]:
    """Answer every request with these bytes and keep the connection."""

    def handler(peer: Peer) -> None:
        while peer.request():
            peer.send(data)

    return handler


def once(data: bytes) -> Callable[[Peer], None]:
    """Answer one request with these bytes and close the connection."""

    def handler(peer: Peer) -> None:
        peer.request()
        peer.send(data)

    return handler


def in_turn(*answers: bytes) -> Callable[[Peer], None]:
    """Answer the server's first request with the first, and so on; the last again and again."""

    def handler(peer: Peer) -> None:
        while peer.request():
            peer.send(answers[min(len(peer.server.requests), len(answers)) - 1])

    return handler


def endless(beginning: bytes, piece: bytes, pause: float = 0.0) -> Callable[[Peer], None]:
    """Begin an answer and never come to its end; `pause` seconds between the pieces."""

    def handler(peer: Peer) -> None:
        peer.request()
        peer.send(beginning)
        while not peer.server.closing.wait(pause):
            peer.send(piece)

    return handler


def silent(peer: Peer) -> None:
    """Read one request and say nothing until the client goes."""
    peer.request()
    peer.gone()
