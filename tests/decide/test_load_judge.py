"""A run under load: what passes, what fails, and everything that must never pass because it was not measured."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from typing import Any

import pytest

from gate.decide.load import gravest, judge
from gate.errors import ConfigurationError
from gate.model import EVERY, LoadName, LoadOutcome, LoadResult
from tests.decide.load_support import DRILL, READ, name, result

PASSED, FAILED, INCONCLUSIVE = LoadOutcome.PASSED, LoadOutcome.FAILED, LoadOutcome.INCONCLUSIVE
LIMITS = ("p95<800ms", "max<10s", "errors<1%", f"{DRILL}: p95<2s")
NAN, INFINITY = math.nan, math.inf


def outcome(measured: LoadResult, *thresholds: str) -> tuple[LoadOutcome, str]:
    """The outcome, and the reasons as one text."""
    judgement = judge(measured, thresholds or LIMITS)
    assert (judgement.outcome is PASSED) == (not judgement.reasons)
    assert len(set(judgement.reasons)) == len(judgement.reasons)
    json.dumps(asdict(judgement), allow_nan=False)
    return judgement.outcome, "; ".join(judgement.reasons)


def test_a_healthy_run_passes() -> None:
    judgement = judge(result(), LIMITS)
    assert (judgement.outcome, judgement.reasons) == (PASSED, ())
    assert [(check.threshold, check.name, check.observed, check.limit, check.unit) for check in judgement.checks] == [
        ("p95<800ms", EVERY, 40.0, 800.0, "ms"),
        ("max<10s", EVERY, 40.0, 10_000.0, "ms"),
        ("errors<1%", EVERY, 0.0, 0.01, "ratio"),
        (f"{DRILL}: p95<2s", DRILL, 40.0, 2000.0, "ms"),
    ]
    assert {check.outcome for check in judgement.checks} == {PASSED}


def slow(**latency: Any) -> LoadResult:
    """The drill's requests have these latencies, and so have all."""
    names = {READ: name(), DRILL: name(1500, **latency)}
    return result(names, name(3500, **latency))


# The run, the threshold, and what is said of it.
TOLD: dict[str, tuple[LoadResult, str, LoadOutcome, str]] = {
    "a percentile over its limit": (slow(p95=912), f"{DRILL}: p95<800ms", FAILED, "POST /recall/simulate p95 912 ms, limit < 800 ms"),
    "the percentile of all": (slow(p95=912), "p95<800ms", FAILED, "all requests p95 912 ms, limit < 800 ms"),
    "a percentile at its limit": (slow(p95=800), "p95<800ms", FAILED, "all requests p95 800 ms, limit < 800 ms"),
    "a percentile at a limit that includes it": (slow(p95=800), "p95<=800ms", PASSED, "all requests p95 800 ms, limit <= 800 ms"),
    "a hair over a limit that includes it": (slow(p95=800.0004), "p95<=800ms", FAILED, "all requests p95 800.0004 ms, limit <= 800 ms"),
    "a hair under": (slow(p95=799.9996), "p95<800ms", PASSED, "all requests p95 799.9996 ms, limit < 800 ms"),
    "a part of a millisecond": (slow(p50=0.4321), "p50<5ms", PASSED, "all requests p50 0.43 ms, limit < 5 ms"),
    "the longest": (slow(max=12_034.5), f"{DRILL}: max<10s", FAILED, "POST /recall/simulate max 12034 ms, limit < 10000 ms"),
    "the far tail": (result({READ: name(20_000, p99_9=999)}), "p99.9<1s", PASSED, "all requests p99.9 999 ms, limit < 1000 ms"),
    "errors": (result({READ: name(errors=84)}), "errors<0.1%", FAILED, "all requests errors 4.2 %, limit < 0.1 %"),
    "errors of one": (result({DRILL: name(errors=2)}), f"{DRILL}: errors<0.1%", FAILED, f"{DRILL} errors 0.1 %, limit < 0.1 %"),
    "errors at their limit": (result({READ: name(errors=2)}), "errors<=0.1%", PASSED, "all requests errors 0.1 %, limit <= 0.1 %"),
    "the rate": (result(), "rate>=20/s", PASSED, "all requests rate 20 per second, limit >= 20 per second"),
    "too low a rate": (result(), f"{READ}: rate>12/s", FAILED, f"{READ} rate 11.4 per second, limit > 12 per second"),
}  # fmt: skip


