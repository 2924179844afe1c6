"""`oscal.json`: OSCAL 1.2.1 assessment results, for governance tools.

The format knows only satisfied and not satisfied: what was not shown is not satisfied.
"""

from __future__ import annotations

import json
import re
from typing import Any

from gate.model import Control, Outcome, Result, RunRecord, Verdict
from gate.report.clean import line, tree
from gate.report.ids import of_run
from gate.report.view import FINE, WaiverLine, fact, in_the_way, result_of, verdict_text, waiver_of

VERSION = "1.2.1"
GATE = "release-gate"
NO_PLAN = (
    "There is no separate assessment plan: what the run was to judge is the plan event of its journal, written before the first request."
)
_TOKEN = re.compile(r"[^A-Za-z0-9_.-]")


def render(record: RunRecord) -> str:
    """The JSON document. Every UUID is made from the journal's head, so that a second export is the same."""
    plan = of_run(record, "plan")
    document = {
        "uuid": of_run(record, "assessment-results"),
        "metadata": {
            "title": _said(f"Release gate: {record.environment}: {verdict_text(record)}"),
            "last-modified": record.finished_at or record.started_at,
            "version": _said(record.run_id),
            "oscal-version": VERSION,
        },
        "import-ap": {"href": f"#{plan}"},
        "results": [_results(record)],
        "back-matter": {"resources": [{"uuid": plan, "description": NO_PLAN}]},
    }
    return json.dumps(tree({"assessment-results": document}), indent=2) + "\n"


def _results(record: RunRecord) -> dict[str, Any]:
    pairs = [(control, result_of(record, control)) for control in record.controls]
    judged = [(control, result) for control, result in pairs if result.outcome is not Outcome.NOT_APPLICABLE]
    risks = [_risk(record, control, result, item) for control, result in judged if (item := waiver_of(record, control.id))]
    finished = {"end": record.finished_at} if record.decision and record.finished_at else {}
    return {
        "uuid": of_run(record, "result"),
        "title": _said(f"Run {record.run_id}"),
        "description": _said(f"{record.base_url} by the profile {record.profile} and the policy {record.policy}: {verdict_text(record)}."),
        "start": record.started_at,
        **finished,
        "props": _props(record),
        "reviewed-controls": {"control-selections": [{"include-controls": [{"control-id": name} for name in _reviewed(judged)]}]},
        "observations": [_overall(record), *(_observation(record, control, result) for control, result in pairs)],
        **({"risks": risks} if risks else {}),
        "findings": [_verdict(record), *(_finding(record, control, result) for control, result in judged)],
    }


def _reviewed(judged: list[tuple[Control, Result]]) -> list[str]:
    return list(dict.fromkeys([GATE, *(_token(control.id) for control, _ in judged)]))


def _props(record: RunRecord) -> list[dict[str, str]]:
    told = {
        "run-id": record.run_id,
        "verdict": verdict_text(record),
        "verdict-before-waivers": record.decision.before_waivers.value if record.decision else "",
        "environment": record.environment,
        "base-url": record.base_url,
        "gate-version": record.gate_version,
        "journal-head": record.head,
        "recall-trace-seconds": str(fact(record, "recall_drill").get("trace_seconds", "")),
    }
    return [{"name": name, "ns": "urn:cutover-gate", "value": line(value)} for name, value in told.items() if line(value)]


def _overall(record: RunRecord) -> dict[str, Any]:
    text = f"The verdict: {verdict_text(record)}." if record.decision else f"The run was interrupted: {record.interruption}"
    return _observed(record, GATE, "Release gate", text)


def _observation(record: RunRecord, control: Control, result: Result) -> dict[str, Any]:
    told = {"expected": result.expected, "seen": result.seen, "requests": ", ".join(map(str, result.requests))}
    more = "; ".join(f"{name}: {line(value, 120)}" for name, value in told.items() if line(value))
    reason = f": {line(result.reason, 200)}" if result.reason else ""
    return _observed(record, control.id, control.title, f"{result.outcome.value.replace('_', ' ')}{reason}{f' ({more})' if more else ''}")


def _observed(record: RunRecord, key: str, title: str, text: str) -> dict[str, Any]:
    return {
        "uuid": of_run(record, "observation", key),
        "title": _said(f"{key} {title}"),
        "description": _said(text),
        "methods": ["TEST"],
        "relevant-evidence": [{"href": "journal.jsonl", "description": "The run's journal, in the same folder."}],
        "collected": record.finished_at or record.started_at,
    }


def _finding(record: RunRecord, control: Control, result: Result) -> dict[str, Any]:
    # An interrupted run has not looked whether the same build still answers, so no part of it is shown.
    met = result.outcome in FINE and record.decision is not None
    reason = "pass" if met else "fail" if result.outcome is Outcome.FAILED else "other"
    related = [{"risk-uuid": of_run(record, "risk", control.id)}] if waiver_of(record, control.id) else []
    found = _found(record, control.id, control.title, met=met, reason=reason, text=control.why or control.title)
    return found | ({"related-risks": related} if related else {})


def _verdict(record: RunRecord) -> dict[str, Any]:
    verdict = record.decision.verdict if record.decision else None
    reason = {Verdict.GO: "pass", Verdict.NO_GO: "fail"}.get(verdict, "other") if verdict else "other"
    text = f"In the way: {', '.join(in_the_way(record)) or 'nothing'}." if record.decision else "The run has no verdict."
    return _found(record, GATE, "Release gate", met=verdict is Verdict.GO, reason=reason, text=text)


def _found(record: RunRecord, key: str, title: str, *, met: bool, reason: str, text: str) -> dict[str, Any]:
    return {
        "uuid": of_run(record, "finding", key),
        "title": _said(f"{key} {title}"),
        "description": _said(text),
        "target": {
            "type": "objective-id",
            "target-id": f"{_token(key)}.obj",
            "status": {"state": "satisfied" if met else "not-satisfied", "reason": reason},
        },
        "related-observations": [{"observation-uuid": of_run(record, "observation", key)}],
    }


def _risk(record: RunRecord, control: Control, result: Result, waiver: WaiverLine) -> dict[str, Any]:
    """A waived failure: still not satisfied, and somebody answers for it."""
    said = waiver.told
    return {
        "uuid": of_run(record, "risk", control.id),
        "title": _said(f"{control.id} {control.title}"),
        "description": _said(result.reason),
        "statement": _said(f"{said['risk']} Waived: {said['reason']} (approved by {said['approved by']}, {said['ticket']})"),
        "status": "deviation-approved",
        "deadline": f"{waiver.waiver.until}T23:59:59Z",
        "related-observations": [{"observation-uuid": of_run(record, "observation", control.id)}],
    }


def _said(text: str) -> str:
    """One line that is not empty: the format's texts begin and end with a visible character."""
    return line(text) or "(empty)"


def _token(text: str) -> str:
    """A name as the format's identifiers are: a letter first, then letters, digits, dots, dashes."""
    name = _TOKEN.sub("-", line(text, 120))
    return name if name[:1].isalpha() or name.startswith("_") else f"_{name}"
