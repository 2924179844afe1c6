"""Steps 5 to 7: the journal, the verdict computed again from it, and the reports' three lines."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from gate.decide.verdict import Policy, decide
from gate.errors import EvidenceError
from gate.evidence.bundle import JOURNAL, legacy_names
from gate.evidence.replay import replay
from gate.evidence.strict import distinct
from gate.evidence.verify.folder import small
from gate.evidence.verify.state import State, Wrong
from gate.model import Decision, RunRecord

REPORT = 256 * 1024 * 1024  # a report names every request of the run


def read_journal(bundle: Path) -> RunRecord:
    """Step 5."""
    try:
        record = replay(bundle / "data" / JOURNAL)
    except EvidenceError as error:
        raise Wrong(State.INVALID, error.happened.removeprefix(str(bundle / "data") + "/")) from None
    if record.decision is None:
        raise Wrong(State.INCOMPLETE, f"the run has no verdict: {record.interruption}")
    return record


def recompute(record: RunRecord) -> Decision:
    """Step 6."""
    terms = record.terms
    if terms is None or record.decision is None:
        raise Wrong(State.INVALID, "a verdict without a plan")
    policy = Policy(record.policy, terms.contract, terms.hardening)
    day = date.fromisoformat(record.started_at[:10])
    found = decide(record.controls, record.results, policy, terms.not_applicable_criteria, terms.waivers, day)
    if found != record.decision:
        said, given = record.decision.verdict, found.verdict
        raise Wrong(State.INVALID, f"the journal says {said}, and what it holds gives {given}{'' if said != given else ' otherwise'}")
    return found


def check_reports(bundle: Path, record: RunRecord, decision: Decision) -> str:
    """Step 7."""
    words = [decision.security.line, decision.acceptance.line, decision.verdict.line]
    lines = [f"{name}: {word}" for name, word in zip(("Security regression", "Go-live acceptance", "Release gate"), words, strict=True)]
    report, security, _ = (bundle / "data" / name for name in legacy_names(record.bundle))
    for path, expected in ((report, lines), (security, lines[:1])):
        if small(path, REPORT).decode("utf-8", "replace").split("\n")[-len(expected) - 1 :] != [*expected, ""]:
            raise Wrong(State.INVALID, f"{path.name} does not end with '{expected[-1]}'")
    try:
        said = json.loads(small(bundle / "data" / "result.json", REPORT), object_pairs_hook=distinct)["verdict"]
    except (ValueError, KeyError, TypeError, RecursionError):
        said = None
    if said != decision.verdict.value:
        raise Wrong(State.INVALID, f"result.json does not say {decision.verdict.value}")
    return lines[-1]
