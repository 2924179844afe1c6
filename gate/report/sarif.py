"""`findings.sarif`: SARIF 2.1.0, the security findings for code-scanning views. What could not be measured is `open` there."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from gate.model import Control, Outcome, Result, RunRecord, Severity
from gate.report.clean import line, tree
from gate.report.ids import of_run
from gate.report.view import (
    FINE,
    WaiverLine,
    before_and_after,
    exit_status,
    result_of,
    security_controls,
    verdict_text,
    waiver_of,
    waiver_problems,
)

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}  # GitHub sorts by these
ROOT = "SUITES"


def render(record: RunRecord) -> str:
    """The JSON document: one run, one rule a security control, one result a finding."""
    controls = security_controls(record)
    numbered = [(number, control, result_of(record, control)) for number, control in enumerate(controls)]
    found = [(number, control, result) for number, control, result in numbered if result.outcome not in FINE]
    run = {
        "tool": {"driver": _driver(record, controls)},
        "automationDetails": {"id": f"gate/{_path(record.environment)}/{_path(record.run_id)}", "guid": of_run(record, "sarif")},
        "invocations": [_invocation(record, found)],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The folder that holds suites/ in a checkout of the gate."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(record, number, control, result) for number, control, result in found],
        "properties": {
            "verdict": verdict_text(record),
            "waivers": before_and_after(record),
            "runId": record.run_id,
            "environment": record.environment,
            "baseUrl": record.base_url,
            "journalHead": record.head,
        },
    }
    return json.dumps(tree({"version": "2.1.0", "$schema": SCHEMA, "runs": [run]}), indent=2) + "\n"


def _driver(record: RunRecord, controls: list[Control]) -> dict[str, Any]:
    return {"name": "gate", "version": line(record.gate_version), "rules": [_rule(control) for control in controls]}


def _rule(control: Control) -> dict[str, Any]:
    return {
        "id": control.id,
        "shortDescription": {"text": line(control.title) or control.id},
        "fullDescription": {"text": line(control.why) or line(control.title) or control.id},
        "help": {"text": line(control.mend) or "See `gate explain`."},
        "defaultConfiguration": {"level": LEVELS[control.severity]},
        "properties": {
            "tags": list(dict.fromkeys(["security", *map(line, (control.suite, control.basis, control.criterion, *control.references))])),
            "security-severity": SCORES[control.severity],
            "precision": "very-high",
        },
    }


def _result(record: RunRecord, number: int, control: Control, result: Result) -> dict[str, Any]:
    failed, waiver = result.outcome is Outcome.FAILED, waiver_of(record, control.id)
    return {
        "ruleId": control.id,
        "ruleIndex": number,
        # A level belongs to a failure; of what could not be judged the format says `open`.
        "kind": "fail" if failed else "open",
        "level": LEVELS[control.severity] if failed else "none",
        "message": {"text": _message(control, result)},
        "locations": [_location(control)],
        "partialFingerprints": {"gateFinding/v1": line(result.fingerprint) or f"{control.id}:{result.outcome.value}"},
        "suppressions": [_suppression(waiver)] if waiver else [],
        "properties": {
            "outcome": result.outcome.value,
            "severity": control.severity.value,
            "expected": result.expected,
            "seen": result.seen,
            "requests": result.requests,
        },
    }


def _message(control: Control, result: Result) -> str:
    return line(f"{control.title}: {result.outcome.value.replace('_', ' ')}: {result.reason}")


def _location(control: Control) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _path(control.source), "uriBaseId": ROOT},
            "region": {"startLine": 1},
        },
        "logicalLocations": [{"name": line(control.endpoint or control.id) or control.id, "kind": "resource"}],
    }


def _path(text: str) -> str:
    """A relative reference of plain segments, whatever the text was."""
    parts = [quote(part, safe="") for part in line(text, 120).split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "unknown"


def _suppression(waiver: WaiverLine) -> dict[str, Any]:
    said = waiver.told
    return {
        "kind": "external",
        "status": "accepted",
        "justification": line(f"{said['reason']} (approved by {said['approved by']}, {said['ticket']}, until {waiver.ends})"),
        "properties": said,
    }


def _invocation(record: RunRecord, found: list[tuple[int, Control, Result]]) -> dict[str, Any]:
    """Whether the run came to its end, and everything that it could not judge."""
    lost = [(number, control, result) for number, control, result in found if result.outcome is not Outcome.FAILED]
    told: list[dict[str, Any]] = [
        {
            "level": "warning",
            "message": {"text": _message(control, result)},
            "associatedRule": {"id": control.id, "index": number},
        }
        for number, control, result in lost
    ]
    told += [{"level": "error", "message": {"text": line(problem)}} for problem in dict.fromkeys(waiver_problems(record))]
    ended = {"endTimeUtc": record.finished_at} if record.decision and record.finished_at else {}
    if record.decision is None:
        text = line(f"The run was interrupted and proves nothing: {record.interruption}")
        told.insert(0, {"level": "error", "message": {"text": text}})
    return {
        "executionSuccessful": record.decision is not None,
        "exitCode": exit_status(record),
        "startTimeUtc": record.started_at,
        **ended,
        "toolExecutionNotifications": told,
    }
