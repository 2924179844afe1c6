"""One attempt: a request written, an answer read, and both kept with their times."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from gate.model import Failure, FailureKind, Observation, Probe, Response, Safety, Timing
from gate.probe.answer import Answer, read_answer
from gate.probe.decode import decode
from gate.probe.fault import NoAnswer, reset
from gate.probe.retry import http_date
from gate.probe.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.probe.connection import Connection, Pool
    from gate.probe.dial import Dialler
    from gate.probe.request import Request


@dataclass(slots=True)
class _Progress:
    """How far an attempt came. Times are monotonic."""

    start: float
    connection: Connection | None = None
    stream: Stream | None = None
    sent: bool = False

    def timing(self) -> Timing:
        """Seconds since the start."""
        connect = tls = first = None
        if self.connection is not None and not self.connection.reused:
            connect, tls = self._since(self.connection.connected), self._since(self.connection.secured)
        if self.stream is not None:
            first = self._since(self.stream.first_byte)
        return Timing(connect, tls, first, monotonic() - self.start)

    def is_stale(self) -> bool:
        """Whether a reused connection gave nothing at all."""
        return self.connection is not None and self.connection.reused and (self.stream is None or self.stream.first_byte is None)

    def _since(self, moment: float | None) -> float | None:
        return None if moment is None else moment - self.start


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt saw, and whether it died on a reused connection before the first byte of an answer."""

    seen: Observation
    stale: bool


class Exchange:
    """Numbers, counts and makes attempts.

    Args:
        run_id: begins every request id.
        dialler: opens connections.
        pool: keeps them.
        stopped: whether the run was cancelled.
    """

    def __init__(self, run_id: str, dialler: Dialler, pool: Pool, stopped: Callable[[], bool]) -> None:
        self._run_id, self._dialler, self._pool, self._stopped = run_id, dialler, pool, stopped
        self._numbers = count(1)
        self._lock = Lock()
        self._date: tuple[str, datetime] | None = None
        self.counts: dict[Safety, int] = dict.fromkeys(Safety, 0)

    def attempt(
        self, request: Request, report: Callable[[Observation], None], *, fresh: bool, between: Callable[[], None] | None = None
    ) -> Attempt:
        """Send it once, and report what was seen, even where an exception (a KeyboardInterrupt) breaks off the wait.

        Args:
            request: what to send.
            report: called with the observation before this returns.
            fresh: whether to open a connection whatever the probe says.
            between: called when half of the body has been sent.
        """
        probe = request.probe
        with self._lock:
            number = next(self._numbers)
            self.counts[probe.safety] += 1
        request_id = request.request_id if request.request_id is not None else f"{self._run_id}-{number}"
        head = request.head(request_id)
        started_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        progress = _Progress(monotonic())
        response, failure = None, Failure(FailureKind.INTERRUPTED, "the run was interrupted before the answer was whole")
        try:
            response = self._converse(request, head, progress, fresh=fresh, between=between)
        except NoAnswer as error:
            if not self._stopped():
                failure = Failure(error.kind, error.detail)
        finally:
            # In `finally`: what was sent belongs into the ledger, however this ends.
            sent = head if progress.sent else b""
            seen = Observation(number, probe, request_id, started_at, sent, response, None if response else failure, progress.timing())
            report(seen)
        return Attempt(seen, response is None and failure.kind is FailureKind.RESET and progress.is_stale())

    def clock_skew(self) -> float | None:
        """Seconds by which the target's clock is ahead of ours, about to the second; None if it never said."""
        moment = http_date(self._date[0]) if self._date else None
        return None if moment is None or self._date is None else round((moment - self._date[1]).total_seconds(), 3)

    def _converse(self, request: Request, head: bytes, progress: _Progress, *, fresh: bool, between: Callable[[], None] | None) -> Response:
        probe = request.probe
        # A drill writes: it must not go where it could get lost and would have to be repeated.
        alone = fresh or probe.fresh or probe.safety is Safety.DRILL
        deadline = progress.start + probe.deadline
        connection = None if alone else self._pool.take(probe.identity)
        connection = connection or self._dialler.open(deadline, probe.deadline)
        progress.connection = connection
        keep = False
        try:
            progress.stream = Stream(connection.sock, deadline, probe.deadline)
            answer = self._ask(request, head, progress, progress.stream, between)
            keep = answer.reusable and not probe.fresh
        finally:
            if keep:
                self._pool.give_back(probe.identity, connection)
            else:
                self._pool.discard(connection)
        return self._response(probe, answer)

    def _ask(self, request: Request, head: bytes, progress: _Progress, stream: Stream, between: Callable[[], None] | None) -> Answer:
        if self._stopped():
            raise NoAnswer(FailureKind.INTERRUPTED, "the run was interrupted")
        progress.sent = True
        probe = request.probe
        try:
            _write(stream, head, probe.body or b"", between)
        except OSError as error:
            # It may have answered before it hung up, as servers do on bodies that are too large for them.
            try:
                answer = read_answer(stream, probe.method, probe.body_limit)
            except NoAnswer:
                raise reset(f"the connection broke while the request was written ({error.strerror or 'connection lost'})") from None
            return Answer(answer.status, answer.version, answer.headers, answer.raw, reusable=False)
        return read_answer(stream, probe.method, probe.body_limit)

    def _response(self, probe: Probe, answer: Answer) -> Response:
        names = {name.lower(): value for name, value in answer.headers}
        if self._date is None and "date" in names:
            self._date = names["date"], datetime.now(UTC)
        accepted = ",".join(value for name, value in probe.headers if name.lower() == "accept-encoding")
        body = decode(answer.raw, answer.headers, accepted, probe.body_limit) if "content-encoding" in names else answer.raw
        return Response(answer.status, answer.version, answer.headers, answer.raw, body, hashlib.sha256(answer.raw).hexdigest())


def _write(stream: Stream, head: bytes, body: bytes, between: Callable[[], None] | None) -> None:
    """All of it; in two parts where something is to be done between."""
    if between is None:
        stream.write(head + body)
        return
    half = len(body) // 2
    stream.write(head + body[:half])
    between()
    stream.write(body[half:])
