"""The recall and the trace from other sides: by name, by code as people type it, by caller, and of another batch."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from gate.api import SUCCESS, Phase, Unmet, control, describe, equal, ids, must_answer, pick, require

DRILL: dict[str, Any] = {"criterion": "recall", "phase": Phase.DRILLS, "safety": "drill", "refs": ["checklist 5.1", "checklist 8"]}
SIDES = ("suppliers", "raw_material_lots", "finished_lots", "customers")
REFUSED = (400, 404, 422)


def amount(value):
    try:
        found = None if isinstance(value, bool) or value is None else Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


def figures(body, t):
    """What a recall says, without the batch's code: every number, and the customers."""
    recall = t.profile.recall
    fields = [*recall.counts.values(), *([recall.quantity_field] if recall.quantity_field else [])]
    numbers = tuple(amount(pick(field, body)) for field in fields)
    require(None not in numbers, "a number for every figure of a recall", f"{[pick(field, body) for field in fields]!r:.120}")
    return numbers, frozenset(ids([recall.customer_ids], body)) if recall.customer_ids else frozenset()


def sets(body, t):
    """What a trace says: the ids of each side."""
    return {name: ids(getattr(t.profile.trace, name) or [], body) for name in SIDES}


def told(found):
    numbers, customers = found
    return f"{', '.join(map(str, numbers))}; {len(customers)} customers"


@control(
    "REC-011",
    "The full trace names the drill batch's suppliers, material lots, finished lots and customers, those and no others",
    severity="critical",
    feature="trace,recall",
    covers=("X1", "X2", "X5", "X8", "X18"),
    why="Contaminated material would be used on, or sold on, unseen.",
    mend="Check the trace's joins and the batch's records; roll back if it was right before.",
    **DRILL,
)
def test_trace_names(recall_drill, measured, t):
    measured(recall_drill.traces)
    for seen in recall_drill.traces:
        must_answer(seen)
    trace, body = t.profile.trace, recall_drill.trace
    # Another batch has other names: they are not known, but a trace that finds nothing has shown nothing.
    expected = (trace.expected or {}).get(t.settings.batch_code, {})
    for name in SIDES:
        if getattr(trace, name):
            found = ids(getattr(trace, name), body)
            require(bool(found), f"at least one of {name}", "none")
            if name in expected:
                labels = ids((trace.labels or {}).get(name, []), body)
                require(labels == set(expected[name]), f"{name}: {', '.join(sorted(expected[name]))}", ", ".join(sorted(labels)) or "none")
                equal(len(found), len(expected[name]), f"the number of {name}")


@control(
    "REC-012",
    "A batch code typed in lower case finds the same batch or none, never another",
    severity="high",
    feature="recall,trace",
    covers=("X12",),
    why="Codes are typed from labels, in a hurry. Half an answer looks like a whole one.",
    mend="Compare codes exactly, or bring them into one form first, in one place.",
    **DRILL,
)
def test_code_as_typed(recall_drill, as_typed, measured, t):
    other, recall, trace = as_typed
    measured([*recall_drill.observations, recall, trace])
    for seen in recall_drill.observations:
        must_answer(seen)
    found = must_answer(recall, [200, *REFUSED])
    if found.status == 200 and other != t.settings.batch_code:
        numbers, customers = figures(found.json(), t)
        # Zeros are what an unknown batch gets today: REC-010 judges that.
        nothing = not any(numbers) and not customers
        right = figures(recall_drill.recall, t)
        require(nothing or (numbers, customers) == right, f"the drill's answer ({told(right)}) or none", told((numbers, customers)))
    if must_answer(trace, [200, *REFUSED]).status == 200:
        require(sets(trace.json(), t) == sets(recall_drill.trace, t), "the drill's trace or none", describe(trace))


@control(
    "REC-013",
    "Recall and trace answer everyone who may ask with the same",
    severity="critical",
    feature="recall,trace",
    covers=("X17",),
    why="Two people who manage one recall would each be sure of another list of customers.",
    mend="Take the caller's roles out of the query.",
    **DRILL,
)
def test_same_for_everyone(recall_drill, everyone_else, measured, t):
    recall, trace = t.profile.recall, t.profile.trace
    recalls, traces = (
        [*before, *others] for before, others in zip((recall_drill.recalls, recall_drill.traces), everyone_else, strict=True)
    )
    measured([*recalls, *traces])
    right = figures(recall_drill.recall, t)
    for seen in recalls:
        found = figures(must_answer(seen).json(), t)
        require(found == right, f"{told(right)}, as for {recall.identity}", f"{told(found)} for {seen.probe.identity}")
    whole = sets(recall_drill.trace, t)
    for seen in traces:
        part = sets(must_answer(seen).json(), t)
        differ = [name for name in SIDES if part[name] != whole[name]]
        require(not differ, f"the trace as for {trace.identity}", f"other {', '.join(differ)} for {seen.probe.identity}")


@control(
    "REC-014",
    "A recall of another batch does not give the drill batch's answer, and one of no batch finds nobody",
    severity="critical",
    feature="recall",
    covers=("X8", "T1"),
    why="A false recall takes good food off the shelves and leaves the bad.",
    mend="Check how the batch is looked up, and what the cache's key is.",
    **DRILL,
)
def test_other_batches(recall_drill, ghost_recall, other_recall, measured, t):
    measured([seen for seen in (*recall_drill.recalls, ghost_recall, other_recall) if seen])
    for seen in recall_drill.recalls:
        must_answer(seen)
    recall, right = t.profile.recall, figures(recall_drill.recall, t)
    ghost = must_answer(ghost_recall, [200, *REFUSED])
    if ghost.status == 200:
        numbers, customers = figures(ghost.json(), t)
        require(not any(numbers) and not customers, "nobody, for a batch that does not exist", told((numbers, customers)))
    if other_recall and must_answer(other_recall, [200, *REFUSED]).status in SUCCESS:
        found = figures(other_recall.json(), t)
        if found == right and any(right[0]):
            raise Unmet("another answer for another batch than for the drill batch", told(found))
        if recall.batch_field:
            asked = json.loads(other_recall.probe.body) if other_recall.probe.body else {"": recall.other_batch}
            said = pick(recall.batch_field, other_recall.json())
            require(said in asked.values(), f"'{recall.batch_field}' to be the batch that was asked for", f"{said!r:.80}")
