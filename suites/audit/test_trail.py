"""The trail as the API lists it, against the pack, the export, single events and itself. One page of it serves every control here.

Others write meanwhile: rows are compared within the overlap of two answers, never by number.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from gate.api import Inconclusive, Phase, control, must_answer, pick, require

DRILL: dict[str, Any] = {"criterion": "audit", "phase": Phase.DRILLS, "refs": ["checklist 5.2", "ASVS 5.0 16.4.2"]}
HIDDEN = "What was done is not shown to the people who look for it."
TAMPERED = "Treat it as tampering: keep the database as it is and find out who could write to it."
QUERY = "Correct the query behind the list: its filters, its order and its limit."
SKEW, LATE = timedelta(seconds=5), timedelta(seconds=5)  # of clocks; for events that were committed after a younger one was read
EDGE = timedelta(seconds=1)


def differences(one, other, events, tools):
    """The fields in which an event of the list and the same one as CSV differ. A quote before a formula is the spreadsheet's guard."""
    wrong = []
    for name in compared(events):
        text = "" if one.get(name) is None else str(one[name])
        if other.get(name) not in (text, f"'{text}"):
            wrong.append(f"{name}: {text!r:.60} and {other.get(name)!r:.60}")
    name = events.time_field or "event_time"
    if not same_moment(one.get(name), other.get(name), tools):
        wrong.append(f"{name}: {one.get(name)!r:.60} and {other.get(name)!r:.60}")
    if "payload" in one and "payload_json" in other and content(other["payload_json"]) != one["payload"]:
        wrong.append(f"payload: {one['payload']!r:.60} and {other['payload_json']!r:.60}")
    return wrong


def same_moment(one, other, tools):
    """The same moment, told with as many digits as the coarser of the two has."""
    first, second = tools.moment(one), tools.moment(other)
    if first is None or second is None:
        return False
    digits = min(len(found[1]) if (found := re.search(r"\.(\d+)", str(text))) else 0 for text in (one, other))
    return abs(first - second) < timedelta(seconds=10.0 ** -min(digits, 6))


def content(text):
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return None


def compared(events):
    return [name for name in (events.action_field, events.actor_field, events.entity_field, events.prev_field, events.hash_field) if name]


def by_id(rows, events):
    return {str(row.get(events.id_field)): row for row in rows}


def times(rows, events, tools):
    found = [tools.moment(row.get(events.time_field or "event_time")) for row in rows]
    require(all(found), "a readable time for every event", f"{found.count(None)} of {len(found)} without")
    return found


def agree(rows, other, events, tools):
    """Events in both answers are the same in both."""
    here, there = by_id(rows, events), by_id(other, events)
    shared = here.keys() & there.keys()
    if not shared:
        raise Inconclusive(f"none of {len(here)} listed events is among the {len(there)} it is compared with: too many were written")
    for key in shared:
        wrong = differences(here[key], there[key], events, tools)
        require(not wrong, f"event {key} to be the same in both", "; ".join(wrong))


@control(
    "AUD-013",
    "An event is the same in the list and in the pack",
    severity="critical",
    safety="drill",
    feature="audit_pack,audit_events",
    covers=("V7", "V4"),
    why="One of the two was changed after the fact.",
    mend=TAMPERED,
    **DRILL,
)
def test_list_and_pack_agree(pack, rows, trail, measured, t, tools):
    events = t.profile.audit_events
    measured([*pack.files(t.profile.audit_pack.events_file), trail.listed])
    agree(trail.rows, rows, events, tools)


@control(
    "AUD-016",
    "The list hides no event that the pack has",
    severity="high",
    safety="drill",
    feature="audit_pack,audit_events",
    covers=("V13", "W12"),
    why=HIDDEN,
    mend=QUERY,
    **DRILL,
)
def test_list_is_complete(pack, rows, trail, measured, t, tools):
    events = t.profile.audit_events
    measured([*pack.files(t.profile.audit_pack.events_file), trail.listed])
    oldest = min(times(trail.rows, events, tools))
    full = len(trail.rows) >= trail.limit
    span = [row for row, at in zip(rows, times(rows, events, tools), strict=True) if at > oldest or not full]
    require(bool(span), "events of the pack within the listed span", "none")
    hidden = sorted(by_id(span, events).keys() - by_id(trail.rows, events).keys())
    require(not hidden, "every event of the pack in the list", f"{len(hidden)} of {len(span)} are not, first {hidden[:1]}")
    count = pick(events.count_field, trail.listed.json())
    right = count in (None, len(trail.rows)) or (full and isinstance(count, int) and count > len(trail.rows))
    require(right, f"'{events.count_field}' to be the number of events", f"{count!r:.40} with {len(trail.rows)} listed")


