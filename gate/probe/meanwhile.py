"""One call in the middle of another."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from time import sleep
from typing import Generic, TypeVar

T = TypeVar("T")
SETTLE = 0.05  # seconds in which the other side has begun with what it was sent before
PATIENCE = 1.0  # seconds; a service that can do but one thing at a time would never answer


class Meanwhile(Generic[T]):
    """Calls once, in a thread of its own, and waits for the end a while.

    Args:
        call: what to do.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._thread: Thread | None = None
        self._found: list[T] = []
        self._raised: list[BaseException] = []

    def __call__(self) -> None:
        """Begin, the first time; return when it has ended, or after PATIENCE."""
        if self._thread is None:
            self._thread = Thread(target=self._run, daemon=True)
            self._thread.start()
            self._thread.join(PATIENCE)

    def result(self) -> T:
        """What it returned; what it raised is raised. Begun now if it was not, and waited for."""
        self()
        assert self._thread is not None  # noqa: S101 - for the type checker
        self._thread.join()
        for error in self._raised:
            raise error
        return self._found[0]

    def _run(self) -> None:
        sleep(SETTLE)
        try:
            self._found.append(self._call())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._raised.append(error)
