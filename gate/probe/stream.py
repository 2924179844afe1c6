"""A socket read against one deadline. Every recv gets the time that is left of the whole, so that no trickle can stretch it."""

from __future__ import annotations

import ssl
from time import monotonic
from typing import TYPE_CHECKING

from gate.model import FailureKind
from gate.probe.fault import NoAnswer, protocol, reset, too_large

if TYPE_CHECKING:
    import socket

CHUNK = 65536
HEAD_LIMIT = 65536
_BEGINNING = b"HTTP/1."


class Stream:
    """Buffered reads and whole writes on a connected socket.

    Args:
        sock: plain or TLS.
        deadline: on the monotonic clock.
        seconds: the whole time that was allowed, for the failure's sentence.
    """

    __slots__ = ("_deadline", "_seconds", "_sock", "buffer", "first_byte")

    def __init__(self, sock: socket.socket, deadline: float, seconds: float) -> None:
        self._sock, self._deadline, self._seconds = sock, deadline, seconds
        self.buffer = bytearray()
        self.first_byte: float | None = None

    def remaining(self) -> float:
        """Seconds that are left; TIMEOUT if none are."""
        left = self._deadline - monotonic()
        if left <= 0:
            raise self._late()
        return left

    def write(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            NoAnswer: TIMEOUT.
            OSError: the other side is gone.
        """
        view = memoryview(data)
        while view:
            self._sock.settimeout(self.remaining())
            try:
                view = view[self._sock.send(view) :]
            except TimeoutError:
                raise self._late() from None

    def fill(self) -> bool:
        """Read what there is, waiting for the first byte of it; False at the end of the stream."""
        self._sock.settimeout(self.remaining())
        try:
            data = self._sock.recv(CHUNK)
        except TimeoutError:
            raise self._late() from None
        except ssl.SSLEOFError:
            raise reset("the TLS connection was cut off before its end was announced") from None
        except ssl.SSLError:
            raise protocol("the TLS connection broke while the answer was read") from None
        except OSError as error:
            raise reset(f"the connection broke before the answer was whole ({error.strerror or 'connection lost'})") from None
        if self.first_byte is None and data:
            self.first_byte = monotonic()
        self.buffer += data
        return bool(data)

    def demand(self) -> None:
        """Read more; RESET if the stream has ended."""
        if not self.fill():
            raise reset("the connection was closed before the answer was whole")

    def head(self) -> bytes:
        """The bytes up to the empty line, without it; PROTOCOL above 64 KiB."""
        position = 0
        while True:
            # Judged before the end is found: garbage needs not be waited for.
            if self.buffer[:7] != _BEGINNING[: len(self.buffer)]:
                raise protocol("the answer does not begin with an HTTP/1.x status line")
            end, length = _head_end(self.buffer, position)
            if (end if end >= 0 else len(self.buffer)) > HEAD_LIMIT:
                raise protocol(f"the answer's head is larger than {HEAD_LIMIT} bytes")
            if end >= 0:
                return self._take(end, length)
            position = max(0, len(self.buffer) - 3)
            self.demand()

    def line(self, limit: int) -> bytes:
        """One line without its CRLF; PROTOCOL if it is longer than `limit` bytes."""
        while (end := self.buffer.find(b"\r\n", 0, limit + 2)) < 0:
            if len(self.buffer) >= limit + 2:
                raise protocol(f"a line of the body's framing is longer than {limit} bytes")
            self.demand()
        return self._take(end, 2)

    def exactly(self, size: int) -> bytes:
        """That many bytes."""
        while len(self.buffer) < size:
            self.demand()
        return self._take(size, 0)

    def until_closed(self, limit: int) -> bytes:
        """Everything up to the end of the stream; TOO_LARGE above `limit` bytes."""
        while len(self.buffer) <= limit:
            if not self.fill():
                return self._take(len(self.buffer), 0)
        raise too_large(limit)

    def _take(self, size: int, skip: int) -> bytes:
        data = bytes(self.buffer[:size])
        del self.buffer[: size + skip]
        return data

    def _late(self) -> NoAnswer:
        return NoAnswer(FailureKind.TIMEOUT, f"no whole answer within {self._seconds:g} s")


def _head_end(buffer: bytearray, position: int) -> tuple[int, int]:
    """Where the head ends and how long the mark is; a lone LF counts as a line end, as RFC 9112 allows."""
    end = buffer.find(b"\n\r\n", position)
    bare = buffer.find(b"\n\n", position)
    if bare >= 0 and (end < 0 or bare < end):
        return bare, 2
    return end, 3
