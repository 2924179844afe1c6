"""The recall drill: simulate and full trace, one after the other, each on a connection of its own, nothing else in flight; then variants.

The repetitions are sent by different identities, so that they show at the same time whether an answer depends on who asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gate.api import Database, FailureKind, Inconclusive, Observation, Safety, Sample, drill, must_answer, pick

SIDES = ("suppliers", "raw_material_lots", "finished_lots", "customers")
RECALLED, TRACED = 2, 3  # other batches that are recalled, and that are traced
CANDIDATES = 5  # for each reason why a batch may be hard


@dataclass
class RecallDrill:
    """Every repetition of the recall, and of the full trace, in the order sent."""

    recalls: list[Observation]
    traces: list[Observation]
    truth: Truth

    @property
    def observations(self):
        """Everything that was seen."""
        return [*self.recalls, *self.traces]

    @property
    def recall(self):
        """The first recall's answer."""
        return must_answer(self.recalls[0]).json()

    @property
    def trace(self):
        """The first full trace's answer."""
        return must_answer(self.traces[0]).json()


@dataclass
class Truth:
    """What the database says of the drill batch, before the first call and after the last; None where there is no database to ask."""

    ask: Callable[[], Any] | None
    seen: list[Any]
    problem: str = ""

    def take(self):
        """Ask now. A database that does not answer is told later, by the controls that need it."""
        try:
            if self.ask:
                self.seen.append(self.ask())
        except Inconclusive as error:
            self.problem = str(error)


def records(t):
    """Asks for the rows of sql/truth/<the profile's truth.recall> for the drill batch."""
    sql = t.truth("recall")
    if sql is None:
        return Truth(None, [])
    return Truth(lambda: Database(t.settings.database_url).query(sql, {"batch_code": t.settings.batch_code}), [])


@drill(alone=True)
def recall_drill(run, t):
    """Run the drill and record its times, whatever the answers are."""
    recall, trace = t.profile.recall, t.profile.data.get("trace")
    found = RecallDrill([], [], records(t))
    found.truth.take()
    for number in range(1, recall.repetitions + 1):
        note = f"repetition {number}"
        found.recalls.append(run.send(a_recall(t, callers(t, recall.method, recall.path, recall.identity, number), note)))
        if trace:
            found.traces.append(run.send(a_trace(t, callers(t, "GET", trace["full"], trace["identity"], number), note)))
    found.truth.take()
    _record(run, t, found)
    return found


@pytest.fixture(scope="session")
def truth(recall_drill):
    """What the records said before the drill and after it."""
    return recall_drill.truth


def callers(t, method, path, first, number):
    """Who sends that repetition: the drill's own identity, then whoever else may, in turn."""
    return everyone(t, method, path, first)[(number - 1) % len(everyone(t, method, path, first))]


def everyone(t, method, path, first):
    """Every identity that may call it, the drill's own first; it alone where the access matrix does not name the path."""
    matching = [endpoint for endpoint in t.profile.endpoints if (endpoint.method, endpoint.path) == (method, path)]
    return [first, *(name for endpoint in matching[:1] for name in t.entitled(endpoint) if name != first)]


def a_recall(t, identity, note, template=None, **known):
    """The drill's recall; `known` replaces what its body is filled with, `template` the body."""
    recall = t.profile.recall
    body, deadline = t.fill(template or recall.body, **known), recall.limit_seconds + 5.0
    return t.request(
        recall.method, recall.path, identity=identity, json=body, safety=Safety.DRILL, deadline=deadline, fresh=True, note=note
    )


def a_trace(t, identity, note, **known):
    """The drill's full trace; `known` replaces what its path is filled with."""
    trace = t.profile.trace
    path, deadline = t.fill(trace.full, **known), trace.limit_seconds + 5.0
    return t.get(path, identity, safety=Safety.DRILL, deadline=deadline, fresh=True, note=note)


def _record(run, t, found):
    limits = {"recall": (found.recalls, t.profile.recall.limit_seconds)}
    if found.traces:
        limits["trace"] = (found.traces, t.profile.trace.limit_seconds)
    for name, (seen, limit) in limits.items():
        asked = [item for item in seen if item.number and not (item.failure and item.failure.kind is FailureKind.INTERRUPTED)]
        run.samples.extend(Sample(name, answered(item), item.timing.total, float(limit)) for item in asked)
    run.fact("timings", {name: [round(item.timing.total, 6) for item in seen] for name, (seen, _) in limits.items()})
    first, slowest = found.recalls[0], max(found.recalls, key=lambda item: item.timing.total)
    body = safe_json(first)
    run.fact(
        "recall_drill",
        {
            "endpoint": f"{t.profile.recall.method} {t.profile.recall.path}",
            "batch": t.settings.batch_code,
            **{name: text(pick(field, body)) for name, field in t.profile.recall.counts.items()},
            "impacted_qty": text(pick(t.profile.recall.quantity_field, body)),
            "status": first.response.status if first.response else None,
            "trace_seconds": round(slowest.timing.total, 6),
            "limit_seconds": t.profile.recall.limit_seconds,
            "at": first.started_at,
        },
    )


def answered(seen):
    return seen.response is not None and seen.response.status == 200


def safe_json(seen):
    try:
        return seen.json() if answered(seen) else None
    except Exception:  # noqa: BLE001 - the fact is then empty; REC-001 judges the answer
        return None


def text(value):
    return None if value is None else str(value) if not isinstance(value, int) else value


