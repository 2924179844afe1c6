"""`ctrf.json`: Common Test Report Format 1.0.0, for CI dashboards. They count failures, so what earned no pass is one there."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any

from gate.model import Control, Outcome, Result, RunRecord, Verdict
from gate.report.clean import line, tree
from gate.report.ids import lasting, of_run
from gate.report.view import WaiverLine, before_and_after, in_the_way, requests_of, result_of, verdict_text, waiver_of, waivers

STATUSES = ("passed", "failed", "pending", "skipped", "other")
STATUS = {Outcome.PASSED: "passed", Outcome.NOT_APPLICABLE: "skipped"}


def render(record: RunRecord) -> str:
    """The JSON document: one test a control, one a waiver, and one for the verdict itself, which passes only with GO."""
    tests = [_verdict(record), *(_control(record, control) for control in record.controls), *_waivers(record)]
    moment = record.finished_at or record.started_at
    document = {
        "reportFormat": "CTRF",
        "specVersion": "1.0.0",
        "reportId": of_run(record, "ctrf"),
        "timestamp": moment,
        "generatedBy": line(f"gate {record.gate_version}"),
        "results": {
            "tool": {"name": "gate", "version": record.gate_version},
            "summary": _summary(record, tests),
            "tests": tests,
            "environment": _environment(record),
            "extra": {"runId": record.run_id, "journalHead": record.head},
        },
    }
    return json.dumps(tree(document), indent=2) + "\n"


def _summary(record: RunRecord, tests: list[dict[str, Any]]) -> dict[str, Any]:
    counts = Counter(test["status"] for test in tests)
    start, stop = _milliseconds(record.started_at), _milliseconds(record.finished_at or record.started_at)
    return {
        "tests": len(tests),
        **{status: counts[status] for status in STATUSES},
        "suites": len({test["suite"][0] for test in tests}),
        "start": start,
        "stop": stop,
        "duration": stop - start,
        "extra": {
            "verdict": verdict_text(record),
            "waivers": before_and_after(record),
            "interrupted": record.interruption if record.decision is None else None,
        },
    }


def _environment(record: RunRecord) -> dict[str, Any]:
    told = {
        "appName": record.base_url,
        "appVersion": record.release_tag,
        "buildId": record.run_id,
        "commit": record.release_sha,
        "testEnvironment": record.environment,
    }
    known: dict[str, Any] = {name: value for name, value in told.items() if value}
    return known | {"extra": {"profile": record.profile, "policy": record.policy}}


def _control(record: RunRecord, control: Control) -> dict[str, Any]:
    result, waiver = result_of(record, control), waiver_of(record, control.id)
    test = {
        "id": lasting("control", control.id),
        "name": line(f"{control.id} {control.title}"),
        "status": STATUS.get(result.outcome, "failed"),
        "duration": round(1000 * sum(item.seconds for item in requests_of(record, result))),
        "suite": [control.suite],
        "rawStatus": result.outcome.value,
        "tags": [control.severity.value, control.basis.value, control.criterion.value, *(["waived"] if waiver else [])],
        "filePath": control.source,
    }
    if result.reason:
        note = f"waived until {waiver.ends}: " if waiver else ""
        test |= {"message": line(f"{note}{result.reason}"), "trace": _trace(control, result)}
    return test


def _trace(control: Control, result: Result) -> str:
    """What a dashboard shows when somebody opens the test: both sides, the requests, what to do."""
    told = {"expected": result.expected, "seen": result.seen, "requests": ", ".join(map(str, result.requests)), "mend": control.mend}
    return "; ".join(f"{name}: {line(value, 120)}" for name, value in told.items() if value)


def _verdict(record: RunRecord) -> dict[str, Any]:
    verdict = record.decision.verdict if record.decision else None
    why = ", ".join(in_the_way(record)) if record.decision else record.interruption or "no verdict"
    test = {
        "id": lasting("verdict"),
        "name": "Release gate",
        "status": "passed" if verdict is Verdict.GO else "failed",
        "duration": 0,
        "suite": ["gate"],
        "rawStatus": verdict_text(record),
    }
    return test if verdict is Verdict.GO else test | {"message": line(f"{verdict_text(record)}: {why}")}


def _waivers(record: RunRecord) -> list[dict[str, Any]]:
    """One test a waiver, which passes where it is used."""
    return [_waiver(item, number) for number, item in enumerate(waivers(record), 1)]


def _waiver(item: WaiverLine, number: int) -> dict[str, Any]:
    return {
        "id": lasting("waiver", item.waiver.control, item.waiver.fingerprint, str(number)),
        "name": line(f"waiver {number} of {item.waiver.control}"),
        "status": "passed" if item.used else "failed",
        "duration": 0,
        "suite": ["gate"],
        "rawStatus": item.state.state.value if item.state else "interrupted",
        "message": line(item.problem or f"until {item.ends}"),
        "extra": item.told,
    }


def _milliseconds(moment: str) -> int:
    return round(1000 * datetime.fromisoformat(moment).timestamp())
