"""The checklist's rollback triggers, from what the run has found. Each is first shown to fire where it must."""

from __future__ import annotations

import pytest

from gate.api import Inconclusive, Outcome, Phase, Result, Sample, TriggerState, Unmet, control, evaluate, require

TRIGGER = {"criterion": "gate", "phase": Phase.TRIGGERS, "refs": ["checklist 9"], "feature": "rollback", "severity": "critical"}
WHY = "The checklist demands an immediate rollback."
MEND = "Roll back: previous stable release, previous environment variables, then health and security regression checks again."


@pytest.fixture(scope="session")
def triggers(run):
    return {trigger.id: trigger for trigger in run.triggers()}


def judge(trigger, measured):
    measured(len(trigger.evidence))
    if trigger.state is TriggerState.UNKNOWN:
        raise Inconclusive(f"not known: {'; '.join(trigger.evidence)[:300]}")
    if trigger.state is TriggerState.FIRED:
        raise Unmet("no reason to roll back", "; ".join(trigger.evidence)[:600])


def fires(run, key, failing, kind="", samples=()):
    """Whether the trigger fires on made-up findings: without that, its silence would mean nothing."""
    controls = [case.control for case, _ in run.cases if failing(case.control) and run.policy.blocks(case.control)]
    results = {item.id: Result(item.id, Outcome.FAILED, "made up", kind=kind) for item in controls}
    found = {item.id: item.state for item in evaluate(controls, results, run.policy, samples, sustained=2, actions=())}
    require(found[key] is TriggerState.FIRED, f"the trigger {key} to fire on made-up findings", str(found[key]))


@control("ROLL-001", "No rollback for a failed release gate", waivable=False, covers=("U8",), why=WHY, mend=MEND, **TRIGGER)
def test_gate_failure(run, triggers, measured):
    fires(run, "gate-failure", lambda item: item.suite != "rollback")
    judge(triggers["gate-failure"], measured)


@control(
    "ROLL-002",
    "No rollback for recalls or traces that are unavailable or too slow, sustained",
    waivable=False,
    covers=("U1", "U2", "U8"),
    why=WHY,
    mend=MEND,
    **{**TRIGGER, "feature": "rollback,recall"},
)
def test_recall_unavailable(run, triggers, measured):
    slow = [Sample("recall", available=True, seconds=seconds, limit=10.0) for seconds in (10.0, float("nan"))]
    fires(run, "recall-unavailable", lambda _: False, samples=slow)
    judge(triggers["recall-unavailable"], measured)


@control(
    "ROLL-003",
    "No rollback for an audit pack that does not verify",
    waivable=False,
    covers=("U8",),
    why=WHY,
    mend=MEND,
    **{**TRIGGER, "feature": "rollback,audit_pack"},
)
def test_pack_mismatch(run, triggers, measured):
    fires(run, "pack-mismatch", lambda item: item.criterion == "audit")
    judge(triggers["pack-mismatch"], measured)


@control(
    "ROLL-004",
    "No rollback for a way around authentication or authorization",
    waivable=False,
    covers=("U8",),
    why=WHY,
    mend=MEND,
    **TRIGGER,
)
def test_auth_bypass(run, triggers, measured):
    fires(run, "auth-bypass", lambda item: item.criterion == "auth", kind="bypass")
    judge(triggers["auth-bypass"], measured)
