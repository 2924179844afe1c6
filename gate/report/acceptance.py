"""`go_live_acceptance_<ts>.json`: the shape that existing consumers read, with more keys beside it."""

from __future__ import annotations

import json
from typing import Any

from gate.model import Control, Outcome, RunRecord
from gate.report.clean import line, tree
from gate.report.view import FINE, acceptance_controls, fact, parts, requests_of, result_of, waiver_of, waivers

LINE = "Go-live acceptance"


def render(record: RunRecord) -> str:
    """The JSON document. `failed` counts whatever neither passed nor is without application; whoever reads only that is never misled."""
    results = [_result(record, control) for control in acceptance_controls(record)]
    verdict = parts(record.decision)[1]
    if verdict != "PASS" and all(item["outcome"] in FINE for item in results):
        results.append(_unearned(record, verdict))
    outcomes = [item["outcome"] for item in results]
    passed, exempt = outcomes.count(Outcome.PASSED), outcomes.count(Outcome.NOT_APPLICABLE)
    document = {
        "context": _context(record),
        "summary": {"total": len(results), "passed": passed, "failed": len(results) - passed - exempt, "not_applicable": exempt},
        "verdict": verdict,
        "waivers": _waivers(record),
        "interrupted": line(record.interruption) if record.decision is None else None,
        "results": results,
    }
    return json.dumps(document, indent=2) + "\n"


def _context(record: RunRecord) -> dict[str, Any]:
    return {
        "generated_at": record.finished_at or record.started_at,
        "base_url": line(record.base_url),
        "batch_code": line(record.batch_code),
        "pack_id": tree(fact(record, "audit_pack").get("pack_id")),
        "run_id": line(record.run_id),
        "environment": line(record.environment),
    }


def _result(record: RunRecord, control: Control) -> dict[str, Any]:
    result = result_of(record, control)
    cited = requests_of(record, result)
    return {
        "name": line(f"{control.id} {control.title}"),
        "ok": None if result.outcome is Outcome.NOT_APPLICABLE else result.outcome is Outcome.PASSED,
        "status_code": cited[-1].status if cited else None,
        "detail": line(result.reason or result.seen),
        "control": line(control.id),
        "outcome": result.outcome.value,
        "waived": waiver_of(record, control.id) is not None,
    }


def _waivers(record: RunRecord) -> dict[str, Any]:
    """All of the run's waivers, also those of other suites: one with a problem blocks the whole gate."""
    decision = record.decision
    return {
        "verdict_before": decision.before_waivers.value if decision else None,
        "verdict_after": decision.verdict.value if decision else None,
        "items": [
            {
                "control": line(item.waiver.control),
                "title": line(item.title),
                **{key.replace(" ", "_"): line(value) for key, value in item.told.items()},
            }
            for item in waivers(record)
        ],
    }


def _unearned(record: RunRecord, verdict: str) -> dict[str, Any]:
    """No control failed, and still there is no pass: a consumer that counts failures must see one."""
    why = f"the run was interrupted: {record.interruption}" if record.decision is None else "too little was measured for a pass"
    return {
        "name": LINE,
        "ok": False,
        "status_code": None,
        "detail": line(f"{verdict}: {why}"),
        "control": None,
        "outcome": "inconclusive",
        "waived": False,
    }
