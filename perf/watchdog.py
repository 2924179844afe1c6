"""When to stop sending: the target has had enough, whatever the schedule still holds."""

from __future__ import annotations

from collections import deque
from typing import Any


class Watchdog:
    """Watches one worker's answers.

    Args:
        rules: `in_a_row` bad answers, or more than `ratio` of the last `window`.
    """

    def __init__(self, rules: dict[str, Any]) -> None:
        self._rules = rules
        self._row = self._failed = 0
        self._last: deque[bool] = deque(maxlen=int(rules["window"]))

    def saw(self, status: int, failure: str) -> str | None:
        """One more answer; why to stop, or None."""
        bad = status >= 500 or status == 429 or failure in ("timeout", "connect", "closed", "unreadable")
        self._row = self._row + 1 if bad else 0
        full = len(self._last) == self._last.maxlen
        self._failed += bool(failure) - (self._last[0] if full else 0)
        self._last.append(bool(failure))
        if self._row >= self._rules["in_a_row"]:
            return f"{self._row} answers in a row were 5xx, 429 or none at all"
        if len(self._last) == self._last.maxlen and self._failed > self._rules["ratio"] * len(self._last):
            return f"{self._failed} of the last {len(self._last)} requests failed"
        return None
