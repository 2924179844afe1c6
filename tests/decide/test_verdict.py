"""From outcomes to a verdict: every combination, and everything that may be missing."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from gate.decide.verdict import Policy, decide, verdict_of, worst
from gate.model import Basis, Criterion, Outcome, Result, Severity, Verdict
from tests.decide.support import BASELINE, PLAN, STRICT, control, healthy, result, results

GO, NO_GO, INCONCLUSIVE = Verdict.GO, Verdict.NO_GO, Verdict.INCONCLUSIVE
ALL: set[tuple[str, str]] = {(basis, severity) for basis in Basis for severity in Severity}
POLICIES: dict[str, tuple[Policy, set[tuple[str, str]]]] = {
    "baseline": (BASELINE, {("contract", "medium"), ("contract", "high"), ("contract", "critical")}),
    "strict": (STRICT, ALL),
    "hardening from high up": (
        Policy("own", Severity.LOW, Severity.HIGH),
        {*((Basis.CONTRACT, severity) for severity in Severity), ("hardening", "high"), ("hardening", "critical")},
    ),
}
# Outcome (None: no result at all): the verdict where a failure blocks, and where it does not.
MEANING = {
    Outcome.PASSED: (GO, GO),
    Outcome.FAILED: (NO_GO, GO),
    Outcome.ERROR: (INCONCLUSIVE, INCONCLUSIVE),
    Outcome.INCONCLUSIVE: (INCONCLUSIVE, GO),
    Outcome.NOT_RUN: (INCONCLUSIVE, INCONCLUSIVE),
    Outcome.NOT_APPLICABLE: (GO, GO),
    None: (INCONCLUSIVE, INCONCLUSIVE),
}
CELLS = list(product(MEANING, Basis, Severity, POLICIES))


@pytest.mark.parametrize(("outcome", "basis", "severity", "name"), CELLS)
def test_what_one_control_says(outcome: Outcome | None, basis: Basis, severity: Severity, name: str) -> None:
    policy, blocking = POLICIES[name]
    item = control("X-1", severity=severity, basis=basis)
    expected = MEANING[outcome][0 if (basis, severity) in blocking else 1]
    found = result("X-1", outcome) if outcome else None
    assert policy.blocks(item) is ((basis, severity) in blocking)
    assert verdict_of(item, found, policy) is expected


@pytest.mark.parametrize(("outcome", "basis", "severity", "name"), CELLS)
def test_one_control_beside_a_healthy_run(outcome: Outcome | None, basis: Basis, severity: Severity, name: str) -> None:
    """It alone decides the run, its criterion and its suite, and is named as blocking or as reported."""
    policy, blocking = POLICIES[name]
    item = control("X-1", "recall", severity=severity, basis=basis, suite="recall")
    found = healthy() | ({"X-1": result("X-1", outcome)} if outcome else {})
    expected = MEANING[outcome][0 if (basis, severity) in blocking else 1]
    decision = decide([*PLAN, item], found, policy)
    criteria = {line.criterion: line.verdict for line in decision.criteria}
    assert decision.verdict is expected
    assert criteria == dict.fromkeys(Criterion, GO) | {Criterion.GATE: expected, Criterion.RECALL: expected}
    assert (decision.security, decision.acceptance) == (GO, expected)
    assert decision.blocking == (() if expected is GO else ("X-1",))
    quiet = outcome in (Outcome.PASSED, Outcome.NOT_APPLICABLE)
    assert decision.reported == (("X-1",) if expected is GO and not quiet else ())


def test_every_outcome_is_in_the_table() -> None:
    assert {item for item in MEANING if item} == set(Outcome)


def test_the_healthy_run_itself() -> None:
    """The positive control of everything above."""
    decision = decide(PLAN, healthy(), BASELINE)
    assert decision.verdict is GO
    assert (decision.security, decision.acceptance, decision.blocking, decision.reported) == (GO, GO, (), ())


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], INCONCLUSIVE),
        ([GO], GO),
        ([GO, GO], GO),
        ([INCONCLUSIVE], INCONCLUSIVE),
        ([GO, INCONCLUSIVE], INCONCLUSIVE),
        ([NO_GO], NO_GO),
        ([GO, NO_GO], NO_GO),
        ([INCONCLUSIVE, NO_GO], NO_GO),
        ([GO, INCONCLUSIVE, NO_GO], NO_GO),
    ],
)
def test_worst(verdicts: list[Verdict], expected: Verdict) -> None:
    """In whatever order; nothing at all is not a pass."""
    assert {worst(order) for order in permutations(verdicts)} == {expected}


def test_exit_status_and_word() -> None:
    """The contract with pipelines."""
    assert {item: (item.exit_status, item.line) for item in Verdict} == {
        GO: (0, "PASS"),
        NO_GO: (10, "FAIL"),
        INCONCLUSIVE: (11, "INCONCLUSIVE"),
    }


@pytest.mark.parametrize("not_applicable", [(), tuple(Criterion), ("recall", "audit", "auth", "errors")])
def test_no_controls_is_inconclusive(not_applicable: tuple[str, ...]) -> None:
    """A plan without controls has shown nothing, whatever a profile excuses."""
    decision = decide([], {}, BASELINE, not_applicable)
    assert (decision.verdict, decision.security, decision.acceptance) == (INCONCLUSIVE, INCONCLUSIVE, INCONCLUSIVE)


def test_no_results_is_inconclusive() -> None:
    decision = decide(PLAN, {}, BASELINE)
    assert decision.verdict is INCONCLUSIVE
    assert {line.verdict for line in decision.criteria} == {INCONCLUSIVE}
    assert decision.blocking == tuple(item.id for item in PLAN)


@pytest.mark.parametrize("missing", PLAN, ids=lambda item: item.id)
def test_a_missing_result_is_no_pass(missing: object) -> None:
    found = healthy()
    del found[missing.id]  # type: ignore[attr-defined]
    decision = decide(PLAN, found, BASELINE)
    assert decision.verdict is INCONCLUSIVE
    assert decision.blocking == (missing.id,)  # type: ignore[attr-defined]


def test_a_result_of_a_control_outside_the_plan_counts_for_nothing() -> None:
    found = healthy() | results(OTHER="passed", BAD="failed")
    del found["REC-1"]
    decision = decide(PLAN, found, BASELINE)
    assert decision.verdict is INCONCLUSIVE
    assert decision.blocking == ("REC-1",)


@pytest.mark.parametrize("outcome", ["not_applicable", "failed", "inconclusive"])
def test_a_criterion_in_which_nothing_passed_is_no_pass(outcome: str) -> None:
    """Also where nothing in it blocks: only controls that do not count are no evidence."""
    plan = [*PLAN[:1], *PLAN[2:], control("REC-1", "recall", basis="hardening", suite="recall")]
    decision = decide(plan, healthy() | results(REC_1=outcome), BASELINE)
    assert {line.criterion: line.verdict for line in decision.criteria}[Criterion.RECALL] is INCONCLUSIVE
    assert decision.verdict is INCONCLUSIVE


@pytest.mark.parametrize("suite", ["security", "acceptance"])
def test_a_line_of_the_result_without_a_pass_is_no_pass(suite: str) -> None:
    plan = [control(item.id, item.criterion, suite=suite) for item in PLAN]
    decision = decide(plan, healthy(), BASELINE)
    lines = {"security": decision.security, "acceptance": decision.acceptance}
    assert lines == {"security": INCONCLUSIVE, "acceptance": INCONCLUSIVE} | {suite: GO}


# What is in a criterion that the profile excuses, and what the criterion then says. None: it does not apply.
EXCUSED: dict[str, tuple[list[tuple[str, str | None]], Verdict | None]] = {
    "nothing": ([], None),
    "a control that does not apply": ([("contract", "not_applicable")], None),
    "a pass": ([("contract", "passed")], GO),
    "a pass beside what does not apply": ([("contract", "passed"), ("contract", "not_applicable")], GO),
    "a failure": ([("contract", "failed")], NO_GO),
    "a control that measured nothing": ([("contract", "inconclusive")], INCONCLUSIVE),
    "a control that broke": ([("contract", "error")], INCONCLUSIVE),
    "a control that did not run": ([("contract", "not_run")], INCONCLUSIVE),
    "a control without a result": ([("contract", None)], INCONCLUSIVE),
    "a failure that does not block": ([("hardening", "failed")], None),
    "a failure that does not block, beside what does not apply": ([("hardening", "failed"), ("contract", "not_applicable")], None),
    "a hardening control that broke": ([("hardening", "error")], INCONCLUSIVE),
}


@pytest.mark.parametrize("case", EXCUSED)
def test_a_criterion_that_the_profile_excuses(case: str) -> None:
    """It may be without evidence; what evidence there is still counts, and nothing that does not block makes it worse."""
    members, expected = EXCUSED[case]
    controls = [control(f"R-{number}", "recall", basis=basis, suite="recall") for number, (basis, _) in enumerate(members)]
    found = {f"R-{number}": result(f"R-{number}", outcome) for number, (_, outcome) in enumerate(members) if outcome}
    plan = [*PLAN[:1], *PLAN[2:], *controls]
    decision = decide(plan, healthy() | found, BASELINE, ["recall"])
    assert {line.criterion: line.verdict for line in decision.criteria}[Criterion.RECALL] is expected
    assert decision.verdict is (expected or GO)
    unexcused = decide(plan, healthy() | found, BASELINE)
    assert unexcused.verdict is (expected or INCONCLUSIVE)


def test_excusing_one_criterion_excuses_no_other() -> None:
    plan = [item for item in PLAN if item.criterion not in ("recall", "audit")]
    assert decide(plan, healthy(), BASELINE, ["recall"]).verdict is INCONCLUSIVE
    assert decide(plan, healthy(), BASELINE, ["recall", "audit"]).verdict is GO


def test_hardening_findings_are_reported_and_do_not_block_under_baseline() -> None:
    extra = [control(f"H-{severity}", severity=severity, basis="hardening") for severity in Severity]
    found = healthy() | {item.id: result(item.id, "failed") for item in extra}
    decision = decide([*PLAN, *extra], found, BASELINE)
    assert decision.verdict is GO
    assert decision.reported == tuple(item.id for item in extra)
    assert decide([*PLAN, *extra], found, STRICT).verdict is NO_GO


def test_a_failure_is_not_hidden_by_what_is_inconclusive_or_does_not_apply() -> None:
    for order in permutations(["failed", "error", "not_applicable", "inconclusive", "passed"]):
        extra = [control(f"X-{outcome}") for outcome in order]
        found = healthy() | {f"X-{outcome}": result(f"X-{outcome}", outcome) for outcome in order}
        assert decide([*PLAN, *extra], found, BASELINE).verdict is NO_GO


def test_a_result_cannot_be_made_without_what_earns_it() -> None:
    with pytest.raises(ValueError, match="at least one measurement"):
        Result("X-1", Outcome.PASSED)
    for outcome in set(Outcome) - {Outcome.PASSED}:
        with pytest.raises(ValueError, match="needs a reason"):
            Result("X-1", outcome, measured=1)
