"""What reports show of a load run, made of what was measured and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gate.decide.load_recall import RecallTimes
from gate.model import LoadCheck, LoadJudgement, LoadResult


def fact_of(
    result: LoadResult, judgement: LoadJudgement, times: RecallTimes | None, comparison: Sequence[LoadCheck] = ()
) -> dict[str, Any]:
    """The journal's fact `load`, which gate/report/load_view.py reads.

    Args:
        result: what was measured.
        judgement: of it, as `judged` made it.
        times: the recalls that the gate timed meanwhile, or None.
        comparison: the checks against an earlier run.
    """
    recall = times and {
        "without_ms": [None if item is None else round(item * 1000, 3) for item in times.without],
        "with_ms": [None if item is None else round(item * 1000, 3) for item in times.under],
        "limit_seconds": times.limit_seconds,
    }
    return {
        "result": asdict(result),
        "judgement": asdict(judgement),
        "comparison": [asdict(check) for check in comparison],
        "recall": recall,
    }
