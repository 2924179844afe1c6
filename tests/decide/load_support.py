"""Results of runs under load, made in one line each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gate.model import EVERY, LATENCIES, LoadName, LoadResult

READ = "GET /trace/{code}"
DRILL = "POST /recall/simulate"


def name(count: int = 2000, *, errors: int = 0, status: int = 500, **latency: Any) -> LoadName:
    """So many requests; the errors have that status (0: a timeout). Latencies: 40 ms but for `latency`, where p99_9 means p99.9."""
    known = dict.fromkeys(LATENCIES, 40.0) | {key.replace("_", "."): value for key, value in latency.items()}
    statuses = {"200": count - errors} | ({str(status): errors} if errors else {})
    failures = {f"http {status}" if status else "timeout": errors} if errors else {}
    return LoadName(count, errors, statuses, failures, known if count else {}, known if count else {})


def merged(names: dict[str, LoadName]) -> LoadName:
    """All of them together: the counts added, and of each latency the longest."""
    statuses: dict[str, int] = {}
    latency: dict[str, Any] = {key: max((item.latency_ms.get(key, 0.0) for item in names.values()), default=0.0) for key in LATENCIES}
    for item in names.values():
        for status, count in item.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    whole = name(sum(item.count for item in names.values()), **latency)
    errors = sum(item.errors for item in names.values())
    return replace(whole, errors=errors, statuses=statuses, failures={"any": errors} if errors else {})


def result(names: dict[str, LoadName] | None = None, every: LoadName | None = None, **more: Any) -> LoadResult:
    """A healthy run of these names (2000 of READ, 1500 of DRILL), but for `more`."""
    names = {READ: name(), DRILL: name(1500)} if names is None else names
    whole = merged(names) if every is None else every
    healthy = LoadResult(
        run_id="run-1",
        base_url="http://127.0.0.1:9",
        profile="steady",
        plan_sha256="a" * 64,
        started_at="2026-03-01T10:00:00.000Z",
        finished_at="2026-03-01T10:03:00.000Z",
        seconds=175.0,
        scheduled=whole.count,
        sent=whole.count,
        completed=whole.count,
        dropped=0,
        unfinished=0,
        aborted=None,
        workers_expected=1,
        workers_seen=1,
        workers_missing=0,
        names=names | {EVERY: whole},
        cpu_max=0.2,
        late_p99_ms=1.5,
        late_max_ms=4.0,
        locust_total=whole.count,
        series=[],
        versions={"locust": "2.47.0"},
        exit_status=1 if whole.errors else 0,
        thresholds=("p95<800ms", "max<10s", "errors<1%"),
    )
    return replace(healthy, **more)
