"""A process value after it was taken in."""

from __future__ import annotations

import json
from datetime import UTC, timedelta

from gate.api import Phase, control, must_answer, pick, require


@control(
    "ACC-012",
    "A process value that was taken in stands in the batch's timeline, once and as it was sent",
    severity="high",
    criterion="gate",
    phase=Phase.DRILLS,
    safety="drill",
    refs=["checklist 8"],
    feature="ccp,ccp_timeline",
    covers=("S1", "S8", "E11"),
    why="A value that was accepted and lost is a hole in the hygiene record.",
    mend="Commit the log before answering; store value, unit and moment (timestamptz) as they came.",
)
def test_log_is_kept(ccp_ingest, measured, t, tools):
    require(ccp_ingest.timeline is not None, "a timeline", "none")
    measured([ccp_ingest.log, ccp_ingest.timeline])
    answer = must_answer(ccp_ingest.log, t.profile.ccp.accepted_status).json()
    rows = pick(t.profile.ccp_timeline.rows_field, must_answer(ccp_ingest.timeline).json())
    require(isinstance(rows, list) and bool(rows), f"rows at '{t.profile.ccp_timeline.rows_field}'", f"{rows!r:.60}")
    sent, log_id = json.loads(ccp_ingest.log.probe.body), pick(t.profile.ccp.log_id_field, answer)
    kept = [row for row in rows if isinstance(row, dict) and is_log(row, sent, log_id, tools)]
    require(bool(kept), "the value that was just taken in", f"it is not among {len(rows)} entries, first {rows[:1]!r:.160}")
    value, at = tools.number(sent["metric_value"]), tools.moment(sent["measured_at"])
    # An entry may tell of the value in a sentence, and another of the same log need not hold it.
    shown = [row for row in kept if value in map(tools.number, leaves(row)) or str(value) in str(row)]
    require(bool(shown), f"the value as it was sent, {value},", f"{kept[:1]!r:.200}")
    for row in shown:
        moments = [found for found in map(tools.moment, leaves(row)) if found]
        # Some services keep whole seconds.
        near = any(abs(found - at) < timedelta(seconds=1) for found in moments)
        require(near, f"the moment at which it was measured, {at.astimezone(UTC).isoformat()},", f"{row!r:.200}")
        unit = row.get("unit", sent.get("unit"))
        require(unit == sent.get("unit"), f"the unit {sent.get('unit')}", f"{unit!r:.40}")
    require(len(shown) == 1, "the value once", f"{len(shown)} times: {shown[:2]!r:.200}")


def leaves(value):
    """Every single value in it, however deep."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    else:
        yield value


def is_log(row, sent, log_id, tools):
    """Whether an entry is this run's value: its id, or its source, or the same value at the same moment."""
    found = list(leaves(row))
    if log_id and log_id in found:
        return True
    if sent.get("source") and row.get("source"):
        return row["source"] == sent["source"]
    return tools.number(sent["metric_value"]) in map(tools.number, found) and tools.moment(sent["measured_at"]) in map(tools.moment, found)