@pytest.mark.parametrize("case", TOLD)
def test_a_limit_held_against_a_number(case: str) -> None:
    measured, threshold, meant, told = TOLD[case]
    (check,) = judge(measured, [threshold]).checks
    assert (check.outcome, check.message) == (meant, told)


NO_NUMBER = {"NaN": NAN, "infinity": INFINITY, "minus infinity": -INFINITY, "below zero": -1.0}


@pytest.mark.parametrize("case", NO_NUMBER)
@pytest.mark.parametrize("metric", ["p95", "max", "p50"])
def test_a_latency_that_is_no_number_is_inconclusive(case: str, metric: str) -> None:
    measured = slow(**{metric: NO_NUMBER[case]})
    assert outcome(measured, f"{metric}<800ms") == (INCONCLUSIVE, f"all requests {metric} is not known, limit < 800 ms")
    assert judge(measured, [f"{metric}<800ms"]).checks[0].observed is None


@pytest.mark.parametrize("case", NO_NUMBER)
@pytest.mark.parametrize("field", ["cpu_max", "late_p99_ms", "seconds"])
def test_a_measure_of_the_generator_that_is_no_number_is_inconclusive(case: str, field: str) -> None:
    more: dict[str, Any] = {field: NO_NUMBER[case]}
    found, told = outcome(result(**more), "p95<800ms", "rate>1/s")
    assert found is INCONCLUSIVE
    assert "not known" in told


def test_a_latency_that_is_missing_is_inconclusive() -> None:
    every = replace(name(3500), latency_ms={"p50": 40.0})
    assert outcome(result(every=every), "p95<800ms")[0] is INCONCLUSIVE


FEW: dict[str, tuple[int, str, LoadOutcome]] = {
    "199 for a p95": (199, "p95<800ms", INCONCLUSIVE),
    "200 for a p95": (200, "p95<800ms", PASSED),
    "999 for a p99": (999, "p99<800ms", INCONCLUSIVE),
    "1000 for a p99": (1000, "p99<800ms", PASSED),
    "9999 for a p99.9": (9999, "p99.9<800ms", INCONCLUSIVE),
    "10000 for a p99.9": (10_000, "p99.9<800ms", PASSED),
    "19 for a median": (19, "p50<800ms", INCONCLUSIVE),
    "20 for a median": (20, "p50<800ms", PASSED),
    "19 for the longest": (19, "max<10s", INCONCLUSIVE),
    "20 for the longest": (20, "max<10s", PASSED),
    "19 for a mean": (19, "mean<10s", INCONCLUSIVE),
    "19 for errors": (19, "errors<1%", INCONCLUSIVE),
    "20 for errors": (20, "errors<1%", PASSED),
    "199 that are too slow for a p95": (199, "p95<10ms", INCONCLUSIVE),
    "200 that are too slow for a p95": (200, "p95<10ms", FAILED),
    "one that is too slow for the longest": (1, "max<10ms", FAILED),
}


@pytest.mark.parametrize("case", FEW)
def test_too_few_samples(case: str) -> None:
    count, threshold, meant = FEW[case]
    found, told = outcome(result({READ: name(count)}), threshold)
    assert found is meant
    assert (f"{count} samples, at least" in told) == (meant is INCONCLUSIVE)


def test_too_few_samples_of_one_name_leave_the_others_judged() -> None:
    names = {READ: name(p95=912), DRILL: name(199)}
    judgement = judge(result(names), [f"{READ}: p95<800ms", f"{DRILL}: p95<800ms", "p95<1s"])
    assert [check.outcome for check in judgement.checks] == [FAILED, INCONCLUSIVE, PASSED]
    assert judgement.outcome is FAILED
    assert judgement.reasons == (
        f"{READ} p95 912 ms, limit < 800 ms",
        f"{DRILL} p95 40 ms, limit < 800 ms: 199 samples, at least 200 needed",
    )


EMPTY: dict[str, LoadResult] = {
    "no name at all": result({}, LoadName(), scheduled=240, sent=0),
    "not even the merge": result(names={}, scheduled=240, sent=0, completed=0, locust_total=0),
    "names without a sample": result({READ: name(0), DRILL: name(0)}, scheduled=240),
    "nothing was to be sent": result({}, LoadName(), scheduled=0),
}


@pytest.mark.parametrize("case", EMPTY)
def test_zero_samples_are_inconclusive(case: str) -> None:
    found, told = outcome(EMPTY[case])
    assert found is INCONCLUSIVE
    assert "no request was completed" in told


