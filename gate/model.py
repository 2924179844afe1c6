"""The product's words as types (docs/ARCHITECTURE.md, "Words"). Imports nothing of ours and does no I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any, NoReturn

THROTTLED = 429


class Inconclusive(Exception):  # noqa: N818 - a word of the product, not a programming error
    """Raised by a check that could not measure what it claims: neither a pass nor a failure."""


class Unmet(AssertionError):  # noqa: N818 - a word of the product
    """Raised by a check whose expectation was refuted: both sides, and what kind of fault it is (`bypass`, `unavailable`, or empty).

    Args:
        expected: what had to be seen.
        seen: what was seen, without secrets beyond those the redactor knows.
    """

    def __init__(self, expected: str, seen: str, kind: str = "") -> None:
        self.expected, self.seen, self.kind = expected, seen, kind
        super().__init__(f"expected {expected}; saw {seen}")


class Outcome(StrEnum):
    """Of one control."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not_run"
    NOT_APPLICABLE = "not_applicable"


class Verdict(StrEnum):
    """Of one run, or of a part of it (a criterion, a suite)."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCONCLUSIVE = "INCONCLUSIVE"

    @property
    def exit_status(self) -> int:
        """0, 10 or 11: the contract with CI pipelines."""
        return {Verdict.GO: 0, Verdict.NO_GO: 10, Verdict.INCONCLUSIVE: 11}[self]

    @property
    def line(self) -> str:
        """PASS, FAIL or INCONCLUSIVE: the word printed on the three result lines."""
        return {Verdict.GO: "PASS", Verdict.NO_GO: "FAIL", Verdict.INCONCLUSIVE: "INCONCLUSIVE"}[self]


class Severity(StrEnum):
    """How much harm a failed control means."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 (low) to 3 (critical)."""
        return list(Severity).index(self)


class Basis(StrEnum):
    """Who demands a control."""

    CONTRACT = "contract"
    HARDENING = "hardening"


class Criterion(StrEnum):
    """The checklist's go/no-go lines."""

    GATE = "gate"
    RECALL = "recall"
    AUDIT = "audit"
    AUTH = "auth"
    ERRORS = "errors"

    @property
    def wording(self) -> str:
        """The checklist's own words."""
        return {
            Criterion.GATE: "Release gate pass on the endpoint",
            Criterion.RECALL: "Recall drill trace under 10s",
            Criterion.AUDIT: "Audit pack verify valid",
            Criterion.AUTH: "Auth/RBAC enforced (AUTH_ENABLED=true)",
            Criterion.ERRORS: "No critical error spikes",
        }[self]


class Safety(StrEnum):
    """What a probe may do to the target, from harmless upwards."""

    READ = "read"
    DENIED = "denied"
    DRILL = "drill"
    BURST = "burst"

    @property
    def rank(self) -> int:
        """0 (read) to 3 (burst)."""
        return list(Safety).index(self)


class Phase(IntEnum):
    """When a control's probes are sent."""

    PREFLIGHT = 0
    PROBES = 1
    DRILLS = 2
    BURST = 3
    CLOSING = 4
    TRIGGERS = 5


@dataclass(frozen=True, slots=True)
class Control:
    """One thing that must hold.

    `feature` names the part of a profile that it needs; `endpoint` the profile's endpoint id where one control is made for each.
    `source` is the suite file, relative to the folder that holds `suites/`. `covers` are the fault classes it catches (docs/COVERAGE.md).
    """

    id: str
    title: str
    severity: Severity
    basis: Basis
    criterion: Criterion
    phase: Phase
    safety: Safety
    suite: str
    source: str
    references: tuple[str, ...] = ()
    why: str = ""
    mend: str = ""
    feature: str | None = None
    endpoint: str | None = None
    covers: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one control. Anything but a pass needs its reason; a pass needs the requests (or other measurements) that earned it.

    `reason` is one sentence, `expected` and `seen` the two sides of it; `measured` counts what was judged; `requests` the ledger numbers;
    `kind` tells a `bypass` or something `unavailable` from other faults; `fingerprint` is the same in every run that finds the same.
    """

    control: str
    outcome: Outcome
    reason: str = ""
    expected: str = ""
    seen: str = ""
    measured: int = 0
    requests: tuple[int, ...] = ()
    fingerprint: str = ""
    kind: str = ""

    def __post_init__(self) -> None:
        """Refuse a result that could be mistaken for evidence."""
        if self.outcome is Outcome.PASSED and self.measured < 1:
            raise ValueError(f"{self.control}: a pass needs at least one measurement")
        if self.outcome is not Outcome.PASSED and not self.reason:
            raise ValueError(f"{self.control}: {self.outcome} needs a reason")


class TriggerState(StrEnum):
    """Of a rollback trigger: `unknown` is never treated as clear."""

    FIRED = "fired"
    CLEAR = "clear"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Trigger:
    """One of the checklist's rollback triggers, with what fired it and what to do."""

    id: str
    title: str
    state: TriggerState
    evidence: tuple[str, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """One go/no-go line: its verdict (None: the profile declares that it does not apply), and the controls that decided it."""

    criterion: Criterion
    verdict: Verdict | None
    controls: tuple[str, ...]
    blocking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the run means. `blocking` are the controls that stand in the way of GO, `reported` the findings that do not."""

    verdict: Verdict
    criteria: tuple[CriterionResult, ...]
    security: Verdict
    acceptance: Verdict
    blocking: tuple[str, ...]
    reported: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One request of the run as the journal keeps it, redacted. `seconds` from before connecting to the last byte; `at` is UTC."""

    number: int
    at: str
    request_id: str
    phase: str
    method: str
    target: str
    identity: str | None
    safety: str
    note: str
    status: int | None
    failure: str | None
    seconds: float
    first_byte: float | None
    size: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as read back from its journal: the one source of every report.

    `facts` are named measurements for reports (`recall_drill`, `audit_pack`, `timings`, `burst`). `decision` and `finished_at` are None for
    an interrupted run, which no report may call a pass; `interruption` then says why, if the journal knows.
    """

    run_id: str
    started_at: str
    gate_version: str
    environment: str
    base_url: str
    profile: str
    policy: str
    batch_code: str
    controls: tuple[Control, ...]
    results: dict[str, Result]
    ledger: tuple[LedgerLine, ...]
    facts: dict[str, Any]
    triggers: tuple[Trigger, ...]
    decision: Decision | None
    finished_at: str | None
    interruption: str | None
    head: str