@control(
    "AUD-017",
    "Every listed event has an id and a hash of its own, and its link leads to a listed event",
    severity="critical",
    waivable=False,
    feature="audit_events",
    covers=("V8", "V5"),
    why="Events were removed or rewritten.",
    mend=TAMPERED,
    **DRILL,
)
def test_list_is_a_chain(trail, measured, t, tools):
    measured([trail.listed])
    events = t.profile.audit_events
    for name in (events.id_field, events.hash_field):
        values = [row.get(name) for row in trail.rows]
        require(all(isinstance(value, str) and value for value in values), f"'{name}' of every event", "an event without")
        require(len(set(values)) == len(values), f"'{name}' once", f"{len(set(values))} for {len(values)} events")
    known = {row[events.hash_field] for row in trail.rows}
    at = times(trail.rows, events, tools)
    # The page may begin in the middle of the trail: its oldest events may follow one that is not on it. Forks are AUD-009's matter.
    inner = [row for row, when in zip(trail.rows, at, strict=True) if when > min(at) + EDGE]
    broken = [row for row in inner if not row.get(events.prev_field) or row[events.prev_field] not in known]
    require(not broken, "every link to lead to a listed event", f"{len(broken)} lead nowhere, first {broken[:1]!r:.160}")


@control(
    "AUD-018",
    "The export has the events of the list, and the same of each",
    severity="high",
    feature="audit_events,audit_export",
    covers=("X20", "V13"),
    why="Auditors are given the export, and decide on it.",
    mend="Let list and export share one query.",
    **DRILL,
)
def test_export_agrees(trail, measured, t, tools):
    measured([trail.listed, trail.exported])
    events = t.profile.audit_events
    exported = tools.as_csv(must_answer(trail.exported).answer.body, "the export")
    agree(trail.rows, exported, events, tools)
    oldest = min(times(exported, events, tools))
    here, there = by_id(trail.rows, events), by_id(exported, events)
    at = dict(zip(here, times(list(here.values()), events, tools), strict=True))
    full = len(exported) >= trail.limit
    missing = [key for key in here if key not in there and (at[key] > oldest or not full)]
    require(not missing, "every listed event in the export", f"{len(missing)} are not, first {missing[:1]}")
    floor, ceiling = min(at.values()), max(at.values()) - LATE
    more = [key for key, when in zip(there, times(list(there.values()), events, tools), strict=True) if floor < when < ceiling]
    extra = [key for key in more if key not in here]
    require(not extra, "no event in the export that the list lacks", f"{len(extra)}, first {extra[:1]}")


@control(
    "AUD-019",
    "The list begins with the newest event",
    severity="medium",
    feature="audit_events",
    covers=("V13",),
    why="A limit then cuts off what has just happened.",
    mend=QUERY,
    **DRILL,
)
def test_newest_first(trail, measured, t, tools):
    measured([trail.listed])
    at = times(trail.rows, t.profile.audit_events, tools)
    wrong = [number for number, (one, next_one) in enumerate(pairwise(at)) if one < next_one]
    require(len(at) > 1 and not wrong, "every event to be no younger than the one before it", f"{len(at)} events, {len(wrong)} are younger")


@control(
    "AUD-020",
    "No event comes from the future",
    severity="high",
    feature="audit_events",
    covers=("V4",),
    why="Events with a wrong time cannot be put in order with anything else that happened.",
    mend="Let the database set the time, and keep the hosts' clocks in step.",
    **DRILL,
)
def test_no_event_from_the_future(trail, measured, t, tools):
    measured([trail.listed])
    newest = max(times(trail.rows, t.profile.audit_events, tools))
    now = tools.server_time(must_answer(trail.listed))
    require(newest <= now + SKEW, f"no event later than the service's own clock ({now.isoformat()})", newest.isoformat())


@control(
    "AUD-021",
    "A listed event can be read by its id, and is the same there",
    severity="medium",
    feature="audit_events,audit_event",
    covers=("V13", "V7"),
    why="An event that cannot be looked up cannot be followed up.",
    mend="Let both read the same row.",
    **DRILL,
)
def test_single_event(trail, measured, t):
    require(trail.single is not None, "an event to read", "the list is empty")
    measured([trail.listed, trail.single])
    events, body = t.profile.audit_events, must_answer(trail.single).json()
    if isinstance(body, dict) and events.id_field not in body:
        body = next((value for value in body.values() if isinstance(value, dict)), body)
    require(isinstance(body, dict), "an object", f"{body!r:.60}")
    wrong = [name for name in (events.id_field, *compared(events)) if name not in body or body[name] != trail.rows[0].get(name)]
    require(not wrong, "the event as it was listed", f"{', '.join(wrong)} differ: {body!r:.160}")
