"""Open connections: kept for reuse by the same identity only, and woken from anywhere when the run is cancelled."""

from __future__ import annotations

import contextlib
import socket
import ssl
from dataclasses import dataclass
from threading import Lock
from time import monotonic

# Servers close idle connections after 5 s or more (uvicorn: 5): leave before they do.
IDLE_SECONDS = 3.0


@dataclass(slots=True, eq=False)
class Connection:
    """A socket to the target or its proxy. `connected` and `secured` are monotonic, None where that point was not reached."""

    sock: socket.socket
    connected: float | None = None
    secured: float | None = None
    reused: bool = False
    idle_since: float = 0.0

    def is_clean(self) -> bool:
        """Whether it may carry another request: used lately, still open, and nothing came that nobody asked for."""
        if monotonic() - self.idle_since > IDLE_SECONDS or (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()):
            return False
        self.sock.settimeout(0)
        try:
            # The plain method, since an SSLSocket's own refuses flags. Any byte is one too many, and so is the end of the stream.
            socket.socket.recv(self.sock, 1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def abort(self) -> None:
        """Wake whoever waits on it; from any thread, and from a signal handler."""
        with contextlib.suppress(OSError):
            # The plain method, since an SSLSocket's own takes the TLS layer away from under its reader.
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class Pool:
    """Every open connection of a run, those in use and those that are idle.

    Args:
        limit: of idle connections: the target must not be held by the gate.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = Lock()
        self._idle: list[tuple[str | None, Connection]] = []
        self._live: set[Connection] = set()
        self._closed = False

    def add(self, connection: Connection) -> None:
        """From now on `abort` reaches it."""
        self._live.add(connection)

    def take(self, identity: str | None) -> Connection | None:
        """An idle connection of that identity that may still be used, the latest first."""
        while (connection := self._pop(identity)) is not None:
            if connection.is_clean():
                connection.reused = True
                return connection
            self.discard(connection)
        return None

    def give_back(self, identity: str | None, connection: Connection) -> None:
        """Keep it for that identity; the oldest goes if there are too many."""
        connection.idle_since = monotonic()
        with self._lock:
            self._idle.append((identity, connection))
            surplus = self._idle.pop(0)[1] if self._closed or len(self._idle) > self._limit else None
        if surplus is not None:
            self.discard(surplus)

    def discard(self, connection: Connection) -> None:
        """Close it."""
        self._live.discard(connection)
        connection.sock.close()

    def abort(self) -> None:
        """Wake every thread that waits for the target. Takes no lock: it may run in a signal handler, on top of one that is held."""
        for connection in self._live.copy():
            connection.abort()

    def close(self) -> None:
        """Close what is idle, now and later; what is in use is closed by its user."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for _, connection in idle:
            self.discard(connection)

    def _pop(self, identity: str | None) -> Connection | None:
        with self._lock:
            for position in range(len(self._idle) - 1, -1, -1):
                if self._idle[position][0] == identity:
                    return self._idle.pop(position)[1]
        return None
