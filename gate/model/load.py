"""Load: what was measured under load, and what was judged of it. All of it can be written as JSON through `dataclasses.asdict`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

EVERY = "*"  # the name under which the merge of all names stands
LATENCIES = ("min", "mean", "p50", "p75", "p90", "p95", "p99", "p99.9", "max")

Unit = Literal["ms", "ratio", "per second"]


@dataclass(frozen=True, slots=True)
class LoadStep:
    """A part of the schedule: so many arrivals per second, evenly spaced, for so many seconds."""

    rate: float
    seconds: float


@dataclass(frozen=True, slots=True)
class LoadName:
    """All requests of one name.

    `count` are those that ended, whatever came; `errors` are those of them that did not get what was expected. `statuses` maps an HTTP
    status ("0": no answer) to how many had it, `failures` a word for what was wrong ("http 500", "timeout") likewise. `latency_ms` counts
    from the moment at which a request was due, `service_ms` from the moment at which it was sent: both have the keys of LATENCIES, in
    milliseconds, and are empty where `count` is 0.
    """

    count: int = 0
    errors: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    latency_ms: dict[str, float] = field(default_factory=dict)
    service_ms: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """One run under load, as it was measured.

    `names` holds every name of the plan, also one that nothing came of (its `count` is 0), and the merge of all under EVERY.
    `plan_sha256` is the digest of what two runs must share to be compared: the plan without `run_id`, `base_url` and `user_agent`.
    `scheduled` arrivals were due; `sent` left; `dropped` could not; `completed` ended in an answer or a failure; `unfinished` did neither.
    `aborted` says why sending was stopped early, or is None. `cpu_max` is the busiest second of a generating process (1.0: a whole core).
    `late_p99_ms` and `late_max_ms` tell how long after they were due requests were sent. `locust_total` is Locust's own count, and
    `exit_status` that of its process. `series` has an object for each second: `second`, `sent`, `completed`, `errors`, and p50, p95, p99
    and max in milliseconds. `beyond_limit`: the target's declared rate limit was exceeded on purpose. Times are ISO 8601 in UTC, `seconds`
    is wall time.
    """

    run_id: str
    base_url: str
    profile: str
    plan_sha256: str
    started_at: str
    finished_at: str
    seconds: float
    scheduled: int
    sent: int
    completed: int
    dropped: int
    unfinished: int
    aborted: str | None
    workers_expected: int
    workers_seen: int
    workers_missing: int
    names: dict[str, LoadName]
    cpu_max: float
    late_p99_ms: float
    late_max_ms: float
    locust_total: int
    series: list[dict[str, Any]]
    versions: dict[str, str]
    exit_status: int
    thresholds: tuple[str, ...]
    beyond_limit: bool = False
    schema_version: int = 1


class LoadOutcome(StrEnum):
    """What became of a run under load, or of one check of it. `refused`: it was stopped before the first byte."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class LoadCheck:
    """One limit held against one number. `observed` is None where there is no number to judge; `limit` is in `unit`, as `observed` is."""

    threshold: str
    name: str
    metric: str
    observed: float | None
    comparator: str
    limit: float
    unit: Unit
    outcome: LoadOutcome
    message: str


@dataclass(frozen=True, slots=True)
class LoadJudgement:
    """The outcome, why it is not `passed` (empty where it is), and every check."""

    outcome: LoadOutcome
    reasons: tuple[str, ...]
    checks: tuple[LoadCheck, ...]
