"""The rollback triggers: each fires alone, at its limit, and is never clear without data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import product

import pytest

from gate.decide.rollback import Sample, evaluate, sustained_run
from gate.model import Control, Criterion, Result, TriggerState
from tests.decide.support import BASELINE, PLAN, STRICT, control, healthy, result, results

FIRED, CLEAR, UNKNOWN = TriggerState.FIRED, TriggerState.CLEAR, TriggerState.UNKNOWN
LIMIT = 10.0
NAMES = ("gate-failure", "recall-unavailable", "pack-mismatch", "auth-bypass")
ACTIONS = ("revert", "check again")


def good(count: int = 3, name: str = "recall") -> list[Sample]:
    return [Sample(name, available=True, seconds=0.2, limit=LIMIT)] * count


def bad(count: int = 2, name: str = "recall") -> list[Sample]:
    return [Sample(name, available=False, seconds=0.2, limit=LIMIT)] * count


def states(
    found: dict[str, Result] | None = None,
    samples: Sequence[Sample] | None = None,
    *,
    plan: Iterable[Control] = PLAN,
    sustained: int = 2,
    policy: object = BASELINE,
    not_applicable: Sequence[str] = (),
) -> dict[str, TriggerState]:
    triggers = evaluate(
        list(plan),
        healthy() if found is None else found,
        policy,  # type: ignore[arg-type]
        good() if samples is None else samples,
        sustained=sustained,
        actions=ACTIONS,
        not_applicable=not_applicable,
    )
    assert all(trigger.evidence and trigger.actions == ACTIONS for trigger in triggers)
    return {trigger.id: trigger.state for trigger in triggers}


def test_a_healthy_run_fires_nothing() -> None:
    assert states() == dict.fromkeys(NAMES, CLEAR)


def failing(control_id: str, kind: str = "") -> dict[str, Result]:
    return healthy() | {control_id: result(control_id, "failed", kind)}


# What is found: the triggers that fire. A failure of any control that blocks is a failure of the gate as well.
FINDINGS: dict[str, tuple[dict[str, Result], list[Sample], set[str]]] = {
    "a failed control of the gate": (failing("GATE-1"), good(), {"gate-failure"}),
    "a failed error control": (failing("ERR-1"), good(), {"gate-failure"}),
    "recalls that do not answer": (healthy(), bad(), {"recall-unavailable"}),
    "a pack that does not verify": (failing("AUD-1"), good(), {"gate-failure", "pack-mismatch"}),
    "a bypass": (failing("AUTH-1", "bypass"), good(), {"gate-failure", "auth-bypass"}),
    "a refusal with the wrong status": (failing("AUTH-1"), good(), {"gate-failure"}),
    "a crash in the access check": (failing("AUTH-1", "crash"), good(), {"gate-failure"}),
    "everything": (
        healthy() | {"AUD-1": result("AUD-1", "failed"), "AUTH-1": result("AUTH-1", "failed", "bypass")},
        bad(),
        set(NAMES),
    ),
}


@pytest.mark.parametrize("case", FINDINGS)
def test_what_fires(case: str) -> None:
    found, samples, expected = FINDINGS[case]
    # A plain failure among the access controls leaves that trigger without a pass: another one gives it.
    plan = [*PLAN, control("AUTH-2", "auth", suite="security")]
    seen = states(found | {"AUTH-2": result("AUTH-2", "passed")}, samples, plan=plan)
    assert {name for name, state in seen.items() if state is FIRED} == expected
    assert {seen[name] for name in set(NAMES) - expected} <= {CLEAR}


FAULTS = {
    "recall-unavailable": (results(), bad()),
    "pack-mismatch": ({"AUD-1": result("AUD-1", "failed")}, []),
    "auth-bypass": ({"AUTH-1": result("AUTH-1", "failed", "bypass")}, []),
    "gate-failure": ({"GATE-1": result("GATE-1", "failed")}, []),
}


@pytest.mark.parametrize(("one", "other"), [pair for pair in product(FAULTS, FAULTS) if pair[0] != pair[1]])
def test_no_trigger_hides_another(one: str, other: str) -> None:
    """With nothing else known: what is unknown hides none either."""
    found = FAULTS[one][0] | FAULTS[other][0]
    seen = states(found, [*FAULTS[one][1], *FAULTS[other][1]])
    assert (seen[one], seen[other]) == (FIRED, FIRED)


def test_nothing_known_is_unknown() -> None:
    assert states({}, []) == dict.fromkeys(NAMES, UNKNOWN)
    assert states({}, [], plan=[]) == dict.fromkeys(NAMES, UNKNOWN)


@pytest.mark.parametrize("outcome", ["error", "not_run", "inconclusive", None])
@pytest.mark.parametrize(("control_id", "trigger"), [("AUD-1", "pack-mismatch"), ("AUTH-1", "auth-bypass")])
def test_a_control_that_did_not_measure_leaves_its_trigger_unknown(control_id: str, trigger: str, outcome: str | None) -> None:
    found = healthy()
    del found[control_id]
    if outcome:
        found[control_id] = result(control_id, outcome)
    seen = states(found)
    assert (seen[trigger], seen["gate-failure"]) == (UNKNOWN, UNKNOWN)
    assert {state for name, state in seen.items() if name not in (trigger, "gate-failure")} == {CLEAR}


@pytest.mark.parametrize(("criterion", "trigger"), [("audit", "pack-mismatch"), ("auth", "auth-bypass")])
def test_what_does_not_apply_is_clear_only_where_the_profile_says_so(criterion: str, trigger: str) -> None:
    """A profile that merely lacks the section has not said that the target lacks the feature."""
    member = next(item for item in PLAN if item.criterion == criterion)
    found = healthy() | {member.id: result(member.id, "not_applicable")}
    assert states(found)[trigger] is UNKNOWN
    assert states(found, not_applicable=[criterion])[trigger] is CLEAR
    without = [item for item in PLAN if item is not member]
    assert states(plan=without)[trigger] is UNKNOWN
    assert states(plan=without, not_applicable=[criterion])[trigger] is CLEAR


@pytest.mark.parametrize(("criterion", "kind", "trigger"), [("audit", "", "pack-mismatch"), ("auth", "bypass", "auth-bypass")])
def test_a_finding_fires_though_the_profile_excuses_its_criterion(criterion: str, kind: str, trigger: str) -> None:
    member = next(item for item in PLAN if item.criterion == criterion)
    assert states(failing(member.id, kind), not_applicable=[criterion])[trigger] is FIRED


def test_hardening_findings_fire_only_under_a_policy_that_blocks_them() -> None:
    plan = [*PLAN, control("H-1", "auth", basis="hardening", suite="security")]
    found = healthy() | {"H-1": result("H-1", "failed", "bypass")}
    assert states(found, plan=plan) == dict.fromkeys(NAMES, CLEAR)
    assert states(found, plan=plan, policy=STRICT)["auth-bypass"] is FIRED


def test_the_same_criterion_but_another_kind_is_no_bypass() -> None:
    seen = states(failing("AUTH-1"))
    assert seen["auth-bypass"] is UNKNOWN  # nothing has passed, so nothing has been shown
    assert seen["gate-failure"] is FIRED


SECONDS = {
    "in no time": (0.0, False),
    "just under the limit": (math.nextafter(LIMIT, 0), False),
    "at the limit": (LIMIT, True),
    "just over the limit": (math.nextafter(LIMIT, 11), True),
    "long": (1e9, True),
    "infinite": (math.inf, True),
    "not a number": (math.nan, True),
    "negative": (-0.001, True),
    "not known": (None, True),
}


@pytest.mark.parametrize("case", SECONDS)
def test_seconds(case: str) -> None:
    """Only what is shown to be under the limit is good."""
    seconds, is_bad = SECONDS[case]
    sample = Sample("recall", available=True, seconds=seconds, limit=LIMIT)
    assert sample.bad is is_bad
    assert Sample("recall", available=False, seconds=seconds, limit=LIMIT).bad
    assert states(samples=[sample, sample])["recall-unavailable"] is (FIRED if is_bad else CLEAR)


@pytest.mark.parametrize("limit", [math.nan, 0.0, -1.0])
def test_a_limit_that_is_none_is_never_kept(limit: float) -> None:
    assert Sample("recall", available=True, seconds=0.0, limit=limit).bad


# `x` bad, `.` good, in the order measured; the longest run of bad ones.
SERIES = [
    ("", 0),
    (".", 0),
    ("x", 1),
    (".x.", 1),
    ("x.x", 1),
    ("x.x.x", 1),
    ("xx", 2),
    ("xx.", 2),
    (".xx", 2),
    ("x.xx", 2),
    ("xx.xx", 2),
    ("x.x.xx.", 2),
    ("xxx", 3),
    (".xxx.", 3),
    ("xx.xxx", 3),
    ("." * 50 + "xxx", 3),
    ("xxx" + "." * 50, 3),
]


def series(marks: str, name: str = "recall") -> list[Sample]:
    return [Sample(name, available=mark == ".", seconds=0.2, limit=LIMIT) for mark in marks]


@pytest.mark.parametrize(("marks", "longest"), SERIES)
@pytest.mark.parametrize("sustained", [1, 2, 3])
def test_sustained(marks: str, longest: int, sustained: int) -> None:
    """A good call in between interrupts; what was good before or after dilutes nothing."""
    samples = series(marks)
    fires = longest >= sustained
    assert len(sustained_run(samples, sustained)) == (longest if fires else 0)
    expected = FIRED if fires else UNKNOWN if len(marks) < sustained else CLEAR
    assert states(samples=samples, sustained=sustained)["recall-unavailable"] is expected


def test_operations_are_counted_apart() -> None:
    """Two operations, measured in turn: one bad call of each is not two in a row, and good ones of the other interrupt nothing."""
    recall, trace = series("x.x."), series(".x.x", "trace")
    turns = [sample for pair in zip(recall, trace, strict=True) for sample in pair]
    assert sustained_run(turns, 2) == []
    broken = [sample for pair in zip(series("xx"), series("..", "trace"), strict=True) for sample in pair]
    assert [sample.name for sample in sustained_run(broken, 2)] == ["recall", "recall"]
    assert states(samples=broken)["recall-unavailable"] is FIRED


@pytest.mark.parametrize(("recalls", "traces"), [("...", "."), ("...", "x"), (".", "."), ("x", "x"), (".", "..")])
def test_an_operation_with_too_few_calls_is_unknown(recalls: str, traces: str) -> None:
    """One call can show no sustained fault, however many there are of the other operation."""
    assert states(samples=[*series(recalls), *series(traces, "trace")])["recall-unavailable"] is UNKNOWN


def test_a_target_without_recall() -> None:
    assert states(samples=[], not_applicable=["recall"])["recall-unavailable"] is CLEAR
    assert states(samples=bad(), not_applicable=["recall"])["recall-unavailable"] is FIRED
    assert states(samples=[], not_applicable=["audit"])["recall-unavailable"] is UNKNOWN


def test_a_fired_trigger_tells_what_fired_it() -> None:
    found = failing("AUD-1")
    triggers = {item.id: item for item in evaluate(PLAN, found, BASELINE, bad(3), sustained=2, actions=ACTIONS)}
    assert triggers["pack-mismatch"].evidence == ("AUD-1: AUD-1 says why",)
    assert triggers["recall-unavailable"].evidence == ("recall: refused after 0.200 s (limit 10 s)",) * 3
    assert triggers["gate-failure"].evidence == ("AUD-1: AUD-1 says why",)
    assert triggers["gate-failure"].title == "Release gate failure"


def test_every_criterion_with_a_trigger_is_a_criterion() -> None:
    assert {"audit", "auth", "recall"} <= {str(item) for item in Criterion}


@pytest.mark.parametrize(("kind", "state"), [("", UNKNOWN), ("wrong", UNKNOWN), ("bypass", FIRED), ("unavailable", FIRED)])
def test_a_run_that_was_stopped_is_a_reason_only_where_the_service_is_at_fault(kind: str, state: TriggerState) -> None:
    triggers = evaluate(list(PLAN), failing(PLAN[0].id, kind), BASELINE, [], sustained=2, actions=ACTIONS, stopped=True)
    assert next(trigger.state for trigger in triggers if trigger.id == "gate-failure") is state
