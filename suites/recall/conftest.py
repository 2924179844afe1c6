"""The recall drill: simulate and full trace, one after the other, each on a connection of its own, nothing else in flight.

The repetitions are sent by different identities, so that they show at the same time whether an answer depends on who asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gate.api import Database, FailureKind, Inconclusive, Observation, Safety, Sample, must_answer, pick


@dataclass
class RecallDrill:
    """Every repetition of the recall, and of the full trace, in the order sent."""

    recalls: list[Observation]
    traces: list[Observation]

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


@pytest.fixture(scope="session")
def truth(t):
    """The rows of sql/truth/<the profile's truth.recall> for the drill batch."""
    if t.settings.database_url is None or not t.profile.has("truth"):
        return Truth(None, [])
    sql = (Path(__file__).resolve().parents[2] / "sql" / "truth" / t.profile.truth.recall).read_text(encoding="utf-8")
    return Truth(lambda: Database(t.settings.database_url).query(sql, {"batch_code": t.settings.batch_code}), [])


@pytest.fixture(scope="session")
def recall_drill(run, t, truth):
    """Run the drill and record its times, whatever the answers are."""
    recall, trace = t.profile.recall, t.profile.data.get("trace")
    drill = RecallDrill([], [])
    truth.take()
    for number in range(1, recall.repetitions + 1):
        note = f"repetition {number}"
        drill.recalls.append(run.send(a_recall(t, callers(t, recall.method, recall.path, recall.identity, number), note)))
        if trace:
            drill.traces.append(run.send(a_trace(t, callers(t, "GET", trace["full"], trace["identity"], number), note)))
    truth.take()
    _record(run, t, drill)
    return drill


def callers(t, method, path, first, number):
    """Who sends that repetition: the drill's own identity, then whoever else may, in turn."""
    return everyone(t, method, path, first)[(number - 1) % len(everyone(t, method, path, first))]


def everyone(t, method, path, first):
    """Every identity that may call it, the drill's own first; it alone where the access matrix does not name the path."""
    matching = [endpoint for endpoint in t.profile.endpoints if (endpoint.method, endpoint.path) == (method, path)]
    return [first, *(name for endpoint in matching[:1] for name in t.entitled(endpoint) if name != first)]


def a_recall(t, identity, note, **known):
    """The drill's recall; `known` replaces what its body is filled with."""
    recall = t.profile.recall
    body, deadline = t.fill(recall.body, **known), recall.limit_seconds + 5.0
    return t.request(
        recall.method, recall.path, identity=identity, json=body, safety=Safety.DRILL, deadline=deadline, fresh=True, note=note
    )


def a_trace(t, identity, note, **known):
    """The drill's full trace; `known` replaces what its path is filled with."""
    trace = t.profile.trace
    path, deadline = t.fill(trace.full, **known), trace.limit_seconds + 5.0
    return t.get(path, identity, safety=Safety.DRILL, deadline=deadline, fresh=True, note=note)


def _record(run, t, drill):
    limits = {"recall": (drill.recalls, t.profile.recall.limit_seconds)}
    if drill.traces:
        limits["trace"] = (drill.traces, t.profile.trace.limit_seconds)
    for name, (seen, limit) in limits.items():
        asked = [item for item in seen if item.number and not (item.failure and item.failure.kind is FailureKind.INTERRUPTED)]
        run.samples.extend(Sample(name, answered(item), item.timing.total, float(limit)) for item in asked)
    run.fact("timings", {name: [round(item.timing.total, 6) for item in seen] for name, (seen, _) in limits.items()})
    first, slowest = drill.recalls[0], max(drill.recalls, key=lambda item: item.timing.total)
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


@pytest.fixture(scope="session")
def calls():
    """The drill's requests, for the controls that vary them."""
    return SimpleNamespace(recall=a_recall, trace=a_trace, everyone=everyone)


@pytest.fixture(scope="session")
def ghost_recall(run, t, recall_drill):  # noqa: ARG001 - nothing else in flight while the drill is timed
    """One recall of a batch that does not exist."""
    recall = t.profile.recall
    body = recall.ghost_body if recall.ghost_body is not None else t.fill(recall.body, batch_code=t.ghost_batch)
    note = "a batch that does not exist"
    return run.send(t.request(recall.method, recall.path, identity=recall.identity, json=body, safety=Safety.DRILL, note=note))
