"""`junit.xml` of a load run: a testcase for each limit, and one for the whole. What is inconclusive is an error there."""

from __future__ import annotations

from collections.abc import Sequence

from gate.model import EVERY, LoadCheck, LoadJudgement, LoadOutcome, LoadResult
from gate.report.clean import line
from gate.report.junit import Case, document

TAGS = {LoadOutcome.PASSED: "", LoadOutcome.FAILED: "failure"}


def render(result: LoadResult, judgement: LoadJudgement, comparison: Sequence[LoadCheck] = ()) -> str:
    """The XML document.

    Args:
        result: what was measured.
        judgement: of it.
        comparison: the checks against an earlier run.
    """
    suites = {
        "gate.load": [_whole(result, judgement)],
        "gate.load.limits": [_case(check, "gate.load.limits") for check in judgement.checks],
        "gate.load.comparison": [_case(check, "gate.load.comparison") for check in comparison],
    }
    told = {"run_id": result.run_id, "base_url": result.base_url, "profile": result.profile}
    return document({name: cases for name, cases in suites.items() if cases}, result.started_at, told)


def _whole(result: LoadResult, judgement: LoadJudgement) -> Case:
    reasons = [line(reason) for reason in judgement.reasons]
    name, seconds = line(f"load {result.profile}"), result.seconds
    return Case(name, "gate.load", seconds, _tag(judgement.outcome), judgement.outcome.value, "; ".join(reasons[:1]), "\n".join(reasons))


def _case(check: LoadCheck, classname: str) -> Case:
    name = line(f"{'all requests' if check.name == EVERY else check.name} {check.metric}")
    return Case(name, classname, 0.0, _tag(check.outcome), check.outcome.value, line(check.message), line(check.threshold))


def _tag(outcome: LoadOutcome) -> str:
    return TAGS.get(outcome, "error")
