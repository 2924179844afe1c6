"""The chain's order, the hashes' form, and the list's filters."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from gate.api import Inconclusive, Phase, Unmet, control, drill, must_answer, pick, require

DRILL: dict[str, Any] = {"criterion": "audit", "phase": Phase.DRILLS, "refs": ["checklist 5.2", "ASVS 5.0 16.4.2"]}
WINDOW = timedelta(seconds=1)
SEARCHED, NEAR = 300, 20  # of the newest events, and how far around each its neighbours are sought
HEX = re.compile(r"[0-9a-fA-F]{32,128}")


def moment_of(row, events, tools):
    """When an event happened; `Inconclusive` if it does not say."""
    found = tools.moment(row.get(events.time_field or "event_time"))
    if found is None:
        raise Inconclusive(f"an event without a time: {row!r:.120}")
    return found


@control(
    "AUD-028",
    "Of two actions, one after the other, the second event follows the first or a later one",
    severity="critical",
    feature="audit_events,audit_pack",
    covers=("V8", "V11"),
    why="What lies between an event and the one that it points at can be taken out, and the chain still holds.",
    mend="Let every event point at the newest one before it, whoever caused it.",
    **DRILL,
)
def test_order(trail, pack, measured, t, tools):
    measured([trail.listed, pack.generated, pack.verified])
    events = t.profile.audit_events
    if not events.entity_field or not events.prev_field:
        raise Inconclusive("the profile names no field for an event's entity or predecessor")
    about = [row for row in trail.rows if str(row.get(events.entity_field)) == pack.pack_id]
    if len(about) < 2:
        raise Inconclusive(f"{len(about)} events about the pack, where making and verifying it should have left two")
    first, second = sorted(about, key=lambda row: moment_of(row, events, tools))[:2]
    before = {str(row.get(events.hash_field)): row for row in trail.rows}.get(str(second.get(events.prev_field)))
    if before is None:  # AUD-017 says so, too
        raise Unmet("the second event's predecessor in the list", f"{second.get(events.prev_field)!r:.80}")
    order = moment_of(before, events, tools) >= moment_of(first, events, tools)
    told = f"event {second.get(events.id_field)} points at one of {before.get(events.time_field or 'event_time')}"
    require(order, f"event {first.get(events.id_field)} of {first.get(events.time_field or 'event_time')}, or a later one", told)


@control(
    "AUD-029",
    "All event hashes are digests of one length",
    severity="high",
    feature="audit_events",
    covers=("V7",),
    why="A hash that was cut short can be forged in an afternoon.",
    mend="Store the whole digest, in hexadecimal.",
    **DRILL,
)
def test_hashes(trail, measured, t):
    measured([trail.listed])
    events = t.profile.audit_events
    found = [str(row.get(events.hash_field)) for row in trail.rows]
    odd = [text for text in found if not HEX.fullmatch(text)]
    require(not odd, "a digest of 32 hexadecimal digits or more for each event", f"{len(odd)} are none, first {odd[:1]!r:.80}")
    lengths = {len(text) for text in found}
    require(len(lengths) == 1, "digests of one length", f"lengths {sorted(lengths)}")


@drill(after=("trail",))
def filtered(run, t, trail):
    """The list, asked for one action within two seconds, and for an action with a kind of thing that does not exist."""
    events, rules = t.profile.audit_events, t.profile.data["audit_events"]
    if not all(rules.get(name) for name in ("action_query", "type_query", "from_query", "to_query")):
        return None, []
    row = telling(trail.rows, events)
    parsed = moment(row.get(events.time_field or "event_time"))
    if parsed is None:
        return None, []
    window = {rules["from_query"]: (parsed - WINDOW).isoformat(), rules["to_query"]: (parsed + WINDOW).isoformat()}
    asked = {"limit": rules.get("list_limit", 100), rules["action_query"]: row.get(events.action_field)}
    queries = [asked | window, asked | {rules["type_query"]: t.ghost_batch}]
    return row, run.send_each([t.get(events.path, events.identity, query=query) for query in queries])


def telling(rows, events):
    """The event by which a filter that does nothing shows best: its action also before and after its window, other actions within it."""
    told = [(moment(row.get(events.time_field or "event_time")), row.get(events.action_field)) for row in rows]
    of_action = defaultdict(list)
    for at, action in told:
        if at:
            of_action[action].append(at)
    bounds = {action: (min(times), max(times)) for action, times in of_action.items()}

    def worth(number):
        own, action = told[number]
        if own is None:
            return -1
        first, last = bounds[action]
        beside = told[max(0, number - NEAR) : number + NEAR + 1]
        among = any(at and other != action and abs(at - own) < WINDOW / 2 for at, other in beside)
        return 4 * among + 2 * (first < own - 2 * WINDOW) + (last > own + 2 * WINDOW)

    return rows[max(range(min(len(rows), SEARCHED)), key=worth)]


def moment(value):
    """A time, or None."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@control(
    "AUD-030",
    "The list's filters select: by action, by kind of thing, by time",
    severity="high",
    feature="audit_events",
    covers=("V13", "W12"),
    why="Who looks for what happened to one thing gets something else, and does not see it.",
    mend="Pass every filter on to the query.",
    **DRILL,
)
def test_filters(filtered, measured, t, tools):
    row, seen = filtered
    if row is None:
        raise Inconclusive("the profile names no filters for action, type and time, or the newest event has no time")
    measured(seen)
    events = t.profile.audit_events
    inside, none = (pick(events.rows, must_answer(item).json()) for item in seen)
    require(isinstance(inside, list) and isinstance(none, list), "lists of events", f"{type(inside).__name__} and {type(none).__name__}")
    require(not none, "no event about a kind of thing that does not exist", f"{len(none)}, first {none[:1]!r:.120}")
    action, at = row.get(events.action_field), moment_of(row, events, tools)
    wrong = [item for item in inside if item.get(events.action_field) != action]
    require(not wrong, f"only {action}", f"{len(wrong)} others, first {wrong[:1]!r:.120}")
    outside = [item for item in inside if abs(moment_of(item, events, tools) - at) > WINDOW + timedelta(milliseconds=1)]
    require(not outside, f"only events within a second of {at}", f"{len(outside)} others, first {outside[:1]!r:.120}")
    # Where others write so much that the page is full, it may lie behind its end.
    here = len(inside) >= (events.list_limit or 100) or any(item.get(events.id_field) == row.get(events.id_field) for item in inside)
    require(here, f"event {row.get(events.id_field)} among those of its own action and time", f"{len(inside)} without it")
