"""The target under load, as gate/decide/load.py judges it."""

from __future__ import annotations

from typing import Any

from gate.api import Inconclusive, Phase, Unmet, control

LOAD: dict[str, Any] = {"phase": Phase.CLOSING, "safety": "drill"}
ERRORS = "errors"


def judged(load, measured, mine):
    """Fail for the checks that are `mine`, and pass only what was measured properly."""
    measured(load.result.completed)
    judgement = load.judgement
    checks = [check for check in judgement.checks if mine(check)]
    failed = [check.message for check in checks if check.outcome == "failed"]
    if failed:
        raise Unmet("; ".join(f"{check.name} {check.threshold}" for check in checks if check.outcome == "failed"), "; ".join(failed))
    if judgement.outcome == "inconclusive" or any(check.outcome != "passed" for check in checks):
        raise Inconclusive("; ".join(judgement.reasons) or "nothing was judged")
    if not checks:
        raise Inconclusive("the profile's [load] has no such threshold")
    return judgement


@control(
    "LOAD-001",
    "Under load the service answers every request, with what was expected",
    severity="high",
    criterion="errors",
    refs=["checklist 9", "OWASP API4:2023"],
    feature="load,with_load",
    covers=("T3",),
    why="What answers one person on the first morning does not answer twenty.",
    mend="See the names and statuses in data/load/result.json; look for pools, locks and limits that run out.",
    **LOAD,
)
def test_answers(load, measured):
    judgement = judged(load, measured, lambda check: check.metric == ERRORS)
    # What needs no threshold to be wrong: requests that never ended, an abort, a 429 below the declared limit.
    if judgement.outcome == "failed" and all(check.outcome == "passed" for check in judgement.checks):
        raise Unmet("every request to be answered", "; ".join(judgement.reasons))


@control(
    "LOAD-002",
    "Under load the service answers within the profile's limits, counted from when each request was due",
    severity="high",
    criterion="gate",
    refs=["checklist 9"],
    feature="load,with_load",
    covers=("T3",),
    why="A service that stands still for two seconds in ten has a good average, and every sixth person waits.",
    mend="See the percentiles by name and second in the report; compare with an earlier run (gate load --against).",
    **LOAD,
)
def test_latency(load, measured):
    judged(load, measured, lambda check: check.metric != ERRORS and check.name != "recall drill")


@control(
    "LOAD-003",
    "A recall is done in time while others work with the service",
    severity="critical",
    criterion="recall",
    refs=["checklist 5.1", "checklist 9"],
    feature="load,with_load,recall,recall_under_load",
    covers=("T5",),
    why="A recall does not wait for a quiet hour.",
    mend="Index what a recall follows, and keep a connection free for it.",
    **LOAD,
)
def test_recall_under_load(load, measured):
    measured(len(load.times.under))
    if load.recall.outcome == "failed":
        raise Unmet(f"every recall in under {load.times.limit_seconds:g} s", load.recall.message)
    if load.recall.outcome != "passed" or load.judgement.outcome == "inconclusive":
        raise Inconclusive("; ".join([load.recall.message, *load.judgement.reasons]))
