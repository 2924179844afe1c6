"""Waivers: one table of what each is worth, and that none of them ever makes a pass of what is not one."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest

from gate.decide.rollback import evaluate
from gate.decide.verdict import Policy, decide, verdict_of
from gate.decide.waivers import countdown
from gate.model import Control, Criterion, Outcome, Result, TriggerState, Verdict, Waiver, WaiverStatus
from tests.decide.support import BASELINE, PLAN, STRICT, control, healthy, result

DAY = date(2026, 3, 10)
GO, NO_GO, INCONCLUSIVE = Verdict.GO, Verdict.NO_GO, Verdict.INCONCLUSIVE
X = control("X-1", "errors")
CRITICAL = control("X-1", "errors", severity="critical")
Y = control("Y-1", "errors")
HARDENING = control("X-1", "errors", basis="hardening", severity="low")


def failed(item: Control, fingerprint: str = "0123456789abcdef", outcome: str = "failed", kind: str = "") -> Result:
    return replace(result(item.id, outcome, kind), fingerprint=fingerprint)


def waiver(first: int = -10, last: int = 10, **changes: str) -> Waiver:
    """From so many days after the day of the run until so many."""
    days = {"since": (DAY + timedelta(first)).isoformat(), "until": (DAY + timedelta(last)).isoformat()}
    texts = {
        "reason": "mended soon",
        "risk": "none to speak of",
        "requester": "Ada Lovelace",
        "approver": "Grace Hopper",
        "ticket": "T-1",
    }
    return Waiver(**{"control": "X-1", "fingerprint": "0123456789abcdef", **texts, **days, **changes})


@dataclass
class Case:
    """One run with waivers: the controls beside a healthy plan, their results, and what comes of it. `problem`: part of its sentence."""

    waivers: tuple[Waiver, ...]
    states: tuple[str, ...]
    verdict: Verdict
    controls: tuple[Control, ...] = (X,)
    results: tuple[Result, ...] = (failed(X),)
    policy: Policy = BASELINE
    before: Verdict = NO_GO
    problem: str = ""


RECALL = control("X-1", "recall", suite="recall")
CHECKSUM = control("X-1", "audit", suite="audit", waivable=False)
FORBIDDEN = ("forbidden",)
CASES = {
    "valid": Case((waiver(),), ("used",), GO),
    "none at all": Case((), (), NO_GO),
    "expired": Case((waiver(-10, -1),), ("expired",), NO_GO, problem="ended on 2026-03-09"),
    "expires today": Case((waiver(-10, 0),), ("used",), GO),
    "not yet valid": Case((waiver(1, 10),), ("not_yet_valid",), NO_GO, problem="begins on 2026-03-11"),
    "starts today": Case((waiver(0, 10),), ("used",), GO),
    "one day only": Case((waiver(0, 0),), ("used",), GO),
    "ends before it begins": Case((waiver(5, -5),), ("not_yet_valid",), NO_GO),
    "exactly 90 days": Case((waiver(0, 90),), ("used",), GO),
    "91 days": Case((waiver(-1, 90),), ("too_long",), NO_GO, problem="91 days; 90 are the most"),
    "critical, exactly 14 days": Case((waiver(0, 14),), ("used",), GO, (CRITICAL,)),
    "critical, 15 days": Case((waiver(-1, 14),), ("too_long",), NO_GO, (CRITICAL,), problem="15 days; 14 are the most for a critical"),
    "over-long and over": Case((waiver(-100, -1),), ("too_long",), NO_GO),
    "orphan": Case((waiver(), waiver(control="Z-9")), ("used", "orphan"), NO_GO, problem="no control of this name"),
    "orphan in a healthy run": Case((waiver(control="Z-9"),), ("orphan",), NO_GO, (), (), before=GO),
    "duplicate": Case((waiver(), waiver(ticket="T-2")), ("duplicate", "duplicate"), NO_GO, problem="2 waivers name this finding"),
    "unused: it passed": Case((waiver(),), ("unused",), NO_GO, results=(result("X-1", "passed"),), before=GO, problem="outcome is passed"),
    "unused: not applicable": Case((waiver(),), ("unused",), NO_GO, results=(result("X-1", "not_applicable"),), before=GO),
    "unused: a failure that blocks nothing needs none, and may have one": Case((waiver(),), ("used",), GO, (HARDENING,), before=GO),
    "other fingerprint": Case((waiver(fingerprint="f" * 16),), ("unused",), NO_GO, problem="another finding (0123456789abcdef)"),
    "no fingerprint on either side": Case((waiver(fingerprint=""),), ("unused",), NO_GO, results=(failed(X, ""),)),
    "fingerprint in capitals": Case((waiver(fingerprint="0123456789ABCDEF"),), ("unused",), NO_GO),
    "self-approved": Case((waiver(approver="Ada Lovelace"),), ("self_approved",), NO_GO),
    "self-approved, other case and spaces": Case((waiver(approver=" ada   LOVELACE "),), ("self_approved",), NO_GO),
    "self-approved by the same address": Case(
        (waiver(requester="Ada <ada@example.com>", approver="A. L. <ADA@example.com>"),), ("self_approved",), NO_GO
    ),
    "blank reason": Case((waiver(reason=" \t"),), ("incomplete",), NO_GO, problem="under 'reason'"),
    "invisible risk": Case((waiver(risk="\u200b\u2060"),), ("incomplete",), NO_GO, problem="under 'risk'"),
    "no ticket": Case((waiver(ticket="-"),), ("incomplete",), NO_GO),
    "nobody approved": Case((waiver(approver=""),), ("incomplete",), NO_GO),
    "recall": Case((waiver(),), FORBIDDEN, NO_GO, (RECALL,), problem="recall control is never waived"),
    "checksum": Case((waiver(),), FORBIDDEN, NO_GO, (CHECKSUM,), problem="never waived"),
    "bypass": Case((waiver(),), FORBIDDEN, NO_GO, results=(failed(X, kind="bypass"),), problem="way around a protection"),
    "authentication-bypass control without the kind": Case((waiver(),), FORBIDDEN, NO_GO, (control("X-1", "auth", waivable=False),)),
    "forbidden although the control passed": Case((waiver(),), FORBIDDEN, NO_GO, (RECALL,), (result("X-1", "passed"),), before=GO),
    "inconclusive": Case((waiver(),), ("unused",), NO_GO, results=(failed(X, outcome="inconclusive"),), before=INCONCLUSIVE),
    "error": Case((waiver(),), ("unused",), NO_GO, results=(failed(X, outcome="error"),), before=INCONCLUSIVE),
    "not run": Case((waiver(),), ("unused",), NO_GO, results=(), before=INCONCLUSIVE, problem="outcome is not_run"),
    "two findings of which one waived": Case((waiver(),), ("used",), NO_GO, (X, Y), (failed(X), failed(Y))),
    "two findings, both waived": Case((waiver(), waiver(control="Y-1")), ("used", "used"), GO, (X, Y), (failed(X), failed(Y))),
    "one waived, another inconclusive": Case((waiver(),), ("used",), INCONCLUSIVE, (X, Y), (failed(X), failed(Y, outcome="inconclusive"))),
    "one waived, another did not run": Case((waiver(),), ("used",), INCONCLUSIVE, (X, Y), (failed(X),)),
    "hardening under strict": Case((waiver(),), ("used",), GO, (HARDENING,), policy=STRICT),
    "hardening under strict, over": Case((waiver(-9, -1),), ("expired",), NO_GO, (HARDENING,), policy=STRICT),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_waiver_is_worth(name: str) -> None:
    case = CASES[name]
    plan = [*PLAN, *case.controls]
    found = healthy() | {item.control: item for item in case.results}
    before = dict(found)
    decision = decide(plan, found, case.policy, waivers=case.waivers, day=DAY)
    assert tuple(item.state for item in decision.waivers) == case.states
    assert (decision.before_waivers, decision.verdict) == (case.before, case.verdict)
    assert found == before  # no outcome was changed
    used = {item.control for item in decision.waivers if item.state is WaiverStatus.USED}
    assert set(decision.waived) == used
    assert not used & set(decision.blocking)
    assert used <= set(decision.reported)
    problems = [item.problem for item in decision.waivers if item.state is not WaiverStatus.USED]
    assert all(problems)
    assert all(item.problem == "" for item in decision.waivers if item.state is WaiverStatus.USED)
    assert case.problem in "; ".join(problems)
    assert (next(item.verdict for item in decision.criteria if item.criterion is Criterion.GATE)) is case.verdict


def test_what_is_waived_is_no_evidence() -> None:
    """A criterion in which nothing passed is not GO because its one failure is waived."""
    plan = [item for item in PLAN if item.criterion is not Criterion.ERRORS] + [X]
    decision = decide(plan, healthy() | {"X-1": failed(X)}, BASELINE, waivers=[waiver()], day=DAY)
    assert decision.verdict is INCONCLUSIVE


def test_days_are_counted_to_the_last() -> None:
    def left(last: int) -> int:
        return decide([*PLAN, X], healthy() | {"X-1": failed(X)}, BASELINE, waivers=[waiver(-10, last)], day=DAY).waivers[0].days_left

    assert [left(number) for number in (-3, 0, 1, 14)] == [-3, 0, 1, 14]


@pytest.mark.parametrize(("left", "stretch"), [(90, None), (15, None), (14, 14), (8, 14), (7, 7), (2, 7), (1, 1), (0, 1)])
def test_the_countdown(left: int, stretch: int | None) -> None:
    assert countdown(left) == stretch


def test_waivers_need_a_day() -> None:
    with pytest.raises(ValueError, match="without the day"):
        decide(PLAN, healthy(), BASELINE, waivers=[waiver()])


@pytest.mark.parametrize("day", ["2026-3-1", "20260301", "2026-W09-1", "2026-02-30", "", "tomorrow"])
def test_a_waiver_has_days(day: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        waiver(until=day)


def test_without_waivers_nothing_is_different() -> None:
    decision = decide(PLAN, healthy(), BASELINE)
    assert (decision.verdict, decision.before_waivers, decision.waived, decision.waivers) == (GO, GO, (), ())


def drawn(random_: random.Random) -> tuple[list[Control], dict[str, Result], list[Waiver], Policy]:
    """A run of anything with waivers of anything: most of them right, so that many runs are decided by them."""
    plan, found, waivers = list(PLAN), healthy(), []
    for number in range(random_.randint(1, 5)):
        item = control(
            f"R-{number}",
            random_.choice(list(Criterion)),
            severity=random_.choice(["low", "high", "critical"]),
            basis=random_.choice(["contract", "hardening"]),
            waivable=random_.random() < 0.9,
        )
        plan.append(item)
        outcome = random_.choices(list(Outcome), [8, 20, 1, 1, 1, 1])[0]
        found[item.id] = failed(item, f"{number:016x}", outcome, random_.choices(["", "bypass"], [9, 1])[0])
        if random_.random() < 0.05:
            del found[item.id]
    for item in plan:
        one = found.get(item.id) or failed(item)
        if random_.random() < (0.9 if one.outcome is Outcome.FAILED else 0.03):
            right: dict[str, Any] = {"control": item.id, "fingerprint": one.fingerprint or "0" * 16}
            odd = random_.choice([{"fingerprint": "f" * 16}, {"approver": "ada lovelace"}, {"reason": ""}, {"control": "Z-9"}])
            days = (
                random_.choice([(0, 14), (-1, 10), (0, 0), (-5, 3)])
                if random_.random() < 0.9
                else random_.choice([(-80, 10), (1, 2), (-5, -1)])
            )
            waivers += [waiver(*days, **{**right, **(odd if random_.random() < 0.1 else {})})] * random_.choices([1, 2], [19, 1])[0]
    return plan, found, waivers, random_.choice([BASELINE, STRICT])


def test_no_set_of_waivers_makes_a_pass() -> None:
    """Of 5,000 runs with waivers drawn at random: GO only where each failure that blocks has one that fits, and nothing else is amiss."""
    random_, turned, kept = random.Random(4), 0, 0  # noqa: S311 - made-up runs
    for _ in range(5_000):
        plan, found, waivers, policy = drawn(random_)
        before = decide(plan, found, policy)
        after = decide(plan, found, policy, waivers=waivers, day=DAY)
        assert after.before_waivers is before.verdict
        if after.verdict is not GO:
            kept += before.verdict is not GO
            continue
        assert before.verdict is not INCONCLUSIVE
        assert all(item.state is WaiverStatus.USED for item in after.waivers)
        for item in plan:
            if verdict_of(item, found.get(item.id), policy) is not GO:
                assert item.id in after.waived
                assert found[item.id].outcome is Outcome.FAILED
                assert found[item.id].kind != "bypass"
                assert item.waivable
                assert item.criterion is not Criterion.RECALL
                fitting = [one for one in waivers if (one.control, one.fingerprint) == (item.id, found[item.id].fingerprint)]
                assert len(fitting) == 1
                assert fitting[0].first <= DAY <= fitting[0].last
        turned += before.verdict is NO_GO
    assert turned > 200  # the waivers did something
    assert kept > 500


@pytest.mark.parametrize(("waived", "state"), [((), TriggerState.FIRED), (("X-1",), TriggerState.CLEAR)])
def test_what_is_waived_is_no_reason_to_roll_back(waived: tuple[str, ...], state: TriggerState) -> None:
    item = control("X-1", "audit", suite="audit", severity="medium")
    found = healthy() | {"X-1": failed(item)}
    triggers = {one.id: one for one in evaluate([*PLAN, item], found, BASELINE, [], sustained=2, actions=(), waived=waived)}
    assert triggers["gate-failure"].state is state
    assert triggers["pack-mismatch"].state is state
