"""What a pack holds: the newest events, nothing outside its window, and no file that it does not name."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from gate.api import SUCCESS, Inconclusive, Phase, control, equal, must_answer, pick, require

HEX = re.compile(r"[0-9a-fA-F]{32,}")  # of no case
DRILL: dict[str, Any] = {"criterion": "audit", "phase": Phase.DRILLS, "safety": "drill", "refs": ["checklist 5.2", "checklist 8"]}
ROUNDING, SKEW = timedelta(milliseconds=1), timedelta(seconds=5)


@control(
    "AUD-015",
    "A pack holds what was done just before it was made",
    severity="critical",
    feature="audit_pack,audit_events",
    covers=("W8", "V10", "V1"),
    why="Evidence that ends before the incident proves nothing.",
    mend="Read the events when the pack is made, not from a copy.",
    **DRILL,
)
def test_newest_events_are_in(pack, rows, measured, t):
    rules, events, claims = t.profile.audit_pack, t.profile.audit_events, pack.claims
    measured([*pack.files(rules.events_file), claims.made])
    must_answer(pack.generated, SUCCESS)
    must_answer(claims.made, [200, 201])
    done = [rules.generated_action, rules.verified_action if claims.verified and claims.verified.status in SUCCESS else None]
    if not any(done):
        raise Inconclusive("the profile names no action that a pack leaves in the trail")
    for action in filter(None, done):
        mine = [row for row in rows if row.get(events.entity_field) == claims.pack_id and row.get(events.action_field) == action]
        require(len(mine) == 1, f"the event {action} of the pack that was made before this one", f"{len(mine)} among {len(rows)}")


def names(listed):
    """File names of a list of names or of objects, or of an object by name; without folders."""
    if isinstance(listed, list):
        found = [pick("file || name || file_name", item) if isinstance(item, dict) else item for item in listed]
    else:
        found = list(listed) if isinstance(listed, dict) else []
    return sorted(str(name).rsplit("/", 1)[-1] for name in found)


@control(
    "AUD-024",
    "checksums.json lists the pack's files, all of them and no others; the manifest names the events and nothing that is not there",
    severity="high",
    waivable=False,
    feature="audit_pack",
    covers=("W5", "W11"),
    why="A file that was taken out, or put in, would not be noticed.",
    mend="Write both lists from the files that were written.",
    **DRILL,
)
def test_files_are_listed(pack, measured, t):
    rules = t.profile.audit_pack
    measured(pack.files(rules.checksums_file, rules.manifest_file))
    must_answer(pack.generated, SUCCESS)
    equal(names(pack.json_of(rules.checksums_file)), sorted([rules.events_file, rules.manifest_file]), "the files in checksums.json")
    known = set(rules.manifest_files or [rules.events_file, rules.manifest_file, rules.checksums_file])
    named = names(pick("files", pack.json_of(rules.manifest_file)))
    # A manifest cannot hold its own digest, so it may leave out itself and what is written after it.
    require(rules.events_file in named, f"{rules.events_file} in the manifest", f"{named!r:.120}")
    require(set(named) <= known and len(set(named)) == len(named), f"none but {', '.join(sorted(known))}, each once", f"{named!r:.120}")


@control(
    "AUD-026",
    "A pack keeps to its window: the manifest tells the one asked for, and no event lies outside",
    severity="high",
    feature="audit_pack",
    covers=("W12",),
    why="An authority would get what it did not ask for, or not see that its question was not answered.",
    mend="Pass the filters on to the query, and write them into the manifest.",
    **DRILL,
)
def test_window_is_kept(pack, rows, measured, t, tools):
    rules, claims = t.profile.audit_pack, pack.claims
    measured([*pack.files(rules.manifest_file, rules.events_file), claims.made])
    must_answer(pack.generated, SUCCESS)
    filters = pick("filters", pack.json_of(rules.manifest_file))
    since, until = (tools.moment(pack.sent.get(name)) for name in ("from_ts", "to_ts"))
    for name, sent in (("from_ts", since), ("to_ts", until)):
        told = tools.moment(pick(name, filters))
        require(sent is None or told == sent, f"the manifest's {name} to be {sent}", f"{pick(name, filters)!r:.60}")
    column = t.profile.audit_events.time_field if t.profile.has("audit_events") else None
    at = [tools.moment(row.get(column or "event_time")) for row in rows]
    require(bool(at) and all(at), "a readable time for every event of the pack", f"{at.count(None)} of {len(at)} without")
    outside = [when for when in at if (since and when < since - ROUNDING) or (until and when > until + ROUNDING)]
    require(not outside, f"no event outside {since} to {until}", f"{len(outside)}, first {outside[:1]}")
    now = tools.server_time(must_answer(pack.downloads[rules.events_file][0]))
    require(max(at) <= now + SKEW, f"no event later than the service's own clock ({now})", f"{max(at)}")
    made = must_answer(claims.made, [*SUCCESS, *range(400, 500)])
    if made.status in SUCCESS and claims.plain is None and since and until:
        count = pick(rules.row_count_field, made.json())
        require(count in (0, claims.body["row_count"]), "no event in a pack whose window ends where it begins, in 2001", f"{count!r:.40}")


def caseless(value):
    """A digest in one case; anything else as it is."""
    return value.lower() if isinstance(value, str) and HEX.fullmatch(value) else value


@control(
    "AUD-027",
    "The pack is listed with the figures that generating reported",
    severity="high",
    feature="audit_pack,audit_pack_list",
    covers=("W6",),
    why="The list is what is compared with years later.",
    mend="Answer and list must come from the same record.",
    **DRILL,
)
def test_listed_figures(pack, measured, t, tools):
    require(pack.listed is not None, "a list of packs", "the profile has no audit_pack.list")
    measured([pack.generated, pack.listed])
    answer = must_answer(pack.generated, SUCCESS).json()
    rows = tools.listing(must_answer(pack.listed).json())
    mine = [row for row in rows if pick(t.profile.audit_pack.pack_id_field, row) == pack.pack_id]
    require(len(mine) == 1, "the pack once in the list", f"{len(mine)} times among {len(rows)}")
    for name in t.profile.audit_pack_list.fields:
        require(pick(name, answer) is not None, f"'{name}' in the answer", "none")
        listed, told = (caseless(pick(name, item)) for item in (mine[0], answer))
        equal(listed, told, f"'{name}' of the listed pack (against the reported one)")
