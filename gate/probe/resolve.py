"""Names to addresses, once a run. `getaddrinfo` knows no timeout, so it runs in a thread of its own."""

from __future__ import annotations

import socket
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from gate.model import FailureKind
from gate.probe.fault import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds between two looks at whether the run was cancelled: a signal handler may set a flag, but not notify a condition.
SLICE = 0.1

Address = tuple[int, tuple[Any, ...]]


class Resolver:
    """Looks one name up and remembers the answer. A failed look-up is not remembered.

    Args:
        host: a name or a literal address.
        port: of the server.
        stopped: whether to give up.
    """

    def __init__(self, host: str, port: int, stopped: Callable[[], bool]) -> None:
        self._host, self._port, self._stopped = host, port, stopped
        self._lock = Lock()
        self._addresses: list[Address] = []
        self._pending: _Lookup | None = None

    def addresses(self, deadline: float) -> list[Address]:
        """Every address, the one that last answered first.

        Raises:
            NoAnswer: DNS, also where the resolver did not answer before the deadline.
        """
        if self._addresses:
            return self._addresses
        with self._lock:
            lookup = self._pending = self._pending or _Lookup(self._host, self._port)
        self._await(lookup, deadline)
        with self._lock:
            self._addresses = self._addresses or lookup.addresses
            if not self._addresses and self._pending is lookup:
                self._pending = None  # the next request may ask again
        if not self._addresses:
            raise NoAnswer(FailureKind.DNS, f"the name {self._host} does not resolve ({lookup.error})")
        return self._addresses

    def prefer(self, address: Address) -> None:
        """Try this one first from now on."""
        if self._addresses[0] != address:
            self._addresses = [address, *(other for other in self._addresses if other != address)]

    def _await(self, lookup: _Lookup, deadline: float) -> None:
        while not lookup.done.wait(min(SLICE, max(0.0, deadline - monotonic()))):
            if self._stopped():
                raise NoAnswer(FailureKind.INTERRUPTED, "the run was interrupted")
            if monotonic() >= deadline:
                raise NoAnswer(FailureKind.DNS, f"the name {self._host} was not resolved in time")


class _Lookup:
    def __init__(self, host: str, port: int) -> None:
        self.done = Event()
        self.addresses: list[Address] = []
        self.error = ""
        Thread(target=self._run, args=(host, port), name="gate-resolver", daemon=True).start()

    def _run(self, host: str, port: int) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            self.addresses = list(dict.fromkeys((int(family), address) for family, _, _, _, address in found))
        except OSError as error:
            self.error = error.strerror or "no such name"
        except UnicodeError:
            self.error = "not a host name"
        finally:
            self.done.set()