def test_a_name_of_the_plan_without_a_sample_is_inconclusive() -> None:
    found, told = outcome(result({READ: name(), DRILL: name(0)}), f"{DRILL}: p95<2s")
    assert (found, told) == (INCONCLUSIVE, f"{DRILL} p95 is not known, limit < 2000 ms: 0 samples, at least 200 needed")


def test_an_unknown_name_fails() -> None:
    found, told = outcome(result(), "POST /recall/simulated: p95<2s")
    assert (found, told) == (FAILED, "POST /recall/simulated p95, limit < 2000 ms: no request has this name")


def test_a_threshold_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="p98"):
        judge(result(), ["p98<800ms"])


def test_without_a_threshold_nothing_is_judged() -> None:
    judgement = judge(result(), ())
    assert (judgement.outcome, judgement.reasons) == (INCONCLUSIVE, ("no threshold was declared, so nothing was judged",))


# The generator's own faults: what it says, whatever the numbers.
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "sent under 99 %": ({"scheduled": 3600, "sent": 3500}, "3500 of 3600 requests were sent, at least 99 % needed"),
    "dropped": ({"dropped": 1, "scheduled": 3501}, "1 request was dropped"),
    "CPU": ({"cpu_max": 0.51}, "the generator used 51 % of a core in its busiest second, at most 50 % allowed"),
    "late": ({"late_p99_ms": 10.4}, "requests left late: p99 10.4 ms after they were due, at most 10 ms allowed"),
    "a worker missing": ({"workers_expected": 2, "workers_seen": 2, "workers_missing": 1}, "1 of 2 workers went missing"),
    "a worker that never came": ({"workers_expected": 2, "workers_seen": 1}, "1 of 2 workers reported"),
    "a worker too many": ({"workers_expected": 1, "workers_seen": 2}, "2 of 1 workers reported"),
    "no worker": ({"workers_expected": 0, "workers_seen": 0}, "0 of 0 workers reported"),
    "another count of Locust's": ({"locust_total": 3499}, "counts differ: 3500 in the histogram, 3499 in Locust, 3500 completed"),
    "more completed than recorded": ({"completed": 3501, "sent": 3501, "scheduled": 3501}, "counts differ: 3500 in the histogram"),
    "more completed than sent": ({"sent": 3499, "scheduled": 3499}, "counts contradict each other"),
    "more sent than scheduled": ({"scheduled": 3400}, "counts contradict each other"),
    "a count below zero": ({"dropped": -1}, "counts contradict each other"),
    "killed": ({"exit_status": -9}, "Locust ended with status -9"),
    "an error of Locust's own": ({"exit_status": 2}, "Locust ended with status 2"),
    "a failure that nobody recorded": ({"exit_status": 1}, "Locust ended with status 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
@pytest.mark.parametrize("p95", [40.0, 912.0])
def test_a_generator_at_fault_makes_latencies_inconclusive(case: str, p95: float) -> None:
    more, told = FAULTS[case]
    measured = replace(slow(p95=p95), **more)
    found, reasons = outcome(measured)
    assert found is INCONCLUSIVE
    assert told in reasons
    latencies = [check for check in judge(measured, LIMITS).checks if check.unit == "ms"]
    assert {check.outcome for check in latencies} == {INCONCLUSIVE}


@pytest.mark.parametrize("case", FAULTS)
def test_a_generator_at_fault_does_not_excuse_errors(case: str) -> None:
    names = {READ: name(errors=100), DRILL: name(1500)}
    found, told = outcome(replace(result(names), **FAULTS[case][0]))
    assert found is FAILED
    assert "all requests errors 2.86 %, limit < 1 %" in told


STILL_FINE: dict[str, dict[str, Any]] = {
    "half a core": {"cpu_max": 0.5},
    "ten milliseconds late": {"late_p99_ms": 10.0},
    "one late request": {"late_max_ms": 300.0},
    "99 % sent": {"scheduled": 3535},
    "two workers": {"workers_expected": 2, "workers_seen": 2},
}


@pytest.mark.parametrize("case", STILL_FINE)
def test_what_is_no_fault_of_the_generator(case: str) -> None:
    assert outcome(result(**STILL_FINE[case])) == (PASSED, "")


def test_the_names_must_add_up_to_the_merge() -> None:
    names = {READ: name(), DRILL: name(1499)}
    found, told = outcome(result(names, name(3500)), "p95<800ms")
    assert found is INCONCLUSIVE
    assert "counts contradict each other" in told


def test_errors_that_no_count_allows_are_inconclusive() -> None:
    for errors in (3501, -1):
        found, told = outcome(result(every=replace(name(3500), errors=errors)), "errors<1%")
        assert found is INCONCLUSIVE
        assert "counts contradict each other" in told


ABORT = "5 answers in a row were 5xx, 429 or none at all"


def test_an_abort_fails() -> None:
    names = {READ: name(5, errors=5, status=0)}
    found, told = outcome(result(names, aborted=ABORT, scheduled=240))
    assert found is FAILED
    assert f"sending was stopped early: {ABORT}" in told
    assert "at least 99 % needed" not in told, "the abort says already why so few were sent"


def test_an_abort_with_a_generator_at_fault_fails() -> None:
    assert outcome(result(aborted=ABORT, cpu_max=0.9))[0] is FAILED


def test_an_abort_without_a_reason_fails() -> None:
    assert outcome(result(aborted=""))[0] is FAILED


def test_unfinished_requests_fail() -> None:
    measured = result(sent=3503, scheduled=3503, unfinished=3)
    assert outcome(measured) == (FAILED, "3 requests never ended: neither an answer nor a failure")


def test_unfinished_requests_of_a_worker_that_went_missing_are_not_the_target_s() -> None:
    measured = result(sent=3503, scheduled=3503, unfinished=3, workers_expected=2, workers_seen=2, workers_missing=1)
    found, told = outcome(measured)
    assert found is INCONCLUSIVE
    assert "1 of 2 workers went missing" in told
    assert "3 requests never ended" in told


def test_a_worker_killed_halfway_is_inconclusive() -> None:
    """The case of LOAD.md 7.1: 63 of 240 sent."""
    measured = result({READ: name(63)}, scheduled=240, workers_expected=2, workers_seen=2, workers_missing=1, thresholds=("p95<1s",))
    found, told = outcome(measured, "p95<1s", "errors<1%")
    assert found is INCONCLUSIVE
    assert "63 of 240 requests were sent" in told


def test_a_target_that_hangs_fails() -> None:
    names = {READ: name(240, errors=240, status=0, p95=1001)}
    assert outcome(result(names), "p95<2s", "errors<1%") == (FAILED, "all requests errors 100 %, limit < 1 %")


def test_a_stall_fails() -> None:
    assert outcome(result({READ: name(1125, p99=2030)}), "p99<500ms") == (FAILED, "all requests p99 2030 ms, limit < 500 ms")


def test_a_429_below_the_declared_limit_fails() -> None:
    measured = result({READ: name(errors=1, status=429)})
    assert outcome(measured, "p95<800ms") == (FAILED, "1 request was refused with 429 although the load was below the declared rate limit")


BEYOND = "3 requests were refused with 429: the load was above the declared rate limit"


def test_a_429_beyond_the_declared_limit_is_the_gate_s_own_doing() -> None:
    measured = result({READ: name(errors=3, status=429)}, beyond_limit=True)
    assert outcome(measured, "errors<1%") == (INCONCLUSIVE, BEYOND)


def test_errors_that_are_429s_beyond_the_declared_limit_are_the_gate_s_own_doing() -> None:
    measured = result({READ: name(errors=3, status=429)}, beyond_limit=True)
    found, told = outcome(measured, "errors<=0.1%")
    assert (found, told) == (INCONCLUSIVE, f"{BEYOND}; all requests errors 0.15 %, limit <= 0.1 %: the generator was at fault")


def test_other_errors_beyond_the_declared_limit_fail() -> None:
    assert outcome(result({READ: name(errors=3)}, beyond_limit=True), "errors<=0.1%")[0] is FAILED


def test_a_429_is_seen_in_a_name_alone() -> None:
    names = {READ: name(errors=2, status=429)}
    every = replace(name(2000), errors=2, statuses={"200": 2000})
    assert outcome(result(names, every))[0] is FAILED


def test_the_graver_outcome_wins() -> None:
    assert gravest([]) is PASSED
    assert gravest([PASSED, INCONCLUSIVE]) is INCONCLUSIVE
    assert gravest([INCONCLUSIVE, FAILED, PASSED]) is FAILED
    assert gravest([FAILED, LoadOutcome.REFUSED]) is LoadOutcome.REFUSED
