"""Whose turn it is to write: one at a time, since a trail that is not serialised forks when two events are written at the same moment."""

from __future__ import annotations

from threading import RLock, get_ident
from typing import TYPE_CHECKING, Self

from gate.model import Probe, Safety

if TYPE_CHECKING:
    from types import TracebackType

_READS = ("GET", "HEAD", "OPTIONS")


class Turn:
    """`with turn`: nobody else writes meanwhile. The thread that has it may take it again."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._depth, self._holder = 0, 0

    def __enter__(self) -> Self:
        """Wait for it."""
        self._lock.acquire()
        self._depth, self._holder = self._depth + 1, get_ident()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Pass it on."""
        self._depth -= 1
        if self._depth == 0:
            self._holder = 0
        self._lock.release()

    @property
    def is_mine(self) -> bool:
        """Whether this thread has it."""
        return self._holder == get_ident()


def writes(probe: Probe) -> bool:
    """Whether it changes something where all is well: what is malformed on purpose is refused there."""
    return probe.safety is Safety.DRILL and probe.method not in _READS and not probe.provokes
