"""The HTTP client: sends probes exactly as they are and says what it saw. What a target does is an `Observation`, never an exception."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import replace
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import TYPE_CHECKING, Self

from gate.model import THROTTLED, Failure, FailureKind, Observation, Probe, Safety, Timing
from gate.probe.batch import Batch, merge
from gate.probe.budget import Budget
from gate.probe.connection import Pool
from gate.probe.dial import Dialler
from gate.probe.exchange import Exchange
from gate.probe.request import Request, compose
from gate.probe.resolve import SLICE
from gate.probe.retry import Retries, retry_after
from gate.probe.settings import BudgetSettings, ClientSettings
from gate.probe.turn import Turn, writes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

__all__ = ["BudgetSettings", "Client", "ClientSettings"]

SETTLE = 0.05  # seconds in which the other side has begun with the half that it was sent
PATIENCE = 1.0  # seconds; a service that can do but one thing at a time would never answer


class Client:
    """Thread-safe. `cancel` may be called from anywhere, a signal handler too.

    Args:
        settings: checked already.
        on_observation: called with every attempt, from the thread that made it and before that thread sends anything else; by several
            threads at once. An exception in it stops the client for good: without evidence nothing may be sent.

    Raises:
        ConfigurationError: the CA bundle cannot be read.
    """

    def __init__(self, settings: ClientSettings, on_observation: Callable[[Observation], None] = lambda _: None) -> None:
        self._settings, self._on_observation = settings, on_observation
        self._cancelled = False
        self._error: BaseException | None = None
        self._pool = Pool(settings.concurrency)
        self._dialler = Dialler(settings, self._pool, self._stopped)
        self._exchange = Exchange(settings.run_id, self._dialler, self._pool, self._stopped)
        self._budget = Budget(settings.budget)
        # However many threads call `send` and `send_all` at once, no more is in flight than was agreed, and writes go one at a time.
        self._room, self.turn = BoundedSemaphore(settings.concurrency), Turn()

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def send(self, probe: Probe) -> Observation:
        """Send one probe, waiting for the budget first.

        Raises:
            ValueError: the probe cannot be written as one request; the code that made it is wrong.
            Exception: what `on_observation` raised, now or earlier.
        """
        self._raise_error()
        request = self._compose(probe)
        if (refusal := self._refusal(probe)) is not None:
            return refusal
        return self._perform(request) if self._await_budget(request) else _interrupted(probe)

    def send_around(self, outer: Probe, inner: Probe) -> tuple[Observation, Observation]:
        """Send `inner` while half of `outer`'s body is on its way: whoever mixes up the callers of two requests then shows it.

        A service that can do but one thing at a time answers `inner` when `outer` is whole.

        Raises:
            ValueError, Exception: as `send`.
        """
        self._raise_error()
        request, begun = self._compose(outer), list[Future[Observation]]()
        with ThreadPoolExecutor(1) as threads:

            def between() -> None:
                if not begun:
                    sleep(SETTLE)
                    begun.append(threads.submit(self.send, inner))
                    wait(begun, PATIENCE)

            if (seen := self._refusal(outer)) is None:
                seen = self._perform(request, between) if self._await_budget(request) else _interrupted(outer)
            between()  # for an outer one that never came so far
            return seen, begun[0].result()

    def send_all(self, probes: Sequence[Probe], *, merged: bool = True) -> list[Observation]:
        """Send probes concurrently, equal ones once (unless not `merged`); what was seen, in the order of the probes.

        Raises:
            ValueError: as `send`, or this thread has the turn to write, which those that send would wait for; nothing was sent then.
            Exception: what `on_observation` raised, now or earlier.
        """
        self._raise_error()
        if self.turn.is_mine and any(map(writes, probes)):
            raise ValueError("whoever holds the turn writes with `send`")
        seen = [self._refusal(probe) for probe in probes]
        allowed = [number for number, refusal in enumerate(seen) if refusal is None]
        chosen = [probes[number] for number in allowed]
        unique, places = merge(chosen) if merged else (chosen, list(range(len(chosen))))
        batch = Batch([self._compose(probe) for probe in unique], self._reserve, self._perform, self._fail, self._stopped)
        batch.run(self._settings.concurrency)
        self._raise_error()
        for number, place in zip(allowed, places, strict=True):
            seen[number] = _seen_by(probes[number], batch.results[place])
        return [result or _interrupted(probe) for result, probe in zip(seen, probes, strict=True)]

    def cancel(self) -> None:
        """Stop: what is in flight or waiting ends as `interrupted`, soon. Takes no lock and returns at once."""
        self._cancelled = True
        self._pool.abort()

    def close(self) -> None:
        """Close idle connections; those in use close with their request."""
        self._pool.close()

    @property
    def counts(self) -> dict[Safety, int]:
        """Attempts so far by safety class: as many as `on_observation` was told of."""
        return dict(self._exchange.counts)

    @property
    def identity(self) -> dict[str, object]:
        """What tells this target from another: base URL, address, SHA-256 of its public key, clock skew in seconds.

        `spki_sha256` is the first key seen, None without TLS; `spki_seen` are all of them.
        """
        keys = list(self._dialler.spkis)
        return {
            "base_url": self._settings.base_url,
            "address": self._dialler.address,
            "spki_sha256": keys[0] if keys else None,
            "spki_seen": keys,
            "clock_skew_seconds": self._exchange.clock_skew(),
        }

    def _compose(self, probe: Probe) -> Request:
        return compose(probe, self._dialler.origin, self._settings.user_agent, absolute=self._dialler.absolute_form)

    def _perform(self, request: Request, between: Callable[[], None] | None = None) -> Observation:
        retries = Retries(self._settings.budget.window_seconds + 1)
        earlier: tuple[Observation, ...] = ()
        fresh = False
        while True:
            with self.turn if writes(request.probe) else nullcontext(), self._room:
                attempt = self._exchange.attempt(request, self._report, fresh=fresh, between=between)
            seen = replace(attempt.seen, attempts=earlier) if earlier else attempt.seen
            again = None if self._stopped() else retries.after(seen, stale=attempt.stale)
            if again is None or not self._pause(again.delay) or not self._await_budget(request):
                return seen
            earlier, fresh = (*earlier, attempt.seen), again.fresh

    def _report(self, seen: Observation) -> None:
        if seen.response is not None and seen.response.status == THROTTLED and (seconds := retry_after(seen.response)):
            self._budget.throttled(seen.probe, seconds)
        if self._error is not None:
            return  # the journal is broken already, and the sender of this has nothing left to do
        try:
            self._on_observation(seen)
        except BaseException as error:
            self._fail(error)
            raise

    def _reserve(self, request: Request) -> float:
        return self._budget.reserve(request.probe)

    def _await_budget(self, request: Request) -> bool:
        while not self._stopped():
            wait = self._reserve(request)
            if wait <= 0:
                return True
            self._pause(wait)
        return False

    def _pause(self, seconds: float) -> bool:
        """False if the client was stopped meanwhile."""
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0 and not self._stopped():
            sleep(min(left, SLICE))
        return not self._stopped()

    def _stopped(self) -> bool:
        return self._cancelled or self._error is not None

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
        self._pool.abort()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _refusal(self, probe: Probe) -> Observation | None:
        level = self._settings.level
        if probe.safety.rank <= level.rank:
            return None
        detail = f"a request of class {probe.safety} is above the run's level {level}: it was not sent"
        return _unsent(probe, Failure(FailureKind.BLOCKED, detail))


def _seen_by(probe: Probe, seen: Observation | None) -> Observation | None:
    """The same observation as one of that probe, which shared its request with others."""
    return seen if seen is None or seen.probe is probe else replace(seen, probe=probe)


def _interrupted(probe: Probe) -> Observation:
    return _unsent(probe, Failure(FailureKind.INTERRUPTED, "the run was interrupted before this request was sent"))


def _unsent(probe: Probe, failure: Failure) -> Observation:
    """Nothing left, so there is no number and no line in the ledger."""
    return Observation(0, probe, "", "", b"", None, failure, Timing())
