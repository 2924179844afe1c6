"""The generator's own record, raw.json, made into a `LoadResult`. What is missing is a result too: one in which nothing was sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.load.plan import Plan
from gate.model import EVERY, LATENCIES, LoadName, LoadResult

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

RAW = "raw.json"
LOWEST, HIGHEST, DIGITS = 1, 120_000_000, 3  # microseconds, as in perf/recorder.py


def read_raw(folder: Path, run_id: str) -> dict[str, Any] | None:
    """The generator's record; None if it wrote none, or it is not of this run."""
    try:
        raw = json.loads((folder / RAW).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return raw if isinstance(raw, dict) and raw.get("run_id") == run_id else None


def collect(plan: Plan, raw: Mapping[str, Any] | None, exit_status: int, *, beyond_limit: bool = False) -> LoadResult:
    """What was measured.

    Percentiles are taken from the histograms merged over all workers, never from percentiles.

    Args:
        plan: what was to be sent.
        raw: what the generator recorded, or None.
        exit_status: of Locust's process.
        beyond_limit: the plan exceeds the target's declared limit on purpose.
    """
    found = raw if raw is not None else _nothing(plan)
    names = found["names"]
    own = {
        name: found[name]
        for name in ("started_at", "finished_at", "seconds", "scheduled", "sent", "completed", "dropped", "unfinished", "aborted")
    }
    return LoadResult(
        run_id=plan.data["run_id"],
        base_url=plan.data["base_url"],
        profile=plan.profile,
        plan_sha256=plan.sha256,
        **own,
        **{f"workers_{word}": found["workers"][word] for word in ("expected", "seen", "missing")},
        names={
            **{name: _name(names[name]) if name in names else LoadName() for name in {**dict.fromkeys(plan.names), **names}},
            EVERY: _every(names),
        },
        **found["generator"],
        locust_total=found["locust_total"],
        series=found["series"],
        versions=found["versions"],
        exit_status=exit_status,
        thresholds=plan.thresholds,
        beyond_limit=beyond_limit,
    )


def latencies(histogram: HdrHistogram) -> dict[str, float]:
    """The keys of LATENCIES in milliseconds; nothing of an empty one."""
    if not histogram.get_total_count():
        return {}
    named = {"min": histogram.get_min_value(), "mean": histogram.get_mean_value(), "max": histogram.get_max_value()}
    return {key: round((named[key] if key in named else histogram.get_value_at_percentile(float(key[1:]))) / 1000, 3) for key in LATENCIES}


def _name(data: Mapping[str, Any]) -> LoadName:
    return LoadName(
        count=data["count"],
        errors=data["errors"],
        statuses=data["statuses"],
        failures=data["failures"],
        latency_ms=latencies(_merged([data["histogram"]])),
        service_ms=latencies(_merged([data["service_histogram"]])),
    )


def _every(names: Mapping[str, Mapping[str, Any]]) -> LoadName:
    """All requests together."""
    statuses, failures = Counter[str](), Counter[str]()
    for data in names.values():
        statuses.update(data["statuses"])
        failures.update(data["failures"])
    return LoadName(
        count=sum(data["count"] for data in names.values()),
        errors=sum(data["errors"] for data in names.values()),
        statuses=dict(statuses),
        failures=dict(failures),
        latency_ms=latencies(_merged(data["histogram"] for data in names.values())),
        service_ms=latencies(_merged(data["service_histogram"] for data in names.values())),
    )


def _merged(encoded: Iterable[str]) -> HdrHistogram:
    from hdrh.histogram import HdrHistogram  # noqa: PLC0415 - only a load run needs it

    whole = HdrHistogram(LOWEST, HIGHEST, DIGITS)
    for text in encoded:
        whole.decode_and_add(text)
    return whole


def _nothing(plan: Plan) -> dict[str, Any]:
    """As if the generator had written that nothing came of anything."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return {
        "started_at": now,
        "finished_at": now,
        "seconds": 0.0,
        "scheduled": plan.scheduled,
        "sent": 0,
        "completed": 0,
        "dropped": 0,
        "unfinished": 0,
        "aborted": None,
        "workers": {"expected": plan.data["workers"], "seen": 0, "missing": plan.data["workers"]},
        "names": {},
        "generator": {"cpu_max": 0.0, "late_p99_ms": 0.0, "late_max_ms": 0.0},
        "locust_total": 0,
        "series": [],
        "versions": {},
    }
