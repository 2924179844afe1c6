"""Audit packs and the trail: every checksum recomputed here, from the bytes as they were sent."""

from __future__ import annotations

import hashlib
import re

from gate.api import Phase, control, equal, must_answer, pick, require

DRILL = {"criterion": "audit", "phase": Phase.DRILLS, "safety": "drill", "refs": ["checklist 5.2", "checklist 8"], "feature": "audit_pack"}
WHY = "Evidence that an authority relies on would be wrong, and nobody would know."
MEND = "Do not release; find out whether files were changed, cut off, or hashed before they were complete."
SHA256 = re.compile(r"^[0-9a-fA-F]{64}$")


def digest(data):
    return hashlib.sha256(data).hexdigest()


@control(
    "AUD-001",
    "A pack can be generated, and tells its id, row count and hashes",
    severity="critical",
    waivable=False,
    covers=("W4",),
    why=WHY,
    mend=MEND,
    **DRILL,
)
def test_generated(pack, measured, t):
    measured([pack.generated])
    rules, body = t.profile.audit_pack, must_answer(pack.generated, [200, 201]).json()
    count = pick(rules.row_count_field, body)
    require(isinstance(count, int) and not isinstance(count, bool) and count > 0, "a row count above 0", f"{count!r:.40}")
    for field in (rules.manifest_hash_field, rules.checksums_hash_field):
        require(bool(SHA256.match(str(pick(field, body)))), f"a SHA-256 in hex at '{field}'", f"{pick(field, body)!r:.80}")


@control(
    "AUD-002",
    "The service verifies the pack: valid is true, nothing is missing, nothing differs",
    severity="critical",
    waivable=False,
    why=WHY,
    mend=MEND,
    **DRILL,
)
def test_verified(pack, measured, t):
    measured([pack.verified])
    rules, body = t.profile.audit_pack, must_answer(pack.verified).json()
    equal(pick(rules.pack_id_field, body), pick(rules.pack_id_field, pack.generated.json()), "the verified pack's id")
    require(pick(rules.valid_field, body) is True, f"'{rules.valid_field}' to be true", f"{pick(rules.valid_field, body)!r:.40}")
    for field in rules.empty_fields:
        equal(pick(field, body), [], f"'{field}'")


@control(
    "AUD-003",
    "The downloaded files have the checksums that checksums.json lists, and it lists them all",
    severity="critical",
    waivable=False,
    covers=("W1", "W5", "W14"),
    why=WHY,
    mend=MEND,
    **DRILL,
)
def test_checksums(pack, measured, t):
    rules = t.profile.audit_pack
    measured(pack.files(rules.checksums_file, rules.manifest_file, rules.events_file))
    listed = pack.json_of(rules.checksums_file)
    require(isinstance(listed, dict), "an object of file names and hashes", f"{listed!r:.60}")
    names = {rules.manifest_file, rules.events_file}
    require(names <= set(listed), f"checksums of {', '.join(sorted(names))}", f"{sorted(listed)!r:.120}")
    for name in sorted(names):
        require(
            str(listed[name]).lower() == digest(pack.bytes_of(name)),
            f"SHA-256 {listed[name]!r:.80} of {name}",
            f"{digest(pack.bytes_of(name))} of what was downloaded",
        )


@control(
    "AUD-004",
    "manifest.json and checksums.json have the hashes that generating reported",
    severity="critical",
    waivable=False,
    covers=("W6",),
    why=WHY,
    mend=MEND,
    **DRILL,
)
def test_reported_hashes(pack, measured, t):
    rules, body = t.profile.audit_pack, must_answer(pack.generated, [200, 201]).json()
    measured(pack.files(rules.manifest_file, rules.checksums_file))
    for name, field in ((rules.manifest_file, rules.manifest_hash_field), (rules.checksums_file, rules.checksums_hash_field)):
        equal(digest(pack.bytes_of(name)), str(pick(field, body)).lower(), f"the SHA-256 of {name} (against '{field}')")


@control(
    "AUD-005",
    "Row counts agree: reported, in the manifest, and in the file",
    severity="critical",
    waivable=False,
    covers=("W10",),
    why="A pack that is cut short looks complete.",
    mend=MEND,
    **DRILL,
)
def test_row_counts(pack, rows, measured, t):
    rules = t.profile.audit_pack
    measured(pack.files(rules.manifest_file, rules.events_file))
    reported, manifest = pick(rules.row_count_field, pack.generated.json()), pack.json_of(rules.manifest_file)
    equal(len(rows), reported, "the number of rows in the file (against the reported one)")
    equal(pick(rules.row_count_field, manifest), reported, "the manifest's row count (against the reported one)")
    equal(pick(rules.pack_id_field, manifest), pick(rules.pack_id_field, pack.generated.json()), "the manifest's pack id")


