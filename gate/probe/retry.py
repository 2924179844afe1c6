"""When a request is sent again, and after how long. What is repeated stays visible: every attempt is in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from gate.model import THROTTLED, FailureKind, Observation, Response, Safety

BACKOFF = 0.25
PATIENCE = 2.0
MOST_THROTTLED = 5

_UNAVAILABLE = 503
_GATEWAY = (502, _UNAVAILABLE, 504)
_TRANSIENT = (FailureKind.DNS, FailureKind.CONNECT, FailureKind.TIMEOUT, FailureKind.RESET)
_HARMLESS = (Safety.READ, Safety.DENIED)


@dataclass(frozen=True, slots=True)
class Again:
    """Send it again after `delay` seconds, on a connection of its own if `fresh`."""

    delay: float = 0.0
    fresh: bool = False


class Retries:
    """What one probe may still have: one repeat after a stale connection, one after a passing failure, some after 429.

    Args:
        patience: how many seconds it may wait on 429s in all: a window of the target's limit, after which there is no reason left to
            refuse. More than one wait, since a sliding window frees its places one by one. A run that follows another closely comes to a
            verdict that way.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._throttled = 0
        self._spent: set[str] = set()

    def after(self, seen: Observation, *, stale: bool) -> Again | None:
        """Whether and how to repeat.

        Args:
            seen: the attempt.
            stale: it died on a reused connection before the first byte of an answer, which says nothing about the target.
        """
        safety = seen.probe.safety
        if stale:
            # A drill never reuses a connection: what writes must not be sent twice.
            return self._once("stale", Again(fresh=True)) if safety is not Safety.DRILL else None
        if seen.response is not None and seen.response.status == THROTTLED:
            return self._after_throttling(seen.response) if safety is not Safety.BURST else None
        if safety not in _HARMLESS or seen.probe.provokes:
            return None
        delay = _backoff(seen)
        return self._once("transient", Again(delay, fresh=True)) if delay is not None and delay <= PATIENCE else None

    def _after_throttling(self, response: Response) -> Again | None:
        asked = retry_after(response)
        if asked is None:
            return None
        delay = max(asked, BACKOFF)
        self._patience -= delay
        self._throttled += 1
        return Again(delay) if self._patience >= 0 and self._throttled <= MOST_THROTTLED else None

    def _once(self, reason: str, again: Again) -> Again | None:
        if reason in self._spent:
            return None
        self._spent.add(reason)
        return again


def retry_after(response: Response) -> float | None:
    """Seconds from now that a 429 or 503 asks for (a number or an HTTP date); None for any other answer, or where it cannot be read.

    Some servers send Retry-After on every answer: it means something on these two only.
    """
    value = (response.header("retry-after") or "").strip() if response.status in (THROTTLED, _UNAVAILABLE) else ""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    moment = http_date(value) if value else None
    if moment is None:
        return None
    # The server's own clock if it says what it shows: ours may differ.
    now = http_date(response.header("date") or "") or datetime.now(UTC)
    return max(0.0, (moment - now).total_seconds())


def http_date(value: str) -> datetime | None:
    """The moment that an HTTP date names, or None."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - its import is dear, and it is seldom needed

    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _backoff(seen: Observation) -> float | None:
    if seen.failure is not None:
        return BACKOFF if seen.failure.kind in _TRANSIENT else None
    if seen.response is None or seen.response.status not in _GATEWAY:
        return None
    asked = retry_after(seen.response)
    return BACKOFF if asked is None else asked
