"""`result.json`: the whole run for machines; fixtures/schemas/result.schema.json says what stands where."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from gate.model import Control, CriterionResult, Result, RunRecord
from gate.report.clean import tree
from gate.report.view import WaiverLine, exit_status, fact, findings, parts, result_of, waivers

SCHEMA_VERSION = "1.0"


def render(record: RunRecord) -> str:
    """The JSON document."""
    security, acceptance, whole = parts(record.decision)
    document = {
        "schema_version": SCHEMA_VERSION,
        "run_id": record.run_id,
        "verdict": record.decision.verdict if record.decision else None,
        "exit_status": exit_status(record),
        "interrupted": (record.interruption or "no verdict") if record.decision is None else None,
        "lines": {"security_regression": security, "go_live_acceptance": acceptance, "release_gate": whole},
        "environment": record.environment,
        "base_url": record.base_url,
        "profile": record.profile,
        "policy": record.policy,
        "batch_code": record.batch_code,
        "gate_version": record.gate_version,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "journal_head": record.head,
        "criteria": [_criterion(item) for item in record.decision.criteria] if record.decision else [],
        "before_waivers": record.decision.before_waivers if record.decision else None,
        "waivers": [_waiver(item) for item in waivers(record)],
        "controls": {control.id: result_of(record, control).outcome for control in record.controls},
        "findings": [_finding(record, control, result) for control, result in findings(record)],
        "triggers": [asdict(item) for item in record.triggers],
        "timings": fact(record, "timings"),
        "facts": record.facts,
        "requests": [asdict(item) for item in record.ledger],
    }
    return json.dumps(tree(document), indent=2) + "\n"


def _criterion(item: CriterionResult) -> dict[str, Any]:
    return {
        "id": item.criterion,
        "title": item.criterion.wording,
        "verdict": item.verdict,
        "controls": item.controls,
        "blocking": item.blocking,
    }


def _finding(record: RunRecord, control: Control, result: Result) -> dict[str, Any]:
    return {
        "control": control.id,
        "title": control.title,
        "outcome": result.outcome,
        "severity": control.severity,
        "basis": control.basis,
        "criterion": control.criterion,
        "suite": control.suite,
        # An interrupted run has decided nothing, so nothing of it can be called harmless.
        "blocks": control.id in record.decision.blocking if record.decision else True,
        "waived": control.id in record.decision.waived if record.decision else False,
        "kind": result.kind,
        "reason": result.reason,
        "expected": result.expected,
        "seen": result.seen,
        "requests": result.requests,
        "fingerprint": result.fingerprint,
        "mend": control.mend,
        "references": control.references,
    }


def _waiver(item: WaiverLine) -> dict[str, Any]:
    return asdict(item.waiver) | {
        "state": item.state.state if item.state else None,
        "days_left": item.state.days_left if item.state else None,
        "problem": item.problem,
        "ends": item.ends,
    }