@control(
    "AUD-006",
    "A second download gives the same bytes, also where it may come compressed",
    severity="critical",
    waivable=False,
    covers=("W9", "W14"),
    why=WHY,
    mend=MEND,
    **DRILL,
)
def test_downloads_agree(pack, measured):
    measured([seen for pair in pack.downloads.values() for seen in pair])
    twice = {name: pair for name, pair in pack.downloads.items() if len(pair) > 1}
    require(bool(twice), "a second download", "none")
    for name, (first, second) in twice.items():
        equal(
            digest(must_answer(second).answer.body), digest(must_answer(first).answer.raw), f"the SHA-256 of the second download of {name}"
        )


@control("AUD-007", "The events have the documented columns, and every event its id and hash", severity="high", why=WHY, mend=MEND, **DRILL)
def test_columns(pack, rows, measured, t):
    measured(pack.files(t.profile.audit_pack.events_file))
    wanted = t.profile.audit_pack.columns or []
    require(bool(rows), "at least one event", "none")
    equal([column for column in rows[0] if column in wanted], wanted, "the columns")
    events = t.profile.data.get("audit_events", {"id_field": "audit_id", "hash_field": "event_hash"})
    keys = [row.get(events["id_field"]) for row in rows]
    require(all(keys) and len(set(keys)) == len(keys), "an id of its own for every event", f"{len(set(keys))} ids for {len(rows)} events")
    require(all(row.get(events["hash_field"]) for row in rows), "a hash for every event", "an event without")


@control(
    "AUD-008",
    "Every event's link leads to an event that exists",
    severity="critical",
    waivable=False,
    covers=("V8", "V10"),
    why="Events were removed or rewritten.",
    mend="Treat it as tampering: keep the database as it is and find out who could write to it.",
    **DRILL,
)
def test_chain_links(pack, rows, measured, t):
    measured(pack.files(t.profile.audit_pack.events_file))
    events = t.profile.audit_events
    known = {row[events.hash_field] for row in rows}
    require(len(known) == len(rows), "a hash of its own for every event", f"{len(known)} hashes for {len(rows)} events")
    dangling = [row for row in rows if row[events.prev_field] and row[events.prev_field] not in known]
    # The file is newest first and may begin in the middle of the trail: its oldest events may point at one before the window.
    allowed = {rows[-1][events.prev_field]} if rows else set()
    broken = [row for row in dangling if row[events.prev_field] not in allowed]
    require(not broken, "every link to lead to an event in the pack", f"{len(broken)} lead nowhere, first {broken[:1]!r:.160}")


@control(
    "AUD-009",
    "The trail does not fork",
    severity="low",
    criterion="audit",
    basis="hardening",
    phase=Phase.DRILLS,
    safety="drill",
    refs=["checklist 5.2"],
    feature="audit_pack,audit_events",
    covers=("V11",),
    why="Where two events share a predecessor, one of them can be removed without a trace.",
    mend="Serialise the append (an advisory lock).",
)
def test_no_forks(pack, rows, measured, t):
    measured(pack.files(t.profile.audit_pack.events_file))
    links = [row[t.profile.audit_events.prev_field] for row in rows if row[t.profile.audit_events.prev_field]]
    forks = len(links) - len(set(links))
    require(forks == 0, "one successor for every event", f"{forks} forks in {len(rows)} events")


@control(
    "AUD-010",
    "Generating and verifying a pack each left an audit event, under the right name",
    severity="high",
    covers=("V1", "V4", "V5", "V13"),
    why="The trail does not tell who took evidence out.",
    mend="Write the event in the same transaction.",
    **{**DRILL, "feature": "audit_pack,audit_events"},
)
def test_trail(pack, measured, t, tools):
    rules, events = t.profile.audit_pack, t.profile.audit_events
    measured([pack.trail])
    require(pack.trail is not None, "a query of the trail", "the profile has no entity_query")
    found = tools.listing(must_answer(pack.trail).json())
    foreign = [row for row in found if pick(events.entity_field, row) != pack.pack_id]
    require(
        not foreign, "events of this pack alone, as was asked for", f"{len(foreign)} of {len(found)} are of others: {foreign[:1]!r:.120}"
    )
    for action in (rules.generated_action, rules.verified_action):
        if action:
            mine = [row for row in found if pick(events.action_field, row) == action]
            require(len(mine) == 1, f"one event {action} for the pack", f"{len(mine)} among {len(found)}")


@control(
    "AUD-011",
    "The pack is listed, and a file that it does not have is not found",
    severity="medium",
    why="A pack that cannot be found again is lost.",
    mend="See the service's log.",
    **DRILL,
)
def test_listed(pack, measured, tools):
    measured([seen for seen in (pack.listed, pack.unknown_file) if seen])
    equal(pack.unknown_file.status, 404, "the status for a file that the pack does not have")
    if pack.listed is not None:
        require(pack.pack_id in str(tools.listing(must_answer(pack.listed).json())), "the pack among the listed ones", "it is not listed")
