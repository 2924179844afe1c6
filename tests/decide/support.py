"""Controls, results and observations to judge, made in one line each."""

from __future__ import annotations

from typing import Any

from gate.decide.verdict import Policy
from gate.model import (
    Basis,
    Control,
    Criterion,
    Failure,
    FailureKind,
    Observation,
    Outcome,
    Phase,
    Probe,
    Response,
    Result,
    Safety,
    Severity,
    Timing,
)

BASELINE = Policy("baseline", Severity.MEDIUM, None)
STRICT = Policy("strict", Severity.LOW, Severity.LOW)
NO_ANSWER = "no answer"


def control(
    control_id: str, criterion: str = "gate", *, severity: str = "high", basis: str = "contract", suite: str = "acceptance", **more: Any
) -> Control:
    return Control(
        control_id,
        f"{control_id} holds",
        Severity(severity),
        Basis(basis),
        Criterion(criterion),
        Phase.PROBES,
        Safety.READ,
        suite,
        f"suites/{suite}/test_x.py",
        **more,
    )


def result(control_id: str, outcome: str | Outcome, kind: str = "") -> Result:
    passed = outcome == Outcome.PASSED
    return Result(control_id, Outcome(outcome), "" if passed else f"{control_id} says why", measured=1 if passed else 0, kind=kind)


def results(**outcomes: str) -> dict[str, Result]:
    """By id, with `_` for `-`."""
    return {key.replace("_", "-"): result(key.replace("_", "-"), outcome) for key, outcome in outcomes.items()}


# One control for each criterion and for each line of the result.
PLAN = (
    control("GATE-1", "gate"),
    control("REC-1", "recall", suite="recall"),
    control("AUD-1", "audit", suite="audit"),
    control("AUTH-1", "auth", suite="security"),
    control("ERR-1", "errors", suite="security"),
)


def healthy() -> dict[str, Result]:
    """Every control of the plan passed."""
    return {item.id: result(item.id, "passed") for item in PLAN}


def saw(
    status: int | str,
    body: bytes = b"",
    *,
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),),
    safety: Safety = Safety.READ,
    request_id: str = "id-1",
    kind: FailureKind = FailureKind.RESET,
) -> Observation:
    """What was seen: a status and a body, or NO_ANSWER."""
    answered = isinstance(status, int)
    response = Response(int(status), "HTTP/1.1", headers, body, body, "0" * 64) if answered else None
    failure = None if answered else Failure(kind, "the connection was closed")
    probe = Probe("GET", "/private", identity="viewer", safety=safety)
    return Observation(1, probe, request_id, "2026-02-28T10:00:00.000Z", b"", response, failure, Timing(total=0.01))
