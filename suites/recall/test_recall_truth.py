"""Recall and trace against the records themselves: where both go wrong in the same way, only this shows it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gate.api import Inconclusive, Phase, Unmet, control, ids, must_answer, pick, require

DRILL: dict[str, Any] = {"criterion": "recall", "phase": Phase.DRILLS, "safety": "drill", "refs": ["checklist 5.1", "checklist 8"]}
WHY = "Recall and trace can agree with each other and both be wrong."
MEND = "Compare the service's query with the one in sql/truth; look for stale copies of the data."
SIDES = ("suppliers", "raw_material_lots", "finished_lots", "customers")


def records(truth):
    """What the database held before and after the drill, as dicts: the same twice, unless somebody wrote meanwhile."""
    if truth.problem or len(truth.seen) < 2:
        raise Inconclusive(truth.problem or "the database was not asked")
    names = ("batches", "customers", "quantity", "suppliers", "raw_material_lots", "finished_lots")
    found = [dict(zip(names, rows[0], strict=True)) for rows in truth.seen if rows]
    if len(found) < 2 or any(row["batches"] != 1 for row in found):
        raise Unmet("one batch of that code in the database", f"{truth.seen!r:.160}")
    return [{name: set(value or []) if name in SIDES else value for name, value in row.items()} for row in found]


def one_of(value, rows, name, what):
    """The value is what the records say; before or after, if they changed."""
    known = [row[name] for row in rows]
    if value in known:
        return
    if known[0] != known[-1]:
        raise Inconclusive(f"{what}: the records changed during the drill")
    shown = f"{len(known[0])} ids" if isinstance(known[0], set) else str(known[0])
    more = f"{len(value - known[0])} too many, {len(known[0] - value)} missing" if isinstance(value, set) else str(value)
    raise Unmet(f"{what} as in the records ({shown})", more)


@control(
    "REC-015",
    "The recall's customers, quantity and counts are what the records say",
    severity="critical",
    feature="recall,database,truth",
    covers=("X1", "X2", "X3", "X4", "X7", "X8", "X9", "X14"),
    why=WHY,
    mend=MEND,
    **DRILL,
)
def test_recall_is_true(recall_drill, truth, measured, t):
    measured(recall_drill.recalls)
    rows, recall = records(truth), t.profile.recall
    counted = {"impacted_customers_count": "customers", "suppliers_count": "suppliers", "finished_lots_count": "finished_lots"}
    for seen in recall_drill.recalls:
        body = must_answer(seen).json()
        if recall.quantity_field:
            quantity = pick(recall.quantity_field, body)
            right = isinstance(quantity, int | Decimal) and not isinstance(quantity, bool)
            require(right, "a number for the quantity", f"{quantity!r:.40}")
            one_of(Decimal(quantity), rows, "quantity", "the quantity")
        if recall.customer_ids:
            one_of(ids([recall.customer_ids], body), rows, "customers", "the customers")
        for name, side in counted.items():
            if name in recall.counts:
                sizes = [{side: len(row[side])} for row in rows]
                one_of(pick(recall.counts[name], body), sizes, side, name)


@control(
    "REC-016",
    "The trace's suppliers, material lots, finished lots and customers are what the records say",
    severity="critical",
    feature="recall,trace,database,truth",
    covers=("X1", "X2", "X5", "X6", "X8", "X14"),
    why=WHY,
    mend=MEND,
    **DRILL,
)
def test_trace_is_true(recall_drill, truth, measured, t):
    measured(recall_drill.traces)
    rows = records(truth)
    for seen in recall_drill.traces:
        body = must_answer(seen).json()
        for name in SIDES:
            if getattr(t.profile.trace, name):
                one_of(ids(getattr(t.profile.trace, name), body), rows, name, name)
