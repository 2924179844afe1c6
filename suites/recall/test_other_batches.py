"""Recalls of other batches than the drill's, against the records; and of codes that are almost the drill's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gate.api import Inconclusive, Phase, Safety, Unmet, control, describe, drill, ids, must_answer, pick, require

DRILL: dict[str, Any] = {"criterion": "recall", "phase": Phase.DRILLS, "safety": "drill", "refs": ["checklist 5.1", "checklist 8"]}
MEND = "Compare the service's query with the one in sql/truth; the drill batch is the easy case, these are not."
SIDES = ("suppliers", "raw_material_lots", "finished_lots", "customers")
COUNTS = {"impacted_customers_count": "customers", "suppliers_count": "suppliers", "finished_lots_count": "finished_lots"}
REFUSED = (400, 404, 422)


def known(others):
    """Return if the records could be asked; where they hold no other batch, there is nothing more to be wrong."""
    if others.problem:
        raise Inconclusive(others.problem)


def agree(value, rows, name, what):
    """The value is what the records say, before or after."""
    if any(value == row[name] for row in rows):
        return
    if rows[0][name] != rows[-1][name]:
        raise Inconclusive(f"{what}: the records changed meanwhile")
    wanted = rows[0][name]
    if isinstance(value, set):
        raise Unmet(f"{what} as in the records ({len(wanted)})", f"{len(value - wanted)} too many, {len(wanted - value)} missing")
    raise Unmet(f"{what} as in the records ({wanted})", f"{value}")


@control(
    "REC-017",
    "A recall of the hardest other batches finds what the records say",
    severity="critical",
    feature="recall,trace,database,truth",
    covers=("X1", "X2", "X3", "X4", "X7", "X8"),
    why="A query can be right for the batch that everybody tries, and leave customers of another one with contaminated food.",
    mend=MEND,
    **DRILL,
)
def test_hard_recalls(hardest_batches, recall_drill, measured, t):
    measured([*recall_drill.recalls, *hardest_batches.recalls.values()])
    for seen in recall_drill.recalls:
        must_answer(seen)
    recall = t.profile.recall
    known(hardest_batches)
    for code in hardest_batches.recalls:
        rows, body = hardest_batches.rows[code], must_answer(hardest_batches.recalls[code]).json()
        if recall.quantity_field:
            agree(Decimal(str(pick(recall.quantity_field, body))), rows, "quantity", f"the quantity of {code}")
        if recall.customer_ids:
            agree(set(ids([recall.customer_ids], body)), rows, "customers", f"the customers of {code}")
        for name, side in COUNTS.items():
            if name in recall.counts:
                sizes = [{side: len(row[side])} for row in rows]
                agree(pick(recall.counts[name], body), sizes, side, f"'{name}' of {code}")


@control(
    "REC-018",
    "The trace of the hardest other batches shows what the records say",
    severity="critical",
    feature="recall,trace,database,truth",
    covers=("X1", "X2", "X5", "X6", "X8"),
    why="The people who follow contaminated material follow the trace.",
    mend=MEND,
    **DRILL,
)
def test_hard_traces(hardest_batches, recall_drill, measured, t):
    measured([*recall_drill.traces, *hardest_batches.traces.values()])
    for seen in recall_drill.traces:
        must_answer(seen)
    known(hardest_batches)
    for code, seen in hardest_batches.traces.items():
        body = must_answer(seen).json()
        for name in SIDES:
            if getattr(t.profile.trace, name):
                found = set(ids(getattr(t.profile.trace, name), body))
                agree(found, hardest_batches.rows[code], name, f"{name} of {code}")


@drill()
def almost(run, t):
    """Traces and a recall of codes that are the drill batch's but for one character."""
    recall, trace, code = t.profile.recall, t.profile.trace, t.settings.batch_code
    place = next((number for number, char in enumerate(code) if not char.isalnum()), len(code) - 1)
    wild, longer, cut = f"{code[:place]}_{code[place + 1 :]}", f"{code}X", code[:-1]
    probes = {
        f"the trace of {wild}": t.get(t.fill(trace.full, batch_code=wild), trace.identity, note="a wildcard in the code"),
        f"the trace of {longer}": t.get(t.fill(trace.full, batch_code=longer), trace.identity, note="one letter more"),
        f"the trace of {cut}": t.get(t.fill(trace.full, batch_code=cut), trace.identity, note="one letter less"),
    }
    body = t.fill(recall.body, batch_code=wild)
    probes[f"the recall of {wild}"] = t.request(
        recall.method, recall.path, identity=recall.identity, json=body, safety=Safety.DRILL, note="a wildcard in the code"
    )
    return dict(zip(probes, run.send_each(list(probes.values())), strict=True))


@control(
    "REC-019",
    "A code that is almost the drill batch's finds nothing",
    severity="critical",
    feature="recall,trace",
    covers=("X12", "T1"),
    why="A typing error would recall another batch, and leave the contaminated one on the shelves.",
    mend="Compare codes as they are: no pattern, no prefix, nothing cut off.",
    **DRILL,
)
def test_almost(almost, recall_drill, measured, t):
    measured([*recall_drill.traces, *almost.values()])
    for seen in recall_drill.traces:
        must_answer(seen)
    whole = sides(recall_drill.trace, t)
    for what, seen in almost.items():
        if must_answer(seen, [200, *REFUSED]).status != 200:
            continue
        body, code = seen.json(), what.rpartition(" ")[2]
        if t.settings.batch_code.startswith(code):  # it may be a batch of its own; then it says so, and is another one
            same = any(whole.values()) and sides(body, t) == whole
            said = pick(t.profile.trace.batch_field, body) if t.profile.trace.batch_field else code
            require(not same and said == code, f"nothing for {what}, or another batch", describe(seen))
            continue
        found = sides(body, t) if "trace" in what else {}
        numbers = [pick(path, body) for path in t.profile.recall.counts.values()] if "recall" in what else []
        require(not any(found.values()) and not any(numbers), f"nothing for {what}", describe(seen))


def sides(body, t):
    """What a trace says: the ids of each side."""
    return {name: set(ids(getattr(t.profile.trace, name) or [], body)) for name in SIDES}
