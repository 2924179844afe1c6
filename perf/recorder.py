"""What came of the arrivals: exact histograms and counts, kept by name, made to be merged from many workers.

Latency is counted from the moment at which a request was due, so that a generator that had to wait does not hide how long a user would have
waited. A second histogram counts from the moment at which it was sent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from hdrh.histogram import HdrHistogram

LOWEST, HIGHEST, DIGITS = 1, 120_000_000, 3  # microseconds


def histogram() -> HdrHistogram:
    """An empty one: 1 µs to 120 s with three digits."""
    return HdrHistogram(LOWEST, HIGHEST, DIGITS)


@dataclass
class Name:
    """What is known of all requests of one name."""

    due: HdrHistogram = field(default_factory=histogram)
    sent: HdrHistogram = field(default_factory=histogram)
    statuses: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def errors(self) -> int:
        """Requests that did not get what was expected."""
        return sum(self.failures.values())

    def data(self) -> dict[str, Any]:
        """As JSON, histograms in HdrHistogram's V2 wire format."""
        return {
            "count": self.due.get_total_count(),
            "errors": self.errors,
            "statuses": dict(self.statuses),
            "failures": dict(self.failures),
            "histogram": self.due.encode().decode(),
            "service_histogram": self.sent.encode().decode(),
        }

    def add(self, data: dict[str, Any]) -> None:
        """Take over what another one has kept."""
        self.due.decode_and_add(data["histogram"])
        self.sent.decode_and_add(data["service_histogram"])
        self.statuses.update(data["statuses"])
        self.failures.update(data["failures"])


@dataclass
class Second:
    """One second of the run, by the time at which requests were due."""

    sent: int = 0
    completed: int = 0
    errors: int = 0
    latency: HdrHistogram = field(default_factory=histogram)


class Recorder:
    """Of one worker, or, merged, of all."""

    def __init__(self) -> None:
        # Made only where missing: an empty histogram costs more than all that is kept of a request.
        self.names: defaultdict[str, Name] = defaultdict(Name)
        self.seconds: defaultdict[int, Second] = defaultdict(Second)
        self.late = histogram()
        self.counts = Counter[str]()  # scheduled, sent, completed, dropped

    def due(self, second: float, late: float) -> None:
        """A request was sent, so many seconds late."""
        self.counts["sent"] += 1
        self.seconds[int(second)].sent += 1
        self.late.record_value(_micro(late))

    def dropped(self) -> None:
        """A request could not be sent: too many were waiting for their answers."""
        self.counts["dropped"] += 1

    def done(self, name: str, second: float, since_due: float, since_sent: float, status: int, failure: str) -> None:
        """An answer came, or the wait for it ended. `second` is when it was due; `failure` is empty if it was what was expected."""
        self.counts["completed"] += 1
        kept = self.names[name]
        latency = _micro(since_due)
        kept.due.record_value(latency)
        kept.sent.record_value(_micro(since_sent))
        kept.statuses[str(status)] += 1
        at = self.seconds[int(second)]
        at.completed += 1
        at.latency.record_value(latency)
        if failure:
            kept.failures[failure] += 1
            at.errors += 1

    def take(self) -> dict[str, Any]:
        """Everything so far, as JSON, and start anew: what a worker reports."""
        data = {
            "names": {name: kept.data() for name, kept in self.names.items()},
            "seconds": {
                str(number): [second.sent, second.completed, second.errors, second.latency.encode().decode()]
                for number, second in self.seconds.items()
            },
            "late": self.late.encode().decode(),
            "counts": dict(self.counts),
        }
        self.names, self.seconds, self.late, self.counts = defaultdict(Name), defaultdict(Second), histogram(), Counter()
        return data

    def add(self, data: dict[str, Any]) -> None:
        """Merge what a worker reports."""
        for name, kept in data["names"].items():
            self.names[name].add(kept)
        for number, (sent, completed, errors, latency) in data["seconds"].items():
            second = self.seconds[int(number)]
            second.sent, second.completed, second.errors = second.sent + sent, second.completed + completed, second.errors + errors
            second.latency.decode_and_add(latency)
        self.late.decode_and_add(data["late"])
        self.counts.update(data["counts"])

    def series(self) -> list[dict[str, Any]]:
        """Second by second: counts, and latency in milliseconds."""
        return [
            {"second": number, "sent": second.sent, "completed": second.completed, "errors": second.errors, **percentiles(second.latency)}
            for number, second in sorted(self.seconds.items())
        ]


def percentiles(of: HdrHistogram) -> dict[str, float]:
    """p50, p95, p99 and max in milliseconds; nothing of an empty one."""
    if not of.get_total_count():
        return {}
    named = {f"p{percent}": of.get_value_at_percentile(percent) / 1000 for percent in (50, 95, 99)}
    return {**named, "max": of.get_max_value() / 1000}


def _micro(seconds: float) -> int:
    value = int(seconds * 1_000_000 + 0.5)  # cheaper than `round`, and in range than not, four times a request
    return value if LOWEST <= value <= HIGHEST else min(max(value, LOWEST), HIGHEST)
