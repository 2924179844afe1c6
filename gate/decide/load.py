"""Judges a run under load. A limit that enough samples break fails; what was not measured properly is inconclusive, and never passes.

What the target did fails whoever measured it: sending had to be stopped early, requests never ended, too many errors, a 429 below the
declared rate limit. A generator that was itself at fault (busy, late, dropping, short of a worker, contradicting itself) says nothing of
how long the target took, so that every latency and rate is then inconclusive, in either direction.

A percentile needs ten samples beyond it (p95: 200, p99: 1000), everything else 20, but a single request is proof that `max` is broken.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from gate.decide.load_thresholds import Threshold, needed, parse
from gate.model import EVERY, LoadCheck, LoadJudgement, LoadName, LoadOutcome, LoadResult
from gate.model.load import Unit

MOST_CPU = 0.5  # of a core: above it the generator's own queue shows in the percentiles
MOST_LATE_MS = 10.0  # the 99th percentile of how long after they were due requests left
LEAST_SENT = 0.99  # of the schedule

_GRAVITY = (LoadOutcome.PASSED, LoadOutcome.INCONCLUSIVE, LoadOutcome.FAILED, LoadOutcome.REFUSED)
_UNITS: dict[Unit, tuple[float, str]] = {"ms": (1.0, "ms"), "ratio": (100.0, "%"), "per second": (1.0, "per second")}


def judge(result: LoadResult, thresholds: Sequence[str]) -> LoadJudgement:
    """Hold a run against thresholds.

    Args:
        result: what was measured.
        thresholds: their texts (`load_thresholds`); with none at all nothing is judged, which is inconclusive.

    Raises:
        ConfigurationError: a threshold cannot be read.
    """
    invalid, wrong = generator_faults(result), target_faults(result)
    checks = tuple(_check(result, item, at_fault=bool(invalid)) for text in thresholds for item in parse(text))
    if not checks:
        invalid = [*invalid, "no threshold was declared, so nothing was judged"]
    failed = [*wrong, *(check.message for check in checks if check.outcome is LoadOutcome.FAILED)]
    open_ones = [*invalid, *(check.message for check in checks if check.outcome is LoadOutcome.INCONCLUSIVE)]
    outcome = LoadOutcome.FAILED if failed else LoadOutcome.INCONCLUSIVE if open_ones else LoadOutcome.PASSED
    return LoadJudgement(outcome, tuple(dict.fromkeys([*failed, *open_ones])), checks)


def gravest(outcomes: Iterable[LoadOutcome]) -> LoadOutcome:
    """The gravest: refused, failed, inconclusive, passed; of none at all passed."""
    return max(outcomes, key=_GRAVITY.index, default=LoadOutcome.PASSED)


def target_faults(result: LoadResult) -> list[str]:
    """What the target did that no threshold is needed to fail for."""
    found = [] if result.aborted is None else [f"sending was stopped early: {result.aborted or 'no reason is known'}"]
    if result.unfinished > 0 and not _workers(result):
        found.append(f"{_many(result.unfinished)} never ended: neither an answer nor a failure")
    if (refused := _throttled(result)) and not result.beyond_limit:
        found.append(f"{_many(refused)} {_were(refused)} refused with 429 although the load was below the declared rate limit")
    return found


def generator_faults(result: LoadResult) -> list[str]:
    """Why what was measured says nothing of the target. Written so that NaN is a fault."""
    found = [*_pace(result), *_workers(result), *_counts(result)]
    if result.unfinished > 0 and _workers(result):
        found.append(f"{_many(result.unfinished)} never ended: a worker that went missing may have had the answers")
    if (refused := _throttled(result)) and result.beyond_limit:
        found.append(f"{_many(refused)} {_were(refused)} refused with 429: the load was above the declared rate limit")
    if not _of(result, EVERY).count:
        found.append("no request was completed, so nothing was measured")
    return found


def _pace(result: LoadResult) -> list[str]:
    found = []
    if not known(result.cpu_max):
        found.append("how busy the generator was is not known")
    elif result.cpu_max > MOST_CPU:
        used = _percent(result.cpu_max, MOST_CPU)
        found.append(f"the generator used {used} of a core in its busiest second, at most {_percent(MOST_CPU)} allowed")
    if not known(result.late_p99_ms):
        found.append("how late requests left is not known")
    elif result.late_p99_ms > MOST_LATE_MS:
        late = number(result.late_p99_ms, MOST_LATE_MS)
        found.append(f"requests left late: p99 {late} ms after they were due, at most {MOST_LATE_MS:g} ms allowed")
    if result.dropped > 0:
        found.append(f"{_many(result.dropped)} {_were(result.dropped)} dropped: too many were still waiting for their answers")
    # After an abort it is no fault of the generator that so few were sent.
    if result.aborted is None and result.sent < LEAST_SENT * result.scheduled:
        found.append(f"{result.sent} of {result.scheduled} requests were sent, at least {_percent(LEAST_SENT)} needed")
    return found


def _workers(result: LoadResult) -> list[str]:
    if result.workers_missing:
        return [f"{result.workers_missing} of {result.workers_expected} workers went missing"]
    if result.workers_expected < 1 or result.workers_seen != result.workers_expected:
        return [f"{result.workers_seen} of {result.workers_expected} workers reported"]
    return []


def _counts(result: LoadResult) -> list[str]:
    every, found = _of(result, EVERY), []
    if not every.count == result.locust_total == result.completed:
        told = f"{every.count} in the histogram, {result.locust_total} in Locust, {result.completed} completed"
        found.append(f"counts differ: {told}")
    names = [item for name, item in result.names.items() if name != EVERY]
    numbers = (result.scheduled, result.sent, result.completed, result.dropped, result.unfinished)
    fits = (
        all(number >= 0 for number in numbers),
        all(0 <= item.errors <= item.count for item in (every, *names)),
        result.sent + result.dropped <= result.scheduled,
        result.completed + result.unfinished == result.sent,
        sum(item.count for item in names) == every.count or not names,
    )
    if not all(fits):
        found.append("counts contradict each other: more was sent, completed or failed than there can have been, or less")
    # Locust ends with 1 where a request failed, and where something went wrong that no request shows.
    if result.exit_status not in ((0, 1) if every.errors > 0 else (0,)):
        found.append(f"Locust ended with status {result.exit_status}")
    return found


def _check(result: LoadResult, threshold: Threshold, *, at_fault: bool) -> LoadCheck:
    measured = result.names.get(threshold.name)
    if measured is None and _of(result, EVERY).count:
        message = f"{whose(threshold.name)} {threshold.metric}, limit {_limit(threshold)}: no request has this name"
        return _as_check(threshold, None, LoadOutcome.FAILED, message)
    measured = measured or LoadName()
    observed = _observed(result, measured, threshold.metric)
    message = f"{_what(threshold, observed)}, limit {_limit(threshold)}"
    # The longest of few is proof that a limit is broken, though none that it is kept.
    proof = threshold.metric == "max" and observed is not None and measured.count > 0 and not threshold.keeps(observed)
    least = 1 if proof else needed(threshold.metric)
    if measured.count < least:
        return _as_check(threshold, observed, LoadOutcome.INCONCLUSIVE, f"{message}: {measured.count} samples, at least {least} needed")
    if observed is None:
        return _as_check(threshold, None, LoadOutcome.INCONCLUSIVE, message)
    if (at_fault and threshold.unit != "ratio") or (result.beyond_limit and _only_throttled(measured, threshold)):
        return _as_check(threshold, observed, LoadOutcome.INCONCLUSIVE, f"{message}: the generator was at fault")
    return _as_check(threshold, observed, LoadOutcome.PASSED if threshold.keeps(observed) else LoadOutcome.FAILED, message)


def _only_throttled(measured: LoadName, threshold: Threshold) -> bool:
    """Whether an error limit is broken, and would not be without the 429s that the gate itself has asked for."""
    if threshold.metric != "errors" or threshold.keeps(measured.errors / measured.count):
        return False
    return threshold.keeps((measured.errors - measured.statuses.get("429", 0)) / measured.count)


def _as_check(threshold: Threshold, observed: float | None, outcome: LoadOutcome, message: str) -> LoadCheck:
    limit, comparator = threshold.limit, threshold.comparator
    return LoadCheck(threshold.text, threshold.name, threshold.metric, observed, comparator, limit, threshold.unit, outcome, message)


def _observed(result: LoadResult, measured: LoadName, metric: str) -> float | None:
    if metric == "errors":
        return measured.errors / measured.count if 0 <= measured.errors <= measured.count and measured.count else None
    if metric == "rate":
        return measured.count / result.seconds if known(result.seconds) and result.seconds else None
    return latency(measured, metric)


def latency(measured: LoadName, metric: str) -> float | None:
    """A latency in milliseconds, from when requests were due; None where it is not known."""
    found = measured.latency_ms.get(metric)
    return found if found is not None and known(found) else None


def known(number: float) -> bool:
    """Whether it can have been measured: neither NaN nor infinite nor below zero."""
    return math.isfinite(number) and number >= 0


def whose(name: str) -> str:
    """A name as people read it."""
    return "all requests" if name == EVERY else name


def _what(threshold: Threshold, observed: float | None) -> str:
    what = f"{whose(threshold.name)} {threshold.metric}"
    factor, unit = _UNITS[threshold.unit]
    return f"{what} is not known" if observed is None else f"{what} {number(observed * factor, threshold.limit * factor)} {unit}"


def _limit(threshold: Threshold) -> str:
    factor, unit = _UNITS[threshold.unit]
    return f"{threshold.comparator} {_short(threshold.limit * factor, 9)} {unit}"


def number(value: float, limit: float) -> str:
    """A number as people read it: as short as it may be and still stand where the value does, below the limit, on it or above it."""
    for digits in (0 if value >= 100 else 1 if value >= 10 else 2, 4, 6, 9):
        text = _short(value, digits)
        if (float(text) < limit, float(text) > limit) == (value < limit, value > limit):
            return text
    return repr(value)


def _percent(ratio: float, limit: float = 0.0) -> str:
    return f"{number(ratio * 100, limit * 100)} %"


def _short(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _of(result: LoadResult, name: str) -> LoadName:
    return result.names.get(name) or LoadName()


def _throttled(result: LoadResult) -> int:
    of_names = sum(item.statuses.get("429", 0) for name, item in result.names.items() if name != EVERY)
    return max(of_names, _of(result, EVERY).statuses.get("429", 0))


def _many(count: int) -> str:
    return f"{count} request{'' if count == 1 else 's'}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
