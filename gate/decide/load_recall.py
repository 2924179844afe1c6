"""Judges the recall drill that the gate itself timed while the target was under load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gate.decide.load import number
from gate.model import LoadCheck, LoadOutcome

LEAST = 3  # drills under load, as many as the recall suite repeats without


@dataclass(frozen=True, slots=True)
class RecallTimes:
    """Seconds of each recall before and during the load, in the order sent; None for one that was not answered with success."""

    without: tuple[float | None, ...]
    under: tuple[float | None, ...]
    limit_seconds: float


def judge_recall(times: RecallTimes) -> LoadCheck:
    """The slowest recall under load against the limit. One that was not answered fails; too few under load are inconclusive."""
    known = [seconds for seconds in times.under if seconds is not None]
    slowest = max(known, default=None)
    wrong = [seconds for seconds in known if not 0 <= seconds < times.limit_seconds]  # written so that NaN is wrong
    lost = len(times.under) - len(known)
    told = f"recall drill under load: {len(times.under)} times, {_slowest(known)} (without load {_slowest(times.without)})"
    if lost or wrong:
        outcome, told = LoadOutcome.FAILED, f"{told}{f', {lost} not answered' if lost else ''}"
    elif len(known) < LEAST:
        outcome, told = LoadOutcome.INCONCLUSIVE, f"{told}, at least {LEAST} needed while the load lasts"
    else:
        outcome = LoadOutcome.PASSED
    limit = times.limit_seconds * 1000
    observed = None if slowest is None else slowest * 1000
    message = f"{told}, limit < {number(limit, limit)} ms"
    return LoadCheck(f"recall<{times.limit_seconds:g}s", "recall drill", "max", observed, "<", limit, "ms", outcome, message)


def _slowest(seconds: Sequence[float | None]) -> str:
    known = [item for item in seconds if item is not None]
    return f"slowest {max(known) * 1000:.1f} ms" if known else "none answered"
