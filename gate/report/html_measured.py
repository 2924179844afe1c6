"""What was measured, for the HTML report: drills, latency, rollback triggers, and the ledger of requests."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gate.model import LedgerLine, RunRecord, Safety
from gate.report import page
from gate.report.clean import line, shown
from gate.report.view import fact

LINES, LEDGER, LINE = 1000, 400_000, 230  # ledger lines, their bytes, the bytes of markup around one
FACTS, BARS, GROUPS = 40, 40, 6
RECALL = ("endpoint", "batch", "trace_seconds", "limit_seconds", "status")
PACK = ("pack_id", "valid", "missing_files", "mismatches")
EDGES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # seconds
SELFTEST = {"finished_at": "ended", "passed": "passed", "whole": "whole", "same_suites": "of the same suites", "killed": "faults found"}


def recall(record: RunRecord) -> dict[str, Any]:
    """The recall drill: its facts, and a bar for each timing, on the scale of the limit."""
    facts = fact(record, "recall_drill")
    limit = number(facts.get("limit_seconds"))
    groups = {name: _numbers(values) for name, values in list(fact(record, "timings").items())[:GROUPS]}
    if not any(groups.values()):
        groups = {"recall": _numbers([facts.get("trace_seconds")])}
    return {"facts": _facts(facts, RECALL), **timed(groups, limit)}


def timed(groups: Mapping[str, Sequence[float]], limit: float | None) -> dict[str, Any]:
    """A bar for each of the times, in seconds, and where the limit stands beside them (None: not known)."""
    bars = [(f"{line(name, 30)} {place}", value) for name, values in groups.items() for place, value in enumerate(values, 1)]
    scale = 1.03 * max([limit or 0.0, *(value for _, value in bars)])  # a little more, so that the limit's line stands inside
    return {
        "limit": f"{limit:g} s" if limit is not None else "",
        "mark": share(limit, scale) if limit else "",
        "bars": [{"name": name, "width": share(value, scale), "text": f"{value:.3f} s"} for name, value in bars],
    }


def audit(record: RunRecord) -> list[tuple[str, str]]:
    """The audit pack's facts."""
    return _facts(fact(record, "audit_pack"), PACK)


def selftest(record: RunRecord) -> list[tuple[str, str]]:
    """Whether the gate had gone red on known faults; empty where no self-test is filed."""
    facts = fact(record, "selftest")
    return [(word, shown(facts[key], 60)) for key, word in SELFTEST.items() if key in facts] if facts.get("found") is True else []


def triggers(record: RunRecord) -> list[dict[str, Any]]:
    """The rollback triggers; what to do only where one fired."""
    return [
        {
            "state": item.state.value,
            "title": line(item.title, 200),
            "evidence": [line(text, 200) for text in item.evidence[:5]],
            "actions": [line(text, 200) for text in item.actions[:10]] if item.state.value == "fired" else [],
        }
        for item in record.triggers[:20]
    ]


def latency(record: RunRecord) -> dict[str, Any]:
    """How long requests took, whatever they were for: how many in each stretch of time, and the usual figures by class."""
    answered = [item.seconds for item in record.ledger if item.status is not None]
    counts = [0] * (len(EDGES) + 1)
    for seconds in answered:
        counts[sum(seconds >= edge for edge in EDGES)] += 1
    names = [
        f"under {EDGES[0]:g} s",
        *(f"{low:g} to {high:g} s" for low, high in itertools.pairwise(EDGES)),
        f"{EDGES[-1]:g} s or more",
    ]
    bars = [*zip(names, counts, strict=True), ("no answer", len(record.ledger) - len(answered))]
    most = max(count for _, count in bars)
    classes = list(dict.fromkeys([*(item.value for item in Safety), *(item.safety for item in record.ledger)]))[:10]
    return {
        "bars": [{"name": name, "width": share(count, most), "text": str(count)} for name, count in bars],
        "classes": [row for name in classes if (row := _class(name, record.ledger))],
    }


def _class(name: str, ledger: Sequence[LedgerLine]) -> dict[str, str]:
    mine = [item for item in ledger if item.safety == name]
    took = sorted(item.seconds for item in mine if item.status is not None)
    if not mine:
        return {}
    return {
        "name": line(name, 20),
        "sent": str(len(mine)),
        "lost": str(len(mine) - len(took)),
        "median": _quantile(took, 0.5),
        "p95": _quantile(took, 0.95),
        "slowest": _quantile(took, 1.0),
    }


def _quantile(ordered: Sequence[float], part: float) -> str:
    """The smallest measurement that at least that part of all does not exceed."""
    return f"{ordered[max(0, math.ceil(part * len(ordered)) - 1)]:.3f} s" if ordered else "-"


def ledger(record: RunRecord) -> list[dict[str, str]]:
    """The requests in their order; the first so many."""
    rows = (
        {
            "number": str(item.number),
            "at": line(item.at[11:23], 12),
            "call": f"{line(item.method, 12)} {line(item.target, 160)}",
            "as": line(item.identity or "nobody", 40),
            "safety": line(item.safety, 20),
            "answer": str(item.status) if item.status is not None else line(item.failure or "no answer", 80),
            "took": f"{item.seconds:.3f}",
            "size": str(item.size),
            "id": line(item.request_id, 60),
        }
        for item in record.ledger[:LINES]
    )
    return list(page.within(rows, lambda row: page.size(row) + LINE, LEDGER))


def number(value: object) -> float | None:
    """A measurement: a finite number, or the text in which the journal keeps a decimal; never a negative one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value[:40] if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


def share(value: float | None, whole: float) -> str:
    """A length for a chart, in percent of the whole; what is there at all can be seen."""
    if not value or not whole:
        return "0"
    return f"{min(100.0, max(0.6, 100 * value / whole)):.1f}"


def _numbers(values: object) -> list[float]:
    given = values if isinstance(values, list | tuple) else [values]
    return [found for value in given[:BARS] if (found := number(value)) is not None]


def _facts(facts: dict[str, Any], order: tuple[str, ...]) -> list[tuple[str, str]]:
    """A drill's measurements, those that everybody looks for first."""
    names = [*(name for name in order if name in facts), *(name for name in facts if name not in order)]
    return [(line(name, 40).replace("_", " "), shown(facts[name], 200)) for name in names[:FACTS]]