@drill()
def ghost_recall(run, t):
    """One recall of a batch that does not exist."""
    recall = t.profile.recall
    body = recall.ghost_body if recall.ghost_body is not None else t.fill(recall.body, batch_code=t.ghost_batch)
    note = "a batch that does not exist"
    return run.send(t.request(recall.method, recall.path, identity=recall.identity, json=body, safety=Safety.DRILL, note=note))


@drill()
def as_typed(run, t):
    """Recall and trace of the drill batch, its code in the other case."""
    code, note = t.settings.batch_code, "as typed"
    other = code.lower() if code.lower() != code else code.upper()
    recall = a_recall(t, t.profile.recall.identity, note, batch_code=other)
    return other, *run.send_each([recall, a_trace(t, t.profile.trace.identity, note, batch_code=other)])


@drill()
def everyone_else(run, t):
    """Recalls and traces by those who may ask and had no turn in the drill's repetitions."""
    recall, trace, note = t.profile.recall, t.profile.trace, "everyone"
    asked = {callers(t, recall.method, recall.path, recall.identity, number) for number in range(1, recall.repetitions + 1)}
    # Without what may be left out: nobody's answer may depend on it.
    body = {key: value for key, value in (recall.body or {}).items() if key not in (recall.optional or [])}
    recalls = [
        a_recall(t, name, note, template=body) for name in everyone(t, recall.method, recall.path, recall.identity) if name not in asked
    ]
    asked = {callers(t, "GET", trace.full, trace.identity, number) for number in range(1, recall.repetitions + 1)}
    traces = [a_trace(t, name, note) for name in everyone(t, "GET", trace.full, trace.identity) if name not in asked]
    seen = run.send_each([*recalls, *traces])
    return seen[: len(recalls)], seen[len(recalls) :]


@dataclass
class Others:
    """What was asked of each of the hardest batches, and the records before and after; `problem` if they could not be asked."""

    recalls: dict[str, Observation] = field(default_factory=dict)
    traces: dict[str, Observation] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    problem: str = ""


def record(t, code):
    """What the records hold of a batch now."""
    (row,) = Database(t.settings.database_url).query(t.truth("recall"), {"batch_code": code})
    names = ("batches", "customers", "quantity", "suppliers", "raw_material_lots", "finished_lots")
    return {name: set(value or []) if name in SIDES else value for name, value in zip(names, row, strict=True)}


def chosen(candidates, most):
    """So many codes that are hard for as many reasons as possible, and then for each reason as hard as possible.

    Args:
        candidates: code and, for each reason, how hard (sql/truth/batches.sql).
        most: how many.
    """
    left = {code: [float(value or 0) for value in traits] for code, traits in candidates}
    hardest = [max(values) or 1.0 for values in zip(*left.values(), strict=True)]
    missing, found = set(range(len(hardest))), []

    def worth(code):
        new = {place for place in missing if left[code][place] > 0}
        return len(new), sum(value / top for value, top in zip(left[code], hardest, strict=True))

    while left and len(found) < most:
        best = max(sorted(left), key=worth)
        missing -= {place for place, value in enumerate(left.pop(best)) if value > 0}
        found.append(best)
    return found


@drill()
def hardest_batches(run, t):
    """Recalls and full traces of the batches that are hardest for each, and the records before and after."""
    found, recall, trace = Others(), t.profile.recall, t.profile.trace
    sql = t.truth("batches")
    if sql is None:
        found.problem = "there is no database to ask for other batches"
        return found
    try:
        asked = {"batch_code": t.settings.batch_code, "limit": CANDIDATES}
        candidates = Database(t.settings.database_url).query(sql, asked)
        if any(len(row) != 3 or not isinstance(row[1], list) or not isinstance(row[2], list) for row in candidates):
            raise Inconclusive("the query truth.batches must give a code and two arrays of numbers, as sql/truth/batches.sql does")
        recalled = chosen([(str(code), traits) for code, traits, _ in candidates], RECALLED)
        traced = chosen([(str(code), traits) for code, _, traits in candidates], TRACED)
        found.rows = {code: [record(t, code)] for code in dict.fromkeys([*recalled, *traced])}
    except Inconclusive as error:
        found.problem = str(error)
        return found
    note = "a hard batch"
    probes = {}
    for code in recalled:
        body = t.fill(recall.body, batch_code=code)
        probes["recall", code] = t.request(recall.method, recall.path, identity=recall.identity, json=body, safety=Safety.DRILL, note=note)
    for code in traced:
        probes["trace", code] = t.get(t.fill(trace.full, batch_code=code), trace.identity, safety=Safety.DRILL, note=note)
    seen = dict(zip(probes, run.send_each(list(probes.values())), strict=True))
    found.recalls, found.traces = ({code: item for (asked, code), item in seen.items() if asked == kind} for kind in ("recall", "trace"))
    try:
        for code, rows in found.rows.items():
            rows.append(record(t, code))
    except Inconclusive as error:
        found.problem = str(error)
    return found


@drill(after=("hardest_batches",))
def other_recall(run, t, hardest_batches):
    """A recall of another batch, one that was sent anyway if there was one; None where the profile knows of none."""
    recall = t.profile.recall
    if hardest_batches.recalls:
        return next(iter(hardest_batches.recalls.values()))
    known = recall.other_batch and recall.other_batch != t.settings.batch_code
    return run.send(a_recall(t, recall.identity, "another batch", batch_code=recall.other_batch)) if known else None
