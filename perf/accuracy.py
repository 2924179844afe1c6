"""Whether the load stage finds what is true: a service of which the percentiles are known (perf/frozen.py), at 50 arrivals a second.

Stock Locust with ten users who send five requests a second each is asked the same. While the service stands still its users wait instead
of sending the next request, so that most of what people would have waited is never measured.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from frozen import PERIOD, Frozen
from processes import cores, environment, locust, on_core, program, service

from gate.decide.load import generator_faults
from gate.load import Rules, Target, Workers, run_load
from gate.model import EVERY

RATE, USERS = 50, 10  # arrivals a second; users of stock Locust, who share them
PERCENTS = (50, 90, 95, 99)
ALLOWED = 0.05
REST = 5  # seconds that stock Locust has to end its last requests
WORKERS = (1, 2)
TRUTH = "truth, by arithmetic"


@dataclass(frozen=True)
class Found:
    """What a generator reports: percentiles in milliseconds, in the order of PERCENTS, and how it came to them."""

    name: str
    milliseconds: tuple[float, ...]
    how: tuple[str, ...] = ()


def truth(seconds: float) -> Found:
    """What evenly spaced arrivals wait."""
    return Found(TRUTH, percentiles(Frozen().wait(number / RATE % PERIOD) * 1000 for number in range(round(RATE * seconds))))


def stage(seconds: float, workers: int) -> Found:
    """The load stage, as `gate load` uses it."""
    ours, theirs = cores()
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as name, service("frozen.py", ours, Path(name)) as (url, _), on_core(theirs):
        rules = Rules(loopback=True, production=False, limit=None)
        result = run_load(
            _section(seconds),
            "bench",
            Target(base_url=url, tokens={"viewer": "bench-token-of-nobody"}, rules=rules),
            Path(name) / "load",
            run_id="bench",
            user_agent="gate/bench",
            workers=Workers(workers),
        )
    every = result.names[EVERY]
    sent = f"{result.sent} of {result.scheduled} sent, {result.dropped} dropped, {every.errors} failed"
    own = f"late p99 {result.late_p99_ms:.1f} ms, {result.cpu_max:.2f} of a core"
    measured = tuple(every.latency_ms.get(f"p{percent}", math.nan) for percent in PERCENTS)
    doubts = (f"inconclusive for `gate load`: {fault}" for fault in generator_faults(result))
    return Found(f"stage, {workers} worker{'' if workers == 1 else 's'}", measured, (f"{sent}; {own}", *doubts))


def stock(seconds: float) -> Found:
    """Stock Locust: its own percentiles, of latencies that it rounds to two digits."""
    ours, theirs = cores()
    variables = environment(BENCH_USER="paced", BENCH_PACE=str(RATE / USERS))
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as name, service("frozen.py", ours, Path(name)) as (url, _):
        options = ("-u", str(USERS), "-r", str(USERS), "--host", url, "--json-file", f"{name}/stock", "-s", str(REST))
        arguments = locust("plain.py", *options, "-t", f"{max(round(seconds), 1)}s")
        with program(arguments, theirs, Path(name) / "stock.log", variables) as process:
            process.wait(seconds + REST + 30)
        (entry,) = json.loads((Path(name) / "stock.json").read_text())
    values = (float(value) for value, count in entry["response_times"].items() for _ in range(count))
    sent = f"{entry['num_requests']} of {round(RATE * seconds)} sent: while the service stood still, the users waited"
    return Found(f"Locust, {USERS} paced", percentiles(values), (sent,))


def lines(seconds: float) -> Iterator[str]:
    """The table, at most 80 columns wide, a row as soon as it is known."""
    yield f"{RATE} arrivals a second for {seconds:g} s. The service takes 50 ms and stands still for"
    yield "2 s in every 10. Milliseconds from when each was due, and off the truth by:"
    yield f"{'':21}" + "".join(f"{name:>7}{'':7}" for name in (f"p{percent}" for percent in PERCENTS)).rstrip()
    known = truth(seconds)
    yield _row(known)
    for workers in WORKERS:
        found = stage(seconds, workers)
        yield from _told(found, known)
        yield f"  within {ALLOWED:.0%}: {'yes' if max(map(abs, deviations(found, known))) <= ALLOWED else 'no'}"
    yield from _told(stock(seconds), known)
    yield "Of the stage's p50 up to 2.5 ms are its own (gevent, Python, timers of whole"
    yield "milliseconds), which is 5 % of 50 ms; more where others work on this machine."


def deviations(found: Found, known: Found) -> tuple[float, ...]:
    """How far each percentile is from the truth, as a part of it; what was not measured is infinitely far."""
    parts = (one / other - 1 for one, other in zip(found.milliseconds, known.milliseconds, strict=True))
    return tuple(math.inf if math.isnan(part) else part for part in parts)


def percentiles(milliseconds: Iterable[float]) -> tuple[float, ...]:
    """The first value that so many percent are not above; NaN of nothing."""
    values = sorted(milliseconds)
    return tuple(values[len(values) * percent // 100] if values else math.nan for percent in PERCENTS)


def _told(found: Found, known: Found) -> Iterator[str]:
    yield _row(found, known)
    for text in found.how:
        yield from wrap(text, 80, initial_indent="  ", subsequent_indent="    ")


def _row(found: Found, known: Found | None = None) -> str:
    parts = deviations(found, known) if known else ()
    told = [f"{value:7.1f}{f' {part:+.1%}' if parts else '':7}" for value, part in zip(found.milliseconds, parts or PERCENTS, strict=True)]
    return f"{found.name:21}{''.join(told)}".rstrip()


def _section(seconds: float) -> dict[str, Any]:
    """A `[load]` section: nothing ends it early, and a whole stall has room."""
    request = {"method": "GET", "path": "/x", "name": "GET /x", "expect": [200]}
    return {
        "timeout_seconds": 10,
        "max_in_flight": RATE * 8,
        "thresholds": ["errors<1%"],
        "abort": {"in_a_row": 50, "ratio": 0.5, "window": 50},
        "limits": {"requests": 1_000_000, "seconds": 86_400},
        "journeys": [{"name": "reader", "identity": "viewer", "weight": 1, "writes": False, "requests": [request]}],
        "profiles": {"bench": {"steps": [{"rate": RATE, "seconds": seconds}]}},
    }
