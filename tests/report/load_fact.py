"""The fact `load` as a run of the gate records it, made of the types themselves."""

import json
import math
from dataclasses import asdict
from typing import Any

from gate.model import LoadCheck, LoadJudgement, LoadName, LoadOutcome, LoadResult

TRACE, RECALL = "GET /trace/{batch_code}", "POST /recall/simulate"
PASSED, FAILED, INCONCLUSIVE = LoadOutcome.PASSED, LoadOutcome.FAILED, LoadOutcome.INCONCLUSIVE


def seconds(number: int, rate: int = 8) -> list[dict[str, Any]]:
    """A series with slow waves, and two errors in every 90 seconds."""
    rows = []
    for second in range(number):
        middle = 40 + 20 * math.sin(second / 40)
        times = {"p50": middle, "p95": middle * 2, "p99": middle * (40 if second % 67 == 5 else 2.5), "max": middle * 41}
        rows.append({"second": second, "sent": rate, "completed": rate, "errors": 2 if second % 90 == 30 else 0, **times})
    return rows


def _name(count: int, errors: int, p50: float, p95: float, p99: float, longest: float) -> LoadName:
    times = {"min": p50 / 2, "mean": p50, "p50": p50, "p95": p95, "p99": p99, "max": longest}
    statuses, failures = {"200": count - errors}, {"timeout": 1, "http 500": errors - 1} if errors > 1 else {"timeout": errors}
    return LoadName(count, errors, statuses, failures, times, times)


def _check(name: str, metric: str, observed: float | None, limit: float, outcome: LoadOutcome, message: str, than: str = "<") -> LoadCheck:
    unit = {"errors": "ratio", "rate": "per second"}.get(metric, "ms")
    return LoadCheck(f"{name}: {metric}", name, metric, observed, than, limit, unit, outcome, message)  # type: ignore[arg-type] # one of Unit


def load_fact(number: int = 300) -> dict[str, Any]:
    """A run that failed, as the journal gives it back."""
    count = 8 * number
    names = {
        TRACE: _name(count // 2, 1, 41.23, 88.44, 212.7, 980.1),
        RECALL: _name(count // 2, 3, 301.2, 811.9, 1502, 2210),
        "*": _name(count, 4, 122.6, 640, 1320, 2210),
        "GET /never": LoadName(),
    }
    result = LoadResult(
        "ab12cd34ef56", "https://supply-intel.example.com", "steady", "ab" * 32, "2026-02-28T10:08:33.120Z", "2026-02-28T10:13:34.020Z",
        number + 0.9, count, count, count, 0, 0, None, 1, 1, 0, names, 0.234, 1.2, 8.8, count, seconds(number), {"locust": "2.47.0"}, 1,
        ("p95<800ms",),
    )  # fmt: skip
    slow, rare = f"{RECALL} p95 812 ms, limit < 800 ms", "GET /never p95 is not known, limit < 2000 ms: 0 samples, at least 200 needed"
    checks = (
        _check("*", "errors", 4 / 2400, 0.002, PASSED, "all requests errors 0.17 %, limit < 0.2 %"),
        _check(RECALL, "p95", 811.9, 800, FAILED, slow),
        _check("GET /never", "p95", None, 2000, INCONCLUSIVE, rare),
        _check("*", "rate", 7.976, 7, PASSED, "all requests rate 7.98 per second, limit > 7 per second", ">"),
    )
    before = (_check("*", "p95", 640, 704.0, PASSED, "all requests p95 640 ms, was 640 ms, limit <= 704 ms (10 % and 5 ms slower)", "<="),)
    fact = {
        "result": asdict(result),
        "judgement": asdict(LoadJudgement(FAILED, (slow, rare), checks)),
        "comparison": [asdict(check) for check in before],
        "recall": {"without_ms": [412.1, 398.6, 420.0], "with_ms": [611.0, 640.2, 702.9], "limit_seconds": 10},
    }
    given: dict[str, Any] = json.loads(json.dumps(fact))
    return given
