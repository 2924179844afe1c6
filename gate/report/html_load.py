"""A run under load, for the HTML report: its picture, its names, its limits, and recall with and without load."""

from __future__ import annotations

from typing import Any

from gate.report import page
from gate.report.html_measured import timed
from gate.report.load_chart import svg
from gate.report.load_view import CANNOT, PERCENTILES, UNKNOWN, Check, Load, Part, Recall, read

KINDS = {"passed": "good", "failed": "bad"}


def section(fact: object) -> dict[str, Any] | None:
    """What the template shows of the fact `load`, whatever it is; None where there is none."""
    if fact is None:
        return None
    load = read(fact)
    return {
        "outcome": load.outcome if load.outcome != CANNOT else f"outcome {CANNOT}",
        "kind": KINDS.get(load.outcome, "open"),
        "told": load.told,
        "reasons": load.reasons,
        "picture": page.picture(svg(load.series, title="Latency and throughput under load")),
        "percentiles": PERCENTILES,
        "names": load.names,
        "doubt": f"{UNKNOWN}: {CANNOT}" if any(UNKNOWN in item.cells for item in load.names.rows) else "",
        "checks": [_limits(load), *([_comparison(load.comparison)] if load.comparison.rows or load.comparison.note else [])],
        "recall": _recall(load.recall),
    }


def _limits(load: Load) -> dict[str, Any]:
    """What a check has to say only where the reasons have not said it."""
    told = {item.message for item in load.checks.rows if item.outcome == "passed"} | {*load.reasons.rows}
    return _checks("Limits", load.checks, told)


def _comparison(part: Part[Check]) -> dict[str, Any]:
    """Each with what it was before."""
    return _checks("Against an earlier run", part, set())


def _checks(title: str, part: Part[Check], told: set[str]) -> dict[str, Any]:
    rows = [
        {
            "what": item.what,
            "observed": item.observed,
            "limit": item.limit,
            "outcome": item.outcome,
            "kind": KINDS.get(item.outcome, "open"),
            "message": "" if item.message in told else item.message,
        }
        for item in part.rows
    ]
    doubt = any(UNKNOWN in f"{item.observed}{item.limit}{item.outcome}" for item in part.rows)
    return {"title": title, "rows": rows, "note": part.note, "doubt": f"{UNKNOWN}: {CANNOT}" if doubt else ""}


def _recall(recall: Recall | None) -> dict[str, Any]:
    """A bar for each time it took, on the scale of the limit."""
    if recall is None:
        return {"bars": []}
    groups = {"alone": recall.without, "in load": recall.under}
    return timed({name: [value / 1000 for value in values[:20]] for name, values in groups.items()}, recall.limit)
