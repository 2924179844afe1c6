"""Requests and what was seen of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, NoReturn

from gate.model.words import Inconclusive, Safety

THROTTLED = 429


@dataclass(frozen=True, slots=True)
class Probe:
    """One request that observes; it never judges.

    `target` is the request-target exactly as it goes on the wire (path and query). `headers` are sent after Host, User-Agent and
    X-Request-ID, in this order, as latin-1 bytes; they may hold secrets and so are in no repr. `identity` says whose credential they
    carry (None: nobody's). `deadline` counts seconds from before connecting to the last byte parsed. `fresh` demands a connection of its
    own. `provokes` marks a request that is malformed on purpose: a 5xx on it is about robustness, not availability. `note` tells two
    variations of one request apart for a reader.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    identity: str | None = None
    safety: Safety = Safety.READ
    deadline: float = 10.0
    body_limit: int = 4 * 1024 * 1024
    fresh: bool = False
    provokes: bool = False
    note: str = ""

    def __str__(self) -> str:
        """`GET /path as viewer (note)`."""
        note = f" ({self.note})" if self.note else ""
        return f"{self.method} {self.target} as {self.identity or 'nobody'}{note}"


class FailureKind(StrEnum):
    """Why no whole answer was had."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"
    BLOCKED = "blocked"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Failure:
    """No whole answer: the kind, and one sentence without secrets."""

    kind: FailureKind
    detail: str


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds on a monotonic clock since before connecting; None where that point was not reached or the connection was reused."""

    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer. `raw` are the body's bytes as sent (transfer coding removed), `body` those after content decoding."""

    status: int
    version: str
    headers: tuple[tuple[str, str], ...]
    raw: bytes = field(repr=False)
    body: bytes = field(repr=False)
    sha256: str

    def header(self, name: str) -> str | None:
        """The first header of that name, without regard to case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def header_values(self, name: str) -> list[str]:
        """Every header of that name, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True, slots=True)
class Observation:
    """What one probe saw. Reading `status`, `json()` or a header where there was no answer raises `Inconclusive`: no data is never a pass.

    `number` is the request's place in the run's ledger, `sent` the request's head exactly as written to the socket (it holds secrets: in
    no repr), `attempts` the failed attempts before this one (retried once on a stale connection or a gateway's error).
    """

    number: int
    probe: Probe
    request_id: str
    started_at: str
    sent: bytes = field(repr=False)
    response: Response | None
    failure: Failure | None
    timing: Timing
    attempts: tuple[Observation, ...] = ()
    looked: list[bool] = field(default_factory=list, repr=False, compare=False)

    @property
    def answer(self) -> Response:
        """The answer, whatever its status; `Inconclusive` where there was none. That somebody looked is remembered in `looked`."""
        self.looked.append(True)
        if self.response is None:
            detail = self.failure.detail if self.failure else "it was not sent"
            raise Inconclusive(f"{self.probe}: no answer ({detail})")
        return self.response

    @property
    def status(self) -> int:
        """The status code; `Inconclusive` where there was no answer, or where the gate was throttled outside a burst."""
        status = self.answer.status
        if status == THROTTLED and self.probe.safety is not Safety.BURST:
            raise Inconclusive(f"{self.probe}: throttled (429); a throttled request proves neither refusal nor admission")
        return status

    @property
    def media_type(self) -> str:
        """The content type without parameters, in lower case; empty if none was sent."""
        return (self.answer.header("content-type") or "").split(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON with decimals kept exact (`Decimal`); `Inconclusive` for an HTML page, AssertionError for anything else."""
        if self.media_type == "text/html":
            raise Inconclusive(
                f"{self.probe}: an HTML page (HTTP {self.answer.status}) came instead of JSON; something stands between gate and API"
            )
        try:
            return json.loads(self.answer.body, parse_float=Decimal, parse_constant=_reject_constant)
        except (ValueError, RecursionError) as error:
            raise AssertionError(f"{self.probe}: the body is no valid JSON ({error})") from None
