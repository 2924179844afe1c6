"""The drills of a run: those that must be alone first, one by one; then all others side by side, each in a thread of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any

from gate.errors import GateError

DRILL = "__gate_drill__"
PATIENCE = 1.0  # seconds: for what an interrupted drill has sent to reach the ledger


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill as declared: see `decorators.drill`."""

    name: str
    function: Callable[..., Any]
    alone: bool = False
    after: tuple[str, ...] = ()

    @property
    def parameters(self) -> list[str]:
        """`run`, `t`, and the drills whose results it needs."""
        return list(inspect.signature(self.function).parameters)


@dataclass(frozen=True, slots=True)
class _Ended:
    """What a drill returned, or what it raised."""

    value: Any = None
    error: BaseException | None = None


class Drills:
    """Carries drills out and keeps what came of each: what one raises breaks the controls that judge it, and no others.

    Args:
        given: what every drill may ask for by name.
        stop: called when the wait for them is interrupted; whatever they send must then end.
    """

    def __init__(self, given: Mapping[str, Any], stop: Callable[[], None]) -> None:
        self._given, self._stop = given, stop
        self._declared: dict[str, Drill] = {}
        self._ended: dict[str, _Ended] = {}
        self._news: SimpleQueue[tuple[str, _Ended]] = SimpleQueue()
        self._threads: list[Thread] = []

    def add(self, drill: Drill) -> None:
        """Make it a part of this run, once.

        Raises:
            ValueError: there is another one of that name.
        """
        if self._declared.setdefault(drill.name, drill) != drill:
            raise ValueError(f"two drills are named {drill.name}")

    def carry_out(self) -> None:
        """All of them.

        Raises:
            GateError: one could not go on because the gate itself is broken.
        """
        left = [drill for drill in self._declared.values() if drill.name not in self._ended]
        for drill in left:
            if drill.alone:
                self._interruptible([drill])
        self._interruptible([drill for drill in left if not drill.alone])
        for ended in self._ended.values():
            if isinstance(ended.error, GateError):
                raise ended.error

    def result(self, drill: Drill) -> Any:
        """What the drill returned; raises what it raised. One that nobody has brought along is carried out now."""
        if drill.name not in self._ended:
            self.add(drill)
            self._interruptible([drill])
        return self._result(drill.name)

    def _result(self, name: str) -> Any:
        ended = self._ended[name]
        if ended.error is not None:
            raise ended.error
        return ended.value

    def _interruptible(self, drills: Sequence[Drill]) -> None:
        try:
            self._together(drills)
        except BaseException:
            self._stop()
            end = monotonic() + PATIENCE
            for thread in self._threads:
                thread.join(max(0.0, end - monotonic()))
            raise

    def _together(self, drills: Sequence[Drill]) -> None:
        """Start each as soon as all that it waits for has ended; returns when all have."""
        waiting = {drill.name: drill for drill in drills}
        running = 0
        while waiting or running:
            for drill in [item for item in waiting.values() if self._ready(item)]:
                del waiting[drill.name]
                running += 1
                self._start(drill)
            if not running:
                for name in waiting:
                    error = RuntimeError(f"the drill {name} waits for something that does not come before it")
                    self._ended[name] = _Ended(error=error)
                return
            name, ended = self._news.get()
            self._ended[name] = ended
            running -= 1

    def _ready(self, drill: Drill) -> bool:
        needed = [name for name in drill.parameters if name not in self._given]
        earlier = [name for name in drill.after if name in self._declared]
        return all(name in self._ended for name in (*needed, *earlier))

    def _start(self, drill: Drill) -> None:
        self._threads.append(Thread(target=self._carry_out, args=(drill,), name=f"gate-drill-{drill.name}", daemon=True))
        self._threads[-1].start()

    def _carry_out(self, drill: Drill) -> None:
        try:
            known = {name: self._given[name] if name in self._given else self._result(name) for name in drill.parameters}
            ended = _Ended(drill.function(**known))
        except (SystemExit, KeyboardInterrupt) as error:  # raised in the main thread these would end more than a control
            ended = _Ended(error=RuntimeError(f"the drill {drill.name} tried to end the process: {type(error).__name__}"))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised again by each control that judges the drill
            ended = _Ended(error=error)
        self._news.put((drill.name, ended))
