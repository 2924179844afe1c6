"""Recalls of other batches than the drill's, against the records; and of codes that are almost the drill's."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from gate.api import Database, Inconclusive, Observation, Phase, Safety, Unmet, control, describe, drill, ids, must_answer, pick, require

DRILL: dict[str, Any] = {"criterion": "recall", "phase": Phase.DRILLS, "safety": "drill", "refs": ["checklist 5.1", "checklist 8"]}
MEND = "Compare the service's query with the one in sql/truth; the drill batch is the easy case, these are not."
SIDES = ("suppliers", "raw_material_lots", "finished_lots", "customers")
COUNTS = {"impacted_customers_count": "customers", "suppliers_count": "suppliers", "finished_lots_count": "finished_lots"}
MOST, TRACED = 3, 2
REFUSED = (400, 404, 422)


@dataclass
class Others:
    """What was asked of each of the hardest batches, and the records before and after; `problem` if they could not be asked."""

    recalls: dict[str, Observation] = field(default_factory=dict)
    traces: dict[str, Observation] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    problem: str = ""


def sql(t, name):
    """The text of the profile's query of that name."""
    return (Path(__file__).resolve().parents[2] / "sql" / "truth" / t.profile.data["truth"][name]).read_text(encoding="utf-8")


def record(t, code):
    """What the records hold of a batch now."""
    (row,) = Database(t.settings.database_url).query(sql(t, "recall"), {"batch_code": code})
    names = ("batches", "customers", "quantity", "suppliers", "raw_material_lots", "finished_lots")
    return {name: set(value or []) if name in SIDES else value for name, value in zip(names, row, strict=True)}


@drill()
def hardest_batches(run, t):
    """A recall and a full trace of each of the hardest batches, and the records before and after."""
    found, recall, trace = Others(), t.profile.recall, t.profile.trace
    if t.settings.database_url is None or not t.profile.data.get("truth", {}).get("batches"):
        found.problem = "there is no database to ask for other batches"
        return found
    try:
        asked = {"batch_code": t.settings.batch_code, "limit": MOST}
        codes = [str(row[0]) for row in Database(t.settings.database_url).query(sql(t, "batches"), asked)]
        found.rows = {code: [record(t, code)] for code in codes}
    except Inconclusive as error:
        found.problem = str(error)
        return found
    note = "a hard batch"
    probes = {}
    for code in codes:
        body = t.fill(recall.body, batch_code=code)
        probes["recall", code] = t.request(recall.method, recall.path, identity=recall.identity, json=body, safety=Safety.DRILL, note=note)
        if code in codes[:TRACED]:
            probes["trace", code] = t.get(t.fill(trace.full, batch_code=code), trace.identity, safety=Safety.DRILL, note=note)
    seen = dict(zip(probes, run.send_each(list(probes.values())), strict=True))
    found.recalls, found.traces = ({code: item for (asked, code), item in seen.items() if asked == kind} for kind in ("recall", "trace"))
    try:
        for code in codes:
            found.rows[code].append(record(t, code))
    except Inconclusive as error:
        found.problem = str(error)
    return found


def known(others):
    """The codes, if the records could be asked and there are any."""
    if others.problem:
        raise Inconclusive(others.problem)
    if not others.rows:
        raise Inconclusive("the database holds no other batch than the drill's")
    return list(others.rows)


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
def test_hard_recalls(hardest_batches, measured, t):
    measured(list(hardest_batches.recalls.values()))
    recall = t.profile.recall
    for code in known(hardest_batches):
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
def test_hard_traces(hardest_batches, measured, t):
    measured(list(hardest_batches.traces.values()))
    for code in known(hardest_batches)[:TRACED]:
        body = must_answer(hardest_batches.traces[code]).json()
        for name in SIDES:
            if getattr(t.profile.trace, name):
                found = set(ids(getattr(t.profile.trace, name), body))
                agree(found, hardest_batches.rows[code], name, f"{name} of {code}")


@drill()
def almost(run, t):
    """Traces and a recall of codes that are the drill batch's but for one character, which no real code can be."""
    recall, trace, code = t.profile.recall, t.profile.trace, t.settings.batch_code
    place = next((number for number, char in enumerate(code) if not char.isalnum()), len(code) - 1)
    wild, longer = f"{code[:place]}_{code[place + 1 :]}", f"{code}X"
    probes = {
        f"the trace of {wild}": t.get(t.fill(trace.full, batch_code=wild), trace.identity, note="a wildcard in the code"),
        f"the trace of {longer}": t.get(t.fill(trace.full, batch_code=longer), trace.identity, note="one letter more"),
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
def test_almost(almost, measured, t):
    measured(list(almost.values()))
    for what, seen in almost.items():
        if must_answer(seen, [200, *REFUSED]).status == 200:
            body = seen.json()
            found = {name: set(ids(getattr(t.profile.trace, name) or [], body)) for name in SIDES} if "trace" in what else {}
            numbers = [pick(path, body) for path in t.profile.recall.counts.values()] if "recall" in what else []
            require(not any(found.values()) and not any(numbers), f"nothing for {what}", describe(seen))
