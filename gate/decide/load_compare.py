"""Two runs under load against each other. Slower is a regression only where it is so by a relative and by an absolute minimum effect.

The relative one keeps noise of long answers from counting, the absolute one that of short ones. What cannot be compared (another plan, a
run that is no passed measurement, too few samples) is inconclusive, never passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gate.decide.load import generator_faults, judge, known, latency, number, target_faults, whose
from gate.decide.load_thresholds import needed
from gate.errors import ConfigurationError
from gate.model import EVERY, LATENCIES, LoadCheck, LoadName, LoadOutcome, LoadResult

COMPARABLE = tuple(metric for metric in LATENCIES if metric not in ("min", "max"))  # those two are a single request each
_RULES = {"relative", "absolute_ms", "metrics", "each"}


def compare(new: LoadResult, old: LoadResult, rules: Mapping[str, Any]) -> tuple[LoadCheck, ...]:
    """Hold a run against an earlier one: a check for each metric of all requests, and for each of every name.

    Args:
        new: the run to judge.
        old: the run that it must not be slower than. Both are judged by their own thresholds.
        rules: `relative` (0.1: 10 %) and `absolute_ms`, the minimum effects; `metrics` of all requests, `each` of every name (COMPARABLE).

    Raises:
        ConfigurationError: the rules cannot be used.
    """
    check_rules(rules)
    problem = _problem(new, old)
    passed, reasons = _passed(new)
    doubt = "" if passed else f"{new.run_id} is no passed measurement: {reasons}"
    return tuple(_check(name, metric, new, old, rules, problem, doubt) for name, metric in _pairs(new, old, rules))


def check_rules(rules: Mapping[str, Any]) -> None:
    """Raise ConfigurationError where the rules cannot be used."""
    for key in ("relative", "absolute_ms"):
        value = rules.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not known(value):
            raise ConfigurationError(f"load.compare.{key} is {value!r:.40}", "a number from 0")
    if unknown := sorted(set(rules) - _RULES):
        raise ConfigurationError(f"load.compare.{unknown[0]:.40} is no rule", f"one of {', '.join(sorted(_RULES))}")
    metrics = [*rules.get("metrics", ()), *rules.get("each", ())]
    if not metrics:
        raise ConfigurationError("load.compare names nothing to compare", f"metrics or each with some of {', '.join(COMPARABLE)}")
    for metric in metrics:
        if metric not in COMPARABLE:
            raise ConfigurationError(f"load.compare holds '{metric:.40}'", f"some of {', '.join(COMPARABLE)}")


def _pairs(new: LoadResult, old: LoadResult, rules: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((EVERY, metric) for metric in rules.get("metrics", ()))
    names = [name for name in dict.fromkeys([*new.names, *old.names]) if name != EVERY]
    yield from ((name, metric) for name in names for metric in rules.get("each", ()))


def _problem(new: LoadResult, old: LoadResult) -> str:
    """Why nothing at all can be compared, or nothing."""
    if new.schema_version != old.schema_version:
        return "they are results of another version"
    if not new.plan_sha256 or (new.plan_sha256, new.profile) != (old.plan_sha256, old.profile):
        return f"{old.run_id} had another plan"
    if new.run_id == old.run_id:
        return f"{old.run_id} is the same run"
    if faults := [*target_faults(new), *generator_faults(new)]:
        return f"{new.run_id} is no passed measurement: {faults[0]}"
    passed, reasons = _passed(old)
    return "" if passed else f"{old.run_id} is no passed measurement: {reasons}"


def _passed(result: LoadResult) -> tuple[bool, str]:
    try:
        judgement = judge(result, result.thresholds)
    except ConfigurationError as error:
        return False, error.sentence
    return judgement.outcome is LoadOutcome.PASSED, "; ".join(judgement.reasons[:1])


def _check(name: str, metric: str, new: LoadResult, old: LoadResult, rules: Mapping[str, Any], problem: str, doubt: str) -> LoadCheck:
    """`problem` keeps it from being compared, `doubt` from passing; either may be empty."""
    now, before = new.names.get(name) or LoadName(), old.names.get(name) or LoadName()
    observed, was = latency(now, metric), latency(before, metric)
    limit = 0.0 if was is None else max(was * (1 + rules["relative"]), was + rules["absolute_ms"])
    few = min(now.count, before.count)
    if not problem and few < needed(metric):
        problem = f"{few} samples, at least {needed(metric)} needed"
    if problem or observed is None or was is None:
        outcome, why = LoadOutcome.INCONCLUSIVE, problem
    elif observed > limit:
        outcome, why = LoadOutcome.FAILED, ""
    else:
        outcome, why = LoadOutcome.INCONCLUSIVE if doubt else LoadOutcome.PASSED, doubt
    message = _message(name, metric, observed, was, limit, rules) + (f": {why}" if why else "")
    scope = "" if name == EVERY else f"{name}: "
    return LoadCheck(f"{scope}{metric} against {old.run_id}", name, metric, observed, "<=", limit, "ms", outcome, message)


def _message(name: str, metric: str, observed: float | None, was: float | None, limit: float, rules: Mapping[str, Any]) -> str:
    took = "not known" if observed is None else f"{number(observed, limit)} ms"
    if was is None:
        return f"{whose(name)} {metric} {took}, was not known"
    effect = f"{rules['relative'] * 100:.6g} % and {rules['absolute_ms']:.6g} ms slower"
    return f"{whose(name)} {metric} {took}, was {number(was, limit)} ms, limit <= {number(limit, was)} ms ({effect})"
