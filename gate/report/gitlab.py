"""`gl-code-quality.json`: every finding for the merge-request view of GitLab (the Code Climate format, as far as GitLab reads it)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from gate.model import Control, Outcome, Result, RunRecord, Severity
from gate.report.clean import line, tree
from gate.report.view import findings, verdict_text, waiver_of, waivers

SEVERITIES = {Severity.CRITICAL: "blocker", Severity.HIGH: "critical", Severity.MEDIUM: "major", Severity.LOW: "minor"}
NOWHERE = "suites"


def render(record: RunRecord) -> str:
    """The JSON list, the most severe first. It is empty only for a run that found nothing and came to its end."""
    entries = [*_whole(record), *_waivers(record), *(_finding(record, control, result) for control, result in findings(record))]
    order = ("blocker", "critical", "major", "minor", "info")
    return json.dumps(tree(sorted(entries, key=lambda entry: order.index(entry["severity"]))), indent=2) + "\n"


def _finding(record: RunRecord, control: Control, result: Result) -> dict[str, Any]:
    waiver = waiver_of(record, control.id)
    note = f"waived until {waiver.ends}" if waiver else result.outcome.value.replace("_", " ")
    # What broke or did not run is as grave as the control, and at least as the plan not carried out.
    severity = "info" if waiver else SEVERITIES[control.severity]
    if result.outcome is not Outcome.FAILED and severity == "minor":
        severity = "major"
    text = f"{control.id} {control.title} ({note}): {result.reason}"
    return _entry(control.id, text, severity, control.source, result.fingerprint or result.outcome.value)


def _whole(record: RunRecord) -> list[dict[str, Any]]:
    """An interrupted run, which may have found nothing and still is no pass."""
    if record.decision is not None:
        return []
    return [_entry("gate", f"Release gate: {verdict_text(record)}: {record.interruption}", "blocker", NOWHERE, "interrupted")]


def _waivers(record: RunRecord) -> list[dict[str, Any]]:
    return [
        _entry(
            "waiver", f"The waiver of {item.waiver.control} blocks: {item.problem}", "blocker", NOWHERE, str(number), *item.told.values()
        )
        for number, item in enumerate(waivers(record), 1)
        if item.problem
    ]


def _entry(name: str, text: str, severity: str, path: str, *identity: str) -> dict[str, Any]:
    """`identity` and the name make the fingerprint, by which GitLab tells what is new."""
    told = "\n".join([name, *identity]).encode("utf-8", "backslashreplace")
    return {
        "description": line(text),
        "check_name": line(name),
        "fingerprint": hashlib.sha256(told).hexdigest(),
        "severity": severity,
        "location": {"path": line(path) or NOWHERE, "lines": {"begin": 1}},
    }
