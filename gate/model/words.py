"""The product's words: what is judged, how it can end, and the two ways in which a check says so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


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


class Lacking(AssertionError):  # noqa: N818 - a word of the product
    """Raised while a control builds its probes: the profile names nothing that it could be tried on, so it does not apply."""


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
    `waivable` is False where no waiver may cover its failure; that of the recall criterion none may in any case.
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
    waivable: bool = True
