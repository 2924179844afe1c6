"""The recall drill: complete, right, consistent, and in time."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from gate.api import Phase, Unmet, control, equal, ids, must_answer, observe, pick, require

DRILL = {"criterion": "recall", "phase": Phase.DRILLS, "safety": "drill", "refs": ["checklist 5.1", "checklist 8"]}
WHY = "Contaminated food stays on shelves."
MEND = "Check the trace's joins and the batch's records; roll back if it was right before."


def in_time(observations, limit, what):
    for seen in observations:
        must_answer(seen)
        require(0 <= seen.timing.total < limit, f"{what} in under {limit:g} s", f"{seen.timing.total:.3f} s ({seen.probe})", "unavailable")


def amount(value):
    try:
        found = None if isinstance(value, bool) or value is None else Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


@control(
    "REC-001",
    "The recall simulation answers every time, in under its limit",
    severity="critical",
    feature="recall",
    covers=("T5", "X16"),
    why=WHY,
    mend="Look at the database's load and the indexes of the recall path.",
    **DRILL,
)
def test_recall_in_time(recall_drill, measured, t):
    measured(recall_drill.recalls)
    in_time(recall_drill.recalls, t.profile.recall.limit_seconds, "the recall")


@control(
    "REC-002",
    "The full trace answers every time, in under its limit",
    severity="critical",
    feature="recall,trace",
    covers=("T5", "X16"),
    why=WHY,
    mend="Look at the database's load and the indexes of the recall path.",
    **DRILL,
)
def test_trace_in_time(recall_drill, measured, t):
    measured(recall_drill.traces)
    in_time(recall_drill.traces, t.profile.trace.limit_seconds, "the trace")


@control(
    "REC-003",
    "The recall finds exactly what is known of the drill batch",
    severity="critical",
    feature="recall",
    covers=("X1", "X2", "X3", "X4", "X8"),
    why=WHY,
    mend=MEND,
    **DRILL,
)
def test_expected_numbers(recall_drill, measured, t):
    measured(recall_drill.recalls)
    recall = t.profile.recall
    if recall.batch_field:
        equal(pick(recall.batch_field, recall_drill.recall), t.settings.batch_code, f"'{recall.batch_field}'")
    expected = (recall.expected or {}).get(t.settings.batch_code)
    if expected is None:
        # Another batch: its numbers are not known, but a drill that finds nothing has shown nothing.
        expected = {}
        require(
            (amount(pick(recall.quantity_field, recall_drill.recall)) or 0) > 0,
            "a quantity above 0 for a batch that is used as a drill",
            f"{pick(recall.quantity_field, recall_drill.recall)!r:.40}",
        )
    for name, value in expected.items():
        field = recall.counts.get(name) or recall.quantity_field
        found = pick(field, recall_drill.recall)
        require(amount(found) == amount(value) and amount(found) is not None, f"{name} = {value}", f"{found!r:.40}")


@control(
    "REC-004",
    "The recall's counts agree with what it lists",
    severity="critical",
    feature="recall",
    covers=("X2", "X3"),
    why=WHY,
    mend=MEND,
    **DRILL,
)
def test_counts_agree_with_lists(recall_drill, measured, t):
    measured(recall_drill.recalls)
    recall, body = t.profile.recall, recall_drill.recall
    for name, field in recall.counts.items():
        count = pick(field, body)
        require(isinstance(count, int) and not isinstance(count, bool) and count >= 0, f"a whole number for {name}", f"{count!r:.40}")
    quantity = pick(recall.quantity_field, body)
    require(
        recall.quantity_field is None or (isinstance(quantity, int | Decimal) and amount(quantity) >= 0),
        "a number for the quantity",
        f"{quantity!r:.40}",
    )
    if recall.customer_ids and "impacted_customers_count" in recall.counts:
        listed = pick(recall.customer_ids, body) or []
        require(
            len(listed) == len(set(map(str, listed))), "every customer once", f"{len(listed)} rows, {len(set(map(str, listed)))} customers"
        )
        equal(len(set(map(str, listed))), pick(recall.counts["impacted_customers_count"], body), "the number of listed customers")


@control(
    "REC-005",
    "The recall and the full trace agree on customers, suppliers and finished lots",
    severity="critical",
    feature="recall,trace",
    covers=("X1", "X2", "X8", "X10"),
    why=WHY,
    mend=MEND,
    **DRILL,
)
def test_recall_agrees_with_trace(recall_drill, measured, t):
    measured(recall_drill.observations)
    recall, trace = t.profile.recall, t.profile.trace
    if recall.customer_ids:
        here, there = ids([recall.customer_ids], recall_drill.recall), ids(trace.customers, recall_drill.trace)
        require(
            here == there and bool(here),
            "the same customers in the recall and in the trace",
            f"{len(here)} and {len(there)}, {len(here ^ there)} differ",
        )
    for name, expressions in (
        ("suppliers_count", trace.suppliers),
        ("finished_lots_count", trace.finished_lots),
        ("impacted_customers_count", trace.customers),
    ):
        if name in recall.counts:
            equal(pick(recall.counts[name], recall_drill.recall), len(ids(expressions, recall_drill.trace)), name)


@control(
    "REC-006",
    "Every repetition of the drill gives the same answer",
    severity="critical",
    feature="recall",
    covers=("X12",),
    why="A recall that differs from call to call is wrong at least once.",
    mend=MEND,
    **DRILL,
)
def test_repetitions_agree(recall_drill, measured, t):
    measured(recall_drill.observations)
    recall = t.profile.recall
    fields = [*recall.counts.values(), *(field for field in (recall.quantity_field, recall.batch_field) if field)]
    answers = [[pick(field, must_answer(seen).json()) for field in fields] for seen in recall_drill.recalls]
    customers = [ids([recall.customer_ids or "@"], must_answer(seen).json()) for seen in recall_drill.recalls]
    require(all(answer == answers[0] for answer in answers), "the same numbers every time", f"{answers!r:.200}")
    require(all(found == customers[0] for found in customers), "the same customers every time", "they differ")
    for name in ("suppliers", "raw_material_lots", "finished_lots", "customers") if recall_drill.traces else ():
        found = [ids(getattr(t.profile.trace, name) or ["@"], must_answer(seen).json()) for seen in recall_drill.traces]
        require(all(item == found[0] for item in found), f"the same {name} in every trace", "they differ")


@control(
    "REC-007",
    "Forward and backward trace agree with the full trace",
    severity="critical",
    feature="recall,trace",
    covers=("X10",),
    why=WHY,
    mend=MEND,
    **DRILL,
)
def test_directions_agree(recall_drill, send, measured, t):
    measured(recall_drill.traces)
    trace = t.profile.trace
    sides = {"forward": ("finished_lots", "customers"), "backward": ("suppliers", "raw_material_lots")}
    for side, names in sides.items():
        part = must_answer(send(t.get(getattr(trace, side), trace.identity))).json()
        for name in names:
            expressions = getattr(trace, name)
            if expressions:
                whole, found = ids(expressions, recall_drill.trace), ids(expressions, part)
                require(
                    whole == found and bool(whole),
                    f"the same {name} in the {side} trace and in the full one",
                    f"{len(whole)} and {len(found)}, {len(whole ^ found)} differ",
                )


@control(
    "REC-008",
    "Every affected customer can be told: id, name and kind are there",
    severity="high",
    feature="recall",
    covers=("X19",),
    why="A recall that cannot name its customers cannot reach them.",
    mend="Complete the customers' records.",
    **DRILL,
)
def test_customers_can_be_told(recall_drill, measured, t):
    measured(recall_drill.recalls)
    recall = t.profile.recall
    rows = pick(recall.customers_field, recall_drill.recall)
    require(isinstance(rows, list) and bool(rows), f"customers at '{recall.customers_field}'", f"{rows!r:.60}")
    for row in rows:
        for field in recall.customer_contact_fields or ["name"]:
            value = pick(field, row)
            require(isinstance(value, str | int) and bool(str(value).strip()), f"'{field}' of every customer", f"{row!r:.120}")


@control(
    "REC-009",
    "A trace of a batch that does not exist says so",
    severity="high",
    criterion="recall",
    refs=["checklist 5.1"],
    feature="trace",
    why="A mistyped batch code would read as 'nobody is affected'.",
    mend="Answer 404.",
)
@observe(
    lambda t: {
        "positive": t.get(t.profile.trace.full, t.profile.trace.identity),
        "ghost": t.get(t.profile.trace.ghost or t.profile.trace.full.replace("{batch_code}", "{ghost_batch}"), t.profile.trace.identity),
    }
)
def test_unknown_batch_is_not_traced(observed):
    must_answer(observed["positive"])
    equal(observed["ghost"].status, 404, "the status for an unknown batch")


@control(
    "REC-010",
    "A recall of a batch that does not exist says so, and does not answer with zeros",
    severity="high",
    criterion="recall",
    basis="hardening",
    phase=Phase.DRILLS,
    safety="drill",
    refs=["checklist 5.1"],
    feature="recall",
    why="A mistyped batch code would read as 'nobody is affected'.",
    mend="Answer 404 when the batch is unknown.",
)
def test_unknown_batch_is_not_recalled(recall_drill, ghost_recall, measured):
    measured([*recall_drill.recalls, ghost_recall])
    for recall in recall_drill.recalls:
        must_answer(recall)
    seen = ghost_recall
    if seen.status == 200:
        raise Unmet("HTTP 404 for an unknown batch", f"HTTP 200, {seen.answer.body[:160].decode('utf-8', 'replace')}")
    require(seen.status in (404, 422), "HTTP 404 for an unknown batch", f"HTTP {seen.status}")
