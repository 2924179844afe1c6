"""Services with known behaviour, on 127.0.0.1 in a thread, that count what reached them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Event, Thread

NEVER = float("inf")
PATIENCE = 30.0  # seconds that a test waits for what must happen


class Service:
    """Answers `status` (or what it makes of the request's head) after `wait(seconds since the first request)`; NEVER is no answer at all.

    `body`: "whole"; "cut", and the connection ends before it should; "endless", a byte every now and then; "none", and the connection
    ends without an answer; bytes, sent as they are in place of an answer, and then the connection ends.
    """

    def __init__(self, wait: Callable[[float], float], status: str | Callable[[str], str], scheme: str, body: str | bytes) -> None:
        self._wait, self._scheme, self._body = wait, scheme, body
        self._status = status if callable(status) else lambda _: status
        self._begun: float | None = None
        self._changed = Condition()
        self._never = asyncio.Event()  # it also keeps those that wait for it from being collected as garbage
        self.requests: list[str] = []  # heads, in the order in which they came
        self.port = 0

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def await_requests(self, count: int) -> None:
        """Return when so many have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, PATIENCE), f"{len(self.requests)} of {count} came"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                text = head.decode("latin-1")
                length = next((int(line[15:]) for line in text.split("\r\n") if line.lower().startswith("content-length:")), 0)
                await reader.readexactly(length)
                self._begun = clock() if self._begun is None else self._begun
                with self._changed:
                    self.requests.append(text)
                    self._changed.notify_all()
                seconds = self._wait(clock() - self._begun)
                await asyncio.sleep(seconds) if seconds < NEVER else await self._never.wait()
                await self._answer(writer, self._status(text))
                if self._body in ("cut", "none") or isinstance(self._body, bytes):
                    break
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass  # the client has hung up, or the test is over
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, status: str) -> None:
        if self._body == "none":
            return
        if isinstance(self._body, bytes):
            writer.write(self._body)
            await writer.drain()
            return
        length = 2 if self._body == "whole" else 999
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{{}}".encode())
        await writer.drain()
        while self._body == "endless":
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.1)


@contextmanager
def service(
    wait: Callable[[float], float] = lambda _: 0.005,
    status: str | Callable[[str], str] = "200 OK",
    tls: ssl.SSLContext | None = None,
    body: str | bytes = "whole",
) -> Iterator[Service]:
    """A running service."""
    made, ready, loops = Service(wait, status, "https" if tls else "http", body), Event(), []

    async def run() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0, backlog=1024, ssl=tls)
        made.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()

    thread = Thread(target=asyncio.run, args=(run(),))  # which cancels, at its end, whoever still waits
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield made
    finally:
        loop, stop = loops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)


def stalling(begin: float, end: float) -> Callable[[float], float]:
    """5 ms, but what comes between these seconds is answered when they are over."""
    return lambda now: 0.005 + (end - now if begin <= now < end else 0.0)


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
