"""List and pack against the table behind them: what both leave out, only this shows. Others write meanwhile, so both ends are bounded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gate.api import SUCCESS, Database, Inconclusive, Phase, control, must_answer, pick, require

DRILL: dict[str, Any] = {"criterion": "audit", "phase": Phase.DRILLS, "refs": ["checklist 5.2", "ASVS 5.0 16.4.2"]}
COLUMNS = ("id_field", "time_field", "actor_field", "action_field", "entity_field", "prev_field", "hash_field")
LATE = timedelta(seconds=5)  # an event's time may lie this long before it can be read


@pytest.fixture(scope="session")
def ask(t):
    """`ask(name, **parameters)`: the rows of sql/truth/<the profile's file of that name>."""
    database = Database(t.settings.database_url)
    return lambda name, **parameters: database.query(t.truth(name), parameters)


@control(
    "AUD-022",
    "The list has every event of the database, and each as it is stored",
    severity="critical",
    feature="audit_events,database,truth",
    covers=("V7", "V10", "V13"),
    why="List and pack can agree with each other and both leave something out.",
    mend="Compare the service's query with the one in sql/truth.",
    **DRILL,
)
def test_list_is_true(trail, ask, measured, t, tools):
    measured([trail.listed])
    must_answer(trail.listed)
    events = t.profile.audit_events
    at = [tools.moment(row.get(events.time_field or "event_time")) for row in trail.rows]
    require(all(at), "a readable time for every event", f"{at.count(None)} of {len(at)} without")
    if not isinstance(trail.stored, list):
        raise Inconclusive(f"the database was not read before the list: {trail.stored}")
    full = len(trail.rows) >= trail.limit
    listed = {str(row.get(events.id_field)): row for row in trail.rows}
    hidden = [key for key, when in trail.stored if key not in listed and (when > min(at) or not full)]
    require(not hidden, "every stored event in the list", f"{len(hidden)} of {len(trail.stored)} are not, first {hidden[:1]}")
    known = {row[0]: row for row in ask("audit", since=min(at), until=max(at))}
    for key, row in listed.items():
        require(key in known, f"the listed event {key} in the database", "it is not there")
        wrong = [name for name, value in zip(COLUMNS, known[key], strict=True) if differs(row, getattr(events, name), value, tools)]
        require(not wrong, f"event {key} as it is stored", f"other {', '.join(wrong)}: {row!r:.160}")


def differs(row, name, value, tools):
    if name is None:
        return False
    found = row.get(name)
    return tools.moment(found) != value if hasattr(value, "tzinfo") else found != value


@control(
    "AUD-023",
    "A pack has as many events as the database holds for its window",
    severity="critical",
    safety="drill",
    feature="audit_pack,database,truth",
    covers=("W12", "W8", "V10"),
    why="A pack that leaves events out verifies like any other.",
    mend="Compare the service's query with the one in sql/truth; look for a limit that cuts without saying so.",
    **DRILL,
)
def test_pack_is_complete(pack, rows, ask, measured, t, tools):
    rules = t.profile.audit_pack
    measured(pack.files(rules.events_file))
    answer = must_answer(pack.generated, SUCCESS).json()
    since, until = (tools.moment(pack.sent.get(name)) for name in ("from_ts", "to_ts"))
    settled = tools.moment(pick(rules.generated_at_field or "generated_at", pack.json_of(rules.manifest_file)))
    require(settled is not None, "the time at which the pack was made, in its manifest", "none")
    ((at_least, at_most),) = ask("pack", since=since, until=until, settled=settled - LATE)
    limit = pack.sent.get("limit") or at_most
    count = pick(rules.row_count_field, answer)
    right = isinstance(count, int) and min(at_least, limit) <= count <= min(at_most, limit) and len(rows) == count
    require(right, f"{min(at_least, limit)} to {min(at_most, limit)} events", f"{count!r:.40} reported, {len(rows)} in the file")
