"""The request budget: a ledger of sliding windows that keeps the gate below the target's rate limit."""

from __future__ import annotations

from collections import deque
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from gate.model import Probe, Safety

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.probe.settings import BudgetSettings


class Budget:
    """Counts what was sent to each key; says how long to wait, but never waits itself, so that no lock is held while sleeping.

    Args:
        settings: the limit.
        clock: seconds, monotonic.
    """

    def __init__(self, settings: BudgetSettings, clock: Callable[[], float] = monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._exempt = frozenset(settings.exempt)
        self._sent: dict[str, deque[float]] = {}
        self._blocked: dict[str, float] = {}
        self._lock = Lock()

    def reserve(self, probe: Probe) -> float:
        """0 and the request is counted, or the seconds after which to ask again. A burst is counted and never waits."""
        key = self._key(probe)
        if key is None:
            return 0.0
        with self._lock:
            now = self._clock()
            sent = self._sent.setdefault(key, deque())
            wait = 0.0 if probe.safety is Safety.BURST else self._wait(key, sent, now)
            if wait <= 0:
                sent.append(now)
            return wait

    def throttled(self, probe: Probe, seconds: float) -> None:
        """The target said 429: only bursts go to that key for `seconds`, at most one window (a target must not hold up the run)."""
        key = self._key(probe)
        if key is None:
            return
        with self._lock:
            until = self._clock() + min(seconds, self._settings.window_seconds)
            self._blocked[key] = max(until, self._blocked.get(key, until))

    def _wait(self, key: str, sent: deque[float], now: float) -> float:
        window, permitted = self._settings.window_seconds, self._settings.permitted
        while sent and sent[0] <= now - window:
            sent.popleft()
        blocked = self._blocked.get(key, now) - now
        # A burst may have put more than the permitted number into the window: wait until enough of them have left it.
        full = sent[len(sent) - permitted] + window - now if len(sent) >= permitted else 0.0
        return max(blocked, full, 0.0)

    def _key(self, probe: Probe) -> str | None:
        path = probe.target.partition("?")[0]
        if path in self._exempt:
            return None
        if self._settings.scope == "client":
            return ""
        return path if self._settings.scope == "client+path" else f"{probe.identity}"
