"""A small run, event by event."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.evidence import Journal
from gate.evidence.run import STARTED
from gate.model import (
    Basis,
    Control,
    Criterion,
    CriterionResult,
    Decision,
    LedgerLine,
    Outcome,
    Phase,
    Result,
    Safety,
    Severity,
    Terms,
    Trigger,
    TriggerState,
    Verdict,
)
from gate.redact import Redactor

Events = list[tuple[str, dict[str, Any]]]
AT = "2026-02-28T10:08:33.000Z"


def control(name: str) -> Control:
    return Control(
        name, "A title", Severity.HIGH, Basis.CONTRACT, Criterion.AUTH, Phase.PROBES, Safety.READ, "security", "suites/security/test_a.py"
    )


def request(number: int) -> dict[str, Any]:
    return asdict(LedgerLine(number, AT, f"id-{number}", "probes", "GET", "/", None, "read", "", 200, None, 1.0, None, 3, "aa" * 32))


@pytest.fixture
def events() -> Events:
    criteria = (CriterionResult(Criterion.AUTH, Verdict.GO, ("A-1", "A-2"), ()),)
    decision = Decision(Verdict.GO, criteria, Verdict.GO, Verdict.GO, (), (), Verdict.GO, (), ())
    terms = Terms(Severity.MEDIUM, None, (), {"profile": "aa" * 32, "policy": None}, {"pytest": "9"}, "", {"suites/a.py": "00"})
    return [
        ("run.started", {**dict.fromkeys(STARTED, "x"), "bundle": "20260228T100833Z"}),
        (
            "plan",
            {"controls": [control("A-1"), control("A-2")], "not_applicable": {"A-2": "no such feature"}, "terms": asdict(terms)},
        ),
        ("observation", request(0)),
        ("observation", request(1)),
        ("fact", {"name": "burst", "value": {"sent": 10}}),
        ("outcome", asdict(Result("A-1", Outcome.PASSED, measured=1, requests=(0, 1)))),
        ("triggers", {"triggers": [Trigger("t", "T", TriggerState.CLEAR, ("seen",), ("act",))]}),
        ("verdict", {**asdict(decision), "exit_status": 0}),
    ]


@pytest.fixture
def clock() -> Callable[[], datetime]:
    moments = iter(range(10**6))
    return lambda: datetime(2026, 2, 28, 10, 8, 33, 999_999, tzinfo=UTC) + timedelta(milliseconds=next(moments))


@pytest.fixture
def write(tmp_path: Path, clock: Callable[[], datetime]) -> Callable[[Events], Path]:
    """Writes these events with the real journal."""

    def do(some: Events) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
        with Journal(path, Redactor(), clock) as journal:
            for event, data in some:
                journal.append(event, data)
        return path

    return do
