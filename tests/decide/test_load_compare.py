"""Two runs under load held against each other: what is a regression, what is none, and what cannot be compared."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from typing import Any

import pytest

from gate.decide.load_compare import check_rules, compare
from gate.errors import ConfigurationError
from gate.model import EVERY, LATENCIES, LoadOutcome, LoadResult
from tests.decide.load_support import DRILL, READ, name, result

PASSED, FAILED, INCONCLUSIVE = LoadOutcome.PASSED, LoadOutcome.FAILED, LoadOutcome.INCONCLUSIVE
RULES: dict[str, Any] = {"relative": 0.10, "absolute_ms": 5.0, "metrics": ["p50", "p95"], "each": ["p50"]}


def scaled(factor: float, base: float = 50.0, **more: Any) -> LoadResult:
    """A run in which everything takes `base` milliseconds times `factor`."""
    took: dict[str, Any] = {key.replace(".", "_"): base * factor for key in LATENCIES}
    return result({READ: name(**took), DRILL: name(1500, **took)}, **{"run_id": "run-2", **more})


def old(base: float = 50.0, **more: Any) -> LoadResult:
    return scaled(1.0, base, run_id="run-1", **more)


def outcomes(new: LoadResult, before: LoadResult, rules: dict[str, Any] | None = None) -> set[LoadOutcome]:
    checks = compare(new, before, RULES if rules is None else rules)
    assert checks
    json.dumps([asdict(check) for check in checks], allow_nan=False)
    return {check.outcome for check in checks}


# The factor by which the service got slower, its time before, and what is meant to be said.
SLOWED: dict[str, tuple[float, float, LoadOutcome]] = {
    "by 30 %": (1.3, 50.0, FAILED),
    "by 1 %": (1.01, 50.0, PASSED),
    "not at all": (1.0, 50.0, PASSED),
    "faster": (0.5, 50.0, PASSED),
    "at both minimum effects": (1.1, 50.0, PASSED),
    "a hair over both": (1.1002, 50.0, FAILED),
    "over the relative one alone": (1.3, 10.0, PASSED),
    "over the absolute one alone": (1.05, 300.0, PASSED),
    "a long one over both": (1.11, 300.0, FAILED),
    "from nothing, under the absolute one": (1.0, 0.0, PASSED),
}


@pytest.mark.parametrize("case", SLOWED)
def test_how_much_slower_is_a_regression(case: str) -> None:
    factor, base, meant = SLOWED[case]
    assert outcomes(scaled(factor, base), old(base)) == {meant}


def test_what_is_told() -> None:
    checks = compare(scaled(1.3), old(), RULES)
    assert [(check.name, check.metric) for check in checks] == [(EVERY, "p50"), (EVERY, "p95"), (READ, "p50"), (DRILL, "p50")]
    assert checks[3].message == f"{DRILL} p50 65 ms, was 50 ms, limit <= 55 ms (10 % and 5 ms slower)"
    assert (checks[3].observed, checks[3].comparator, checks[3].unit) == (65.0, "<=", "ms")
    assert checks[3].limit == pytest.approx(55.0)
    assert checks[3].threshold == f"{DRILL}: p50 against run-1"
    assert checks[0].threshold == "p50 against run-1"


def test_one_name_alone_that_got_slower_is_a_regression() -> None:
    new = replace(old(), run_id="run-2", names=old().names | {DRILL: name(1500, p50=65)})
    assert [check.name for check in compare(new, old(), RULES) if check.outcome is FAILED] == [DRILL]


INCOMPARABLE: dict[str, tuple[LoadResult, LoadResult, str]] = {
    "another plan": (scaled(1.0), old(plan_sha256="b" * 64), "another plan"),
    "no plan known": (scaled(1.0, plan_sha256=""), old(plan_sha256=""), "another plan"),
    "another profile": (scaled(1.0), old(profile="smoke"), "another plan"),
    "the same run": (old(), old(), "the same run"),
    "the one before was busy": (scaled(1.0), old(cpu_max=0.9), "run-1 is no passed measurement: the generator used 90 %"),
    "this one was busy": (scaled(1.0, cpu_max=0.9), old(), "run-2 is no passed measurement: the generator used 90 %"),
    "this one was busy, and slower": (scaled(1.3, cpu_max=0.9), old(), "run-2 is no passed measurement"),
    "the one before dropped": (scaled(1.0), old(dropped=1, scheduled=3501), "run-1 is no passed measurement: 1 request was dropped"),
    "the one before broke a limit": (scaled(1.0), old(thresholds=("p95<20ms",)), "run-1 is no passed measurement: all requests p95 50 ms"),
    "the one before had no limit": (scaled(1.0), old(thresholds=()), "run-1 is no passed measurement: no threshold"),
    "the one before cannot be read": (scaled(1.0), old(thresholds=("p98<20ms",)), "run-1 is no passed measurement: 'p98' is no metric"),
    "the one before was aborted": (scaled(1.0), old(aborted="5 in a row"), "run-1 is no passed measurement: sending was stopped early"),
    "this one was aborted": (scaled(0.1, aborted="5 in a row"), old(), "run-2 is no passed measurement: sending was stopped early"),
    "this one was throttled": (result({READ: name(errors=1, status=429)}, run_id="run-2"), old(), "run-2 is no passed measurement"),
    "nothing measured before": (scaled(1.0), result({}, run_id="run-1"), "run-1 is no passed measurement"),
    "nothing measured now": (result({}, run_id="run-2"), old(), "run-2 is no passed measurement"),
    "another version of the result": (scaled(1.0), old(schema_version=2), "another version"),
}  # fmt: skip


@pytest.mark.parametrize("case", INCOMPARABLE)
def test_what_cannot_be_compared_is_inconclusive(case: str) -> None:
    new, before, told = INCOMPARABLE[case]
    assert outcomes(new, before) == {INCONCLUSIVE}
    assert all(told in check.message for check in compare(new, before, RULES))


def test_a_run_that_broke_a_limit_is_compared_but_never_passes() -> None:
    """It is no passed measurement, but a regression is one."""
    broken: dict[str, Any] = {"thresholds": ("p95<20ms",)}
    assert outcomes(scaled(1.3, **broken), old()) == {FAILED}
    assert outcomes(scaled(1.0, **broken), old()) == {INCONCLUSIVE}


def few(count: int, run_id: str, **latency: Any) -> LoadResult:
    names = {READ: name(**latency), DRILL: name(count, **latency)}
    return result(names, run_id=run_id)


FEW = {"now": (19, 20), "before": (20, 19), "now none": (0, 20), "before none": (20, 0)}


@pytest.mark.parametrize("case", FEW)
def test_too_few_samples_of_a_name(case: str) -> None:
    now, before = FEW[case]
    checks = compare(few(now, "run-2", p50=500), few(before, "run-1"), RULES | {"metrics": ["p50"]})
    assert {check.name: check.outcome for check in checks} == {EVERY: FAILED, READ: FAILED, DRILL: INCONCLUSIVE}
    assert f"{min(now, before)} samples, at least 20 needed" in checks[-1].message


def test_a_name_that_only_one_has_is_inconclusive() -> None:
    both, one = few(20, "run-2"), result({READ: name()}, run_id="run-1")
    for new, before in ((both, one), (one, both)):
        found = {check.name: check.outcome for check in compare(new, before, RULES)}
        assert found[DRILL] is INCONCLUSIVE


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0])
def test_a_latency_that_is_no_number_is_inconclusive(value: float) -> None:
    sick = {DRILL: name(1500, p50=value)}
    assert compare(replace(old(), run_id="run-2", names=old().names | sick), old(), RULES)[-1].outcome is INCONCLUSIVE
    assert compare(scaled(1.0), replace(old(), names=old().names | sick), RULES)[-1].outcome is INCONCLUSIVE


WRONG: dict[str, dict[str, Any]] = {
    "no relative effect": {"absolute_ms": 5.0, "metrics": ["p50"]},
    "no absolute effect": {"relative": 0.1, "metrics": ["p50"]},
    "a relative effect that is no number": RULES | {"relative": math.nan},
    "an infinite one": RULES | {"relative": math.inf},
    "one below zero": RULES | {"relative": -0.1},
    "an absolute effect that is no number": RULES | {"absolute_ms": math.nan},
    "one as text": RULES | {"absolute_ms": "5"},
    "one as truth": RULES | {"relative": True},
    "nothing to compare": RULES | {"metrics": [], "each": []},
    "an unknown metric": RULES | {"metrics": ["p98"]},
    "an unknown metric of each name": RULES | {"each": ["p98"]},
    "the longest": RULES | {"metrics": ["max"]},
    "errors": RULES | {"metrics": ["errors"]},
    "an unknown rule": RULES | {"tolerance": 1},
}


@pytest.mark.parametrize("case", WRONG)
def test_rules_that_cannot_be_used(case: str) -> None:
    with pytest.raises(ConfigurationError):
        check_rules(WRONG[case])
    with pytest.raises(ConfigurationError):
        compare(scaled(1.0), old(), WRONG[case])
