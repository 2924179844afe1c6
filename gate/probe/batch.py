"""Many requests at once: a few threads that take whatever the budget lets go next, each of one identity as long as there are any.

A connection is kept for its identity only, so a thread that changes it opens another one.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock, Thread
from time import monotonic, sleep

from gate.model import Observation, Probe, Safety
from gate.probe.request import Request
from gate.probe.resolve import SLICE

Work = Callable[[Request], Observation]


def merge(probes: Sequence[Probe]) -> tuple[list[Probe], list[int]]:
    """Equal probes once, and for each probe its place in that list.

    Equal means the same bytes on the wire and the same demand for a connection of its own. Drills and bursts are never merged: two of them
    in one batch are two on purpose. What merges gets the longest deadline and the largest limit of all.
    """
    places: dict[tuple[object, ...], int] = {}
    unique: list[Probe] = []
    where = []
    for probe in probes:
        key: tuple[object, ...] = (probe.method, probe.target, probe.headers, probe.body, probe.fresh)
        if probe.safety in (Safety.DRILL, Safety.BURST):
            key = (len(unique),)
        place = places.setdefault(key, len(unique))
        where.append(place)
        if place == len(unique):
            unique.append(probe)
        else:
            unique[place] = _widest(unique[place], probe)
    return unique, where


def _widest(one: Probe, other: Probe) -> Probe:
    deadline, limit = max(one.deadline, other.deadline), max(one.body_limit, other.body_limit)
    if (deadline, limit, other.provokes) == (one.deadline, one.body_limit, one.provokes):
        return one
    return replace(one, deadline=deadline, body_limit=limit, provokes=one.provokes or other.provokes)


class Batch:
    """One `send_all`.

    Args:
        requests: each is sent once.
        reserve: 0 if the budget lets it go, or the seconds after which to ask again.
        work: sends one.
        failed: told of an exception from `work`; `stopped` must be true afterwards.
        stopped: whether to take no more.
    """

    def __init__(
        self,
        requests: Sequence[Request],
        reserve: Callable[[Request], float],
        work: Work,
        failed: Callable[[BaseException], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._requests, self._reserve, self._work, self._failed, self._stopped = requests, reserve, work, failed, stopped
        self._waiting: list[tuple[float, int]] = []  # not before that time
        self._due: dict[str | None, deque[int]] = {}
        for number in range(len(requests)):
            self._enqueue(number)
        self._workers: Counter[str | None] = Counter()
        self._lock = Lock()
        self._abandoned = False
        self.results: list[Observation | None] = [None] * len(requests)

    def run(self, threads: int) -> None:
        """Send all, with that many threads at most; returns when every one of them has ended. A signal can interrupt it."""
        numbers = range(min(threads, len(self._requests)))
        workers = [Thread(target=self._run, name=f"gate-probe-{number}", daemon=True) for number in numbers]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                while worker.is_alive():
                    worker.join(SLICE)
        except BaseException:
            self._abandoned = True
            raise

    def _run(self) -> None:
        mine: list[str | None] = []  # the identity of the latest request
        try:
            while not (self._abandoned or self._stopped()):
                number, wait = self._next(mine)
                if number is not None:
                    self.results[number] = self._work(self._requests[number])
                elif wait is None:
                    return
                else:
                    sleep(min(wait, SLICE))
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread that waits for this one
            self._failed(error)

    def _next(self, mine: list[str | None]) -> tuple[int | None, float | None]:
        """A request that may go, or the seconds after which to ask again, or neither when there is none left."""
        with self._lock:
            now = monotonic()
            while self._waiting and self._waiting[0][0] <= now:
                self._enqueue(heapq.heappop(self._waiting)[1])
            for identity in self._preferred(mine):
                for _ in range(len(self._due[identity])):
                    number = self._due[identity].popleft()
                    wait = self._reserve(self._requests[number])
                    if wait <= 0:
                        self._settle_on(mine, identity)
                        return number, None
                    # Its key is full: others, whose keys are not, must not wait behind it.
                    heapq.heappush(self._waiting, (now + wait, number))
            return None, self._waiting[0][0] - now if self._waiting else None

    def _enqueue(self, number: int) -> None:
        self._due.setdefault(self._requests[number].probe.identity, deque()).append(number)

    def _preferred(self, mine: list[str | None]) -> list[str | None]:
        """The identity that this thread is at; then those that have the most left for each thread that is at them."""
        others = sorted(self._due, key=lambda identity: -len(self._due[identity]) / (self._workers[identity] + 1))
        return [*(identity for identity in mine if identity in self._due), *(identity for identity in others if identity not in mine)]

    def _settle_on(self, mine: list[str | None], identity: str | None) -> None:
        if mine != [identity]:
            self._workers.subtract(mine)
            self._workers[identity] += 1
            mine[:] = [identity]
