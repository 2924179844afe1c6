"""Who did it: packs, manifests and the trail name the caller that the token belongs to, whatever the request claims."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from gate.api import SUCCESS, Inconclusive, Phase, Unmet, control, must_answer, pick, require

DRILL: dict[str, Any] = {"phase": Phase.DRILLS, "refs": ["checklist 5.2", "ASVS 5.0 16.2.1", "ASVS 5.0 15.3.3"]}
NAME = "The evidence would name the wrong person, and anyone could choose whom."
CALLER = "Take the actor from the token, nowhere else."
REFUSED = (400, 403, 409, 422)
MARGIN = timedelta(seconds=5)


@pytest.fixture(scope="session")
def users(run, t):
    """`users(name)`: the id by which the service knows an identity, by its own word."""

    def user(name):
        found = pick(t.profile.auth.user_field, must_answer(run.send(t.get(t.profile.auth.whoami, name))).json())
        require(isinstance(found, str) and bool(found), f"a user id for {name}", f"{found!r:.60}")
        return found

    return user


def did(rows, events, action, actor, pack_id):
    """Every event of that pack and action is by that actor, and there is one."""
    if not action:
        return
    mine = [row for row in rows if pick(events.entity_field, row) == pack_id and pick(events.action_field, row) == action]
    require(bool(mine), f"an event {action} for the pack", f"none among {len(rows)}")
    actors = {str(pick(events.actor_field, row)) for row in mine}
    require(actors == {actor}, f"{action} by {actor}", f"{', '.join(sorted(actors))}", "bypass")


@control(
    "AUD-012",
    "The trail names the user who generated the pack and the one who verified it",
    severity="critical",
    criterion="audit",
    safety="drill",
    feature="audit_pack,audit_events,auth",
    covers=("V4", "N4"),
    why=NAME,
    mend=CALLER,
    **DRILL,
)
def test_trail_names_users(pack, users, measured, t, tools):
    require(pack.trail is not None, "a query of the trail", "the profile has no entity_query")
    measured([pack.generated, pack.trail])
    rules, events = t.profile.audit_pack, t.profile.audit_events
    rows = tools.listing(must_answer(pack.trail).json())
    must_answer(pack.generated, SUCCESS)
    did(rows, events, rules.generated_action, users(rules.generate_identity), pack.pack_id)
    did(rows, events, rules.verified_action, users(rules.verify_identity), pack.pack_id)


def believed(row, claims):
    """The claimed fields that an answer repeats as its own."""
    return sorted(key for key, value in claims.items() if isinstance(row, dict) and row.get(key) == value)


@control(
    "MASS-001",
    "A caller cannot set a pack's id, creator, counts, folder, state or hash",
    severity="critical",
    criterion="audit",
    safety="drill",
    feature="audit_pack",
    covers=("M1", "M2", "N1"),
    why="Evidence could be made to look like somebody else's, or complete when it is not.",
    mend="Read only the documented fields of the body; better, refuse others.",
    **DRILL,
)
def test_claims_are_not_believed(pack, measured, t, tools):
    claims, rules = pack.claims, t.profile.audit_pack
    measured([seen for seen in (claims.generated, pack.listed) if seen])
    must_answer(claims.generated, [*SUCCESS, *REFUSED])
    rows = tools.listing(must_answer(pack.listed).json()) if pack.listed else []
    # A refusal may quote what it refuses; only what was made counts.
    answers = [claims.generated.json()] if claims.generated.status in SUCCESS else []
    for row in [*answers, *rows]:
        wrong = believed(row, claims.body)
        require(not wrong, "the service's own values", f"the claimed {', '.join(wrong)} in {row!r:.160}", "bypass")
    if pack.listed and claims.generated.status in SUCCESS:
        made = [row for row in rows if pick(rules.pack_id_field, row) == claims.pack_id]
        require(len(made) == 1, "the pack once in the list", f"{len(made)} times among {len(rows)}")


@control(
    "SPOOF-001",
    "Packs are recorded under the token's user, and nothing under a name that only a request claims",
    severity="critical",
    waivable=False,
    criterion="audit",
    safety="drill",
    feature="audit_pack,audit_events,auth",
    covers=("N1", "N2"),
    why=NAME,
    mend=CALLER,
    **DRILL,
)
def test_caller_is_not_taken_on_trust(pack, trail, users, measured, t):
    claims, rules, events = pack.claims, t.profile.audit_pack, t.profile.audit_events
    require(claims.verified is not None, "a pack to verify", f"{claims.made.probe} made none")
    measured([claims.made, claims.verified, trail.listed])
    made, checked = must_answer(claims.made, [200, 201]).json(), must_answer(claims.verified).json()
    creator, verifier = users(rules.generate_identity), users(rules.verify_identity)
    for body, name, user in (
        (made, rules.creator_field or "created_by", creator),
        (checked, rules.verifier_field or "verified_by", verifier),
    ):
        require(pick(name, body) == user, f"'{name}' to be {user}", f"{pick(name, body)!r:.60}", "bypass")
    did(trail.rows, events, rules.generated_action, creator, claims.pack_id)
    did(trail.rows, events, rules.verified_action, verifier, claims.pack_id)
    named = [row for row in trail.rows if pick(events.actor_field, row) == claims.alias]
    require(not named, "no event under the claimed name", f"{named[:1]!r:.160}", "bypass")


@control(
    "AUD-025",
    "The manifest tells when the pack was made, by whom, and with which note",
    severity="high",
    criterion="audit",
    safety="drill",
    feature="audit_pack,auth",
    covers=("W8", "N1"),
    why="An old pack could pass for today's, or one person's for another's.",
    mend="Write the manifest when the pack is made, from the token and the request.",
    **DRILL,
)
def test_manifest_tells_its_making(pack, users, measured, t, tools):
    rules = t.profile.audit_pack
    measured(pack.files(rules.manifest_file))
    manifest = pack.json_of(rules.manifest_file)
    at = tools.moment(pick(rules.generated_at_field or "generated_at", manifest))
    answered = tools.server_time(must_answer(pack.generated, SUCCESS))
    allowed = timedelta(seconds=60 + pack.generated.timing.total)
    require(
        at is not None and abs(at - answered) <= allowed, f"generated_at to be about {answered.isoformat()}", f"{at and at.isoformat()}"
    )
    user, creator = users(rules.generate_identity), rules.creator_field or "created_by"
    for name, body in (("the manifest", manifest), ("the answer", pack.generated.json())):
        require(pick(creator, body) == user, f"'{creator}' of {name} to be {user}", f"{pick(creator, body)!r:.60}")
    if "notes" in pack.sent:
        require(pick("notes", manifest) == pack.sent["notes"], f"the note {pack.sent['notes']!r}", f"{pick('notes', manifest)!r:.80}")


@control(
    "AUD-014",
    "Refused calls by known users are in the trail, each under the name of the one who was refused",
    severity="medium",
    criterion="audit",
    basis="hardening",
    feature="audit_events,auth",
    covers=("V2", "N5"),
    why="Somebody who tries doors leaves no trace.",
    mend="Write an event when a role check refuses.",
    **DRILL,
)
def test_denials_are_recorded(trail, users, run, measured, t, tools):
    measured([trail.listed])
    events = t.profile.audit_events
    denied = [seen for seen in run.observations if is_denial(seen, t) and ended_before(seen, trail.listed, tools)]
    if len(trail.rows) >= trail.limit:  # the page may begin after some of them
        oldest = tools.moment(pick(events.time_field or "event_time", trail.rows[-1]))
        denied = [seen for seen in denied if oldest and tools.server_time(seen) > oldest + MARGIN]
    if not denied:
        raise Inconclusive("no refusal of this run lies within the listed events")
    named = defaultdict(set)
    for row in trail.rows:
        for word in re.findall(rf"{t.run_id}-[\w-]+", str(row)):
            named[word].add(str(pick(events.actor_field, row)))
    for seen in denied:
        actors = named[seen.request_id]
        if actors != {users(seen.probe.identity)}:
            told = ", ".join(sorted(actors)) or "none that holds its request id"
            raise Unmet(f"an event by {users(seen.probe.identity)} for the refused {seen.probe}", told)


def ended_before(seen, other, tools):
    """Whether its answer was there before the other request left; times of day are cut to the millisecond."""
    end = tools.moment(seen.started_at) + timedelta(seconds=seen.timing.total + 0.001)
    return end <= tools.moment(other.started_at)


def is_denial(seen, t):
    """Whether this was a plain call of an endpoint by a known user, refused for his roles."""
    identity = t.profile.identities.get(seen.probe.identity)
    if identity is None or seen.response is None or seen.response.status not in t.profile.auth.denied_status or seen.probe.provokes:
        return False
    path = seen.probe.target.partition("?")[0]
    asked = [item for item in t.profile.endpoints if item.method == seen.probe.method and t.fill(item.path).partition("?")[0] == path]
    plain = not any(name.lower() == "x-request-id" for name, _ in seen.probe.headers)
    # A 404 is a refusal where the caller may not know that the thing exists, and says nothing where he may.
    return plain and any(item.protected and not item.admits(identity) for item in asked)
