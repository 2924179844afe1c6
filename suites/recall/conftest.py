"""The recall drill: simulate and full trace, one after the other, each on a connection of its own, nothing else in flight."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gate.api import FailureKind, Observation, Safety, Sample, must_answer, pick


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


@pytest.fixture(scope="session")
def recall_drill(run, t):
    """Run the drill and record its times, whatever the answers are."""
    recall, trace = t.profile.recall, t.profile.data.get("trace")
    drill = RecallDrill([], [])
    for number in range(1, recall.repetitions + 1):
        probe = t.request(
            recall.method,
            recall.path,
            identity=recall.identity,
            json=recall.body,
            safety=Safety.DRILL,
            deadline=recall.limit_seconds + 5.0,
            fresh=True,
            note=f"repetition {number}",
        )
        drill.recalls.append(run.send(probe))
        if trace:
            full = t.get(
                trace["full"],
                trace["identity"],
                safety=Safety.DRILL,
                deadline=trace["limit_seconds"] + 5.0,
                fresh=True,
                note=f"repetition {number}",
            )
            drill.traces.append(run.send(full))
    _record(run, t, drill)
    return drill


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
